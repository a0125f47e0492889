"""The keeper on a fake SLURM: one at a time, behind what is live, gone when nothing waits."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core import killing
from tests.agent_core.site import Site
from tests.agent_core.yard import eventually, job_id
from xpm.agent import keeping, processes
from xpm.agent.advance import advance
from xpm.agent.advancing import Advancing
from xpm.agent.board import Board
from xpm.decide import retry

pytestmark = pytest.mark.host
REQUEST = {"kind": "slurm", "options": ["--partition=cpu", "--mem=954M", "--account=lab"]}
ONCE = {**REQUEST, "retry": {cause: {"max": 0} for cause, _ in retry.DEFAULT}}
"""Whatever happens to such a job, it is not tried again."""
WISHES: dict[str, Any] = {}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, keeper=WISHES)
    yield site
    site.rest()


def _keepers(site: Site) -> list[dict[str, Any]]:
    """The sbatch calls of keepers: their options by name."""
    found = []
    for call in site.calls("sbatch"):
        options = dict(each.lstrip("-").partition("=")[::2] for each in call["argv"])
        if ".keeper." in options["job-name"]:
            found.append(options)
    return found


def _of(site: Site, *names: str) -> str:
    found = (str(site.view(name).batch_id).partition("_")[0] for name in names)
    return ":".join(dict.fromkeys(found))


def _files(site: Site) -> list[str]:
    folder = Path(site.yard.layout.own, "keepers")
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _number(site: Site, keeper: int) -> str:
    """The batch id of a keeper."""
    name = f"xpm.{site.yard.id}.keeper.{keeper}"
    return next(each for each in site.queue[::-1] if site.batch(each)["name"] == name)


def _chain(site: Site) -> None:
    site.yard.ask("a", request=REQUEST)
    site.yard.ask("b", request={**REQUEST, "launcher": "other"})  # or they would be one array
    site.yard.ask("c", parents=["a"], request=ONCE)
    site.advance()


def _run(site: Site, number: int) -> None:
    """A keeper's turn has come, and it is run to its end."""
    site.come()
    site.batch(_number(site, number), state="RUNNING")
    assert 0 == keeping.main(site.yard.layout.root, number, lambda: site.now, site.sleep)
    site.batch(_number(site, number), state="COMPLETED")


def test_as_long_as_something_waits_one_keeper_stands_behind_what_is_live(site: Site) -> None:
    _chain(site)
    site.advance(1)
    site.come()
    site.advance(1)

    (keeper,) = _keepers(site)
    assert f"afterany:{_of(site, 'a', 'b')}" == keeper["dependency"]
    asked = {name: keeper[name] for name in ("partition", "account", "time", "mem", "requeue")}
    assert asked == {
        "partition": "cpu", "account": "lab", "time": "2", "mem": "256M", "requeue": "",
    }  # fmt: skip
    assert "now+60" == keeper["begin"]
    travel = f"{site.yard.root}/.xpm/travel/t0"
    script = site.batch(_number(site, 1))["script"].splitlines()
    assert script == ["#!/bin/sh", f"exec '/usr/bin/py thon' {travel} keep {site.yard.root} 1"]


def test_jobs_nobody_waits_for_need_one_as_long_as_they_may_be_tried_again(site: Site) -> None:
    site.yard.ask("a", "b", request=ONCE)
    site.advance()
    site.advance(1)
    assert [] == _keepers(site)

    site.yard.ask("c", request=REQUEST)
    site.advance()
    site.advance(1)
    assert 1 == len(_keepers(site))


def test_a_keeper_is_cancelled_once_nothing_waits_and_leaves_one_file(site: Site) -> None:
    _chain(site)
    site.advance(1)
    site.yard.finish("a")
    site.yard.finish("b")
    site.advance(1)  # c is in the queue: nobody waits for it

    assert "CANCELLED" == site.batch(_number(site, 1))["state"]
    assert ["1/over"] == _files(site)
    assert [] == site.yard.temporaries()


