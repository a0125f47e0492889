"""Many jobs on a site with fake commands: what waits for SLURM is bounded, what can be said once is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_core.site import Site
from tests.agent_core.yard import eventually
from xpm.agent.advance import advance
from xpm.agent.slurm_sending import AT_ONCE
from xpm.wire import files

pytestmark = pytest.mark.host
FULL = """#!/bin/sh
echo "sbatch: error: AssocMaxSubmitJobLimit" >&2
echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)" >&2
exit 1
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.rest()


def test_while_a_quota_is_full_few_submissions_wait_for_it_and_other_jobs_stay_ready(
    site: Site,
) -> None:
    names = [f"job{n}" for n in range(2 * AT_ONCE)]
    for number, name in enumerate(names):
        site.yard.ask(name, request={"options": [f"--mem={number + 1}M"]})
    sbatch = site.state.parent / "bin" / "sbatch"
    behaves = sbatch.read_text()
    sbatch.write_text(FULL)

    site.advance()
    site.advance(1)
    site.come()
    site.advance(1)

    words = [site.word(name) for name in names]
    assert (AT_ONCE, AT_ONCE) == (words.count("submitted"), words.count("ready"))

    sbatch.write_text(behaves)
    for _ in range(12):
        site.advance(100)
    assert len(names) == len(site.queue) == len({site.batch(each)["name"] for each in site.queue})


def test_who_never_waits_for_a_command_sends_again_all_the_same(site: Site) -> None:
    site.script("sbatch away")
    site.yard.ask("a")

    def turn() -> bool:
        site.ahead += 1
        advance(site.board, site.place, site.now, 0.0)
        return bool(site.queue)

    eventually(turn)
    assert 2 == len(site.calls("sbatch"))


def test_many_jobs_are_cancelled_by_one_command(site: Site) -> None:
    names = [f"job{n}" for n in range(10)]
    site.yard.ask(*names)
    site.advance()

    for name in names:
        site.yard.cancel(name)
    site.advance(1)

    assert ["cancelled"] * 10 == [site.word(name) for name in names]
    assert [["1001_[0-9]"]] == [call["argv"] for call in site.calls("scancel")]
    assert [] == site.yard.temporaries()


def test_who_knows_the_site_may_say_how_long_to_wait_for_it(site: Site) -> None:
    knobs = {"squeue_every_s": 1, "message_timeout_s": 1, "lost_after_s": 2}
    files.write(site.yard.layout.site, files.dump(knobs))
    site.come()
    site.yard.ask("a")
    site.advance()
    site.forget("1001")

    for _ in range(4):
        site.advance(6)

    assert 2 == site.view("a").attempt


def test_why_slurm_would_not_start_a_job_is_told(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.batch("1001", state="FAILED", reason="BadConstraints")

    view = site.advance(61)

    assert ("failed", "launch") == (view.state, view.cause)
    assert "BadConstraints" in view.message


def test_a_job_that_waits_for_ever_is_cancelled_and_failed_after_two_answers(
    site: Site,
) -> None:
    site.yard.ask("a")
    site.advance()
    site.batch("1001", reason="PartitionTimeLimit")

    first = site.advance(61)
    assert ("pending", "PENDING") == (first.state, site.batch("1001")["state"])
    assert "asks for more time than its partition allows" in first.reason

    site.come()  # somebody else takes over: what was seen is not forgotten
    view = site.advance(61)

    assert ("failed", "refused") == (view.state, view.cause)
    assert "lower `time:`" in view.message
    assert "CANCELLED" == site.batch("1001")["state"]


def test_a_fatal_reason_shown_in_passing_ends_nothing(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.batch("1001", reason="PartitionTimeLimit")
    site.advance(61)

    site.batch("1001", reason="Resources")
    site.advance(61)
    site.batch("1001", reason="PartitionTimeLimit")

    assert "pending" == site.advance(61).state
    assert [] == site.calls("scancel")


def test_what_slurm_holds_for_good_is_given_up_at_once(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.yard.claim("a", batch_id="1001")
    site.batch("1001", reason="launch failed requeued held")

    view = site.advance(61)

    assert ("failed", "launch") == (view.state, view.cause)
    assert "CANCELLED" == site.batch("1001")["state"]


def test_what_slurm_holds_of_a_job_that_is_over_is_cancelled(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.yard.ask("b")
    site.advance(61)
    site.yard.claim("a", batch_id="1001")
    site.yard.end("a")  # then its node died: SLURM requeued it, and no other could launch it
    site.batch("1001", reason="launch failed requeued held")
    site.batch("1002", reason="Resources")

    site.advance(61)

    assert ("done", "pending") == (site.word("a"), site.word("b"))
    assert "CANCELLED" == site.batch("1001")["state"]
    assert "PENDING" == site.batch("1002")["state"]


def test_what_an_administrator_holds_only_waits_and_says_so(site: Site) -> None:
    site.yard.ask("a")
    site.advance()
    site.batch("1001", reason="JobHeldAdmin")

    site.advance(61)
    view = site.advance(61)

    assert ("pending", True) == (view.state, "an administrator holds it" in view.reason)


def test_a_job_that_slurm_forgets_between_two_looks_is_known_by_its_record(site: Site) -> None:
    site.yard.ask("a")
    site.yard.ask("b", request={"options": ["--mem=9M"]})
    site.advance()
    site.yard.finish("a")
    site.yard.finish("b", "failed")
    for batch_id in site.queue:
        site.forget(batch_id)

    site.advance(600)
    site.advance(600)

    assert ("done", "failed") == (site.word("a"), site.word("b"))
    assert 1 == site.view("a").attempt
