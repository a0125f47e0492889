"""What is said of a connector that is waited for."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.test_terminal import on_a_terminal
from tests.experiment.laptop import Laptop
from tests.experiment.test_experiment import pump
from tests.follow.fakes import Cluster, sealed
from xpm.errors import DiskProblem, HostUnreachable, SiteProblem
from xpm.follow.observer import PlainObserver, WaitingNews
from xpm.follow.waiting import HERE, Waiting

FULL = DiskProblem("/scratch is full (quota)", on="campus", hint="make room there")
LINK = HostUnreachable("cannot connect", on="campus", cause="timed out", hint="check the VPN")
NOW = 1_790_000_000.0


def waiting(problem: Exception, unsent: int = 0, unfetched: int = 0) -> Waiting:
    return Waiting("campus", problem, NOW - 60, NOW, NOW + 20, unsent, unfetched)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            waiting(FULL, 12),
            "waiting: /scratch is full (quota) on campus; 12 jobs not yet accepted",
        ),
        (
            waiting(DiskProblem("/home is full", on=HERE), 0, 1),
            "waiting: /home is full here; 1 job is over there, not here yet",
        ),
        (waiting(LINK), "waiting: no link to campus: cannot connect: timed out"),
        (
            waiting(SiteProblem("no python", cause="none works")),
            "waiting: campus is not well: no python: none works",
        ),
    ],
)
def test_a_line_says_what_is_wrong_where_what_waits_and_when_it_is_tried_again(
    found: Waiting, line: str
) -> None:
    assert re.fullmatch(
        re.escape(line) + r"; tried (\d\d:\d\d:\d\d), next (\d\d:\d\d:\d\d)", found.line
    )


def test_the_same_is_said_once_and_again_after_ten_minutes_and_what_is_new_at_once() -> None:
    news, first = WaitingNews(), waiting(FULL, 3)

    assert [first.text] == news.of([first])
    assert [] == news.of([replace(first, tried_at=NOW + 20, unsent=2)])
    later = replace(first, tried_at=NOW + 600)
    assert [later.text] == news.of([later])
    other = waiting(LINK)
    assert [other.text] == news.of([other])
    assert [] == news.of([])
    assert [other.text] == news.of([other])


def test_plain_lines_have_the_hint_too() -> None:
    out = io.StringIO()
    observer = PlainObserver(out)

    observer.waiting([waiting(FULL)])

    assert "waiting: /scratch is full (quota) on campus" in out.getvalue()
    assert "-> make room there" in out.getvalue()


def test_what_a_place_lacks_that_has_worked_is_waited_for(tmp_path: Path) -> None:
    cluster = Cluster(fate=lambda entry: None)
    laptop = Laptop(tmp_path / "main", cluster)

    with laptop.experiment() as xp:
        a = xp.accept(sealed("a"), "a", None)
        pump(xp, lambda: a.state == "running")
        cluster.failing = SiteProblem("the host does not start our agent", cause="maintenance")
        cluster.finish(sealed("a").job)
        pump(xp, lambda: any("waiting: " in each for each in laptop.lines.notes))
        assert a.state == "running"
        cluster.failing = None

    assert a.state == "done"
    assert "campus is not well" not in _waits(laptop)
    assert "waiting: cluster is not well: the host does not start our agent" in _waits(laptop)


def test_what_a_place_lacks_where_nobody_ever_was_ends_the_run(tmp_path: Path) -> None:
    cluster = Cluster(failing=SiteProblem("no python there"))
    laptop = Laptop(tmp_path / "main", cluster)

    with pytest.raises(SiteProblem), laptop.experiment() as xp:
        xp.accept(sealed("a"), "a", None)


@pytest.mark.host
def test_on_a_terminal_the_line_stays_below_the_bars(tmp_path: Path) -> None:
    script = tmp_path / "show.py"
    script.write_text(
        "from tests.follow.test_waiting import FULL, waiting\n"
        "from xpm.cli.live import LiveObserver\n"
        "live = LiveObserver(); live.started('exp', 'main')\n"
        "live.waiting([waiting(FULL, 12)]); live._progress.refresh()\n"
        "live.waiting([]); live.ended({})\n"
    )
    shown = on_a_terminal(tmp_path, {}, "run", str(script))

    assert shown.count("waiting: /scratch is full (quota) on campus; 12 jobs not yet accepted") >= 2


def _waits(laptop: Laptop) -> str:
    """What is said first of waiting."""
    return next(each for each in laptop.lines.notes if "took" not in each)
