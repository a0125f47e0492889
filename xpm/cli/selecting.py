"""Which main folder, which experiment, which jobs a command line means."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from xpm.cli import filtering
from xpm.errors import UsageProblem
from xpm.follow import journal, views
from xpm.follow.main import MainFolder
from xpm.follow.views import ExperimentView, JobView

workdir_option = click.option(
    "--workdir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The main folder. Default: $XPM_WORKDIR, the folder around this one, or the last one used.",
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
                hint="check --workdir and $XPM_WORKDIR; `xpm run PLAN.py` starts a plan",
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
    named = workdir or (Path(os.environ["XPM_WORKDIR"]) if os.environ.get("XPM_WORKDIR") else None)
    if named is not None:
        return MainFolder(named)
    here = Path.cwd()
    around = next((folder for folder in (here, *here.parents) if is_main(folder)), None)
    if around is None:
        raise UsageProblem(
            "it is not said which main folder to use",
            on=str(here),
            hint="name the folder that the plan names, there or yet to be made: --workdir DIR",
        )
    return MainFolder(around)


def is_main(folder: Path) -> bool:
    """Whether plans have run with this main folder."""
    return (folder / "xp").is_dir() and (folder / ".xpm").is_dir()


def _last_used(experiment: str | None) -> Path:
    known = [folder for folder in journal.folders() if is_main(folder)]
    holding = [each for each in known if experiment and (each / "xp" / experiment).is_dir()]
    if not known:
        raise UsageProblem(
            "no plan has run here",
            hint="name the main folder with --workdir DIR or $XPM_WORKDIR, "
            "or start a plan with `xpm run PLAN.py`",
        )
    return (holding or known)[0]


def experiments(main: MainFolder, name: str | None = None) -> Sequence[ExperimentView]:
    """The experiment of this name, or all of them, the one that ran last first.

    Raises:
        UsageProblem: there is none of this name.
    """
    found = sorted(
        views.experiments(main), key=lambda each: each.run.started if each.run else 0, reverse=True
    )
    if name is None:
        return found
    chosen = [each for each in found if each.id == name]
    if not chosen:
        names = [each.id for each in found]
        near = difflib.get_close_matches(name, names, 1)
        raise UsageProblem(
            f"there is no experiment {name!r}",
            on=str(main.path),
            hint=f"did you mean {near[0]!r}?" if near else "known: " + (", ".join(names) or "none"),
        )
    return chosen


def job(main: MainFolder, target: str) -> JobView:
    """The one job whose id begins like this, or that passes this filter."""
    if not filtering.is_filter(target):
        return views.find_job(experiments(main), target)
    found = jobs(main, [target])
    if len(found) != 1:
        names = ", ".join(f"{job.task}/{job.id[:12]}" for job in found[:5])
        raise UsageProblem(
            f"{target!r} means {len(found)} jobs", cause=names, hint="one is wanted here"
        )
    return found[0]


def jobs(main: MainFolder, targets: Sequence[str]) -> list[JobView]:
    """The jobs meant by targets: filters, names of experiments (all their jobs) or beginnings of job ids.

    Raises:
        UsageProblem: a target is none of these, or several.
    """
    seen = experiments(main)
    chosen: dict[str, JobView] = {}
    for target in targets:
        named = [each for each in seen if each.id == target]
        if filtering.is_filter(target):
            found = [job for view in filtered(seen, target) for job in view.jobs]
        else:
            found = list(named[0].jobs) if named else [views.find_job(seen, target)]
        chosen.update({job.path: job for job in found})
    return list(chosen.values())


def filtered(seen: Sequence[ExperimentView], text: str) -> list[ExperimentView]:
    """The experiments that have jobs which pass a filter, with these alone.

    Raises:
        UsageProblem: the filter cannot be read, or names a tag that no job has.
    """
    wanted = filtering.parse(text)
    filtering.check_tags(wanted, {tag for view in seen for job in view.jobs for tag in job.tags})
    found = [
        replace(view, jobs=[job for job in view.jobs if filtering.passes(wanted, job, view.id)])
        for view in seen
    ]
    return [view for view in found if view.jobs]
