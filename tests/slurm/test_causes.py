"""Why a batch job ended that left no record: what advance makes of squeue, of logs and, where there is any, of sacct."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_core.site import Site
from tests.slurm.test_autopsy import OOM, PREEMPTED
from xpm.agent import limits
from xpm.agent.board import View

pytestmark = pytest.mark.host
REQUEST = {"kind": "slurm", "options": [], "launcher": "cpu", "resources": {"mem_mib": 100}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.rest()


def running(site: Site) -> None:
    site.yard.ask("a", request=REQUEST)
    site.advance()
    site.yard.claim("a", batch_id="1001")
    site.advance(1)


def patient(site: Site) -> None:
    """Somebody will look again soon, as the agent does."""
    assert site.place is not None
    site.place.examiner.is_patient = True


def told(site: Site) -> View:
    """How the only job stands when squeue has answered, and then sacct."""
    site.advance(61)
    return site.advance(1)


def account(site: Site, text: str, name: str = "") -> None:
    """What accounting knows of the only job: ``state|exit code|MaxRSS|nodes|seconds``."""
    (site.state / "accounts").mkdir(exist_ok=True)
    name = name or site.batch("1001")["name"]
    (site.state / "accounts" / "1001").write_text(f"{name}|{text}")


def test_slurmstepds_words_tell_an_out_of_memory_that_the_state_does_not(site: Site) -> None:
    """FAILED, with an exit code like any other."""
    running(site)
    site.log("a", OOM)
    site.batch("1001", state="FAILED", reason="JobLaunchFailure")

    view = site.advance(61)

    assert (view.state, view.cause) == ("failed", "oom")
    assert (
        "asked for 104.9 MB, was killed at 270 MB: raise `mem` in the launcher cpu" in view.message
    )
    assert site.calls("sacct") == []


def test_accounting_says_who_cancelled(site: Site) -> None:
    running(site)
    patient(site)
    account(site, "CANCELLED by 0|0:0||c1|3")
    site.batch("1001", state="CANCELLED")

    view = told(site)

    assert (view.state, view.message) == ("cancelled", "cancelled in SLURM by root (scancel)")
    assert len(site.calls("sacct")) == 1


def test_a_cancellation_of_ours_needs_no_question(site: Site) -> None:
    running(site)
    patient(site)
    site.yard.cancel("a")
    site.batch("1001", state="CANCELLED")

    assert site.advance(61).state == "cancelled"
    assert site.calls("sacct") == []


@pytest.mark.parametrize("how", ["off", "away", "another"])
def test_without_accounting_only_the_detail_is_missing(site: Site, how: str) -> None:
    running(site)
    patient(site)
    if how == "away":
        account(site, "CANCELLED by 0|0:0||c1|3")
        site.script("sacct fail")
    elif how == "another":
        account(site, "CANCELLED by 0|0:0||c1|3", name="recycled.id")
    site.batch("1001", state="CANCELLED")

    view = told(site)

    assert (view.state, view.message) == (
        "cancelled",
        "cancelled in SLURM (scancel), by whom is not known",
    )


def test_a_site_that_keeps_no_accounts_is_not_asked(site: Site) -> None:
    site.learned(limits.UNKNOWN._replace(has_accounting=False))
    running(site)
    patient(site)
    site.batch("1001", state="CANCELLED")

    assert told(site).state == "cancelled"
    assert site.calls("sacct") == []


def test_whoever_will_not_come_back_does_not_wait_for_detail(site: Site) -> None:
    running(site)
    account(site, "CANCELLED by 0|0:0||c1|3")
    site.batch("1001", state="CANCELLED")

    assert site.advance(61).message == "cancelled in SLURM (scancel), by whom is not known"


def test_a_job_that_left_the_queue_has_the_cause_that_accounting_knows(site: Site) -> None:
    """A preempted job is gone for good only after the queue has lacked it for long enough."""
    running(site)
    account(site, "PREEMPTED|0:0||c1|3")
    site.forget("1001")
    assert site.advance(61).state in ("running", "unknown")
    assert [each["kind"] for each in site.yard.ledger("a")] == ["claim"]

    for _ in range(3):
        view = site.advance(61)

    assert site.yard.ledger("a")[-1]["cause"] == "preempted"
    assert view.attempt == 2


def test_a_preempted_job_may_be_requeued_for_a_while_and_is_then_over(site: Site) -> None:
    """PREEMPTED is the end only where it stays so."""
    running(site)
    site.batch("1001", state="PREEMPTED")
    assert site.advance(61).attempt == 1
    site.batch("1001", state="PENDING", reason="BeginTime")
    for _ in range(4):
        view = site.advance(61)
    assert (view.attempt, [each["kind"] for each in site.yard.ledger("a")]) == (1, ["claim"])

    site.batch("1001", state="PREEMPTED")
    for _ in range(4):
        view = site.advance(61)

    assert (view.attempt, site.yard.ledger("a")[-1]["cause"]) == (2, "preempted")
    assert site.calls("sacct") == []


def test_the_log_tells_of_a_preemption_where_nobody_keeps_accounts(site: Site) -> None:
    running(site)
    site.log("a", PREEMPTED)
    site.forget("1001")

    for _ in range(4):
        site.advance(61)

    assert site.yard.ledger("a")[-1]["cause"] == "preempted"


def test_a_log_that_could_not_be_opened_is_told_so(site: Site) -> None:
    site.yard.ask("a", request=REQUEST)
    site.advance()
    patient(site)
    account(site, "FAILED|0:53||c1|0")
    site.batch("1001", state="FAILED", reason="JobLaunchFailure")

    view = told(site)

    assert (view.state, view.cause) == ("failed", "launch")
    assert "its log could not be opened (exit code 0:53)" in view.message


def test_accounting_is_asked_at_most_once_a_minute_and_never_for_jobs_with_records(
    site: Site,
) -> None:
    for name in "abcd":  # no two alike, so that each is a batch job of its own
        site.yard.ask(name, request={**REQUEST, "launcher": name})
    site.advance()
    patient(site)
    for name in "ab":
        site.yard.finish(name)
    for number in ("1003", "1004"):
        site.batch(number, state="CANCELLED")
    site.advance(61)

    assert len(site.calls("sacct")) == 1
    site.yard.ask("e", request=REQUEST)
    site.advance(1)
    site.batch("1005", state="CANCELLED")
    for _ in range(5):
        site.advance(4)
    assert len(site.calls("sacct")) == 1
