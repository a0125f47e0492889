"""The main job, whole: a laptop, a SLURM cluster and a plain host, over ssh and nothing else."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.cli.commands import CHECKOUT, until
from tests.cli.laptop import Gates, Laptop
from tests.cluster import RunningCluster

pytestmark = pytest.mark.cluster


@pytest.fixture
def laptop(healthy_cluster: RunningCluster, tmp_path: Path) -> Laptop:
    return Laptop(healthy_cluster, tmp_path / "home")


def relative(folder: Path) -> set[str]:
    """Files below a folder of jobs; ours, in .xpm, apart."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and ".xpm" not in path.parts
    }


def accounted(laptop: Laptop) -> set[str]:
    """What SLURM itself says of all jobs."""
    said = laptop.cluster.on("login1", "sacct", "-X", "-n", "-P", "-o", "JobID,State")
    return set(said.split())


def test_the_example_runs_on_the_cluster_and_comes_back_to_the_same_paths(laptop: Laptop) -> None:
    shutil.copytree(CHECKOUT / "examples" / "digits", laptop.home / "digits")

    told = laptop.xpm("run", "../digits/plan.py", "--launcher", "cpu", "--workdir", "main")

    assert told.code == 0, told.err
    jobs = laptop.status()
    assert [job["state"] for job in jobs] == ["done"] * 20
    assert (laptop.project / "main/xp/digits/results/summary.csv").exists()
    there = laptop.cluster.on(
        "login1", "sh", "-c", f"cd ~/xpm-{laptop.token}/jobs; find . -type f ! -path '*/.xpm/*'"
    )
    assert {path[2:] for path in there.split()} == relative(laptop.project / "main" / "jobs")
    completed = {f"{job['batch_id']}|COMPLETED" for job in jobs}
    until(lambda: completed <= accounted(laptop))


def test_when_all_is_done_running_again_opens_no_connection(laptop: Laptop) -> None:
    gates = Gates(laptop, "login1", ["one", "two"])
    gates.open("one", "two")
    first = laptop.xpm("run", "plan.py", "-l", "cpu")
    laptop.cluster.do("cut")

    again = laptop.xpm("run", "plan.py", "-l", "cpu")

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert sorted(again.out.splitlines()) == ["done: one", "done: two"]
    assert gates.effects() == ["after one", "after two", "one", "two"]


def test_a_laptop_killed_while_jobs_run_loses_and_doubles_nothing(laptop: Laptop) -> None:
    names = ["one", "two", "three"]
    gates = Gates(laptop, "login1", names)
    running = laptop.start("run", "plan.py", "-l", "cpu")
    until(lambda: len(gates.effects()) >= 2)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    gates.open(*names)

    told = laptop.xpm("run", "plan.py", "-l", "cpu")

    assert told.code == 0, told.err
    assert sorted(told.out.splitlines()) == [f"done: {name}" for name in sorted(names)]
    assert gates.effects() == sorted([*names, *(f"after {name}" for name in names)])


def test_with_the_lid_closed_dependents_go_on(laptop: Laptop) -> None:
    gates = Gates(laptop, "login1", ["one"])
    left = laptop.xpm("run", "plan.py", "-l", "cpu", "--detach")
    laptop.cluster.do("cut")

    gates.open("one")

    until(lambda: gates.effects() == ["after one", "one"])
    assert left.code == 0, left.err
    laptop.cluster.do("heal")
    assert laptop.xpm("wait").code == 0
    assert laptop.states() == {"work one": "done", "after one": "done"}


def test_a_cut_link_changes_no_state_and_heals_by_itself(laptop: Laptop) -> None:
    gates = Gates(laptop, "login1", ["one"])
    running = laptop.start("run", "plan.py", "-l", "cpu")
    until(lambda: gates.effects() == ["one"])
    until(lambda: laptop.states()["work one"] == "running")
    laptop.cluster.do("cut")
    gates.open("one")

    blind = laptop.xpm("status")

    assert blind.code == 0
    assert "1 running" in blind.out
    assert "cluster" in blind.err
    laptop.cluster.do("heal")
    out, err = running.communicate(timeout=120)
    assert (running.returncode, out) == (0, "done: one\n"), err
    assert gates.effects() == ["after one", "one"]


def test_status_does_not_wait_long_for_a_silent_host(laptop: Laptop) -> None:
    gates = Gates(laptop, "login1", ["one"])
    laptop.xpm("run", "plan.py", "-l", "cpu", "--detach")
    laptop.cluster.do("freeze")

    told = laptop.xpm("status")

    assert told.code == 0
    assert "gated.work" in told.out
    assert "it did not answer within" in told.err
    gates.open("one")