@pytest.mark.parametrize("is_closed", [False, True])
def test_an_agent_lets_the_keeper_go_when_the_last_job_ends(site: Site, is_closed: bool) -> None:
    site.yard.ask("a", request=REQUEST)
    site.advance()
    site.advance(1)
    board = Board(site.yard.layout, fresh_s=0.0)
    agent = Advancing(board)
    board.refresh(site.now)
    agent.tick(site.now)
    site.yard.finish("a")
    board.refresh(site.now)

    if is_closed:  # it told of the end, and whoever asked is gone
        agent.finish(lambda: site.now)
    else:
        agent.tick(site.now)

    eventually(agent._place.is_idle)
    eventually(lambda: site.batch(_number(site, 1))["state"] == "CANCELLED")
    assert ["1/over"] == _files(site)


def test_a_keeper_that_runs_starts_what_killed_jobs_left_and_hands_over(site: Site) -> None:
    _chain(site)
    site.yard.ask("d", parents=["c"], request=REQUEST)
    site.advance(1)
    site.yard.finish("a", ring=False)
    site.batch(str(site.view("a").batch_id), state="COMPLETED")
    site.yard.claim("b", batch_id=str(site.view("b").batch_id))
    site.batch(str(site.view("b").batch_id), state="FAILED")

    _run(site, 1)

    site.come()
    site.advance()
    assert "failed" == site.word("b")
    assert "pending" == site.word("c")
    assert ["1", "2"] == [each["job-name"].rpartition(".")[2] for each in _keepers(site)]
    assert f"afterany:{_of(site, 'c')}" == _keepers(site)[1]["dependency"]
    assert {"2/intent.json", "2/try.1", "2/batch.json"} == set(_files(site))


def test_a_keeper_that_is_over_without_having_run_is_replaced(site: Site) -> None:
    _chain(site)
    site.advance(1)
    site.batch(_number(site, 1), state="CANCELLED")

    site.advance(61)
    site.advance(1)

    assert 2 == len(_keepers(site))


@pytest.mark.parametrize("mode", ["accepted-timeout", "accepted-killed"])
def test_a_keeper_that_was_accepted_unheard_is_found_by_its_name(site: Site, mode: str) -> None:
    site.script("keeper " + mode)
    _chain(site)
    site.advance(1)
    site.come()

    site.advance(61)
    site.advance(1)

    assert 1 == len(_keepers(site))
    assert "1/batch.json" in _files(site)


def test_a_keeper_with_no_place_in_the_queue_is_tried_again_behind_what_is_live_then(
    site: Site,
) -> None:
    site.script("keeper quota")
    _chain(site)
    site.advance(1)
    site.yard.ask("d", parents=["c"], request=REQUEST)
    site.yard.finish("a")
    site.yard.finish("b")
    site.advance(16)
    site.advance(1)

    first, second = _keepers(site)
    assert first["job-name"] == second["job-name"]
    assert "afterany:100" in first["dependency"]
    assert second["dependency"] == f"afterany:{_of(site, 'c')}" != first["dependency"]


def test_a_refused_keeper_is_said_and_not_tried_again_soon(site: Site) -> None:
    site.script("keeper partition")
    _chain(site)
    for _ in range(3):
        site.advance(100)

    assert 1 == len(_keepers(site))
    assert site.place is not None
    assert "no keeper" in site.place.notes()[0]
    site.advance(90000)
    site.advance(1)
    assert 2 == len(_keepers(site))


def test_the_profile_says_where_keepers_run(tmp_path: Path) -> None:
    site = Site(tmp_path, keeper={"partition": "small", "account": "misc", "time_s": 300})
    _chain(site)
    site.advance(1)

    (keeper,) = _keepers(site)
    asked = keeper["partition"], keeper["account"], keeper["time"]
    assert ("small", "misc", "5") == asked
    site.rest()


