"""A run without a terminal tells when the first of what waits is expected to start."""

import io
from collections import Counter
from dataclasses import replace
from datetime import datetime

from tests.cli.test_gauges import JOB
from xpm.follow.observer import PlainObserver
from xpm.follow.views import JobView
from xpm.words.queued import Queued

NOON = datetime(2026, 11, 25, 12, 0).astimezone()


class Run:
    """A run with jobs, shown as lines; a minute passes between news."""

    def __init__(self) -> None:
        self.at = NOON.timestamp()
        self._out = io.StringIO()
        self._jobs: dict[str, JobView] = {}
        self._observer = PlainObserver(self._out, lambda: self.at, Queued(lambda: self.at))
        self._observer.started("exp", "/main")

    def hears(self, state: str, *ids: str, start: str = "", after_s: float = 60.0) -> list[str]:
        """What is said of this."""
        self.at += after_s
        said = f"others come first; SLURM expects to start it by 2026-11-25 {start} {NOON:%z}"
        reason = said if start else "others come first" if state == "pending" else ""
        news = [replace(JOB, id=each, state=state, reason=reason) for each in ids]
        self._jobs.update((job.id, job) for job in news)
        before = len(self._out.getvalue())
        self._observer.changed(news, Counter(job.state for job in self._jobs.values()))
        return (
            self._out.getvalue()[before:].removesuffix("\n").replace("xpm: exp: ", "").split("\n")
        )


def test_the_expected_start_is_told_when_all_that_is_left_waits() -> None:
    run = Run()
    run.hears("running", "a")

    assert ["pending: others come first", "1 running, 2 pending"] == run.hears(
        "pending", "b", "c", start="14:10"
    )
    assert ["1 done, 2 pending; the first is expected to start about 14:10"] == run.hears(
        "done", "a"
    )
    assert ["2 done, 1 pending; it is expected to start about 14:10"] == run.hears("done", "b")


def test_the_earliest_start_counts_also_of_those_whose_parents_are_in_the_queue() -> None:
    run = Run()
    run.hears("waiting", "d")
    run.hears("pending", "b", start="14:10")

    assert ["2 pending, 1 waiting; the first is expected to start about 14:05"] == run.hears(
        "pending", "c", start="14:05"
    )


def test_a_start_that_becomes_known_later_is_told_and_one_that_moves_only_now_and_then() -> None:
    run = Run()
    assert ["pending: others come first", "2 pending"] == run.hears("pending", "b", "c")

    assert ["2 pending; the first is expected to start about 14:10"] == run.hears(
        "pending", "b", start="14:10"
    )
    assert [""] == run.hears("pending", "b", start="14:11")
    assert [""] == run.hears("pending", "b", start="14:12")
    assert ["2 pending; the first is expected to start about 15:00"] == run.hears(
        "pending", "b", start="15:00", after_s=600.0
    )


def test_a_start_that_has_passed_is_not_told() -> None:
    run = Run()

    assert ["pending: others come first", "1 pending"] == run.hears("pending", "b", start="11:00")
