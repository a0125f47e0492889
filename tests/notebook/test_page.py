"""The page of an experiment in cells, as HTML."""

from dataclasses import replace

from tests.cli.test_telling import JOB
from xpm import _notebook
from xpm.follow.observer import ORDER
from xpm.follow.views import JobView


def jobs(*groups: tuple[str, int]) -> list[JobView]:
    """So many jobs of these states, in this order."""
    return [replace(JOB, state=state) for state, count in groups for _ in range(count)]


def test_jobs_that_run_are_shown_though_many_wait() -> None:
    found = _notebook.shown(jobs(("waiting", 100), ("skipped", 100), ("done", 100), ("running", 2)))

    assert ["running", "running", "waiting"] == [job.state for job in found[:3]]
    assert _notebook.MOST == len(found)


def test_what_failed_is_shown_before_all_that_was_skipped_for_it() -> None:
    found = _notebook.shown(jobs(("skipped", 100), ("failed", 1)))

    assert "failed" == found[0].state


def test_every_state_has_its_place() -> None:
    assert {*ORDER} == {*_notebook.FIRST}
