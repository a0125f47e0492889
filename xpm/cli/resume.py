"""``xpm resume``: go on with an experiment, by its plan as it was last run, or without it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from xpm.cli import live, render, run, selecting, sessions, wait
from xpm.cli.retry import AGAIN
from xpm.connectors.base import JobRef
from xpm.errors import UsageProblem
from xpm.follow import views
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.options import RunOptions
from xpm.follow.session import Session
from xpm.follow.views import ExperimentView
from xpm.wire import files
from xpm.words import telling


@click.command("resume")
@click.argument("experiment", required=False)
@click.option("--launcher", "-l", metavar="NAME", help="Another launcher than last time.")
@click.option("--detach", is_flag=True, help="Leave as soon as all is safe where it will run.")
@click.option("--without-script", is_flag=True, help="Go on with what was submitted, as it was.")
@click.option("--retry", is_flag=True, help="Without the script: try again what failed.")
@selecting.workdir_option
def command(
    experiment: str | None,
    launcher: str | None,
    detach: bool,
    without_script: bool,
    retry: bool,
    workdir: Path | None,
) -> int:
    """Go on with EXPERIMENT (default: the last one).

    Its plan is run again, with the arguments it had: what is done stays, what is alive is attached to, what failed gets
    a new attempt with the plan's code of now, and callbacks that waited run.

    When its script is gone, or with --without-script, what was submitted is sent, followed to its end and brought here
    from the records alone, with the code it had. Callbacks then do not run: they are in the script.
    """
    main = selecting.main_folder(workdir, experiment)
    with sessions.opened(main) as session:
        view = selecting.last(session.look(), experiment)
    content = files.load(str(main.experiment(view.id).folder / "run.json")) or {}
    script = Path(content["script"]) if content.get("script") else None
    if without_script or script is None or not script.is_file():
        reason = "" if without_script else _absence(script)
        return _without(main, view, launcher, detach, retry, reason)
    options = RunOptions(
        launcher=launcher or _last_launcher(view),
        workdir=main.path,
        detach=detach,
        observer=live.observer,
    )
    render.note(f"running {script} again{_edited(script, content)}")
    return run.execute(script, content.get("argv") or [], options)


def _absence(script: Path | None) -> str:
    return f"{script} is not there any more; " if script else "it was not run from a script here; "


def _edited(script: Path, content: Mapping[str, Any]) -> str:
    if script.stat().st_mtime <= float(content.get("started") or 0.0):
        return ""
    return ", which was edited since (--without-script goes on with what was submitted)"


def _last_launcher(view: ExperimentView) -> str | None:
    """The launcher of all jobs; None when they had several: the plan chose them."""
    names = {job.launcher for job in view.jobs}
    return names.pop() if len(names) == 1 else None


def _without(
    main: MainFolder,
    view: ExperimentView,
    launcher: str | None,
    detach: bool,
    retry: bool,
    reason: str,
) -> int:
    """Go on from the sealed documents."""
    if launcher:
        raise UsageProblem(
            "another launcher needs the plan", on=view.id,
            hint="run it yourself: xpm run PLAN.py --launcher NAME",
        )  # fmt: skip
    render.note(
        f"{reason}going on with what was submitted, with the code it had; callbacks, and what the plan"
        f" would submit next, need its script: xpm run PLAN.py --workdir {main.path}"
    )
    with sessions.opened(main) as session:
        problems = sessions.ask(session)
        sessions.remark(problems)
        if retry:
            _retry(session, view.id)
        unsendable = _unsendable(session.look(), view.id, problems)
        if detach:
            return _left(session.look(), view.id, unsendable)
        view = wait.follow(session, view.id, without=set(unsendable))
    code = wait.tell(view)
    if unsendable:
        render.note(_no_code(unsendable))
    return code


def _retry(session: Session, experiment: str) -> None:
    view = views.experiment(session.look(), experiment)
    failed = [job for job in view.jobs if job.state in AGAIN]
    if failed:
        sessions.remark(session.retry(failed))
        render.note(f"{telling.counts(failed)}: tried again")


def _unsendable(look: Look, experiment: str, problems: Mapping[str, object]) -> Sequence[JobRef]:
    """The jobs that nobody here has the code of: their connector was asked, and they are still here."""
    outbox = look.main.outbox
    return [
        row.ref
        for row in look.rows(experiment)
        if row.connector not in problems and outbox.holds(row.connector, row.id)
    ]


def _left(look: Look, experiment: str, unsendable: Sequence[JobRef]) -> int:
    outbox = look.main.outbox
    unsent = [row for row in look.rows(experiment) if outbox.holds(row.connector, row.id)]
    found = views.summary(look, experiment, telling.ORDER, 0)
    render.line(telling.heading(found, telling.now()))
    if unsendable:
        render.note(_no_code(unsendable))
    elif unsent:
        render.note(f"{len(unsent)} jobs are not sent yet: `xpm sync` sends them")
    return 1 if unsent else 0


def _no_code(jobs: Sequence[JobRef]) -> str:
    return f"{len(jobs)} jobs were never sent, and their code is not here: run their plan again"
