"""SLURM's own troubles, line by line, with fake commands: each job runs once, and nothing is concluded from nonsense."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_core.site import Site

pytestmark = pytest.mark.host


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.rest()


def kinds(site: Site) -> list[str]:
    """What the only job's ledger has."""
    return [each["kind"] for each in site.yard.ledger("a")]


def running(site: Site) -> Path:
    """Let the only job run; its claim, whose time is its heartbeat."""
    site.yard.ask("a")
    site.advance()
    site.yard.claim("a", batch_id="1001")
    site.advance(61)
    return Path(site.yard.folder("a"), ".xpm", "a1.1")


def account(site: Site, state: str) -> None:
    """Let sacct know the only job in this state."""
    (site.state / "accounts").mkdir(exist_ok=True)
    name = site.batch("1001")["name"]
    (site.state / "accounts" / "1001").write_text(f"{name}|{state}|0:0||c1|3")


def test_a_slurmctld_that_is_away_for_both_commands_is_waited_for(site: Site) -> None:
    site.script(*["sbatch away"] * 3, *["squeue fail"] * 9)
    site.yard.ask("a")

    for _ in range(8):
        assert "submitted" == site.advance(61).state

    assert (["1001"], 4) == (site.queue, len(site.calls("sbatch")))
    assert 1 == len({call["argv"][1] for call in site.calls("sbatch")})


@pytest.mark.parametrize("word", ["PENDING", "RUNNING", "COMPLETED", "A_NEW_WORD", None])
def test_what_sacct_says_for_hours_of_a_job_that_is_gone_keeps_nobody_waiting(
    site: Site, word: str | None
) -> None:
    """slurmctld was killed before it had saved the job: sacct says PENDING for ever."""
    site.yard.ask("a")
    site.advance()
    if word:
        account(site, word)
    site.forget("1001")

    for _ in range(4):
        view = site.advance(61)

    assert (["revoked"], "lost") == (kinds(site), site.yard.ledger("a")[0]["cause"])
    assert 2 == view.attempt


@pytest.mark.parametrize("word", ["FAILED", "CANCELLED by 1000", "NODE_FAIL", "COMPLETED"])
def test_what_sacct_says_of_a_run_whose_heart_beats_is_not_believed(site: Site, word: str) -> None:
    claim = running(site)
    account(site, word)
    site.forget("1001")

    for beat in range(6):
        os.utime(claim, (beat, beat))
        site.advance(61)

    assert ["claim"] == kinds(site)


def test_a_queue_that_is_empty_once_and_then_full_again_has_lost_nobody(site: Site) -> None:
    running(site)
    row = site.state / "jobs" / "1001.json"
    for _ in range(3):  # never twice in a row
        hidden = row.read_text()
        row.unlink()
        site.advance(121)
        row.write_text(hidden)
        site.advance(121)

    assert ["claim"] == kinds(site)
    assert 1 == site.view("a").attempt


def test_a_queue_behind_a_banner_is_read(site: Site) -> None:
    site.script(*["squeue banner"] * 4)
    site.yard.ask("a")
    site.advance()

    assert "pending" == site.advance(61).state
    site.batch("1001", state="FAILED")
    assert "failed" == site.advance(61).state


def test_the_id_of_a_job_that_slurmctld_forgot_is_given_to_another_and_both_run_once(
    site: Site,
) -> None:
    """slurmctld, killed, begins again with the ids it had saved: 1001 is soon a job of ours of another name."""
    site.yard.ask("a")
    site.advance()
    site.forget("1001")
    site.yard.ask("b")
    site.advance(1)
    assert {"1001"} == {site.view(name).batch_id for name in "ab"}

    site.yard.claim("b", batch_id="1001")
    for _ in range(4):
        site.advance(61)

    assert (2, 1) == (site.view("a").attempt, site.view("b").attempt)
    assert ["1001", "1002"] == site.queue
    site.yard.claim("a", 2, batch_id="1002")
    site.yard.end("a", attempt=2)
    site.yard.end("b")
    site.advance(1)
    assert ["done", "done"] == [site.word(name) for name in "ab"]
