"""The supervisor of a plain host with real runners: whatever dies, every job takes effect once."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core import killing
from tests.agent_core.yard import eventually
from tests.pythons import interpreters
from tests.runner.workshop import TASK, Workshop, clean, job_id
from xpm.agent import place, processes
from xpm.agent.advance import advance
from xpm.agent.board import Board
from xpm.agent.crew import Crew
from xpm.agent.owner import Owner
from xpm.agent.plain import PlainPlace
from xpm.agent.supervisor import main as supervise
from xpm.wire import files, ledger
from xpm.wire.workspace import write_bundle

pytestmark = pytest.mark.host


class Host:
    """A plain host: one workspace, whose supervisor a test starts, kills and starts again."""

    def __init__(
        self,
        root: Path,
        capacity: Mapping[str, Any] | None = None,
        python: str = sys.executable,
        **environ: str,
    ) -> None:
        self.workshop = Workshop(root)
        self.layout = self.workshop.layout
        self.python = python
        travel = Path(self.workshop.travel).name
        capacity = {"jobs": 2} if capacity is None else capacity
        found = {**clean(os.environ), **environ}
        place.record(self.layout, "plain", travel, capacity, sys.executable, found)
        self.board = Board(self.layout)
        self.supervisors: list[subprocess.Popen[bytes]] = []

    def ask(self, name: str, code: str = "pass", ago_s: float = 0.0, **more: Any) -> None:
        """Queue a job, as if so long ago: who came first is served first, by the files' times."""
        bundle = write_bundle(self.layout, [self.workshop.entry(job_id(name), code, **more)])
        if ago_s:
            os.utime(self.layout.bundle(bundle), (time.time() - ago_s,) * 2)

    def tune(self, **seconds: float) -> None:
        """Change how long supervisors to come wait for what."""
        path = Path(self.workshop.travel, "xpm", "agent", "supervisor.py")
        text = path.read_text()
        for name, value in seconds.items():
            text, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
            assert count == 1
        path.write_text(text)

    def supervise(self) -> "subprocess.Popen[bytes]":
        argv = [self.python, self.workshop.travel, "supervise", self.layout.root]
        self.supervisors.append(subprocess.Popen(argv, env=clean(os.environ)))
        return self.supervisors[-1]

    def word(self, name: str) -> str:
        self.board.refresh(time.time())
        known = self.board.jobs.get(job_id(name))
        return known.word if known else ""

    def until(self, name: str, *words: str) -> None:
        eventually(lambda: self.word(name) in words)

    def claim(self, name: str, attempt: int = 1) -> dict[str, Any]:
        return self.workshop.ledger(name, attempt)[0]

    def effects(self, name: str) -> int:
        return len(self.workshop.effects(name))

    def cancel(self, name: str, attempt: int = 1) -> None:
        path = Path(self.layout.cancel, f"{job_id(name)}.a{attempt}")
        files.create(str(path), files.dump({"at": time.time(), "by": "test"}))

    def stop(self) -> None:
        for each in self.supervisors:
            each.kill()
            each.wait()
        # runners outlive their supervisor by design; not the test that started them
        subprocess.run(["pkill", "-KILL", "-f", "--", str(self.layout.root)], check=False)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "ws")
    yield host
    host.stop()


def parents(*names: str) -> Mapping[str, Any]:
    return {"parents": [[TASK, job_id(name)] for name in names]}


WAIT = "import time\nwhile not os.path.exists('go'): time.sleep(0.01)"


def release(host: Host, name: str) -> None:
    (host.workshop.folder(name) / "go").touch()


def test_jobs_run_in_the_order_of_their_dependencies_and_the_supervisor_goes(host: Host) -> None:
    host.ask("c", **parents("a", "b"))
    host.ask("a")
    host.ask("b", **parents("a"))

    assert 0 == host.supervise().wait(timeout=60)

    ends = {name: host.workshop.outcome(name) for name in "abc"}
    assert ["done"] * 3 == [end["state"] for end in ends.values()]
    assert ends["a"]["at"] <= host.claim("b")["at"] <= ends["b"]["at"] <= host.claim("c")["at"]
    assert [1, 1, 1] == [host.effects(name) for name in "abc"]
    assert not Owner(host.layout.supervisor).is_there()


