"""The agent learns what its site allows, and ends the jobs that can never run there, without an sbatch."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core.site import Site
from tests.agent_core.yard import eventually
from xpm.agent import limits, slurm_site
from xpm.agent.judging import AGAIN
from xpm.agent.limits import SiteLimits
from xpm.agent.service import Service
from xpm.wire import files

pytestmark = pytest.mark.host
GOLDEN = Path(__file__).parents[1] / "golden" / "slurm"
TOLD = (GOLDEN / "22.05" / "site.txt").read_text()
KNOWN = slurm_site.parse(TOLD, 0.0)
TOO_LONG = {"options": ["--partition=short", "--time=10"], "launcher": "quick"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.rest()


def tells(site: Site, text: str = TOLD) -> None:
    """Let the site's commands say what a real one said."""
    words = {
        "config": "scontrol.config",
        "partitions": "scontrol.partition",
        "licenses": "scontrol.lic",
        "nodes": "sinfo.%R|%D|%c|%m|%G",
    }
    for name, file in words.items():
        part = text.split(f"%xpm {name} begin\n")[1].split(f"\n%xpm {name} 0")[0]
        (site.state / file).write_text(part)


def test_a_time_over_the_partitions_limit_is_refused_without_an_sbatch(site: Site) -> None:
    site.learned(KNOWN)
    site.yard.ask("a", request=TOO_LONG)

    view = site.advance()

    assert ("failed", "refused") == (view.state, view.cause)
    assert "partition 'short' can never run it: time 10m, its limit is 5m" in view.message
    assert "--partition=short --time=10: mend the launcher quick" in view.message
    assert [] == site.calls("sbatch")


def test_a_partition_that_is_not_there_is_refused_and_none_other_taken(site: Site) -> None:
    site.learned(KNOWN)
    site.yard.ask("a", request={"options": ["--partition=shorts"]})

    view = site.advance()

    assert ("failed", "refused") == (view.state, view.cause)
    assert "there is no such partition, did you mean 'short'?" in view.message
    assert [] == site.calls("sbatch")


def test_a_job_that_waits_for_its_parent_is_refused_at_once(site: Site) -> None:
    site.learned(KNOWN)
    site.yard.ask("parent")
    site.yard.ask("child", parents=["parent"], request=TOO_LONG)

    site.advance()

    assert ("submitted", "failed") == (site.word("parent"), site.word("child"))


def test_no_retry_is_spent_on_what_was_refused(site: Site) -> None:
    site.learned(KNOWN)
    site.yard.ask("a", request={**TOO_LONG, "retry": {"launch": {"max": 1}, "lost": {"max": 1}}})

    view = site.advance()

    assert ("failed", 1) == (view.state, view.attempt)
    assert [] == site.calls("sbatch")


def test_the_first_jobs_wait_for_what_the_site_says_of_itself(site: Site) -> None:
    Path(site.yard.layout.limits).unlink()
    tells(site)
    site.come()
    site.yard.ask("a", request=TOO_LONG)
    site.yard.ask("b")

    site.advance()

    known = limits.read(site.yard.layout)
    assert ("22.05.8", 1001, {"matlab": 2}) == (
        known.version, known.max_array_size, known.licenses,
    )  # fmt: skip
    assert abs((known.at or 0) - site.now) < 60
    assert ("failed", 1) == (site.word("a"), len(site.calls("sbatch")))
    assert [] == site.yard.temporaries()


def test_a_site_that_tells_nothing_takes_jobs_all_the_same(site: Site) -> None:
    Path(site.yard.layout.limits).unlink()
    site.come()
    site.yard.ask("a", request=TOO_LONG)

    site.advance()
    site.advance(1)

    assert 1 == len(site.calls("sbatch"))
    assert 1 == len([each for each in site.calls("scontrol") if each["argv"][-1] == "config"])
    assert limits.UNKNOWN == limits.read(site.yard.layout)


