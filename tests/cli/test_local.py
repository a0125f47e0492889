"""The verbs on a plan that runs here: interrupted, left, cancelled, tried again, failing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import Ended, environment, python, until, xpm

pytestmark = pytest.mark.host

PLAN = """
import time
from pathlib import Path

from xpm import Meta, Param, Task, experiment, tag

GATES = Path({gates!r})


class Work(Task):
    __xpmid__ = "gated.work"
    name: Param[str]

    def execute(self):
        print("working on", self.name, flush=True)
        while not (GATES / self.name).exists():
            time.sleep(0.02)
        if (GATES / self.name).read_text():
            raise ValueError("no luck with " + self.name)


class After(Task):
    __xpmid__ = "gated.after"
    work: Param[Work]

    def execute(self):
        print("after", self.work.name)


with experiment("main", "gated") as xp:
    for name in {names!r}:
        work = Work(name=tag(name)).submit()
        After(work=work).submit().on_completed(lambda task: print("done:", task.work.name))
"""


class Plan:
    """A plan whose tasks wait at gates that the test opens."""

    def __init__(self, home: Path, names: list[str]) -> None:
        self.home = home
        self.gates = home / "gates"
        self.gates.mkdir()
        self.folder = home / "project"
        self.folder.mkdir()
        text = PLAN.format(gates=str(self.gates), names=names)
        (self.folder / "plan.py").write_text(text)

    def open(self, name: str, fails: bool = False) -> None:
        """Let a task go on, to its end or to its failure."""
        beside = self.gates / f".{name}"
        beside.write_text("fail" if fails else "")
        beside.rename(self.gates / name)

    def xpm(self, *arguments: str) -> Ended:
        """Run a command in the plan's folder."""
        return xpm(*arguments, "--workdir", "main", home=self.home, cwd=self.folder)

    def start(self) -> "subprocess.Popen[str]":
        """Start to run the plan, beside us."""
        return subprocess.Popen(
            [sys.executable, "-m", "xpm", "run", "plan.py"],
            env=environment(self.home),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def states(self) -> dict[str, str]:
        """The state of each job, by kind and name."""
        content = json.loads(self.xpm("status", "--json").out)
        return {f"{job['task'][6:]} {job['tags']['name']}": job["state"] for job in content["jobs"]}

    def job(self, task: str) -> str:
        """The id of the only job of a task."""
        (job,) = (self.folder / "main" / "jobs" / task).iterdir()
        return job.name

    def is_working(self, count: int = 1) -> bool:
        """Whether so many tasks wait at their gates."""
        logs = self.folder.glob("main/jobs/gated.work/*/stdout")
        return sum("working" in log.read_text() for log in logs) >= count


def test_a_failing_task_is_told_with_its_log_and_its_dependents(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["good", "bad"])
    plan.open("good")
    plan.open("bad", fails=True)

    told = plan.xpm("run", "plan.py")

    assert (told.code, told.out) == (1, "done: good\n")
    assert "ValueError: no luck with bad" in told.err
    assert "skipped" in told.err
    assert "stderr" in told.err
    assert plan.states() == {
        "work good": "done", "after good": "done", "work bad": "failed", "after bad": "skipped",
    }  # fmt: skip


def test_run_again_a_plan_gives_what_failed_a_new_attempt_only(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["good", "bad"])
    plan.open("good")
    plan.open("bad", fails=True)
    plan.xpm("run", "plan.py")
    plan.open("bad")

    told = plan.xpm("run", "plan.py")

    content = json.loads(plan.xpm("status", "--json").out)
    assert told.code == 0
    assert sorted(told.out.splitlines()) == ["done: bad", "done: good"]
    assert {job["tags"]["name"]: job["attempt"] for job in content["jobs"]} == {"good": 1, "bad": 2}


def test_an_interruption_leaves_jobs_running_and_says_how_to_come_back(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])
    running = plan.start()
    until(plan.is_working)

    running.send_signal(signal.SIGINT)

    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Run the plan again" in told
    assert plan.states() == {"work one": "running", "after one": "waiting"}
    plan.open("one")
    assert plan.xpm("wait").code == 0
    assert plan.states() == {"work one": "done", "after one": "done"}


def test_a_killed_run_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])
    running = plan.start()
    until(plan.is_working)
    running.kill()
    running.communicate(timeout=60)
    plan.open("one")

    told = plan.xpm("run", "plan.py")

    work = plan.folder / "main" / "jobs" / "gated.work" / plan.job("gated.work")
    assert (told.code, told.out) == (0, "done: one\n")
    assert (work / "stdout").read_text() == "working on one\n"


