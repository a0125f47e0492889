"""Plans run for real on this machine, by plain ``python plan.py``."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from xpm.follow.main import MainFolder
from xpm.follow.views import ExperimentView, JobView, experiments

pytestmark = pytest.mark.host
CHECKOUT = Path(__file__).parents[2]

PLAN = """
import pathlib, sys
from xpm import Param, Task, experiment

class Count(Task):
    __xpmid__ = "demo.count"
    n: Param[int]

    def execute(self):
        with open(pathlib.Path("{shared}") / "ran", "a") as file:
            file.write(f"count {{self.n}}\\n")
        {body}
        pathlib.Path("value").write_text(str(self.n))

class Double(Task):
    __xpmid__ = "demo.double"
    count: Param[Count]

    def execute(self):
        with open(pathlib.Path("{shared}") / "ran", "a") as file:
            file.write(f"double {{self.count.n}}\\n")
        value = (pathlib.Path(self.count.jobpath) / "value").read_text()
        print("twice", 2 * int(value))

with experiment("main", "exp") as xp:
    for n in {numbers}:
        count = Count(n=n)
        count.submit().on_completed(lambda task: print("called back", task.n, flush=True))
        Double(count=count).submit()
print("over")
"""


class Desk:
    """A folder with a plan, and a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shared = folder / "shared"
        self.shared.mkdir()
        self.project = folder / "project"
        self.project.mkdir()
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONPATH": str(CHECKOUT),
            "LANG": "C.UTF-8",
        }

    def write(self, body: str = "", numbers: str = "[1]") -> None:
        text = PLAN.format(shared=self.shared, body=body or "pass", numbers=numbers)
        (self.project / "plan.py").write_text(text)

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "plan.py"], cwd=self.project, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self) -> "subprocess.CompletedProcess[str]":
        process = self.start()
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @property
    def ran(self) -> list[str]:
        path = self.shared / "ran"
        return sorted(path.read_text().splitlines()) if path.exists() else []

    def view(self) -> ExperimentView:
        (view,) = experiments(MainFolder(self.project / "main"))
        return view

    def job(self, task: str) -> JobView:
        (job,) = [each for each in self.view().jobs if each.task == task]
        return job


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Desk(tmp_path)


def test_a_plan_runs_and_running_it_again_repeats_nothing(desk: Desk) -> None:
    desk.write(numbers="[1, 2]")

    first = desk.run()
    again = desk.run()

    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "over"
    assert sorted(first.stdout.splitlines()[:-1]) == ["called back 1", "called back 2"]
    assert desk.ran == ["count 1", "count 2", "double 1", "double 2"]
    assert {job.state for job in desk.view().jobs} == {"done"}
    assert again.returncode == 0, again.stderr
    assert sorted(again.stdout.splitlines()[:-1]) == ["called back 1", "called back 2"]


def test_a_failing_task_ends_the_plan_in_words_and_is_tried_again_when_mended(desk: Desk) -> None:
    desk.write(body="raise ValueError('no such number')")

    failed = desk.run()

    assert failed.returncode == 1
    assert "1 of 2 tasks failed, 1 was not run" in failed.stderr
    assert "ValueError: no such number" in failed.stderr
    assert str(desk.job("demo.count").path) in failed.stderr
    assert 'File "' + str(CHECKOUT) not in failed.stderr.split("demo.count")[0]
    assert (desk.job("demo.count").state, desk.job("demo.double").state) == ("failed", "skipped")
    assert desk.job("demo.count").cause == "exit"

    desk.write()
    mended = desk.run()

    assert mended.returncode == 0, mended.stderr
    assert desk.job("demo.count").attempt == 2
    assert desk.ran == ["count 1", "count 1", "double 1"]


def test_a_killed_plan_finds_its_jobs_again_and_each_runs_once(desk: Desk) -> None:
    desk.write(body=waiting_for(desk.shared / "go"), numbers="[1, 2]")
    killed = desk.start()
    until(lambda: len(desk.ran) >= 1)  # with one core one after the other
    killed.kill()
    killed.communicate()

    again = desk.start()
    (desk.shared / "go").touch()
    out, err = again.communicate(timeout=60)

    assert again.returncode == 0, err
    assert "called back 1" in out
    assert desk.ran == ["count 1", "count 2", "double 1", "double 2"]


def test_jobs_of_a_killed_plan_go_on_with_what_depends_on_them(desk: Desk) -> None:
    desk.write(body=waiting_for(desk.shared / "go"))
    killed = desk.start()
    until(lambda: len(desk.ran) == 1)
    killed.kill()
    killed.communicate()

    (desk.shared / "go").touch()

    until(lambda: desk.ran == ["count 1", "double 1"])


def test_an_interrupted_plan_leaves_its_jobs_running(desk: Desk) -> None:
    desk.write(body=waiting_for(desk.shared / "go"))
    process = desk.start()
    until(lambda: len(desk.ran) == 1)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Run the plan again" in err
    assert "Traceback" not in err
    (desk.shared / "go").touch()
    until(lambda: desk.ran == ["count 1", "double 1"])