def test_no_more_jobs_run_at_once_than_the_host_has_room_for(host: Host) -> None:
    go, names = Path(host.layout.root).parent / "go", "abcdef"
    waits = f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"
    code = f"import time; now = time.time\nopen('began', 'w').write(str(now()))\n{waits}\nopen('ended', 'w').write(str(now()))"
    for name in names:
        host.ask(name, code)

    host.supervise()

    eventually(lambda: sum(at(host, name, "began") > 0 for name in names) == 2)
    go.touch()
    for name in names:
        host.until(name, "done")
    times = [(at(host, name, "began"), at(host, name, "ended")) for name in names]
    assert 2 == max(sum(b <= begun < e for b, e in times) for begun, _ in times)


def at(host: Host, name: str, what: str) -> float:
    """When a job wrote this file of its own; 0 before that."""
    path = host.workshop.folder(name) / what
    return float(path.read_text() or 0) if path.exists() else 0.0


def test_jobs_that_share_a_token_do_not_run_together(host: Host) -> None:
    code = "import time; b = time.time(); time.sleep(0.2); open('when', 'w').write(f'{b} {time.time()}')"
    for n in range(3):
        host.ask(str(n), code, tokens=[["gpu", 1, 1]])

    host.supervise()

    for n in range(3):
        host.until(str(n), "done")
    spans = [(host.workshop.folder(str(n)) / "when").read_text().split() for n in range(3)]
    times = sorted((float(begin), float(end)) for begin, end in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))


def asks(**resources: Any) -> Mapping[str, Any]:
    return {"request": {"kind": "plain", "options": [], "resources": resources}}


def stands(host: Host, name: str) -> tuple[str, str]:
    """The word and the reason, as the host's advance finds them."""
    host.board.refresh(time.time())
    view = host.board.views(time.time())[job_id(name)]
    return view.state, view.reason


@pytest.mark.parametrize(
    ("capacity", "resources"),
    [
        ({"cpus": 3}, {"cpus": 2}),
        ({"mem_mib": 1000, "cpus": 8}, {"mem_mib": 600}),
        ({"cpus": 8}, {"exclusive": True}),
        ({"jobs": 4, "cpus": 3}, {"cpus": 2}),
    ],
)
def test_jobs_that_the_host_has_no_room_for_wait(
    capacity: Mapping[str, Any], resources: Mapping[str, Any], tmp_path: Path
) -> None:
    host = Host(tmp_path / "ws", capacity)
    for ago_s, name in ((2, "a"), (1, "b")):
        host.ask(name, WAIT, ago_s=ago_s, **asks(**resources))

    host.supervise()
    try:
        host.until("a", "running")
        host.ask("c", **asks(cpus=1) if "exclusive" not in resources else asks(cpus=8))
        if "exclusive" not in resources:
            host.until("c", "done")  # there is room for a small one
        assert "ready" == host.word("b")
        release(host, "a")
        host.until("b", "running")
        release(host, "b")
        host.until("b", "done")
        host.until("c", "done")
    finally:
        host.stop()


def test_a_capacity_that_changes_counts_soon(tmp_path: Path) -> None:
    host = Host(tmp_path / "ws", {"cpus": 1})
    for name in "ab":
        host.ask(name, WAIT)
    host.supervise()
    try:
        eventually(lambda: [host.word(n) for n in "ab"].count("running") == 1)
        travel = Path(host.workshop.travel).name
        place.record(host.layout, "plain", travel, {"cpus": 2}, sys.executable, clean(os.environ))

        eventually(lambda: [host.word(n) for n in "ab"].count("running") == 2)
    finally:
        host.stop()


