"""A job that ends reads the whole workspace only when somebody may wait for that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_core.site import Site
from tests.agent_core.yard import TASK, job_id
from xpm.agent.quiet import is_quiet

pytestmark = pytest.mark.host


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.rest()


def quiet(site: Site, name: str) -> bool:
    return is_quiet(site.yard.layout, TASK, job_id(name), 1)


def test_a_done_job_nobody_waits_for_may_leave_at_once(site: Site) -> None:
    site.yard.ask("a", "b")
    site.advance()
    site.yard.finish("a")

    assert quiet(site, "a")
    assert not quiet(site, "b")  # it is not done


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_did_not_end_well_looks_what_is_to_be_done(site: Site, state: str) -> None:
    site.yard.ask("a", "b")
    site.advance()
    site.yard.finish("a", state)

    assert not quiet(site, "a")


def test_a_parent_lets_its_children_go_on(site: Site) -> None:
    site.yard.ask("a", "b")
    site.yard.ask("c", parents=["a"])
    site.advance()
    site.yard.finish("a")
    site.yard.finish("b")

    assert not quiet(site, "a")
    assert quiet(site, "b")


def test_while_something_is_not_in_the_queue_everybody_looks(site: Site) -> None:
    site.script("sbatch away")
    site.yard.ask("a")
    site.advance()
    site.yard.finish("a")

    assert not quiet(site, "a")


@pytest.mark.parametrize("news", ["a job", "a cancel", "an attempt"])
def test_what_has_come_since_makes_everybody_look(site: Site, news: str) -> None:
    site.yard.ask("a", "b")
    site.advance()
    site.yard.finish("a")
    {
        "a job": lambda: site.yard.ask("c"),
        "a cancel": lambda: site.yard.cancel("b"),
        "an attempt": lambda: site.yard.link("b", 2),
    }[news]()

    assert not quiet(site, "a")


def test_who_waits_for_a_token_is_looked_after_by_all(site: Site) -> None:
    site.yard.ask("a", tokens=[("lane", 1, 1)])
    site.yard.ask("b", tokens=[("lane", 1, 1)])
    site.advance()
    site.yard.finish("a")

    assert not quiet(site, "a")