def test_two_processes_with_one_plan_run_each_job_once(desk: Desk) -> None:
    desk.write(body=waiting_for(desk.shared / "go"), numbers="[1, 2, 3]")
    both = [desk.start(), desk.start()]
    until(lambda: len(desk.ran) >= 1)
    (desk.shared / "go").touch()

    ended = [(each.communicate(timeout=60)[1], each.returncode) for each in both]

    assert [code for _, code in ended] == [0, 0], ended
    assert desk.ran == sorted(f"{what} {n}" for what in ("count", "double") for n in (1, 2, 3))


def test_jobs_run_the_code_as_it_was_when_they_were_submitted(desk: Desk) -> None:
    desk.write(body=waiting_for(desk.shared / "go"))
    process = desk.start()
    until(lambda: len(desk.ran) == 1)
    text = (desk.project / "plan.py").read_text().replace('"twice", 2', '"thrice", 3')
    (desk.project / "plan.py").write_text(text)

    (desk.shared / "go").touch()
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert (Path(desk.job("demo.double").path) / "stdout").read_text() == "twice 2\n"


def waiting_for(path: Path) -> str:
    """Code that waits for a file."""
    return f"import os, time\n        while not os.path.exists({str(path)!r}): time.sleep(0.01)"


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


TIMED = """
import pathlib, time
from xpm import GracefulTimeout, ResumableTask, Task, experiment

class Slow(Task):
    __xpmid__ = "demo.slow"
    def execute(self):
        print("slow", flush=True)
        time.sleep(60)

class Goes(ResumableTask):
    __xpmid__ = "demo.goes"
    def execute(self):
        if not pathlib.Path("checkpoint").exists():
            pathlib.Path("checkpoint").touch()
            while self.remaining_time() > 0.5:
                time.sleep(0.05)
            raise GracefulTimeout

with experiment("main", "exp", launcher="brief") as xp:
    Slow().submit()
    Goes().submit()
"""
BRIEF = "version: 1\nlaunchers: {brief: {connector: local, time: 5s}}\n"


def test_a_task_whose_time_is_over_says_so_and_a_resumable_one_goes_on(desk: Desk) -> None:
    (desk.project / "plan.py").write_text(TIMED)
    (desk.folder / "config").mkdir()
    (desk.folder / "config" / "launchers.yaml").write_text(BRIEF)
    desk.environ["XPM_CONFIG_DIR"] = str(desk.folder / "config")

    done = desk.run()

    assert done.returncode == 1
    told = " ".join(done.stderr.split())
    assert "demo.slow" in told
    assert "it ran out of its time (TIMEOUT)" in told
    assert "hit its limit of 5 s: raise `time` in the launcher brief, or make it a Resum" in told
    assert re.search(r"attempt 1 on local; it ran \d+ s with at most", told)
    goes = desk.job("demo.goes")
    assert goes.state == "done"
    assert goes.attempt > 1  # more often where a start takes that long


SHARING = """
import pathlib, time
from xpm import Param, Task, experiment

class Work(Task):
    __xpmid__ = "demo.work"
    n: Param[int]

    def execute(self):
        begun = time.time()
        time.sleep(0.1)
        with open(pathlib.Path("{shared}") / "spans", "a") as file:
            file.write(f"{{begun}} {{time.time()}}\\n")

with experiment("main", "{name}") as xp:
    cpu, disk = xp.connector.createtoken("cpu", 3), xp.token("disk", 2)
    for n in {numbers}:
        cpu(2, disk(1, Work(n=n))).submit()  # never two at once: 2 + 2 > 3
    Work(n=100 + {numbers}[0]).add_dependencies(cpu.dependency(2)).submit()
"""


def test_experiments_share_a_token_also_when_their_plans_are_gone(desk: Desk) -> None:
    plans = []
    for name, numbers in (("one", [1, 2, 3]), ("two", [4, 5, 6])):
        script = desk.project / f"{name}.py"
        script.write_text(SHARING.format(shared=desk.shared, name=name, numbers=numbers))
        plans.append(
            subprocess.Popen([sys.executable, script.name], cwd=desk.project, env=desk.environ)
        )
    queue = desk.project / "main" / ".xpm" / "queue"
    spans = desk.shared / "spans"
    until(lambda: len(queued(queue)) == 8)
    for plan in plans:
        plan.kill()
        plan.wait()

    until(lambda: spans.exists() and len(spans.read_text().splitlines()) == 8)

    times = sorted(tuple(map(float, line.split())) for line in spans.read_text().splitlines())
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))


def queued(queue: Path) -> set[str]:
    """The jobs that have been handed over."""
    bundles = [json.loads(path.read_bytes())["jobs"] for path in queue.glob("*.json")]
    return {entry["job"] for entries in bundles for entry in entries}
