"""What is said of jobs when a plan, or its person, may leave."""

from pathlib import Path
from typing import cast

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import sealed
from xpm import _leaving
from xpm._experiment import Experiment
from xpm._jobs import Job
from xpm.connectors.base import Change
from xpm.connectors.specs import SlurmSpec, SshTarget
from xpm.follow import inheriting
from xpm.follow.journal import Journal
from xpm.follow.main import MainFolder
from xpm.plan.jobpath import JobPath

PLACE = SlurmSpec("cluster", SshTarget("far"), "$HOME/xpm")


def job(name: str, state: str, folder: Path) -> Job:
    found = Job(sealed(name), cast("JobPath", folder), "cpu", PLACE, {}, [], ())
    found.known = Change(found.ref, state, None, 1, 1, "7", "", "", 0.0)
    return found


def test_of_jobs_that_are_over_there_nobody_is_told_to_come_back(tmp_path: Path) -> None:
    over = [job("a", "done", tmp_path), job("b", "failed", tmp_path)]

    assert "" == _leaving.safe("exp", over)
    assert _leaving.safe("exp", [*over, job("c", "running", tmp_path)]).startswith("1 job is safe")


@pytest.mark.parametrize("state", ["pending", "submitted", "running", "waiting"])
def test_what_goes_on_without_this_machine_is_told(state: str, tmp_path: Path) -> None:
    assert "You can close the laptop now" in _leaving.safe("exp", [job("a", state, tmp_path)])


def test_a_journal_that_cannot_be_opened_keeps_no_run_from_ending_whose_jobs_were_done_before(
    laptop: Laptop,
) -> None:
    def plan(xp: Experiment) -> None:
        xp.accept(sealed("a"), "a", None)

    laptop.run(plan)
    path = Journal(MainFolder(laptop.main)).path
    inheriting.remove(path)
    path.mkdir()

    laptop.run(plan)

    run = MainFolder(laptop.main).experiment("exp").latest()
    assert run is not None
    assert "done" == run.outcome
    assert "the only job was done before: nothing had to be run" in laptop.lines.notes