def test_without_a_word_each_job_takes_a_core(tmp_path: Path) -> None:
    host = Host(tmp_path / "ws", {"cpus": 2})
    for name in "abc":
        host.ask(name, WAIT)
    host.supervise()
    try:
        eventually(lambda: [host.word(n) for n in "abc"].count("running") == 2)
        assert [host.word(n) for n in "abc"].count("ready") == 1
    finally:
        host.stop()


def test_what_the_host_can_never_run_is_refused_with_all_that_it_lacks(tmp_path: Path) -> None:
    host = Host(tmp_path / "ws", {"cpus": 4, "mem_mib": 1000, "gpus": 1})
    host.ask("a", **asks(cpus=5, mem_mib=2000, gpus=2))
    host.ask("b", **parents("a"))

    assert 0 == host.supervise().wait(timeout=60)

    end = host.workshop.outcome("a")
    assert ("failed", "refused", 1) == (end["state"], end["cause"], end["slot"])
    assert end["message"] == (
        "it can never run here: 2 GPUs, there are 1; 2000 MiB of memory, there are 1000;"
        " 5 cores, there are 4"
    )
    assert "skipped" == host.word("b")


SHOW = "open('seen', 'w').write(os.environ.get('CUDA_VISIBLE_DEVICES', 'all'))\n"


def with_gpus(folder: Path, uuids: list[str]) -> str:
    """A PATH with an nvidia-smi that lists these."""
    lines = "".join(f"echo '{n}, {uuid}'\n" for n, uuid in enumerate(uuids))
    program = folder / "bin" / "nvidia-smi"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{lines}")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def seen(host: Host, name: str) -> str:
    path = host.workshop.folder(name) / "seen"
    return path.read_text() if path.exists() else ""


def test_no_gpu_is_leased_to_two_jobs_whichever_workspace_asks(tmp_path: Path) -> None:
    path = with_gpus(tmp_path, [f"GPU-{os.getpid()}-{n}" for n in range(2)])
    hosts = [Host(tmp_path / name, {"jobs": 4}, PATH=path) for name in ("one", "two")]
    one, two = hosts
    try:
        one.ask("a", SHOW + WAIT, **asks(gpus=1))
        first = one.supervise()
        eventually(lambda: seen(one, "a"))
        two.ask("b", SHOW + WAIT, **asks(gpus=1))
        two.supervise()
        eventually(lambda: seen(two, "b"))
        assert ["0", "1"] == [seen(one, "a"), seen(two, "b")]

        one.ask("c", SHOW, **asks(gpus=1))
        one.ask("d", SHOW)
        one.until("d", "done")
        assert "ready" == one.word("c")
        first.kill()  # its run, and so its lease, goes on
        first.wait()
        one.supervise()
        one.ask("e")
        one.until("e", "done")
        assert "ready" == one.word("c")

        os.kill(two.claim("b")["pid"], signal.SIGKILL)  # a crash frees
        one.until("c", "done")
        assert ["1", "all"] == [seen(one, "c"), seen(one, "d")]
        release(one, "a")
        one.until("a", "done")
    finally:
        for host in hosts:
            host.stop()


def test_a_crowd_of_small_jobs_lets_a_big_one_through(tmp_path: Path) -> None:
    host = Host(tmp_path / "ws", {"cpus": 2})
    host.ask("s1", WAIT)
    host.ask("s2", WAIT)
    supervisor = host.supervise()
    try:
        for name in ("s1", "s2"):
            host.until(name, "running")
        supervisor.send_signal(signal.SIGSTOP)
        host.ask("big", ago_s=3600, **asks(cpus=2))  # as if it had been passed over for an hour
        for n in range(5):
            host.ask(f"small {n}", WAIT)
        supervisor.send_signal(signal.SIGCONT)

        for name in ("s1", "s2"):  # between the two there is room for small ones
            release(host, name)
            host.until(name, "done")
        host.until("big", "done")

        assert [] == [n for n in range(5) if began_before(host, f"small {n}", "big")]
    finally:
        host.stop()


def began_before(host: Host, name: str, other: str) -> bool:
    begun = bool(host.workshop.ledger(name))
    return begun and bool(host.claim(name)["at"] < host.claim(other)["at"])


