"""The main job, whole: from a laptop to a real SLURM cluster and back, and the same without one."""

from pathlib import Path

import pytest

from tests.main_job import plans
from tests.main_job.laptop import Laptop, kill, wait_for
from xpm.sync import edits

pytestmark = pytest.mark.cluster


def _files(text: str) -> set[str]:
    return {line for line in text.split("\n") if line}


def _local_files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


def test_the_example_runs_on_the_nodes_and_its_results_are_in_the_same_folders_here(
    laptop: Laptop,
) -> None:
    plan = laptop.copy_example()
    laptop.there(f"test ! -e {laptop.home}")

    done = laptop.xpm("run", str(plan), "--launcher", "cpu", "--workdir", str(laptop.main))

    assert done.returncode == 0, done.stderr
    status = laptop.status()
    assert status["state"] == "done"
    jobs = status["jobs"]
    assert {"done"} == {job["state"] for job in jobs}
    batch_ids = [job["batch_id"] for job in jobs]
    assert len(set(batch_ids)) == len(jobs) == 20
    for job in jobs:
        relative = f"jobs/{job['task']}/{job['id']}"
        assert job["path"] == str(laptop.main / relative)
        there = laptop.there(f"cd $HOME/{laptop.name}/{relative} && find . -type f -printf '%P\\n'")
        assert _files(there) == _local_files(laptop.main / relative) - {
            edits.PATH
        }  # ours: how they came
    told = laptop.there("squeue -h -r -t all -o '%i|%N' --me").split("\n")
    nodes = dict(line.split("|") for line in told if line)
    assert {nodes[each] for each in batch_ids} <= {"c1", "c2"}
    accounted = laptop.there(f"sacct -n -X -P -o JobID,State -j {','.join(batch_ids)}").split()
    assert {f"{each}|COMPLETED" for each in batch_ids} == set(accounted)
    summary = laptop.main / "xp" / "digits" / "results" / "summary.csv"
    assert len(summary.read_text().splitlines()) == 10
    links = list((laptop.main / "xp" / "digits" / "results" / "runs").iterdir())
    assert all((link / "curve.json").is_file() for link in links)
    assert len(links) == 9

    laptop.cluster.do("cut")  # running it again opens no connection: there is none to be had
    again = laptop.xpm("run", str(plan), "--launcher", "cpu", "--workdir", str(laptop.main))

    assert again.returncode == 0, again.stderr
    laptop.cluster.do("heal")
    assert batch_ids == [job["batch_id"] for job in laptop.status()["jobs"]]
    assert told == laptop.there("squeue -h -r -t all -o '%i|%N' --me").split("\n")


@pytest.mark.parametrize("launcher", ["box", "local"])
def test_the_same_plan_runs_on_a_host_without_slurm_and_here(laptop: Laptop, launcher: str) -> None:
    plan = laptop.copy_example()

    done = laptop.xpm("run", str(plan), "--launcher", launcher)

    assert done.returncode == 0, done.stderr
    assert {"done"} == set(laptop.states())
    assert len(laptop.states()) == 20


MOMENTS = {
    "nothing is sent": lambda laptop: (laptop.main / "xp" / "steps" / "jobs.jsonl").exists(),
    "the queue has it": lambda laptop: laptop.there(f"ls $HOME/{laptop.name}/.xpm/queue || true"),
    "jobs are submitted": lambda laptop: laptop.there("squeue -h --me"),
    "a job runs": lambda laptop: laptop.there("squeue -h --me -t RUNNING"),
    "a job is done": lambda laptop: laptop.effects(),
}


@pytest.mark.parametrize("moment", list(MOMENTS))
def test_a_laptop_killed_at_any_moment_loses_nothing_and_doubles_nothing(
    laptop: Laptop, moment: str
) -> None:
    plan = laptop.write("project/plan.py", plans.steps(laptop.name, 10, 2.0))
    process = laptop.start("run", str(plan))
    wait_for(moment, lambda: MOMENTS[moment](laptop))

    kill(process)
    done = laptop.xpm("run", str(plan))

    assert done.returncode == 0, done.stderr
    assert {"done"} == set(laptop.states())
    assert sorted(f"step{n}" for n in range(11)) == laptop.effects()


