"""Signals, cancellation and time, as a task and its record see them."""

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.runner.test_claims import WAIT, batch, started
from tests.runner.workshop import Workshop, eventually, is_alive, job_id
from xpm.runner.watch import Watch
from xpm.wire import files

pytestmark = pytest.mark.host
LISTEN = """
def hear(signum, frame):
    print("heard", signum, flush=True)
signal.signal(signal.SIGUSR1, hear)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("started", flush=True)
while True: time.sleep(600)
"""


def cancel(workshop: Workshop, name: str, attempt: int = 1) -> None:
    path = Path(workshop.layout.cancel, f"{job_id(name)}.a{attempt}")
    assert files.create(str(path), b"{}")


def test_a_warning_reaches_a_task_that_listens(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), LISTEN))
    with workshop.start(submission) as runner:
        started(workshop, "a")

        os.kill(runner.pid, signal.SIGUSR1)

        path = workshop.folder("a") / "stdout"
        eventually(lambda: f"heard {int(signal.SIGUSR1)}" in path.read_text())
        runner.terminate()


def test_a_warning_does_not_kill_a_task_that_does_not_listen(workshop: Workshop) -> None:
    code = "print('started', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.01)"
    submission = workshop.submit(workshop.entry(job_id("a"), code))
    with workshop.start(submission) as runner:
        started(workshop, "a")

        os.kill(runner.pid, signal.SIGUSR1)
        (workshop.folder("a") / "go").touch()

        assert runner.wait(timeout=60) == 0
    assert workshop.outcome("a")["state"] == "done"
    assert workshop.outcome("a")["details"]["signals"] == ["SIGUSR1"]


def test_a_request_to_end_that_nobody_explains_is_a_signal(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), WAIT))
    with workshop.start(submission) as runner:
        started(workshop, "a")

        runner.terminate()

        assert runner.wait(timeout=60) == 128 + signal.SIGTERM
    outcome = workshop.outcome("a")
    assert (outcome["state"], outcome["cause"], outcome["signal"]) == ("failed", "signal", 15)


def test_a_task_that_saves_and_exits_on_request_is_not_done(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), LISTEN))
    with workshop.start(submission) as runner:
        started(workshop, "a")

        runner.terminate()

        assert runner.wait(timeout=60) == 1
    assert workshop.outcome("a")["state"] == "failed"


@pytest.mark.parametrize("code", [WAIT, LISTEN])
def test_a_cancelled_task_is_cancelled(workshop: Workshop, code: str) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), code))
    with workshop.start(submission) as runner:
        started(workshop, "a")

        cancel(workshop, "a")
        runner.terminate()

        assert runner.wait(timeout=60) != 0
    outcome = workshop.outcome("a")
    assert (outcome["state"], outcome["cause"]) == ("cancelled", "cancelled")


def test_a_cancellation_is_seen_without_a_signal(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), WAIT))
    with workshop.start(submission) as runner:
        task = started(workshop, "a")

        cancel(workshop, "a")

        runner.wait(timeout=60)
    assert workshop.outcome("a")["state"] == "cancelled"
    assert not is_alive(task)


def test_a_task_that_ended_well_before_the_cancellation_counts_is_done(workshop: Workshop) -> None:
    code = "print('started', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.01)"
    submission = workshop.submit(workshop.entry(job_id("a"), code))
    with workshop.start(submission) as runner:
        task = started(workshop, "a")
        runner.send_signal(signal.SIGSTOP)

        cancel(workshop, "a")
        (workshop.folder("a") / "go").touch()
        eventually(lambda: not is_alive(task))
        runner.send_signal(signal.SIGCONT)

        assert runner.wait(timeout=60) == 0
    assert workshop.outcome("a")["state"] == "done"


def test_a_plain_host_keeps_the_time(workshop: Workshop) -> None:
    request = {"kind": "plain", "resources": {"time_s": 1}}
    submission = workshop.submit(workshop.entry(job_id("a"), WAIT, request=request))

    workshop.run(submission)

    outcome = workshop.outcome("a")
    assert (outcome["state"], outcome["cause"]) == ("failed", "timeout")


def test_slurms_request_to_end_at_the_limit_is_a_timeout(cluster: Workshop) -> None:
    request = {"kind": "slurm", "resources": {"time_s": 1}}
    submission = cluster.submit(cluster.entry(job_id("a"), WAIT, request=request))
    with cluster.start(submission, environ=batch(7)) as runner:
        started(cluster, "a")

        runner.terminate()
        runner.wait(timeout=60)

    outcome = cluster.outcome("a")
    assert (outcome["state"], outcome["cause"]) == ("failed", "timeout")


def test_a_task_that_stops_in_time_to_go_on_later_timed_out(workshop: Workshop) -> None:
    code = "from xpm import GracefulTimeout\nraise GracefulTimeout()"
    submission = workshop.submit(workshop.entry(job_id("a"), code))

    workshop.run(submission)

    assert (
        workshop.outcome("a")["state"],
        workshop.outcome("a")["cause"],
    ) == ("failed", "timeout")


