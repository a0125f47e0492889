"""SLURM with fake commands: whatever they answer, nothing is lost and nothing is sent twice."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_core.site import Site
from tests.agent_core.yard import job_id
from tests.pythons import interpreters
from xpm.wire import files

pytestmark = pytest.mark.host
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.rest()


def test_a_ready_job_is_submitted_once_and_followed_to_its_end(site: Site) -> None:
    site.yard.ask("a")

    view = site.advance()
    assert ("submitted", "1001", 1) == (view.state, view.batch_id, view.attempt)

    view = site.advance(60)
    assert ("pending", "waits for free nodes (Resources)") == (view.state, view.reason)

    site.yard.claim("a", batch_id="1001")
    assert "running" == site.advance(1).state

    site.yard.end("a")
    assert "done" == site.advance(1).state
    assert ["1001"] == site.queue
    assert [] == site.yard.temporaries()
    submission = Path(site.yard.layout.submission(str(view.submission)))
    assert {"intent.json", "try.1", "batch.json"} == {path.name for path in submission.iterdir()}


def test_everything_is_on_the_command_line_and_the_environment_is_clean(
    site: Site,
) -> None:
    """The log is appended to, so that a requeue truncates nothing."""
    request = {
        "kind": "slurm",
        "options": ["--partition=cpu", "--mem=954M"],
        "setup": ["module purge"],
    }
    site.yard.ask("a", request=request)

    submission = str(site.advance().submission)

    (call,) = site.calls("sbatch")
    root, folder = site.yard.layout.root, site.yard.layout.submission(submission)
    assert [
        "--parsable", f"--job-name={submission}", "--open-mode=append", f"--output={folder}/log",
        f"--chdir={root}", "--export=ALL", "--partition=cpu", "--mem=954M",
    ] == call["argv"]  # fmt: skip
    assert [] == [n for n in call["environ"] if n.startswith(("SLURM_", "SBATCH_", "SECRET"))]
    assert [
        "#!/bin/sh",
        "module purge",
        f"exec '/usr/bin/py thon' {root}/.xpm/travel/t0 run {root} {submission}",
    ] == site.batch("1001")["script"].splitlines()


def test_an_intent_is_on_disk_before_sbatch_is_called(site: Site) -> None:
    site.yard.ask("a")

    view = site.advance()

    folder = Path(site.yard.layout.submission(str(view.submission)))
    intent = files.load(str(folder / "intent.json"))
    assert intent
    assert [["lab.work", job_id("a"), 1]] == intent["jobs"]
    assert len(str(view.submission)) <= 200


@pytest.mark.parametrize("mode", ["banner", "cluster"])
def test_noise_around_the_batch_id_does_no_harm(site: Site, mode: str) -> None:
    site.script(f"sbatch {mode}")
    site.yard.ask("a")

    assert "1001" == site.advance().batch_id


@pytest.mark.parametrize("mode", ["accepted-timeout", "accepted-killed"])
def test_a_submission_that_was_accepted_unheard_is_found_by_its_name(site: Site, mode: str) -> None:
    site.script(f"sbatch {mode}")
    site.yard.ask("a")

    view = site.advance()
    assert ("submitted", None) == (view.state, view.batch_id)

    site.come()
    site.advance(61)
    view = site.advance(1)
    assert ("1001", ["1001"]) == (view.batch_id, site.queue)
    assert 1 == len(site.calls("sbatch"))


def test_a_submission_in_doubt_is_sent_again_only_after_two_look_ups_far_enough_apart(
    site: Site,
) -> None:
    site.script("sbatch timeout")
    site.yard.ask("a")
    site.advance()

    site.advance(61)
    site.advance(1)
    site.come()
    assert 1 == len(site.calls("sbatch"))

    site.advance(61)
    view = site.advance(1)
    assert ("1001", ["1001"]) == (view.batch_id, site.queue)
    names = {call["argv"][1] for call in site.calls("sbatch")}
    assert (2, 1) == (len(site.calls("sbatch")), len(names))


def test_a_look_up_that_fails_is_no_look_up(site: Site) -> None:
    site.script("sbatch timeout", *["squeue fail"] * 3)
    site.yard.ask("a")

    for _ in range(3):
        site.advance(301)

    assert 1 == len(site.calls("sbatch"))
    assert "submitted" == site.word("a")


def test_a_run_that_claims_settles_a_submission_in_doubt(site: Site) -> None:
    site.script("sbatch accepted-timeout")
    site.yard.ask("a")
    view = site.advance()

    site.yard.claim("a", batch_id="1001", submission=view.submission)
    site.forget("1001")

    assert ("running", "1001") == (site.advance(1).state, site.advance(300).batch_id)
    assert 1 == len(site.calls("sbatch"))


def test_a_quota_means_later(site: Site) -> None:
    site.script("sbatch quota")
    site.yard.ask("a")

    view = site.advance()
    assert "submitted" == view.state
    assert "QOSMaxSubmitJobPerUserLimit" in view.reason

    view = site.advance(30)
    assert ("1001", "") == (view.batch_id, view.reason)


@pytest.mark.parametrize("mode", ["refuse", "partition"])
def test_a_definite_no_fails_the_job_with_its_words(site: Site, mode: str) -> None:
    site.script(f"sbatch {mode}")
    site.yard.ask("a")

    view = site.advance()

    assert ("failed", "refused", 1) == (view.state, view.cause, len(site.calls("sbatch")))
    assert "nvalid" in view.message


def test_trouble_of_the_site_never_fails_a_job(site: Site) -> None:
    site.script("sbatch munge")
    site.yard.ask("a")

    assert "submitted" == site.advance().state
    for _ in range(4):
        view = site.advance(61)
    assert "1001" == view.batch_id


def test_a_query_that_fails_changes_nothing(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    assert "pending" == site.advance(60).state

    site.forget("1001")
    site.script(*["squeue fail"] * 3)
    for _ in range(3):
        assert "pending" == site.advance(301).state


def test_a_job_that_left_the_queue_unclaimed_is_lost_and_submitted_once_more(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.forget("1001")

    assert "unknown" == site.advance(61).state
    site.come()
    assert "unknown" == site.advance(61).state
    view = site.advance(61)

    assert ("submitted", 2, "1001") == (view.state, view.attempt, view.batch_id)
    assert ["lost"] == [each["state"] for each in site.yard.ledger("a")]
    assert 2 == len({call["argv"][1] for call in site.calls("sbatch")})


def test_a_running_job_that_left_the_queue_is_lost_only_with_a_silent_heart(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.yard.claim("a", batch_id="1001")
    site.forget("1001")
    claim = Path(site.yard.folder("a"), ".xpm", "a1.1")

    for beat in range(4):
        os.utime(claim, (beat, beat))
        assert site.advance(61).state in ("running", "unknown")
    assert ["claim"] == [each["kind"] for each in site.yard.ledger("a")]

    for _ in range(4):
        site.advance(61)
    assert ["claim", "revoked"] == [each["kind"] for each in site.yard.ledger("a")]
    assert 2 == site.view("a").attempt


def test_what_the_batch_script_printed_explains_a_failed_launch(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.log("a", "slurmstepd: error: execve(): /opt/py: No such file or directory\n")
    site.batch("1001", state="FAILED", reason="NonZeroExitCode")

    view = site.advance(61)

    assert ("failed", "launch") == (view.state, view.cause)
    assert "/opt/py: No such file or directory" in view.message


@pytest.mark.parametrize(
    ("word", "state", "cause"),
    [
        ("OUT_OF_MEMORY", "failed", "oom"),
        ("TIMEOUT", "failed", "timeout"),
        ("NODE_FAIL", "failed", "node_fail"),
        ("CANCELLED", "cancelled", "cancelled"),
    ],
)
def test_the_queue_says_why_a_run_ended_without_a_record(
    site: Site, word: str, state: str, cause: str
) -> None:
    site.yard.ask("a")
    site.advance()
    site.yard.claim("a", batch_id="1001")
    site.batch("1001", state=word)

    view = site.advance(61)

    last = site.yard.ledger("a")[-1]
    assert (state, cause) == (last["state"], last["cause"])
    assert (2 if cause == "node_fail" else 1) == view.attempt  # what the site did is made good


@pytest.mark.parametrize("word", ["REQUEUED", "COMPLETING", "A_NEW_WORD"])
def test_a_word_that_is_not_the_end_ends_nothing(site: Site, word: str) -> None:
    site.yard.ask("a")
    site.advance()
    site.yard.claim("a", batch_id="1001")
    site.batch("1001", state=word)

    for _ in range(4):
        site.advance(61)

    assert ["claim"] == [each["kind"] for each in site.yard.ledger("a")]


def test_the_record_beats_the_queue(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.yard.claim("a", batch_id="1001", ring=False)
    site.yard.end("a", ring=False)
    site.batch("1001", state="FAILED")

    assert "done" == site.advance(61).state


def test_a_recycled_id_is_another_job(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.batch("1001", state="FAILED", name="somebody.else")

    assert "unknown" == site.advance(61).state


def test_a_job_that_is_cancelled_in_the_queue_leaves_it(site: Site) -> None:
    site.yard.ask("a")
    site.advance()

    site.yard.cancel("a")
    view = site.advance(1)

    assert ("cancelled", "cancelled") == (view.state, view.cause)
    assert [["1001"]] == [call["argv"] for call in site.calls("scancel")]


def test_a_job_that_is_cancelled_before_it_is_submitted_never_is(site: Site) -> None:
    site.yard.ask("a")
    site.yard.cancel("a")

    assert "cancelled" == site.advance().state
    assert [] == site.calls("sbatch")


def test_a_job_that_is_cancelled_while_its_submission_is_in_doubt_is_found_and_cancelled(
    site: Site,
) -> None:
    site.script("sbatch accepted-timeout")
    site.yard.ask("a")
    site.advance()
    site.yard.cancel("a")

    for _ in range(3):
        view = site.advance(61)

    assert "cancelled" == view.state
    assert [["1001"]] == [call["argv"] for call in site.calls("scancel")]


def test_a_running_job_that_is_cancelled_says_itself_how_it_ended(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.yard.claim("a", batch_id="1001")
    site.yard.cancel("a")

    view = site.advance(1)
    assert ("running", "being cancelled") == (view.state, view.reason)
    assert 1 == len(site.calls("scancel"))

    site.yard.end("a", "cancelled", cause="cancelled")
    assert "cancelled" == site.advance(1).state


def test_the_queue_is_asked_once_a_minute_and_never_without_need(site: Site) -> None:
    site.yard.ask("a", "b")
    site.advance()
    for _ in range(30):
        site.advance(4)
    assert 2 <= len(site.calls("squeue")) <= 3

    site.yard.finish("a")
    site.yard.finish("b")
    asked = len(site.calls("squeue"))
    for _ in range(5):
        site.advance(61)
    assert asked == len(site.calls("squeue"))


def test_new_jobs_are_asked_about_soon_but_not_each_by_itself(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.advance(4)
    assert [] == site.calls("squeue")
    assert "pending" == site.advance(2).state

    for name in "bcd":
        site.yard.ask(name)
        site.advance(6)
    assert 1 == len(site.calls("squeue"))
    site.advance(55)
    assert (2, "pending") == (len(site.calls("squeue")), site.word("d"))


def test_two_who_advance_ask_the_queue_together(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.advance(61)
    asked = len(site.calls("squeue"))

    site.come()
    site.advance(5)

    assert asked == len(site.calls("squeue"))
    assert "pending" == site.word("a")


def test_a_chain_goes_on_with_whoever_comes(site: Site) -> None:
    site.yard.ask("a")
    site.yard.ask("b", parents=["a"])
    site.yard.ask("c", parents=["b"])
    for name in "abc":
        site.come()
        site.advance(1)
        assert "submitted" == site.word(name)
        site.yard.finish(name)
    site.come()
    assert "done" == site.advance(1).state
    assert ["done"] * 3 == [site.word(name) for name in "abc"]


@pytest.mark.parametrize("python", interpreters((3, 6)))
def test_a_finishing_job_lets_others_go_on_under_every_python(site: Site, python: str) -> None:
    site.yard.ask("a")
    site.yard.ask("b", parents=["a"])
    site.yard.ask("c")
    site.yard.finish("a")
    code = "import sys; from xpm.agent.advance import advance_workspace as go; go(sys.argv[1], 20)"

    subprocess.run([python, "-c", code, site.yard.layout.root], cwd=REPOSITORY, check=True)

    site.come()
    site.advance()
    assert ["done", "submitted", "submitted"] == [site.word(name) for name in "abc"]
    assert {"1001_0", "1001_1"} == {site.view(name).batch_id for name in "bc"}
    assert [] == site.yard.temporaries()