@pytest.mark.parametrize("mode", ["sbatch denied", "sbatch missing"])
def test_where_compute_nodes_cannot_submit_one_tries_and_the_laptop_is_told_what_waits_for_it(
    site: Site, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.yard.ask("a", "b", request=REQUEST)
    site.yard.ask("c", parents=["a"], request=REQUEST)
    site.yard.ask("d", parents=["c", "b"], request=REQUEST)
    site.advance()
    site.advance(1)
    assert 1 == len(_keepers(site))
    calls = len(site.calls("sbatch"))
    site.yard.finish("a")
    with monkeypatch.context() as inside:
        inside.setenv("SLURM_JOB_ID", "1001")
        site.script(mode, mode)
        for _ in range(3):
            site.come()
            site.advance(100)
        tried = len(site.calls("sbatch")) - calls
    assert 1 == tried
    assert site.word("c") in ("ready", "submitted")
    assert Path(site.yard.layout.own, "nodes.json").exists()

    site.script()
    site.come()
    site.advance(1)
    site.advance(61)

    assert "pending" == site.word("c")
    assert site.place is not None
    assert "1 job waits for others and, when these are done, for this laptop" in "".join(
        site.place.notes()
    )


def test_what_is_refused_to_a_job_is_asked_once_more_by_the_laptop(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.yard.ask("a", request=REQUEST)
    site.script("sbatch refuse")
    with monkeypatch.context() as inside:
        inside.setenv("SLURM_JOB_ID", "7")
        site.advance()
        site.advance(20)
    assert "submitted" == site.word("a")
    assert 1 == len(site.calls("sbatch"))

    site.script("sbatch refuse")
    site.come()
    site.advance(1)
    site.advance(1)
    assert "failed" == site.word("a")


@pytest.mark.parametrize("mode", ["silent", "accepted-silent"])
def test_an_sbatch_that_dies_with_the_job_that_started_it_is_looked_up_by_keepers(
    site: Site, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _chain(site)
    site.advance(1)
    site.yard.finish("a")
    site.yard.finish("b")
    monkeypatch.setenv("SLURM_JOB_ID", "1001")
    site.come()
    site.script("sbatch " + mode)
    before = len(site.calls("sbatch"))
    advance(site.board, site.place, site.now, 0.1)
    eventually(lambda: len(site.calls("sbatch")) > before)
    (errand,) = Path(site.yard.layout.submissions).glob(f"*{job_id('c')[:32]}*/sbatch.1.pid")
    eventually(lambda: len(site.queue) == 3 + (mode == "accepted-silent"))
    for pid in processes.session_members(int(errand.read_text())):
        os.kill(pid, signal.SIGKILL)

    keeper = 1
    while site.view("c").batch_id is None and keeper < 8:
        site.ahead += 150
        _run(site, keeper)
        keeper += 1
        site.come()
        site.board.refresh(site.now)
        site.advance()

    names = [site.batch(number)["name"] for number in site.queue]
    assert 1 == sum(job_id("c")[:32] in name for name in names)
    assert keeper <= 5


def test_advancers_killed_anywhere_while_they_make_a_keeper_leave_one_in_the_queue(
    tmp_path: Path,
) -> None:
    number, goes_on = 1, True
    while goes_on:
        site = Site(tmp_path / str(number))
        _chain(site)
        site.advance(1)
        site.content["options"]["keeper"] = {}
        site.come()
        goes_on = killing.stopped_at(partial(_advance_once, site), number, signal.SIGKILL) == 0
        site.come()

        for _ in range(5):
            site.advance(100)

        kept = [site.batch(each) for each in site.queue]
        names = [each["name"] for each in kept if ".keeper." in each["name"]]
        assert 1 == len(names), f"killed before change {number}: {names}"
        number += 2  # every other one, for time
    assert number > 8


def _advance_once(site: Site) -> None:
    advance(site.board, site.place, site.now, 10.0)
