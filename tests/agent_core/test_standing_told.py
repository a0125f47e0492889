"""The place in the queue over the wire: told when it is news, and only the first one ends a wait."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core.site import Site
from tests.agent_core.test_standing import Listener
from xpm.agent.advancing import Advancing
from xpm.agent.service import Service

pytestmark = pytest.mark.host


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[Service, Listener]]:
    """An agent of this process over a site whose clock runs ahead with the test."""
    site = Site(tmp_path)
    listener = Listener(site)
    found = Service("t0", site.yard.layout.root, site.content["environ"], lambda: site.now)
    found._opened = type("Opened", (), {"layout": site.yard.layout, "kind": "slurm"})()
    found._board = site.board
    found._advancing = Advancing(site.board)
    found._site = found._advancing.site
    listener.standing = found._advancing._place.standing
    site.place = found._advancing._place
    yield found, listener
    site.rest()


def observed(service: Service, cursor: str | None) -> dict[str, Any]:
    reply, _ = service.handle({"verb": "observe", "cursor": cursor, "jobs": None, "wait_s": 0}, b"")
    answer: dict[str, Any] = json.loads(json.dumps(reply))["ok"]
    return answer


def test_it_is_told_when_it_is_news_and_when_all_is_told(service: tuple[Service, Listener]) -> None:
    agent, listener = service
    first = observed(agent, None)
    assert [] == first["standing"]

    listener.advance(60)
    cursor = observed(agent, None)["cursor"]
    agent._stood = []
    assert agent.has_news({"cursor": cursor})
    told = observed(agent, cursor)
    assert [["1001", "", "cpu", 12, 13]] == told["standing"]
    assert "standing" not in observed(agent, told["cursor"])
    assert told["standing"] == observed(agent, None)["standing"]

    cursor = observed(agent, None)["cursor"]
    listener.line("1001|cpu|5|Priority|\n")
    listener.advance(400)
    assert not agent.has_news({"cursor": cursor, "progress_s": 1})
    later = observed(agent, cursor)
    assert ([["1001", "", "cpu", 1, 1]], []) == (later["standing"], later["changes"])

    listener.site.batch("1001", reason="JobHeldUser")
    listener.advance(60)
    assert [] == observed(agent, later["cursor"])["standing"]
