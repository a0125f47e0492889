"""Of all runs of a job, one takes effect."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.runner.workshop import Workshop, eventually, is_alive, job_id
from xpm.runner.claim import LOOKS_AT_PARENTS_S, Claimed, claim
from xpm.runner.order import read_order
from xpm.wire import files, ledger

pytestmark = pytest.mark.host
GOES = "\nwhile not os.path.exists('go'): time.sleep(0.01)"
WAIT = "print('started', flush=True); time.sleep(600)"


def started(workshop: Workshop, name: str) -> int:
    """The process of a job's task, once it runs."""
    path = workshop.folder(name) / "stdout"
    eventually(lambda: path.exists() and "started" in path.read_text())
    return int(workshop.effects(name)[-1])


def batch(number: int, restart: int = 0) -> dict[str, str]:
    return {"SLURM_JOB_ID": str(number), "SLURM_RESTART_COUNT": str(restart)}


def test_twenty_runners_of_one_attempt_take_effect_once(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), "time.sleep(0.2)"))

    runners = [workshop.start(submission) for _ in range(20)]
    codes = [runner.wait(timeout=60) for runner in runners]
    for runner in runners:
        runner.communicate()

    assert codes == [0] * 20
    assert len(workshop.effects("a")) == 1
    assert [each["kind"] for each in workshop.ledger("a")] == ["claim", "outcome"]
    assert len(workshop.log(submission).splitlines()) == 19


def test_a_duplicate_leaves_with_a_line_in_the_submissions_log(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), WAIT))
    with workshop.start(submission) as first:
        task = started(workshop, "a")

        ran = workshop.run(submission)

        assert ran.code == 0
        assert "left: duplicate" in workshop.log(submission)
        assert is_alive(task)
        first.terminate()


def test_a_requeue_of_the_same_batch_job_is_the_next_generation(cluster: Workshop) -> None:
    submission = cluster.submit(cluster.entry(job_id("a"), "print(os.environ['XPM_BATCH_ID'])"))
    old = {"slot": 1, "submission": submission, "batch_id": "7", "restart": 0, "generation": 1}
    assert cluster.append("a", "claim", **old)  # type: ignore[arg-type]

    cluster.run(submission, environ=batch(7, restart=1))

    assert [each["kind"] for each in cluster.ledger("a")] == ["claim", "claim", "outcome"]
    assert (cluster.ledger("a")[1]["generation"], cluster.ledger("a")[1]["restart"]) == (2, 1)
    assert (cluster.folder("a") / "stdout").read_text() == "7\n"


@pytest.mark.parametrize("environ", [batch(7, restart=0), batch(8, restart=1)])
def test_neither_the_same_restart_nor_another_batch_job_may_claim_again(
    cluster: Workshop, environ: dict[str, str]
) -> None:
    submission = cluster.submit(cluster.entry(job_id("a"), "pass"))
    old = {"slot": 1, "submission": submission, "batch_id": "7", "restart": 0, "generation": 1}
    assert cluster.append("a", "claim", **old)  # type: ignore[arg-type]

    assert cluster.run(submission, environ=environ).code == 0

    assert cluster.effects("a") == []
    assert len(cluster.ledger("a")) == 1


def test_a_superseded_run_kills_its_task_and_publishes_nothing(cluster: Workshop) -> None:
    submission = cluster.submit(cluster.entry(job_id("a"), WAIT))
    with cluster.start(submission, environ=batch(7)) as runner:
        task = started(cluster, "a")

        newer = {"slot": 2, "batch_id": "7", "restart": 1, "generation": 2}
        assert cluster.append("a", "claim", **newer)  # type: ignore[arg-type]

        assert runner.wait(timeout=60) == 0
    assert not is_alive(task)
    assert [each["kind"] for each in cluster.ledger("a")] == ["claim", "claim"]
    assert "superseded" in cluster.log(submission)


BEATS = """
first = not os.path.exists('beats')
for _ in range(100_000 if first else 5):
    with open('beats', 'a') as file:
        file.write('%s %f\\n' % ('first' if first else 'second', time.time()))
    print('started', flush=True)
    time.sleep(0.05)
"""


def _in_turn(workshop: Workshop, count: int) -> bool:
    """Whether no beat of an earlier run comes after one of a later run."""
    names = [line.split()[0] for line in (workshop.folder("a") / "beats").read_text().splitlines()]
    assert names.count("second") == count
    return names == sorted(names)


def test_a_requeued_run_begins_its_task_when_that_of_its_predecessor_has_ended(
    cluster: Workshop,
) -> None:
    submission = cluster.submit(cluster.entry(job_id("a"), BEATS))
    with cluster.start(submission, environ=batch(7)) as cut_off:
        started(cluster, "a")

        assert cluster.run(submission, environ=batch(7, restart=1)).code == 0

        cut_off.wait(timeout=60)
    assert _in_turn(cluster, 5)
    assert cluster.outcome("a")["generation"] == 2


