"""Code that cannot fit on the far side is refused before any of it is sent."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from xpm.connectors.base import Snapshot
from xpm.connectors.remote import AgentConnector
from xpm.errors import DiskProblem
from xpm.wire import frames


class Far:
    """A caller whose file system has so much room."""

    life = 1
    workspace = "/far/ws"

    def __init__(self, *room: int | None) -> None:
        self.room = list(room)
        self.verbs: list[str] = []

    def call(self, content: frames.Message, payload: bytes = b"") -> tuple[frames.Message, bytes]:
        self.verbs.append(content["verb"])
        if "put" in self.verbs:
            return {"missing": []}, b""
        return {"missing": [each[1] for each in content["files"]], "room": self.room}, b""

    def stream(
        self, contents: Iterable[frames.Message]
    ) -> Iterator[tuple[frames.Message, Iterator[bytes]]]:
        raise AssertionError("nothing is fetched")

    def push(self, requests: Iterable[tuple[dict[str, Any], bytes]]) -> Iterator[dict[str, Any]]:
        for content, payload in requests:
            yield self.call(content, payload)[0]

    def nudge(self) -> None: ...

    def close(self) -> None: ...


def snapshot(folder: Path, count: int = 2) -> Snapshot:
    files = {}
    for number in range(count):
        path = folder / f"{number}.py"
        path.write_bytes(b"%d" % number * 100)
        files[path.name] = (hashlib.sha256(path.read_bytes()).hexdigest(), 0o644, str(path))
    return Snapshot("s", files)


@pytest.mark.parametrize(
    ("free", "files", "words"), [(150, None, "0.0 MB are"), (10**9, 1, "takes 1 more")]
)
def test_what_does_not_fit_is_not_sent(
    tmp_path: Path, free: int, files: int | None, words: str
) -> None:
    far = Far(free, files)

    with pytest.raises(DiskProblem) as told:
        AgentConnector("cluster", far).stage(snapshot(tmp_path), lambda done, total: None)

    assert ["tree"] == far.verbs
    assert words in str(told.value)
    assert "/far/ws" in str(told.value)


def test_what_fits_is_sent(tmp_path: Path) -> None:
    far = Far(200, None)

    AgentConnector("cluster", far).stage(snapshot(tmp_path), lambda done, total: None)

    assert ["tree", "put", "tree"] == far.verbs
