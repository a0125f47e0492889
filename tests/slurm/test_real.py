"""A real SLURM that freezes, dies, forgets and requeues while jobs are submitted: each takes effect once."""

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.main_job import plans
from tests.main_job.laptop import Laptop, kill, wait_for

pytestmark = pytest.mark.cluster
IMPATIENT = {"squeue_every_s": 2, "message_timeout_s": 1.5, "lost_after_s": 6}


class Run:
    """``xpm run`` of some steps and one that follows them all, under way."""

    def __init__(self, laptop: Laptop, steps: int, seconds: float, held: bool = False) -> None:
        self._laptop = laptop
        self._count = steps
        site = json.dumps(IMPATIENT)
        laptop.there(f"mkdir -p {self.own} && echo '{site}' > {self.own}/site.json")
        self._plan = laptop.write("project/plan.py", plans.steps(laptop.name, steps, seconds, held))
        self._process: subprocess.Popen[str] | None = None

    @property
    def own(self) -> str:
        return f"$HOME/{self._laptop.name}/.xpm"

    def start(self) -> "subprocess.Popen[str]":
        self._process = self._laptop.start("run", str(self._plan))
        return self._process

    def answers(self) -> str:
        """What sbatch has said of its failures."""
        return self._laptop.there(f"cat {self.own}/submissions/*/sbatch.*.err 2>/dev/null || true")

    def has(self, pattern: str) -> Callable[[], object]:
        """Whether there are such files among ours."""
        return lambda: self._laptop.there(f"ls -d {self.own}/{pattern} 2>/dev/null || true")

    def completes(self, timeout_s: float = 240) -> None:
        """It ends well, and every job has taken effect once."""
        assert self._process is not None
        assert self._process.wait(timeout_s) == 0, (self._laptop.home / "run.log").read_text()
        assert {"done"} == set(self._laptop.states())
        assert sorted(f"step{n}" for n in range(self._count + 1)) == self._laptop.effects()
        # what a command answers whose asker is gone is removed a day later (errands.tidy)
        errands = "~(squeue|sacct|scancel|limits|standing)"
        left = self._laptop.there(f"find {self.own} -name '~*' | grep -vE '{errands}' || true")
        assert left == ""

    def sent_twice(self) -> list[str]:
        """The names that more than one batch job, or array, of SLURM's memory bears."""
        query = "squeue --me -h -r -t all -o '%j %F' | grep ^xpm | sort -u | cut -d' ' -f1"
        names = self._laptop.there(query).split()
        return sorted({each for each in names if names.count(each) > 1})


def test_a_slurmctld_that_freezes_takes_what_it_was_sent_once(laptop: Laptop) -> None:
    run = Run(laptop, 3, 0.1)
    laptop.cluster.do("slurmctld", "freeze")
    run.start()
    wait_for("sbatch gives up", lambda: "Socket timed out" in run.answers())

    laptop.cluster.do("slurmctld", "thaw")

    run.completes()
    assert run.sent_twice() == []


def test_a_slurmctld_that_is_away_is_waited_for(laptop: Laptop) -> None:
    run = Run(laptop, 2, 0.1)
    laptop.cluster.do("slurmctld", "stop")
    run.start()
    wait_for("sbatch gives up", lambda: "connect failure" in run.answers())

    laptop.cluster.do("slurmctld", "start")

    run.completes()
    assert run.sent_twice() == []


def _set_partition(laptop: Laptop, state: str) -> None:
    laptop.cluster.on("ctl", "scontrol", "update", "partition=cpu", f"state={state}", user="root")


def test_a_pending_job_that_slurmctld_forgot_is_found_lost_and_submitted_once_more(
    laptop: Laptop,
) -> None:
    run = Run(laptop, 1, 0.1)
    _set_partition(laptop, "down")
    keep = "cd $(scontrol show config | sed -n 's/^StateSaveLocation *= //p') && pwd && cp -p job_state /tmp/"
    folder = laptop.cluster.on("ctl", "sh", "-c", keep, user="root").strip()
    run.start()
    wait_for("it is in the queue", run.has("submissions/*/batch.json"))

    laptop.cluster.do("slurmctld", "stop", "--hard")
    forget = f"cp -p /tmp/job_state {folder}/ && cp -p /tmp/job_state {folder}/job_state.old"
    laptop.cluster.on("ctl", "sh", "-c", forget, user="root")
    laptop.cluster.do("slurmctld", "start")
    _set_partition(laptop, "up")

    run.completes()
    assert [2, 1] == [job["attempt"] for job in laptop.status()["jobs"]]


def test_a_running_job_that_slurmctld_forgot_runs_once_more(laptop: Laptop) -> None:
    run = Run(laptop, 1, 0.1, held=True)
    run.start()
    wait_for("it runs", lambda: "running" in laptop.states())

    laptop.cluster.do("slurmctld", "stop", "--hard")
    laptop.cluster.do("slurmctld", "start")
    laptop.release()

    run.completes()


def test_a_requeued_job_goes_on_in_its_next_generation(laptop: Laptop) -> None:
    run = Run(laptop, 1, 0.1, held=True)
    run.start()
    wait_for("it runs", lambda: "running" in laptop.states())

    laptop.there("scontrol requeue $(squeue --me -h -r -t RUNNING -o %A)")
    again = f"ls $HOME/{laptop.name}/jobs/test.step/*/.xpm/a1.2 2>/dev/null || true"
    wait_for("it is claimed again", lambda: laptop.there(again))
    laptop.release()

    run.completes()
    (first,) = (job for job in laptop.status()["jobs"] if job["generation"] == 2)
    assert first["attempt"] == 1