def test_what_was_learned_is_asked_again_after_a_day_and_once_for_everybody(site: Site) -> None:
    tells(site)
    site.yard.ask("a")
    site.advance()
    assert [] == site.calls("scontrol")

    site.learned(limits.UNKNOWN, ago_s=86401)
    site.advance(1)
    site.come()
    site.advance(1)

    assert ["config", "partition", "lic"] == [each["argv"][-1] for each in site.calls("scontrol")]
    assert "22.05.8" == limits.read(site.yard.layout).version


def test_nobody_is_refused_by_old_limits_an_administrator_has_changed(site: Site) -> None:
    tells(site, TOLD.replace("MaxTime=00:05:00", "MaxTime=00:15:00"))
    site.learned(KNOWN, ago_s=3600)
    site.yard.ask("a", request=TOO_LONG)

    site.advance()

    assert "submitted" == site.advance(1).state
    assert 1 == len(site.calls("sbatch"))
    assert AGAIN not in site.view("a").reason


def test_a_part_that_did_not_answer_stays_as_it_was_known(site: Site) -> None:
    tells(site)
    (site.state / "sinfo.%R|%D|%c|%m|%G").unlink()
    site.learned(KNOWN, ago_s=86401)
    site.yard.ask("a")

    site.advance()

    known = limits.read(site.yard.layout)
    assert KNOWN.nodes == known.nodes
    assert any("sinfo" in each for each in known.problems)
    assert KNOWN.associations == known.associations


def test_how_long_sbatch_may_take_is_learned_and_a_hand_written_file_wins(site: Site) -> None:
    site.learned(KNOWN._replace(message_timeout_s=60))
    site.content["options"] = {}
    site.come()
    assert site.place is not None
    assert 120.0 == site.place._apart_s()

    files.write(site.yard.layout.site, files.dump({"message_timeout_s": 4}))
    site.come()
    assert 8.0 == site.place._apart_s()


def test_unlimited_is_not_refused(site: Site) -> None:
    bare = SiteLimits(**{**KNOWN._asdict(), "partitions": None})
    site.learned(bare)
    site.yard.ask("a", request=TOO_LONG)

    assert "submitted" == site.advance().state


def served(site: Site) -> Service:
    """An agent of that site, with the workspace open."""
    service = Service("t0", str(site.yard.root), site.environ)
    request = {"verb": "open", "workspace": str(site.yard.root), "kind": "slurm"}
    answer, _ = service.handle({**request, "python": sys.executable}, b"")
    assert "ok" in answer, answer
    return service


def told(service: Service, verb: str = "observe", **more: object) -> dict[str, Any]:
    """What the agent answers now."""
    service.tick()
    answer, _ = service.handle({"verb": verb, "cursor": None, "jobs": [], **more}, b"")
    found: dict[str, Any] = answer["ok"]
    return found


def test_the_agent_learns_when_a_workspace_is_opened_and_tells_each_connection_once(
    site: Site,
) -> None:
    Path(site.yard.layout.limits).unlink()
    tells(site)
    service = served(site)
    eventually(lambda: "limits" in told(service))
    service = served(site)

    first, second = told(service), told(service)

    assert "22.05.8" == limits.parse(first["limits"]).version
    assert "limits" not in second


def test_a_person_may_have_the_site_asked_again(site: Site) -> None:
    tells(site)
    service = served(site)
    before = told(service, "probe")
    assert (None, False) == (before["limits"]["version"], before["asking"])

    assert told(service, "probe", refresh=True)["asking"]
    eventually(lambda: not told(service, "probe")["asking"])

    assert "22.05.8" == told(service, "probe")["limits"]["version"]


def test_a_laptop_that_leaves_at_once_leaves_its_jobs_with_slurm_all_the_same(site: Site) -> None:
    Path(site.yard.layout.limits).unlink()
    tells(site)
    service = served(site)
    site.yard.ask("a", "b")

    service.tick()
    service.finish()

    jobs, keeper = (str(call["argv"]) for call in site.calls("sbatch"))
    assert "--array=0-1" in jobs
    assert ".keeper.1" in keeper
    assert "22.05.8" == limits.read(site.yard.layout).version
