"""``xpm results``: what jobs measured, tags against metrics."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import click

from xpm.cli import cells, measured, render, selecting, sessions
from xpm.errors import UsageProblem
from xpm.follow.conditions import ALL, Condition
from xpm.follow.looking import Look, Row
from xpm.follow.targets import is_filter
from xpm.metrics import table
from xpm.metrics.remembering import Remembered
from xpm.metrics.table import Result

MOST_ROWS = 200


@click.command("results")
@click.argument("targets", nargs=-1, metavar="[EXPERIMENT] [FILTER]")
@click.option(
    "--by", metavar="TAG", multiple=True, help="One row for the jobs that agree in TAG: mean ± sd."
)
@click.option(
    "--over",
    metavar="TAG",
    multiple=True,
    help="One row for the jobs that differ in TAG only: --over seed.",
)
@click.option(
    "--metric", "-m", metavar="NAME", multiple=True, help="This one only; * stands for anything."
)
@click.option("--sort", metavar="NAME", help="By this tag or metric; -NAME: the greatest first.")
@click.option("--all", "all_jobs", is_flag=True, help="Also of jobs that are not done.")
@click.option(
    "--rows", "most", metavar="N", type=click.IntRange(min=0), default=MOST_ROWS, show_default=True,
    help="Show so many rows at most; 0: every one. --json and --csv have them all.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets, with every digit.")
@selecting.workdir_option
@sessions.uncollected()
def command(
    targets: tuple[str, ...],
    by: tuple[str, ...],
    over: tuple[str, ...],
    metric: tuple[str, ...],
    sort: str | None,
    all_jobs: bool,
    most: int,
    as_json: bool,
    as_csv: bool,
    workdir: Path | None,
) -> int:
    """Show what the jobs of EXPERIMENT (the one that ran last) measured, or those of them that pass a FILTER.

    Read are metrics.json, metrics.jsonl, metrics.csv and TensorBoard's events in the jobs' folders, as far as they are
    here: `xpm sync` brings the rest.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if by and over:
        raise click.UsageError(
            "--by names the tags to keep, --over those to leave out: give one of them"
        )
    name, text = _parted(targets)
    main = selecting.main_folder(workdir, name)
    with sessions.opened(main) as session:
        look = session.look()
        known = Remembered(session.journal.folder)
        is_whole = as_json or as_csv or not most
        enough = None if is_whole or by or over or sort or metric else most
        found, rest, experiment = _found(look, known, name, text, all_jobs, enough)
        empty = "" if found else _nothing(experiment, _rows(look, name, text)[0], all_jobs)
        known.close()
    results = _with_metrics(found, metric)
    groups = table.grouped(results, _keys(results, by, over)) if by or over else None
    shown = _sorted([each.cells() for each in (results if groups is None else groups)], sort)
    if as_json:
        render.document(measured.document(experiment, results, groups))
    elif as_csv:
        render.raw(measured.as_csv(shown).encode())
    elif shown:
        seen = shown if is_whole else shown[:most]
        render.table(*measured.columns(seen))
        if rest := rest + len(shown) - len(seen):
            render.note(
                f"not shown: {rest} more (--rows 0 shows all, --csv has them; a filter or --over some)"
            )
    if not shown:
        render.note(empty)
    return 0


def _parted(targets: Sequence[str]) -> tuple[str | None, str | None]:
    """The experiment and the filter that are named."""
    texts = [each for each in targets if is_filter(each)]
    names = [each for each in targets if not is_filter(each)]
    if len(names) > 1:
        raise click.UsageError(f"results of one experiment are shown, not of {' and '.join(names)}")
    return (names[0] if names else None), " and ".join(f"({each})" for each in texts) or None


