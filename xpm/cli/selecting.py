"""Which main folder, which experiment, which jobs a command line means."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

import click

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


def job(main: MainFolder, prefix: str) -> JobView:
    """The one job whose id begins like this."""
    return views.find_job(experiments(main), prefix)


def jobs(main: MainFolder, targets: Sequence[str]) -> list[JobView]:
    """The jobs meant by targets: names of experiments (all their jobs) or beginnings of job ids.

    Raises:
        UsageProblem: a target is neither, or both.
    """
    seen = experiments(main)
    chosen: dict[str, JobView] = {}
    for target in targets:
        named = [each for each in seen if each.id == target]
        found = named[0].jobs if named else [views.find_job(seen, target)]
        chosen.update({job.path: job for job in found})
    return list(chosen.values())
