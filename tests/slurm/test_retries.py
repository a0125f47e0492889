"""What a further attempt asks SLURM for, decided by the request's retry table and what the attempts before came to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core.site import Site
from xpm.wire import files

pytestmark = pytest.mark.host
REQUEST: dict[str, Any] = {
    "kind": "slurm",
    "options": ["--partition=cpu", "--mem=1024M"],
    "resources": {"mem_mib": 1024},
    "retry": {
        "oom": {
            "max": 2,
            "backoff_s": 60,
            "steps": [{"options": ["--mem=2048M"], "resources": {"mem_mib": 2048}}],
        },
        "node_fail": {"max": 1, "exclude_node": True},
    },
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.rest()


def own(site: Site, call: int) -> list[str]:
    """The options of a call of sbatch that the request asked for."""
    argv: list[str] = site.calls("sbatch")[call]["argv"]
    return argv[argv.index("--partition=cpu") :]


def test_each_attempt_asks_for_what_the_ends_before_it_call_for(site: Site) -> None:
    site.yard.ask("a", request=REQUEST)
    site.advance()
    site.yard.claim("a", node="n1")
    site.yard.end("a", "failed", cause="oom")

    view = site.advance(1)
    assert (view.state, view.attempt) == ("submitted", 2)
    assert ["--partition=cpu", "--mem=2048M", "--begin=now+60"] == own(site, 1)

    site.yard.claim("a", 2, node="n2")
    site.batch("1002", state="NODE_FAIL")
    view = site.advance(61)
    assert (view.state, view.attempt) == ("submitted", 3)
    assert ["--partition=cpu", "--mem=2048M", "--exclude=n2"] == own(site, 2)


def test_what_an_attempt_asked_for_is_in_its_intent(site: Site) -> None:
    site.yard.ask("a", request=REQUEST)
    site.advance()
    site.yard.finish("a", "failed", cause="oom")

    submission = str(site.advance(1).submission)

    intent = files.load(str(Path(site.yard.layout.submission(submission), "intent.json"))) or {}
    assert intent["request"]["resources"] == {"mem_mib": 2048}
    assert intent["request"]["options"][1] == "--mem=2048M"


def test_a_budget_that_is_spent_leaves_the_job_failed(site: Site) -> None:
    site.yard.ask("a", request={**REQUEST, "retry": {"oom": {"max": 1}}})
    site.advance()
    for attempt in (1, 2):
        site.yard.finish("a", "failed", attempt, cause="oom")
        view = site.advance(1)

    assert (view.state, view.cause, view.attempt) == ("failed", "oom", 2)


def test_timeouts_that_were_requeued_in_place_count(site: Site) -> None:
    request = {**REQUEST, "retry": {"timeout": {"max": 3}}}
    site.yard.ask("a", request=request)
    site.advance()
    site.yard.claim("a")
    site.yard.end("a", "failed", cause="timeout", details={"requeues": 3})

    assert site.advance(1).state == "failed"


@pytest.mark.parametrize(
    ("further", "state"), [(0.5, "submitted"), (0.1, "failed"), (None, "failed")]
)
def test_progress_renews_the_budget_of_a_resumable_task(
    site: Site, further: float | None, state: str
) -> None:
    request = {**REQUEST, "resumable": True, "retry": {"timeout": {"max": 1, "renews": True}}}
    site.yard.ask("a", request=request)
    site.advance()
    for attempt, progress in ((1, 0.1), (2, further)):
        site.yard.finish("a", "failed", attempt, cause="timeout", progress=progress)
        view = site.advance(1)

    assert view.state == state


def test_an_entry_of_an_older_xpm_is_retried_as_ever(site: Site) -> None:
    request = {"kind": "slurm", "options": [], "retry": {"oom": {"max": 1}}}
    site.yard.ask("a", request=request)
    site.advance()
    site.yard.finish("a", "failed", cause="oom")

    view = site.advance(1)

    assert (view.state, view.attempt) == ("submitted", 2)
    assert site.calls("sbatch")[0]["argv"][:1] == site.calls("sbatch")[1]["argv"][:1]
