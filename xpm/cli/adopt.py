"""``xpm adopt``: make known here what another laptop sent to a workspace, and bring its results."""

import difflib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from xpm.cli import prompting, render, selecting, sessions
from xpm.cli.doctor import spec_of
from xpm.connectors.base import Sent
from xpm.connectors.specs import LocalSpec, Spec
from xpm.errors import UsageProblem
from xpm.follow import adopting, views
from xpm.follow.adopting import Adopted
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.world import World
from xpm.words import telling

HEADINGS = ("EXPERIMENT", "JOBS", "STATES", "LAST SENT")
REFUSED_SHOWN = 3


@click.command("adopt")
@click.argument("connector")
@click.option("--experiment", "-e", "names", multiple=True, metavar="NAME", help="Take this one.")
@click.option("--all", "every", is_flag=True, help="Take all of them.")
@selecting.workdir_option
def command(connector: str, names: tuple[str, ...], every: bool, workdir: Path | None) -> int:
    """Take over the experiments that the workspace of CONNECTOR holds, whichever laptop sent them.

    Without --experiment or --all it lists them, and asks when it can. Afterwards they are as if sent from here: `xpm
    status`, `wait`, `logs`, `cancel` and `retry` work, and their plans, run here, submit nothing anew.
    """
    spec = spec_of(World().profiles(), connector)
    if isinstance(spec, LocalSpec):
        raise UsageProblem(
            f"{connector} is this machine", on=connector,
            hint="its workspace is the main folder itself: `xpm status --workdir DIR` shows it",
        )  # fmt: skip
    main = selecting.named_main_folder(workdir)
    if main is None and not names and not every:
        return _list(spec)
    main = main or selecting.any_main_folder(workdir)
    with sessions.opened(main) as session:
        link = session.world.open(spec, main.path)
        try:
            chosen = _chosen(connector, link.experiments(), names, every)
            if not chosen:
                return 0
            main.prepare()
            only = chosen[0] if len(chosen) == 1 else None
            entries = (
                (at, entry) for at, entry in link.wanted(only) if entry.get("experiment") in chosen
            )
            found = adopting.adopt(main, connector, _workspace(spec, main), entries)
        finally:
            link.close()
        problems = session.sync([connector])
        _tell(session.look(), connector, chosen, found)
    sessions.insist(problems)
    return 0


def _list(spec: Spec) -> int:
    """Tell what there is, to somebody who has said no main folder; the exit code."""
    prompting.install()
    with tempfile.TemporaryDirectory() as scratch:
        link = World().open(spec, Path(scratch))
        try:
            known = link.experiments()
        finally:
            link.close()
    if known:
        render.table(HEADINGS, [_row(each) for each in known])
        render.note(
            "nothing is taken yet: say which with --experiment NAME (or --all), and with"
            " --workdir DIR the main folder, as the plan names it; it may yet have to be made"
        )
    else:
        _note_nothing(spec.name)
    return 0


def _note_nothing(connector: str) -> None:
    render.note(f"nothing was ever sent to {connector} from any laptop")


def _chosen(
    connector: str, known: Sequence[Sent], names: Sequence[str], every: bool
) -> Sequence[str]:
    """The experiments to take; none when it is only told which there are."""
    there = [each.name for each in known]
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, there, 1)
            known_names = ", ".join(there) or "none"
            raise UsageProblem(
                f"there is no experiment {name!r}", on=connector,
                hint=f"did you mean {near[0]!r}?" if near else f"it knows: {known_names}",
            )  # fmt: skip
    if names or every:
        return list(names or there)
    if not known:
        _note_nothing(connector)
        return ()
    render.table(HEADINGS, [_row(each) for each in known])
    if not (sys.stdin.isatty() and render.is_terminal(sys.stderr)):
        render.note("nothing is taken yet: say which with --experiment NAME, or take --all")
        return ()
    answer = click.prompt("which (a name, or all)", default=there[0], err=True)
    return there if answer == "all" else _chosen(connector, known, [answer], every)


def _row(sent: Sent) -> list[str]:
    states = ", ".join(
        f"{sent.states[each]} {each}" for each in telling.ORDER if each in sent.states
    )
    at = datetime.fromtimestamp(sent.last_at, UTC).astimezone()
    return [sent.name, str(sent.jobs), states, f"{at:%Y-%m-%d %H:%M}"]


def _workspace(spec: Spec, main: MainFolder) -> str:
    return str(getattr(spec, "workspace", main.path))


def _tell(look: Look, connector: str, chosen: Sequence[str], found: Adopted) -> None:
    for reason in dict.fromkeys(found.refused[:REFUSED_SHOWN]):
        render.note(f"{len(found.refused)} queue entries of {connector} are not taken: {reason}")
    if found.elsewhere:
        render.note(
            f"{len(found.elsewhere)} jobs stay as they are: this main folder has them on another"
            " connector"
        )
    fresh: Mapping[str, int] = found.fresh
    for name in chosen:
        if name not in fresh:
            continue
        summary = views.summary(look, name, telling.ORDER, 0)
        render.line(f"{telling.heading(summary, telling.now())} · {fresh[name]} new here")
    render.note(
        "`xpm run PLAN.py` goes on with a plan and runs its callbacks; without it: `xpm wait`"
    )