def test_a_failing_task_is_told_whole_and_gets_a_new_attempt(laptop: Laptop) -> None:
    gates = Gates(laptop, "login1", ["bad", "good"])
    gates.open("bad", fails=True)
    gates.open("good")

    failed = laptop.xpm("run", "plan.py", "-l", "cpu")

    assert (failed.code, failed.out) == (1, "done: good\n")
    assert laptop.states()["after bad"] == "skipped"
    assert "gated.work" in failed.err
    assert "ValueError: no luck with bad" in failed.err
    assert "stderr" in failed.err
    gates.open("bad")
    again = laptop.xpm("run", "plan.py", "-l", "cpu")
    assert again.code == 0, again.err
    assert [job["attempt"] for job in laptop.status()] == [2, 2, 1, 1]


def test_the_same_plan_runs_on_a_host_without_slurm(laptop: Laptop) -> None:
    gates = Gates(laptop, "tower", ["one", "two"])
    gates.open("one", "two")

    told = laptop.xpm("run", "plan.py", "-l", "box")

    assert told.code == 0, told.err
    assert gates.effects() == ["after one", "after two", "one", "two"]
    assert {job["connector"] for job in laptop.status()} == {"tower"}


def test_cancelling_ends_batch_jobs(laptop: Laptop) -> None:
    gates = Gates(laptop, "login1", ["one"])
    laptop.xpm("run", "plan.py", "-l", "cpu", "--detach")
    until(lambda: gates.effects() == ["one"])

    told = laptop.xpm("cancel", "gated")

    assert told.code == 0, told.err
    assert laptop.xpm("wait").code == 1
    assert laptop.states()["work one"] == "cancelled"
    until(lambda: laptop.cluster.on("login1", "squeue", "-h", "-u", "alice").strip() == "")
    assert gates.effects() == ["one"]


def test_logs_of_a_running_job_come_from_where_it_runs(laptop: Laptop) -> None:
    gates = Gates(laptop, "login1", ["one"])
    laptop.xpm("run", "plan.py", "-l", "cpu", "--detach")
    until(lambda: gates.effects() == ["one"])
    job = laptop.status()[0]["id"]

    told = laptop.xpm("logs", job[:10])

    gates.open("one")
    assert (told.code, told.out) == (0, "working on one\n")
    assert laptop.xpm("logs", "-f", job[:10]).out == "working on one\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("host: testcluster", "host: nowhere.invalid", 3, "nowhere.invalid"),
        ("/bin/python3", "/bin/python-of-nobody", 2, "python-of-nobody"),
        ('workspace: "$HOME', 'workspace: "/proc', 2, "/proc"),
        ("/opt/python/3.11", "/opt/python/3.6", 2, "3.6"),
    ],
    ids=["a host that does not resolve", "no such python", "an unwritable workspace", "too old"],
)
def test_what_cannot_work_is_told_once_and_clearly(
    laptop: Laptop, old: str, new: str, code: int, said: str
) -> None:
    Gates(laptop, "login1", ["one"])
    laptop.profile.write_text(laptop.profile.read_text().replace(old, new))

    told = laptop.xpm("run", "plan.py", "-l", "cpu", "--detach")

    assert told.code == code, told.err
    assert said in told.err
    assert "Traceback" not in told.err


def test_a_partition_that_does_not_exist_is_told(laptop: Laptop) -> None:
    gates = Gates(laptop, "login1", ["one"])
    laptop.profile.write_text(laptop.profile.read_text().replace("partition: cpu", "partition: no"))

    told = laptop.xpm("run", "plan.py", "-l", "cpu")

    assert told.code == 1
    assert "partition" in told.err.lower()
    assert gates.effects() == []


def test_a_module_the_jobs_python_lacks_is_named_with_its_line(laptop: Laptop) -> None:
    Gates(laptop, "login1", ["one"])
    plan = laptop.project / "plan.py"
    guarded = "try:\n    import here_only\nexcept ImportError:\n    raise\n"
    (laptop.home / "extra").mkdir()
    plan.write_text(plan.read_text().replace("import os\n", f"import os\n{guarded}", 1))
    (laptop.project / ".xpmignore").write_text("here_only.py\n")
    (laptop.project / "here_only.py").touch()

    told = laptop.xpm("run", "plan.py", "-l", "cpu")

    assert told.code == 1
    assert "here_only" in told.err
    assert "plan.py:3" in told.err