def test_a_further_attempt_begins_its_task_when_that_of_the_one_given_up_has_ended(
    cluster: Workshop,
) -> None:
    submission = cluster.submit(cluster.entry(job_id("a"), BEATS))
    with cluster.start(submission, environ=batch(7)) as given_up:
        started(cluster, "a")
        lost = {"state": "lost", "cause": "lost", "message": "", "at": time.time()}
        assert cluster.append("a", "revoked", 2, **lost)  # type: ignore[arg-type]

        again = cluster.submit(cluster.entry(job_id("a"), BEATS, attempt=2))
        assert cluster.run(again, environ=batch(8)).code == 0

        given_up.wait(timeout=60)
    assert _in_turn(cluster, 5)


def test_an_outcome_that_comes_late_is_not_published(workshop: Workshop) -> None:
    submission = workshop.submit(
        workshop.entry(job_id("a"), f"print('started', flush=True); {GOES}")
    )
    with workshop.start(submission) as runner:
        started(workshop, "a")
        assert workshop.append("a", "revoked", 2, state="lost", cause="lost", message="")
        (workshop.folder("a") / "go").touch()

        assert runner.wait(timeout=60) == 0
    assert workshop.outcome("a")["state"] == "lost"
    assert len(workshop.ledger("a")) == 2


def test_a_revoked_attempt_does_not_start(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), "pass"))
    assert workshop.append("a", "revoked", 1, state="lost", cause="lost", message="gone")

    assert workshop.run(submission).code == 0

    assert workshop.effects("a") == []
    assert "left: revoked: gone" in workshop.log(submission)


def test_an_attempt_that_is_cancelled_before_it_starts_is_revoked(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), "pass"))
    files.create(str(Path(workshop.layout.cancel, f"{job_id('a')}.a1")), b"{}")

    workshop.run(submission)

    assert (
        workshop.outcome("a")["kind"],
        workshop.outcome("a")["state"],
    ) == ("revoked", "cancelled")
    assert workshop.effects("a") == []


def test_a_child_starts_when_its_parents_last_attempt_is_done(workshop: Workshop) -> None:
    workshop.run(workshop.submit(workshop.entry(job_id("parent"), "1/0")))
    workshop.run(workshop.submit(workshop.entry(job_id("parent"), "pass", attempt=2)))
    parents = [["lab.count", job_id("parent")]]

    workshop.run(workshop.submit(workshop.entry(job_id("a"), "pass", parents=parents)))

    assert workshop.outcome("a")["state"] == "done"


def test_a_parent_that_was_done_once_stays_done_whatever_came_after(workshop: Workshop) -> None:
    workshop.run(workshop.submit(workshop.entry(job_id("parent"), "pass")))
    given_up = {
        "format": ledger.FORMAT, "kind": "revoked", "task": "lab.count", "job": job_id("parent"), "attempt": 2, "slot": 1,
        "at": 0.0, "state": "cancelled", "cause": "cancelled", "message": "cancelled before it was submitted",
    }  # fmt: skip
    assert ledger.append(str(workshop.folder("parent")), given_up, None)
    parents = [["lab.count", job_id("parent")]]

    workshop.run(workshop.submit(workshop.entry(job_id("a"), "pass", parents=parents)))

    assert workshop.outcome("a")["state"] == "done"


def test_a_child_whose_parent_is_not_done_is_not_released(workshop: Workshop) -> None:
    workshop.run(workshop.submit(workshop.entry(job_id("parent"), "1/0")))
    parents = [["lab.count", job_id("parent")]]
    submission = workshop.submit(workshop.entry(job_id("a"), "pass", parents=parents))

    assert workshop.run(submission).code == 0

    outcome = workshop.outcome("a")
    assert (outcome["kind"], outcome["state"]) == ("revoked", "lost")
    assert "not released: lab.count/" in outcome["message"]
    assert workshop.effects("a") == []


def test_a_parent_that_becomes_visible_late_is_waited_for(workshop: Workshop) -> None:
    parents = [["lab.count", job_id("parent")]]
    child = workshop.submit(workshop.entry(job_id("a"), "pass", parents=parents))
    order = read_order(workshop.layout.root, child, None, {})
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            workshop.run(workshop.submit(workshop.entry(job_id("parent"), "pass")))

    assert isinstance(claim(order, time.time(), sleep), Claimed)
    assert looks == list(LOOKS_AT_PARENTS_S[:3])


def test_a_task_does_not_outlive_its_runner(workshop: Workshop) -> None:
    code = "import subprocess; child = subprocess.Popen(['sleep', '600']); print('started', child.pid); child.wait()"
    submission = workshop.submit(workshop.entry(job_id("a"), code))
    with workshop.start(submission) as runner:
        task = started(workshop, "a")
        below = int((workshop.folder("a") / "stdout").read_text().split()[1])

        os.kill(runner.pid, signal.SIGKILL)
        runner.wait(timeout=60)

    eventually(lambda: not is_alive(task) and not is_alive(below))
    assert [each["kind"] for each in workshop.ledger("a")] == ["claim"]


def test_a_job_whose_code_has_vanished_while_it_waited_says_so_and_does_not_start(
    workshop: Workshop,
) -> None:
    entry = workshop.entry(job_id("a"), "print('ran')")
    entry["code"]["snapshot"] = "gone"
    submission = workshop.submit(entry)

    ran = workshop.run(submission)

    assert ran.code == 0
    [last] = workshop.ledger("a")
    assert ("revoked", "failed", "launch") == (last["kind"], last["state"], last["cause"])
    assert "its code is not all there any more" in last["message"]
    assert workshop.effects("a") == []
