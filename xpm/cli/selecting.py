"""Which main folder, which experiment, which jobs a command line means."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from xpm.errors import UsageProblem
from xpm.follow import journal, views
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.targets import is_filter
from xpm.follow.views import ExperimentView, JobView

workdir_option = click.option(
    "--workdir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The main folder. Default: $XPM_WORKDIR, the folder around this one, or the last one used.",
)

FEW_DIGITS = 4
_BEGIN = (
    "`xpm run PLAN.py` starts a plan; "
    "`xpm adopt CONNECTOR --all --workdir DIR` takes over what another laptop sent"
)


def main_folder(workdir: Path | None, experiment: str | None = None) -> MainFolder:
    """The main folder a command works on.

    Args:
        workdir: what ``--workdir`` said.
        experiment: an experiment the folder must hold, when several folders are known.

    Raises:
        UsageProblem: there is none.
    """
    named = workdir or (Path(os.environ["XPM_WORKDIR"]) if os.environ.get("XPM_WORKDIR") else None)
    if named is not None:
        main = MainFolder(named)
        if not is_main(main.path):
            raise UsageProblem(
                "no plan has run in this folder",
                on=str(main.path),
                hint=f"check --workdir and $XPM_WORKDIR; {_BEGIN}",
            )
        return main
    here = Path.cwd()
    around = next((folder for folder in (here, *here.parents) if is_main(folder)), None)
    return MainFolder(around or _last_used(experiment))


def any_main_folder(workdir: Path | None) -> MainFolder:
    """The main folder a command works on, which may yet have to be made: then it must be named.

    Raises:
        UsageProblem: none is named, and none is around.
    """
    found = named_main_folder(workdir)
    if found is None:
        raise UsageProblem(
            "it is not said which main folder to use",
            on=str(Path.cwd()),
            hint="name the folder that the plan names, there or yet to be made: --workdir DIR",
        )
    return found


def named_main_folder(workdir: Path | None) -> MainFolder | None:
    """The main folder that is named, there or not, else the one around; None: neither."""
    named = workdir or (Path(os.environ["XPM_WORKDIR"]) if os.environ.get("XPM_WORKDIR") else None)
    if named is not None:
        return MainFolder(named)
    here = Path.cwd()
    around = next((folder for folder in (here, *here.parents) if is_main(folder)), None)
    return MainFolder(around) if around is not None else None


def is_main(folder: Path) -> bool:
    """Whether plans have run with this main folder."""
    return (folder / "xp").is_dir() and (folder / ".xpm").is_dir()


def _last_used(experiment: str | None) -> Path:
    known = [folder for folder in journal.folders() if is_main(folder)]
    holding = [each for each in known if experiment and (each / "xp" / experiment).is_dir()]
    if not known:
        raise UsageProblem(
            "no plan has run here",
            on=str(Path.cwd()),
            hint=f"name the main folder with --workdir DIR or $XPM_WORKDIR; {_BEGIN}",
        )
    return (holding or known)[0]


def names(look: Look, name: str | None = None) -> Sequence[str]:
    """The experiment of this name, or all of them, the one that ran last first.

    Raises:
        UsageProblem: there is none of this name.
    """
    found = look.experiments()
    if name is None:
        return found
    if name not in found:
        import difflib

        near = difflib.get_close_matches(name, found, 1)
        hint = f"did you mean {near[0]!r}?" if near else "known: " + (", ".join(found) or "none")
        if not near and _begins_a_job(look, name):
            hint = f"of jobs, `xpm why {name}` and `xpm story {name}` tell; {hint}"
        raise UsageProblem(f"there is no experiment {name!r}", on=str(look.main.path), hint=hint)
    return [name]


def _begins_a_job(look: Look, name: str) -> bool:
    return len(name) >= FEW_DIGITS and bool(look.beginning(name.lower(), most=1))


def none_yet(main: Path) -> UsageProblem:
    """There is nothing to show, and what to do."""
    return UsageProblem(
        "no experiment has run yet", on=str(main), hint="`xpm run PLAN.py` runs one"
    )


def last(look: Look, name: str | None = None) -> ExperimentView:
    """The experiment of this name, or the one that ran last, with all its jobs.

    Raises:
        UsageProblem: there is none.
    """
    found = names(look, name)
    if not found:
        raise none_yet(look.main.path)
    return views.experiment(look, found[0])


def job(look: Look, target: str) -> JobView:
    """The one job whose id begins like this, or that passes this filter, as its folder has it too."""
    found = _job(look, target)
    if not found.settled:
        look.reconcile_jobs([(found.connector, found.ref, found.attempt)])
        found = views.find_job(look, f"{found.task}/{found.id}")
    return found


def _job(look: Look, target: str) -> JobView:
    if not is_filter(target):
        return views.find_job(look, target)
    found = jobs(look, [target])
    if len(found) != 1:
        names = ", ".join(f"{job.task}/{job.id[:12]}" for job in found[:5])
        raise UsageProblem(
            f"{target!r} means {len(found)} jobs",
            on=str(look.main.path),
            cause=names,
            hint="one is wanted here: give the beginning of its id, as `xpm status` shows it",
        )
    return found[0]


def jobs(look: Look, targets: Sequence[str]) -> list[JobView]:
    """The jobs meant by targets: filters, names of experiments (all their jobs) or beginnings of job ids.

    Raises:
        UsageProblem: a target is none of these, or several.
    """
    from xpm.follow import choosing

    known = look.experiments()
    chosen: dict[str, JobView] = {}
    for target in targets:
        if is_filter(target):
            found = [views.seen(look, row) for row in choosing.passing(look, target)]
        elif target in known:
            found = [views.seen(look, row) for row in look.rows(target)]
        else:
            found = [_named(look, target, known)]
        chosen.update({job.path: job for job in found})
    return list(chosen.values())


def _named(look: Look, target: str, known: Sequence[str]) -> JobView:
    """The job whose id begins like this; a slip in the name of an experiment is told as one."""
    try:
        return views.find_job(look, target)
    except UsageProblem as problem:
        import difflib

        near = difflib.get_close_matches(target, known, 1)
        if near:
            problem.hint = f"did you mean the experiment {near[0]!r}?"
        elif known and "no job" in problem.what:
            problem.hint = f"`xpm status` lists all jobs; experiments: {', '.join(known)}"
        raise