def test_a_node_that_loses_its_power_costs_its_job_time_only(laptop: Laptop) -> None:
    run = Run(laptop, 1, 0.1, held=True)
    run.start()
    wait_for("it runs", lambda: "running" in laptop.states())
    node = laptop.there("squeue --me -h -t RUNNING -o %N").strip()

    laptop.cluster.do("node-off", node)
    laptop.release()

    run.completes(200)
    assert {1, 2} == {job["generation"] for job in laptop.status()["jobs"]}


def test_a_job_whose_node_is_cut_off_runs_again_elsewhere_and_only_that_run_counts(
    laptop: Laptop,
) -> None:
    run = Run(laptop, 1, 0.1, held=True)
    run.start()
    wait_for("it runs", lambda: "running" in laptop.states())
    node = laptop.there("squeue --me -h -t RUNNING -o %N").strip()
    tasks = f"pgrep -u alice -f '[/]travel/.* run .*/{laptop.name}' | wc -l"
    before = int(laptop.there(tasks, node))

    laptop.cluster.do("node-cut", node)
    try:
        down = ["scontrol", "update", f"nodename={node}", "state=down", "reason=test"]
        laptop.cluster.on("ctl", *down, user="root")
        assert int(laptop.there(tasks, node)) == before  # SLURM cannot reach it to end it
        wait_for(
            "it is claimed again", lambda: laptop.there(f"ls {run.own}/inbox | grep a1.2 || true")
        )
        wait_for("the first run is ended", lambda: int(laptop.there(tasks, node)) == 0)
        laptop.release()

        run.completes()
    finally:
        laptop.cluster.do("node-heal", node)
    first, last = laptop.status()["jobs"]
    assert [(2, 1), (1, 1)] == [(job["generation"], job["attempt"]) for job in (first, last)]


def test_a_slurmctld_killed_within_seconds_of_a_submission_loses_no_job(laptop: Laptop) -> None:
    run = Run(laptop, 3, 3.0)
    run.start()
    wait_for("sbatch is called", run.has("submissions/*/try.1"))

    laptop.cluster.do("slurmctld", "stop", "--hard")
    laptop.cluster.do("slurmctld", "start")

    run.completes()


def test_a_preempted_job_is_pending_and_runs_again(laptop: Laptop) -> None:
    tier = ["scontrol", "update", "partition=short"]
    run = Run(laptop, 1, 0.1, held=True)
    run.start()
    wait_for("it runs", lambda: "running" in laptop.states())
    laptop.cluster.on("ctl", *tier, "prioritytier=10", user="root")
    try:
        laptop.there("sbatch -p short -N2 --exclusive -t1 --wrap 'sleep 3'")
        wait_for("it waits", lambda: "pending" in laptop.states())
        laptop.release()

        run.completes()
    finally:
        laptop.cluster.on("ctl", *tier, "prioritytier=1", user="root")
    (first, _) = laptop.status()["jobs"]
    assert (2, 1) == (first["generation"], first["attempt"])


@pytest.mark.parametrize("switched", ["off", "on"])
def test_accounting_that_goes_and_comes_changes_nothing(laptop: Laptop, switched: str) -> None:
    run = Run(laptop, 2, 0.1, held=True)
    if switched == "on":
        laptop.cluster.do("accounting", "off")
    try:
        run.start()
        wait_for("it runs", lambda: "running" in laptop.states())

        laptop.cluster.do("accounting", switched)
        laptop.release()

        run.completes()
        assert [1, 1, 1] == [job["attempt"] for job in laptop.status()["jobs"]]
    finally:
        laptop.cluster.do("accounting", "on")


@pytest.mark.parametrize(
    "moment",
    ["queue/*", "submissions/*/intent.json", "submissions/*/try.1", "submissions/*/batch.json"],
)
def test_a_link_cut_in_the_middle_of_the_submission_doubles_nothing(
    laptop: Laptop, moment: str
) -> None:
    run = Run(laptop, 3, 0.1)
    laptop.cluster.do("latency", "40")
    _set_partition(
        laptop, "down"
    )  # a job that runs at once tells its batch id itself: nobody need note it
    run.start()
    wait_for("the moment", run.has(moment))

    laptop.cluster.do("cut")
    laptop.cluster.do("heal")
    _set_partition(laptop, "up")

    run.completes()
    assert run.sent_twice() == []


def test_nothing_of_ours_is_left_on_the_login_node_when_the_laptop_dies(laptop: Laptop) -> None:
    run = Run(laptop, 1, 5.0)
    process = run.start()
    wait_for("it runs", lambda: "running" in laptop.states())
    ours = "ps -u $(id -u) -o args= | grep -F 'import base64' | grep -v grep || true"
    assert laptop.there(ours)

    kill(process)

    wait_for("the agent ends", lambda: not laptop.there(ours), 15)
    left = laptop.there(f"ls -a {run.own} | grep -c '^~' || true").strip()
    run.start()
    run.completes()
    assert left == "0"
