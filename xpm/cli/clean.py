"""``xpm clean``: what nobody needs any more, here and on the far sides, and its removal."""

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.connectors.base import JobRef
from xpm.connectors.remote import AgentConnector
from xpm.connectors.tidying import Over, Remains, Rubbish, Tidying
from xpm.errors import UsageProblem, XpmError
from xpm.follow import emptied, unclaimed
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.session import Session
from xpm.follow.unclaimed import Claims
from xpm.sync import caches
from xpm.sync.contents import cache_folder
from xpm.wire import hints
from xpm.words import telling

SCHEMA = 1
LOCAL = "local"
WORDS = {
    "code": "code that no job waits for",
    "contents": "contents of files of such code",
    "environment": "environments that no job waits for",
    "build": "builds that were not finished",
    "program": "older versions of xpm itself",
    "refresh": "newer code for jobs that are over",
    "submission": "submissions of jobs that are over",
    "temporary": "what killed processes left",
    "mirror": "copies of jobs whose experiments are gone",
    "cache": "what no run here has used for a month",
}


@dataclass(slots=True)
class Place:
    """One side, and what is found there."""

    name: str
    tidying: Tidying
    rubbish: Sequence[Rubbish] = ()
    orphans: Sequence[Over] = ()
    fetched: dict[JobRef, str | None] = field(default_factory=dict)
    """Of the orphans whose results are all here: the fingerprint of what was fetched."""
    remains: list[Remains] = field(default_factory=list)
    """What stays, and why."""
    mirrors: Sequence[Path] = ()
    cache: Sequence[caches.Unused] = ()
    """Of this machine's cache."""


@click.command("clean")
@click.argument("names", nargs=-1, metavar="[CONNECTOR|EXPERIMENT]...")
@click.option("--orphans", is_flag=True, help="Also the results of jobs that no plan has any more.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only tell.")
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@selecting.workdir_option
def command(
    names: tuple[str, ...],
    orphans: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    workdir: Path | None,
) -> int:
    """Show what nobody needs any more on each side, with its size; ask; remove it.

    Without names: everywhere jobs of this main folder went, and here. Jobs that no plan has any more are shown apart;
    with --orphans the results of those go, there, of which all is here. What a job that is not over needs stays,
    whichever laptop sent it.
    """
    main = selecting.main_folder(workdir)
    with sessions.opened(main) as session:
        connectors, experiments = _meant(session, names)
        claimed = unclaimed.claims(main)
        places: list[Place] = []
        problems: dict[str, XpmError] = {}
        links: list[AgentConnector] = []
        try:
            for name in connectors:
                try:
                    places.append(_surveyed(session, name, claimed, experiments, links))
                except XpmError as problem:
                    problems[name] = problem
            code = _clean(main, places, orphans, yes, dry_run, as_json)
        finally:
            for link in links:
                link.close()
    sessions.insist(problems)
    return code


def _meant(session: Session, names: Sequence[str]) -> tuple[Sequence[str], frozenset[str]]:
    """The places, and the experiments whose orphans are meant; none: all."""
    look = session.look()
    experiments = frozenset(each for each in names if each in look.experiments())
    connectors = [each for each in names if each not in experiments]
    for each in connectors:
        if each != LOCAL:
            session.spec(each)  # a slip of the pen is told before anything is asked
    if not connectors:
        connectors = sorted(_used(look, experiments))
    return list(dict.fromkeys(connectors)), experiments


def _used(look: Look, experiments: frozenset[str]) -> set[str]:
    """Where jobs went, and here."""
    chosen = experiments or look.experiments()
    return {LOCAL, *(row.connector for name in chosen for row in look.rows(name))}


def _surveyed(
    session: Session,
    name: str,
    claimed: Claims,
    experiments: frozenset[str],
    links: list[AgentConnector],
) -> Place:
    main = session.main
    link = session.world.open(session.spec(name), main.path)
    assert isinstance(link, AgentConnector)
    links.append(link)
    place = Place(name, link.tidying)
    place.rubbish, over = place.tidying.survey()
    found = claimed.orphans(unclaimed.own_jobs(main, over) if name == LOCAL else over)
    if experiments:
        place.rubbish = []
        found = [each for each in found if each.experiment in experiments]
    place.orphans = place.tidying.measured(found)
    for each in place.orphans:
        _look_whether_fetched(place, each, claimed)
    if name == LOCAL and not experiments:
        place.mirrors = list(unclaimed.mirrors(main, claimed, over))
        place.cache = caches.unused(cache_folder())
    return place


def _look_whether_fetched(place: Place, job: Over, claimed: Claims) -> None:
    """Note whether all of an orphan's results are here: else they stay there."""
    if place.name == LOCAL:
        place.fetched[job.ref] = None
        return
    holder = claimed.holder(job.ref)
    if holder is None or holder.local_end(job.ref) is None:
        why = "its results are not here: `xpm sync` or `xpm adopt` brings them"
        place.remains.append(Remains("job", job.ref.job, why))
        return
    found, why = place.tidying.fingerprint(job.ref, unclaimed.local_state(holder, job.ref))
    if why:
        place.remains.append(Remains("job", job.ref.job, f"{why}: `xpm pull` brings them"))
    else:
        place.fetched[job.ref] = found