def test_a_folder_that_cannot_be_used_stops_nobody_for_good(host: Host) -> None:
    in_the_way = Path(host.layout.tokens, "lane")
    in_the_way.write_text("")
    host.ask("a", tokens=[["lane", 1, 1]])
    supervisor = host.supervise()
    time.sleep(0.5)
    assert supervisor.poll() is None

    in_the_way.unlink()

    host.until("a", "done")


def test_what_depends_on_a_failed_job_is_skipped_until_it_is_done_after_all(host: Host) -> None:
    host.ask("a", "sys.exit(3)")
    host.ask("b", **parents("a"))
    host.supervise()
    host.until("b", "skipped")
    assert "failed" == host.word("a")

    host.ask("a", attempt=2)
    host.supervise()

    host.until("b", "done")
    assert [2, 1] == [host.effects("a"), host.effects("b")]


def test_new_work_starts_without_waiting_for_the_next_look_at_everything(host: Host) -> None:
    host.tune(FRESH_S=3600.0, LINGER_S=3600.0)
    host.ask("a")
    host.supervise()
    host.until("a", "done")

    host.ask("b")

    host.until("b", "done")


def test_a_killed_supervisor_is_replaced_and_its_runs_go_on(host: Host) -> None:
    host.ask("a", WAIT)
    host.ask("b", **parents("a"))
    first = host.supervise()
    host.until("a", "running")
    first.kill()
    first.wait()

    host.supervise()
    eventually(Owner(host.layout.supervisor).is_there)
    release(host, "a")

    host.until("b", "done")
    assert [1, 1] == [host.effects("a"), host.effects("b")]
    assert [("a", 1), ("b", 1)] == [(n, len(host.workshop.ledger(n)) - 1) for n in "ab"]


def test_a_run_that_outlives_its_supervisor_starts_another_when_it_ends(host: Host) -> None:
    host.ask("a", WAIT)
    host.ask("b", **parents("a"))
    first = host.supervise()
    host.until("a", "running")
    first.kill()
    first.wait()

    release(host, "a")

    host.until("b", "done")
    assert [1, 1] == [host.effects("a"), host.effects("b")]
    eventually(lambda: not Owner(host.layout.supervisor).is_there())


def test_a_killed_runner_is_mourned_and_nothing_of_its_task_goes_on(host: Host) -> None:
    host.ask("a", WAIT)
    host.supervise()
    host.until("a", "running")
    eventually(lambda: host.effects("a"))
    task = int(host.workshop.effects("a")[0])

    os.kill(host.claim("a")["pid"], signal.SIGKILL)

    host.until("a", "failed")
    outcome = host.workshop.outcome("a")
    assert ("signal", "failed") == (outcome["cause"], outcome["state"])
    assert "signal 9" in outcome["message"]
    eventually(lambda: not Path(f"/proc/{task}").exists() or is_zombie(task))


def test_a_killed_runner_is_no_lost_one_even_when_strangers_are_looked_for_in_the_same_turn(
    host: Host,
) -> None:
    content = place.read(host.layout)
    assert content
    assert Owner(host.layout.supervisor).take()
    crew = Crew(host.layout, content, "w")
    try:
        host.ask("a", WAIT)
        advance(host.board, crew, time.time(), 0.0)
        eventually(lambda: host.effects("a"))
        runner = host.claim("a")["pid"]
        os.kill(runner, signal.SIGKILL)
        eventually(lambda: is_zombie(runner))

        advance(host.board, crew, time.time() + 10, 0.0)
    finally:
        crew.close()

    assert ("signal", "failed") == tuple(host.workshop.outcome("a")[x] for x in ("cause", "state"))


def test_a_run_that_vanished_while_nobody_watched_is_lost_and_tried_once_more(host: Host) -> None:
    host.ask("a", WAIT)
    first = host.supervise()
    eventually(lambda: host.effects("a") == 1)
    first.kill()
    first.wait()
    os.kill(host.claim("a")["pid"], signal.SIGKILL)

    host.supervise()

    eventually(lambda: host.effects("a") == 2)
    release(host, "a")
    host.until("a", "done")
    assert ["lost", "done"] == [host.workshop.outcome("a", n)["state"] for n in (1, 2)]