@pytest.mark.parametrize(("launcher", "node"), [("cpu", "login1"), ("box", "tower")])
def test_what_was_submitted_goes_on_without_the_laptop_dependents_included(
    laptop: Laptop, launcher: str, node: str
) -> None:
    plan = laptop.write("project/plan.py", plans.steps(laptop.name, 3, 0.0, held=True))
    process = laptop.start("run", str(plan), "--launcher", launcher)
    queue = f"grep -l step $HOME/{laptop.name}/.xpm/queue/* 2>/dev/null | wc -l"
    wait_for("all is sent", lambda: "4 " in _tail(laptop) or int(laptop.there(queue, node)) > 0)
    wait_for("a step runs", lambda: "running" in "".join(laptop.states()))

    kill(process)

    laptop.release(node)
    wait_for("the last step", lambda: len(laptop.effects(node)) == 4)
    assert [f"step{n}" for n in range(4)] == laptop.effects(node)
    assert laptop.xpm("run", str(plan), "--launcher", launcher).returncode == 0
    assert [f"step{n}" for n in range(4)] == laptop.effects(node)


def _tail(laptop: Laptop) -> str:
    log = laptop.home / "run.log"
    return log.read_text() if log.exists() else ""


@pytest.mark.parametrize("how", ["cut", "freeze"])
def test_a_run_whose_link_is_cut_completes_by_itself_when_it_heals(
    laptop: Laptop, how: str
) -> None:
    plan = laptop.write("project/plan.py", plans.steps(laptop.name, 3, 0.0, held=True))
    process = laptop.start("run", str(plan))
    wait_for("jobs run", lambda: "running" in laptop.states())

    laptop.cluster.do(how)
    before = laptop.status()["jobs"]
    laptop.release()
    wait_for("all has happened there", lambda: len(laptop.effects()) == 4)
    meanwhile = laptop.status()["jobs"]
    laptop.cluster.do("heal")

    assert process.wait(120) == 0, _tail(laptop)
    assert [job["state"] for job in meanwhile] == [job["state"] for job in before]
    assert [job["seen_at"] for job in meanwhile] == [job["seen_at"] for job in before]
    assert {"done"} == set(laptop.states())
    assert [f"step{n}" for n in range(4)] == laptop.effects()


def test_a_task_that_raises_ends_the_run_with_its_cause_its_log_and_skipped_dependents(
    laptop: Laptop,
) -> None:
    plan = laptop.write("project/plan.py", plans.failing(laptop.name))

    done = laptop.xpm("run", str(plan))

    assert done.returncode == 1
    status = laptop.status()
    found = {job["task"]: job for job in status["jobs"]}
    assert status["state"] == "failed"
    assert (found["test.broken"]["state"], found["test.broken"]["cause"]) == ("failed", "exit")
    assert (found["test.child"]["state"], found["test.child"]["cause"]) == ("skipped", "dependency")
    assert found["test.step"]["state"] == "done"
    for text in (
        "test.broken",
        "the reactor is on fire",
        found["test.broken"]["path"],
        "test.child",
    ):
        assert text in done.stderr
    log = Path(found["test.broken"]["path"]) / "stdout"
    assert "about to fail" in log.read_text()

    laptop.there(f"touch $HOME/{laptop.name}.effects.mended")
    again = laptop.xpm("run", str(plan))

    assert again.returncode == 0, again.stderr
    assert {job["task"]: job["attempt"] for job in laptop.status()["jobs"]}["test.broken"] == 2
    assert ["child", "mended", "step1"] == laptop.effects()


def test_a_detached_run_ends_at_once_and_is_waited_for_later(laptop: Laptop) -> None:
    plan = laptop.write("project/plan.py", plans.steps(laptop.name, 2, 0.0, held=True))

    done = laptop.xpm("run", str(plan), "--detach")

    assert done.returncode == 0, done.stderr
    assert "xpm" in done.stdout + done.stderr
    assert "done" not in laptop.states()
    laptop.release()
    waited = laptop.xpm("wait")
    assert waited.returncode == 0, waited.stderr
    assert {"done"} == set(laptop.states())
    assert ["step0", "step1", "step2"] == laptop.effects()