def test_a_detached_run_ends_at_once_and_resume_runs_its_callbacks(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])

    left = plan.xpm("run", "plan.py", "--detach")

    assert (left.code, left.out) == (0, "")
    assert "xpm status gated" in left.err
    plan.open("one")
    assert plan.xpm("wait", "gated").code == 0
    resumed = plan.xpm("resume", "gated")
    assert (resumed.code, resumed.out) == (0, "done: one\n")


def test_a_plan_started_by_plain_python_is_resumed_from_anywhere(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])
    plan.open("one")
    first = python(["plan.py"], tmp_path, plan.folder)

    resumed = xpm("resume", home=tmp_path)

    assert (first.code, first.out) == (0, "done: one\n")
    assert (resumed.code, resumed.out) == (0, "done: one\n")


def test_without_its_script_a_plan_goes_on_from_its_records(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["good", "bad"])
    plan.open("bad", fails=True)
    plan.xpm("run", "plan.py", "--detach")
    (plan.folder / "plan.py").unlink()
    plan.open("good")

    first = plan.xpm("resume")
    plan.open("bad")
    again = plan.xpm("resume", "gated", "--retry")

    assert (first.code, again.code) == (1, 0)
    assert "plan.py is not there any more" in first.err
    assert "1 failed, 1 skipped: tried again" in again.err
    assert again.out == "gated: done · 4 done\n"
    assert {"done"} == set(plan.states().values())


def test_an_edited_script_is_told_and_can_be_left_alone(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])
    plan.xpm("run", "plan.py", "--detach")
    (plan.folder / "plan.py").write_text("print('another plan')")
    plan.open("one")

    without = plan.xpm("resume", "--without-script")
    edited = plan.xpm("resume")

    assert (without.code, without.out) == (0, "gated: done · 2 done\n")
    assert "which was edited since" in edited.err
    assert edited.out == "another plan\n"


def test_cancelling_an_experiment_ends_what_runs_and_what_waits(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])
    plan.xpm("run", "plan.py", "--detach")
    until(plan.is_working)

    told = plan.xpm("cancel", "gated")

    assert told.code == 0
    assert all(line.startswith("cancell") for line in told.out.splitlines())
    assert plan.xpm("wait").code == 1
    states = plan.states()
    assert states["work one"] == "cancelled"
    assert states["after one"] in ("cancelled", "skipped")  # whichever was seen first


def test_retrying_an_experiment_runs_what_failed_and_what_was_skipped(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])
    plan.open("one", fails=True)
    plan.xpm("run", "plan.py")
    plan.open("one")

    told = plan.xpm("retry", "gated")

    assert (told.code, told.out.count("2 jobs get a new attempt")) == (0, 1)
    assert plan.xpm("wait").code == 0
    assert plan.states() == {"work one": "done", "after one": "done"}


def test_what_failed_is_tried_again_what_was_cancelled_is_left_alone(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one", "two"])
    plan.open("one", fails=True)
    plan.xpm("run", "plan.py", "--detach")
    until(lambda: plan.states()["work one"] == "failed")
    plan.xpm("cancel", "name=two")
    plan.xpm("wait")
    plan.open("one")

    told = plan.xpm("retry", "--failed")
    plan.xpm("wait")

    assert "1 job gets a new attempt" in told.out, told
    states = plan.states()
    assert (states["work one"], states["after one"]) == ("done", "done")
    assert states["work two"] == "cancelled"
    assert plan.xpm("retry").code == 2


def test_logs_follow_a_job_to_its_end(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])
    plan.xpm("run", "plan.py", "--detach")
    until(plan.is_working)
    plan.open("one")

    told = plan.xpm("logs", "-f", plan.job("gated.work"))

    assert (told.code, told.out) == (0, "working on one\n")


def test_a_wrong_value_is_refused_with_its_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(
        "from xpm import Param, Task, experiment\n"
        "class Work(Task):\n"
        "    n: Param[int]\n"
        "    def execute(self): pass\n"
        "with experiment('main', 'wrong') as xp:\n"
        "    Work(n='three').submit()\n"
    )

    told = xpm("run", "plan.py", home=tmp_path)

    assert told.code == 2
    assert "plan.py:6" in told.err
    assert "Traceback" not in told.err
    assert list((tmp_path / "main" / "jobs").iterdir()) == []


def test_an_unknown_launcher_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ["one"])

    told = plan.xpm("run", "plan.py", "--launcher", "locla")

    assert told.code == 2
    assert "did you mean 'local'?" in told.err
    assert not (plan.folder / "main" / "xp" / "gated" / "jobs.jsonl").exists()