def test_a_supervisor_whose_workspace_was_removed_goes(host: Host) -> None:
    host.ask("a", WAIT)
    host.tune(REMOVED_S=0.1, KEEP_S=0.1)
    supervisor = host.supervise()
    eventually(lambda: host.effects("a"))
    release(host, "a")
    host.until("a", "done")

    Path(host.layout.root).rename(f"{host.layout.root}.removed")

    assert 0 == supervisor.wait(60)


@pytest.mark.parametrize(
    "words", ["Input/output error", "Permission denied: '/w/.xpm/travel/12ab/__main__.py'"]
)
def test_a_job_whose_start_met_a_disk_that_was_away_is_started_again(
    host: Host, words: str
) -> None:
    tripped = host.workshop.folder("a").parent / "tripped"
    tripped.parent.mkdir(parents=True)
    setup = [f'test -e {tripped} || {{ touch {tripped}; echo "{words}" >&2; exit 1; }}']
    host.ask("a", request={"kind": "plain", "options": [], "setup": setup})

    host.supervise()

    host.until("a", "done", "failed")
    assert "done" == host.workshop.outcome("a")["state"]


def test_a_job_that_cannot_be_started_says_why(host: Host) -> None:
    request = {"kind": "plain", "options": [], "setup": ["echo no such module >&2", "exit 4"]}
    host.ask("a", request=request)

    host.supervise()

    host.until("a", "failed")
    outcome = host.workshop.outcome("a")
    assert ("launch", 1) == (outcome["cause"], outcome["slot"])
    assert "exit code 4" in outcome["message"]
    assert "no such module" in outcome["message"]


def test_setup_lines_come_before_the_job(host: Host) -> None:
    request = {"kind": "plain", "options": [], "setup": ["export COLOUR='deep blue'"]}
    host.ask("a", "open('colour', 'w').write(os.environ['COLOUR'])", request=request)

    host.supervise()

    host.until("a", "done")
    assert "deep blue" == (host.workshop.folder("a") / "colour").read_text()


@pytest.mark.parametrize("where", ["waiting", "running"])
def test_a_cancelled_job_ends_cancelled(host: Host, where: str) -> None:
    host.ask("a", WAIT)
    host.ask("b", **parents("a"))
    host.supervise()
    host.until("a", "running")
    eventually(lambda: host.effects("a"))
    name = "a" if where == "running" else "b"

    host.cancel(name)

    host.until(name, "cancelled")
    release(host, "a")
    host.until("b", "skipped" if where == "running" else "cancelled")


def test_an_agent_that_has_work_sees_to_it_that_there_is_a_supervisor(host: Host) -> None:
    host.ask("a")
    content = place.read(host.layout)
    assert content is not None

    PlainPlace(host.layout, content).ensure(time.time())

    host.until("a", "done")
    eventually(lambda: not Owner(host.layout.supervisor).is_there())


def test_two_supervisors_at_once_are_one(host: Host) -> None:
    for n in range(10):
        host.ask(str(n))

    both = [host.supervise(), host.supervise()]

    assert [0, 0] == [each.wait(timeout=60) for each in both]
    assert [1] * 10 == [host.effects(str(n)) for n in range(10)]


def test_a_nursery_that_dies_takes_no_runner_with_it(host: Host) -> None:
    for name in "ab":
        host.ask(name, WAIT)
    supervisor = host.supervise()
    eventually(lambda: nursery_of(supervisor.pid))
    release_when_running(host, "a", "b")
    host.ask("c", WAIT)
    host.until("c", "running")  # by now runners are born warm

    os.kill(nursery_of(supervisor.pid), signal.SIGKILL)
    host.ask("d")
    host.until("d", "done")
    assert "running" == host.word("c")

    release(host, "c")
    host.until("c", "done")
    assert [1] * 4 == [host.effects(name) for name in "abcd"]