def _clean(
    main: MainFolder,
    places: Sequence[Place],
    orphans: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    if not as_json:
        _show(places, orphans)
    bytes_ = sum(each.bytes for place in places for each in place.rubbish)
    chosen = [
        job for place in places for job in place.orphans if orphans and job.ref in place.fetched
    ]
    bytes_ += sum(each.bytes for each in chosen)
    bytes_ += sum(each.bytes for place in places for each in place.cache)
    is_something = chosen or any(place.rubbish or place.mirrors or place.cache for place in places)
    if is_something and not dry_run and (yes or _agrees(bytes_, len(chosen), places)):
        for place in places:
            _remove(main, place, orphans)
        if not as_json:
            render.line(f"removed: {_size(bytes_)}")
    if as_json:
        render.document(_document(places, not dry_run))
    elif not is_something:
        render.line("nothing to remove")
    for place in places:
        for why, count in Counter(each.why for each in place.remains).items():
            if not as_json and (orphans or not _is_of_a_job(place, why)):
                render.note(f"{place.name}: {count} stay{'s' if count == 1 else ''}: {why}")
    return 0


def _is_of_a_job(place: Place, why: str) -> bool:
    return any(each.kind == "job" and each.why == why for each in place.remains)


def _agrees(size: int, orphans: int, places: Sequence[Place]) -> bool:
    if not (sys.stdin.isatty() and render.is_terminal(sys.stderr)):
        raise UsageProblem(
            "nothing is removed without being asked",
            on=", ".join(place.name for place in places),
            hint="--yes removes what is shown, --dry-run only shows it",
        )
    more = f", and the results of {orphans} jobs there" if orphans else ""
    only = [job for place in places if place.name == LOCAL for job in place.fetched]
    if orphans and only:
        more += f" ({len(only)} of them have no other copy)"
    return click.confirm(f"remove all this ({_size(size)}){more}?", default=False, err=True)


def _remove(main: MainFolder, place: Place, orphans: bool) -> None:
    jobs = list(place.fetched.items()) if orphans else []
    if place.rubbish or jobs:
        remains = place.tidying.clean(place.rubbish, jobs)
        place.remains += remains
        stay = {each.name for each in remains}
        if jobs:
            gone = [ref.job for ref, _ in jobs if ref.job not in stay]
            emptied.note(main, gone)
    if place.mirrors:
        claimed = unclaimed.claims(main)  # a plan may have run meanwhile
        for folder in place.mirrors:
            if folder.name not in claimed.ever:
                unclaimed.remove_mirror(main, folder)

    caches.remove(place.cache)


def _show(places: Sequence[Place], orphans: bool) -> None:
    rows = [row for place in places for row in _rows(place)]
    if rows:
        render.table(("WHERE", "WHAT", "COUNT", "SIZE"), rows)
    now = time.time()
    found = [
        [
            place.name, job.ref.job[: telling.ID_SHOWN], job.ref.task, job.experiment or "?",
            telling.age(now - job.at), _size(job.bytes), "" if job.ref in place.fetched else "not all here",
        ]
        for place in places
        for job in place.orphans
    ]  # fmt: skip
    if found:
        title = "jobs that no plan has any more"
        headings = ("WHERE", "JOB", "TASK", "EXPERIMENT", "AGE", "SIZE", "REMARK")
        render.table(headings, found[: telling.MOST_ROWS], title)
        if len(found) > telling.MOST_ROWS:
            render.note(f"and {len(found) - telling.MOST_ROWS} more")
        if not orphans:
            render.note("`xpm clean --orphans` removes the results of those that are all here")


def _rows(place: Place) -> list[list[str]]:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for each in place.rubbish:
        counts[each.kind] += each.count if not each.name else 1
        sizes[each.kind] += each.bytes
    rows = [
        [place.name, WORDS.get(kind, kind), str(counts[kind]), _size(sizes[kind])]
        for kind in WORDS
        if kind in counts
    ]
    if place.mirrors:
        rows.append([place.name, WORDS["mirror"], str(len(place.mirrors)), ""])
    if place.cache:
        size = sum(each.bytes for each in place.cache)
        rows.append(
            [place.name, f"{WORDS['cache']} ({cache_folder()})", str(len(place.cache)), _size(size)]
        )
    return rows


def _size(count: int) -> str:
    return hints.size(count / 1024) if count >= 1000 else f"{count} B"


def _document(places: Sequence[Place], removed: bool) -> Mapping[str, object]:
    return {
        "schema": SCHEMA,
        "removed": removed,
        "places": [
            {
                "connector": place.name,
                "unreferenced": [
                    {"kind": e.kind, "name": e.name, "count": e.count, "files": e.files, "bytes": e.bytes}
                    for e in place.rubbish
                ],
                "orphans": [
                    {
                        "task": e.ref.task, "job": e.ref.job, "experiment": e.experiment, "at": e.at,
                        "files": e.files, "bytes": e.bytes, "fetched": e.ref in place.fetched,
                    }
                    for e in place.orphans
                ],
                "mirrors": [str(each) for each in place.mirrors],
                "cache": [
                    {"path": str(e.path), "files": e.files, "bytes": e.bytes} for e in place.cache
                ],
                "kept": [{"kind": e.kind, "name": e.name, "why": e.why} for e in place.remains],
            }
            for place in places
        ],
    }  # fmt: skip
