"""Which main folder, which experiment, which jobs a command line means."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

import click

from xpm.errors import UsageProblem
from xpm.follow import views
from xpm.follow.journal import Journal
from xpm.follow.main import MainFolder
from xpm.follow.views import ExperimentView, JobView

SHOWN = 5

workdir_option = click.option(
    "--workdir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The main folder. Default: $XPM_WORKDIR, the folder around this one, or the last one used.",
)


def main_folder(workdir: Path | None, experiment: str | None = None) -> MainFolder:
    """The main folder a command works on.

    Args:
        workdir: what ``--workdir`` said.
        experiment: an experiment the folder must hold, when several folders are known.

    Raises:
        UsageProblem: there is none, or not there.
    """
    named = workdir or (Path(os.environ["XPM_WORKDIR"]) if os.environ.get("XPM_WORKDIR") else None)
    if named is not None:
        if not is_main(named):
            raise UsageProblem(
                "no plan has run in this folder", on=str(named), hint="`xpm run PLAN.py` starts one"
            )
        return MainFolder(named.absolute())
    here = Path.cwd()
    for folder in (here, *here.parents):
        if is_main(folder):
            return MainFolder(folder)
    return MainFolder(_known(experiment))


def is_main(folder: Path) -> bool:
    """Whether plans have run with this main folder."""
    return (folder / "xp").is_dir() and (folder / ".xpm").is_dir()


def _known(experiment: str | None) -> Path:
    known = [folder for folder in Journal.known_folders() if is_main(folder)]
    if experiment is not None:
        known = [folder for folder in known if (folder / "xp" / experiment).is_dir()] or known
    if not known:
        raise UsageProblem(
            "no main folder is known here",
            hint="name it with --workdir DIR or $XPM_WORKDIR; `xpm run PLAN.py` starts a plan",
        )
    return known[0]


def experiments(main: MainFolder, name: str | None) -> Sequence[ExperimentView]:
    """The experiment of this name, or all of them: last used first."""
    found = views.experiments(main)
    if name is None:
        return found
    chosen = [each for each in found if each.id == name]
    if not chosen:
        names = [each.id for each in found]
        near = difflib.get_close_matches(name, names, 1)
        raise UsageProblem(
            f"no experiment {name!r}",
            on=str(main.path),
            hint=f"did you mean {near[0]!r}?" if near else "known: " + (", ".join(names) or "none"),
        )
    return chosen


def job(main: MainFolder, prefix: str) -> JobView:
    """The one job whose id begins like this.

    Raises:
        UsageProblem: none does, or several do.
    """
    jobs = {job.id: job for each in views.experiments(main) for job in each.jobs}
    found = [job for job in jobs.values() if job.id.startswith(prefix.lower())]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageProblem(
            f"no job's id begins with {prefix!r}", on=str(main.path), hint="`xpm status` lists them"
        )
    some = ", ".join(f"{job.id[: len(prefix) + 4]} ({job.task})" for job in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    raise UsageProblem(
        f"{len(found)} jobs have an id that begins with {prefix!r}",
        cause=some + more,
        hint="type more of the id",
    )


def jobs(main: MainFolder, prefixes: Sequence[str], experiment: str | None) -> list[JobView]:
    """The jobs named one by one, or all jobs of an experiment."""
    if prefixes and experiment is not None:
        raise UsageProblem("name jobs or an experiment, not both")
    if not prefixes and experiment is None:
        raise UsageProblem("which jobs?", hint="name them by id, or an experiment with --experiment")
    if experiment is not None:
        return [job for each in experiments(main, experiment) for job in each.jobs]
    return [job(main, prefix) for prefix in prefixes]