def test_a_plain_host_warns_before_the_time_is_over(workshop: Workshop) -> None:
    code = """
def late(signum, frame):
    open("left", "w").write(str(self.remaining_time()))
    sys.exit(0)
signal.signal(signal.SIGUSR1, late)
time.sleep(600)
"""
    warning = {
        "signal": "USR1",
        "lead_s": 18,
    }  # half of the time at most; who does not listen by then is not warned
    request = {"kind": "plain", "resources": {"time_s": 20}, "warning": warning}
    submission = workshop.submit(workshop.entry(job_id("a"), code, request=request))

    workshop.run(submission)

    assert workshop.outcome("a")["state"] == "done"
    assert 0 < float((workshop.folder("a") / "left").read_text()) <= 10


CLEANS_UP = """
from xpm import TaskCancelled
print("started", flush=True)
try:
    time.sleep(600)
except TaskCancelled:
    print("cleaned up", flush=True)
    END
"""


@pytest.mark.parametrize(
    ("end", "is_signalled"),
    [("raise", True), ("pass", True), ("sys.exit(0)", True), ("sys.exit(0)", False)],
)
def test_a_cancelled_task_may_clean_up(workshop: Workshop, end: str, is_signalled: bool) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), CLEANS_UP.replace("END", end)))
    with workshop.start(submission) as runner:
        started(workshop, "a")

        cancel(workshop, "a")
        if is_signalled:
            runner.terminate()
        runner.wait(timeout=60)

    assert workshop.outcome("a")["state"] == "cancelled"
    assert "cleaned up" in (workshop.folder("a") / "stdout").read_text()


def test_a_request_to_end_that_is_no_cancellation_raises_nothing(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), CLEANS_UP.replace("END", "pass")))
    with workshop.start(submission) as runner:
        started(workshop, "a")

        runner.terminate()
        runner.wait(timeout=60)

    assert workshop.outcome("a")["signal"] == signal.SIGTERM
    assert "cleaned up" not in (workshop.folder("a") / "stdout").read_text()


def test_options_of_the_batch_job_do_not_reach_the_task(cluster: Workshop) -> None:
    """A nested srun gets the cores that the job was given, on every version of SLURM."""
    code = "print(sorted(k for k in os.environ if k.startswith(('SLURM', 'SBATCH', 'SRUN', 'XPM_BATCH'))))"
    environ = {
        **batch(7),
        "SLURM_CONF": "/etc/slurm.conf",
        "SLURM_CPU_BIND": "cores",
        "SLURM_CPUS_PER_TASK": "2",
        "SBATCH_ARRAY_INX": "0-1",
        "SLURM_NTASKS": "1",
    }
    submission = cluster.submit(cluster.entry(job_id("a"), code))

    cluster.run(submission, environ=environ)

    expected = "SLURM_CONF SLURM_CPUS_PER_TASK SLURM_JOB_ID SLURM_RESTART_COUNT SRUN_CPUS_PER_TASK"
    assert (
        f"{[*expected.split(), 'XPM_BATCH_ID']}\n" == (cluster.folder("a") / "stdout").read_text()
    )


def test_a_batch_job_around_a_plain_host_is_not_its_business(workshop: Workshop) -> None:
    code = "print(sorted(k for k in os.environ if k.startswith('SLURM')))"
    submission = workshop.submit(workshop.entry(job_id("a"), code))

    workshop.run(submission, environ={"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1"})

    assert (workshop.folder("a") / "stdout").read_text() == "[]\n"
    assert workshop.ledger("a")[0]["batch_id"] is None


def test_the_element_of_an_array_knows_its_batch_id(cluster: Workshop) -> None:
    entries = [cluster.entry(job_id(name), "pass") for name in "ab"]
    submission = cluster.submit(*entries)
    environ = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "8", "SLURM_ARRAY_TASK_ID": "1"}

    cluster.run(submission, environ=environ)

    assert cluster.ledger("b")[0]["batch_id"] == "8_1"


def test_a_signal_that_comes_as_the_task_ends_is_not_lost(workshop: Workshop) -> None:
    ended = subprocess.Popen(["true"], start_new_session=True)
    eventually(lambda: not is_alive(ended.pid))
    heard, telling = os.pipe()
    signals = SimpleNamespace(pipe=heard, take=lambda: [signal.SIGTERM, signal.SIGCHLD])
    order: Any = SimpleNamespace(warning=None, layout=workshop.layout, job="a", attempt=1)
    child: Any = SimpleNamespace(pid=ended.pid, pipe=heard)
    watch = Watch(order, None, child, signals, None)  # type: ignore[arg-type]
    watch._sources.clear()

    ending = watch.until_the_end()

    ended.returncode = ending.exit_code
    for each in (heard, telling):
        os.close(each)
    assert [signal.SIGTERM] == ending.received
