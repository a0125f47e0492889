"""How code is made available: an unchanged project costs one exchange, and a few bytes however large it is."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from xpm.connectors.base import Snapshot
from xpm.connectors.callers import Caller, Request
from xpm.connectors.remote import AgentConnector
from xpm.sync.snapshot import take


class Counting:
    """What an agent would answer, and what it cost to ask."""

    life = 1
    workspace = "/w"

    def __init__(self, trees: set[str], blobs: set[str]) -> None:
        self.trees, self.blobs = trees, blobs
        self.verbs: list[str] = []
        self.bytes = 0

    def call(self, message: Mapping[str, Any], payload: bytes = b"") -> "tuple[dict[str, Any], bytes]":  # fmt: skip
        """Answer as xpm/agent/transfer.py does."""
        self.verbs.append(str(message["verb"]))
        self.bytes += len(json.dumps(message)) + len(payload)
        if message["verb"] == "holds":
            return {"holds": message["snapshot"] in self.trees}, b""
        if message["verb"] == "put":
            self.blobs |= {sha for sha, _ in message["blobs"]}
            return {}, b""
        missing = {sha for _, sha, _ in message["files"]} - self.blobs
        if message["snapshot"] in self.trees:
            missing = set()
        elif not missing:
            self.trees.add(message["snapshot"])
        return {"missing": sorted(missing), "room": [1e12, None]}, b""

    def push(self, requests: Iterable[Request]) -> Iterator[dict[str, Any]]:
        """Answer each."""
        for message, payload in requests:
            yield self.call(message, payload)[0]


def project(folder: Path, count: int) -> Snapshot:
    for number in range(count):
        (folder / f"m{number}.py").write_text(f"x = {number}\n")
    return take(folder)


def stage(caller: Counting, shot: Snapshot) -> None:
    caller.verbs.clear()
    caller.bytes = 0
    AgentConnector("there", cast("Caller", caller)).stage(shot, lambda done, total: None)


def test_an_unchanged_project_costs_one_exchange(tmp_path: Path) -> None:
    caller = Counting(set(), set())
    shot = project(tmp_path, 3)

    stage(caller, shot)
    first = list(caller.verbs)
    stage(caller, shot)

    assert ["tree", "put", "tree"] == first
    assert ["tree"] == caller.verbs


def test_the_list_of_a_large_project_travels_only_when_it_changed(tmp_path: Path) -> None:
    caller = Counting(set(), set())
    shot = project(tmp_path, 1000)

    stage(caller, shot)
    stage(caller, shot)

    assert ["holds"] == caller.verbs
    assert caller.bytes < 200