def _found(
    look: Look,
    known: Remembered,
    name: str | None,
    text: str | None,
    all_jobs: bool,
    enough: int | None,
) -> tuple[list[Result], int, str]:
    """What was measured, by so many jobs at most (None: by all), how many were not looked at, and their experiment."""
    condition = ALL if text is None else _in_sql(look, text)
    if condition is None:
        rows, experiment = _rows(look, name, text)
        wanted = [row for row in rows if all_jobs or row.state == "done"]
        return *table.first(look, wanted, known, enough), experiment
    names = _names(look, name)
    having = (each for each in names if condition == ALL or look.holds(condition, each))
    experiment = next(having, names[0])
    if not all_jobs:
        condition = Condition(f"({condition.sql} AND state = 'done')", condition.values)
    if enough is None:
        return table.table(look, list(look.briefly(experiment, condition)), known), 0, experiment
    most = enough
    some = list(look.briefly(experiment, condition, most))
    found, _ = table.first(look, some, known, most)
    if len(some) == most > len(found):  # some of them have measured nothing
        others = list(look.briefly(experiment, condition, but=most))
        more, rest = table.first(look, others, known, most - len(found))
        return [*found, *more], rest, experiment
    if len(some) < most:
        return found, 0, experiment
    rest = sum(each.jobs for each in look.tallies(experiment, condition)) - len(some)
    return found, rest, experiment


def _in_sql(look: Look, text: str) -> Condition | None:
    from xpm.follow import choosing  # what reads filters, where there is one

    return choosing.in_sql(look, text)


def _names(look: Look, name: str | None) -> Sequence[str]:
    known = selecting.names(look, name)
    if not known:
        raise selecting.none_yet(look.main.path)
    return known


def _rows(look: Look, name: str | None, text: str | None) -> tuple[Sequence[Row], str]:
    """The jobs that are meant, and their experiment: without a name, the one that ran last and has such jobs."""
    known = _names(look, name)
    if text is None:
        return list(look.rows(known[0])), known[0]
    from xpm.follow import choosing

    rows = choosing.passing(look, text, name)
    first = rows[0].experiment if rows else known[0]
    return [row for row in rows if row.experiment == first], first


def _with_metrics(found: Sequence[Result], wanted: Sequence[str]) -> list[Result]:
    """These results with the metrics that are wanted, those that have any."""
    if not wanted:
        return list(found)
    known = table.names(each.metrics for each in found)
    chosen = {name for each in wanted for name in known if fnmatchcase(name, each)}
    for each in wanted:
        if found and not any(fnmatchcase(name, each) for name in known):
            raise _unknown("metric", each, known)
    parts = [
        replace(each, metrics={name: each.metrics[name] for name in each.metrics if name in chosen})
        for each in found
    ]
    return [each for each in parts if each.metrics]


def _keys(results: Sequence[Result], by: Sequence[str], over: Sequence[str]) -> list[str]:
    """The tags that jobs of one row agree in."""
    known = sorted(table.names(each.tags for each in results))
    for name in (*by, *over):
        if results and name not in known:
            raise _unknown("tag", name, known)
    return list(by) or [name for name in known if name not in over]


def _sorted(rows: list[dict[str, object]], sort: str | None) -> list[dict[str, object]]:
    if not sort or not rows:
        return rows
    known = table.names(rows)
    downwards = sort.startswith("-") and sort not in known
    name = sort[1:] if downwards else sort
    if name not in known:
        raise _unknown("column", name, known)
    has = sorted(
        (row for row in rows if row.get(name) is not None),
        key=lambda row: measured.order(row[name]),
        reverse=downwards,
    )
    return [*has, *(row for row in rows if row.get(name) is None)]


def _nothing(experiment: str, rows: Sequence[Row], all_jobs: bool) -> str:
    done = sum(row.state == "done" for row in rows)
    if not done and rows and not all_jobs:
        return f"no job of {experiment} that was asked for is done yet (--all shows the others too)"
    return (
        f"no job of {experiment} that was asked for has metrics here: a task writes metrics.json, metrics.csv or"
        " TensorBoard's events into its folder, and `xpm sync` brings them"
    )


def _unknown(what: str, name: str, known: Collection[str]) -> UsageProblem:
    import difflib

    near = difflib.get_close_matches(name, known, 1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else f"known: {', '.join(map(cells.one_line, known)) or 'none'}"
    )
    return UsageProblem(f"no result that was asked for has a {what} {name!r}", hint=hint)