def release_when_running(host: Host, *names: str) -> None:
    for name in names:
        host.until(name, "running")
        eventually(lambda: host.effects(name))  # noqa: B023
        release(host, name)


def nursery_of(supervisor: int) -> int:
    """The pid of a supervisor's nursery; 0 when it has none."""
    for line in subprocess.check_output(["ps", "-ewwo", "pid,ppid,args"], text=True).splitlines():
        pid, parent, *words = line.split(None, 2)
        if parent == str(supervisor) and "xpm.agent.nursery" in words[0]:
            return int(pid)
    return 0


@pytest.mark.parametrize("python", interpreters((3, 6)))
def test_it_runs_under_every_python(python: str, tmp_path: Path) -> None:
    host = Host(tmp_path / "ws", python=python)
    host.ask("a")
    host.ask("b", "sys.exit(2)")
    host.ask("c", **parents("a"))

    assert 0 == host.supervise().wait(timeout=60)

    assert ["done", "failed", "done"] == [host.word(name) for name in "abc"]


def test_the_place_of_an_adopted_run_is_free_when_it_ends(host: Host) -> None:
    for name in "ab":
        host.ask(name, WAIT)
    first = host.supervise()
    for name in "ab":
        host.until(name, "running")
        eventually(lambda: host.effects(name))  # noqa: B023
    first.kill()
    first.wait()

    second = host.supervise()
    eventually(lambda: Owner(host.layout.supervisor).is_there())
    host.ask("c")
    for name in "ab":
        release(host, name)

    assert 0 == second.wait(timeout=60)
    assert ["done"] * 3 == [host.word(name) for name in "abc"]


def test_killed_again_and_again_it_runs_every_job_once(host: Host) -> None:
    for n in range(30):
        host.ask(str(n), **(parents(str(n - 1)) if n % 3 else {}))
    ends = time.monotonic() + 60

    while host.word("29") != "done" and time.monotonic() < ends:
        supervisor = host.supervise()
        waits = _until_some_more_are_done(host, supervisor)
        eventually(waits)
        supervisor.kill()
        supervisor.wait()

    assert 0 == host.supervise().wait(timeout=60)
    assert [1] * 30 == [host.effects(str(n)) for n in range(30)]
    assert {"done"} == {host.word(str(n)) for n in range(30)}


def _until_some_more_are_done(
    host: Host, supervisor: "subprocess.Popen[bytes]"
) -> Callable[[], bool]:
    def count() -> int:
        return sum(host.word(str(n)) == "done" for n in range(30))

    goal = min(30, count() + 4)
    return lambda: count() >= goal or supervisor.poll() is not None


def is_zombie(pid: int) -> bool:
    return not processes.is_alive(dict(processes.identity(pid)))


def test_the_ledger_of_a_done_job_has_a_claim_and_an_outcome(host: Host) -> None:
    host.ask("a")
    host.supervise()
    host.until("a", "done")

    entries = host.workshop.ledger("a")

    assert ["claim", "outcome"] == [each["kind"] for each in entries]
    assert ledger.is_final(entries)


@pytest.mark.parametrize("step", range(4))
def test_killed_before_every_change_it_is_healed_by_the_next(tmp_path: Path, step: int) -> None:
    number = step - 3
    killed: int | None = 0
    while killed is not None:
        number += 4
        host = Host(tmp_path / str(number))
        host.ask("a", tokens=[["gpu", 1, 1]])
        host.ask("b", tokens=[["gpu", 1, 1]], **parents("a"))

        killed = _supervised(host, number)
        _supervised(host, -1)

        where = f"killed before change {number}"
        assert ["done", "done"] == [host.word(name) for name in "ab"], where
        assert [1, 1] == [host.effects(name) for name in "ab"], where
    assert number > 10


def _supervised(host: Host, number: int) -> int | None:
    """Supervise until nothing is left, or death before that change."""

    def work() -> int:
        return supervise(host.layout.root, linger_s=0.0)

    return killing.stopped_at(work, number, signal.SIGKILL)
