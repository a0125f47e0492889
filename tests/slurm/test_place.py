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
