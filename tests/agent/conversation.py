"""A workspace with an agent beside it, and a project to run there."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.runner.workshop import TASK, WORK, job_id
from xpm.wire import frames, travel

Message = dict[str, Any]
Call = Callable[..., tuple[Message, bytes]]


def opening(root: Path, **more: Any) -> Message:
    """The request that opens a workspace on a plain host."""
    base: Message = {
        "verb": "open",
        "workspace": str(root),
        "kind": "plain",
        "capacity": {"jobs": 2},
        "python": sys.executable,
        "options": {},
    }
    return {**base, **more}


def unpacked(root: Path) -> str:
    """The travel archive, unpacked in a workspace; its name."""
    sha12, raw = travel.archive()
    travel.unpack(raw, str(root / ".xpm" / "travel"), sha12)
    return sha12


def ok(answer: tuple[Message, bytes]) -> Message:
    """The good part of a reply."""
    assert "ok" in answer[0], answer[0]
    found: Message = answer[0]["ok"]
    return found


def error(answer: tuple[Message, bytes]) -> Message:
    """The bad part of a reply."""
    assert "error" in answer[0], answer[0]
    found: Message = answer[0]["error"]
    return found


def entry(name: str, code: str, **more: Any) -> Message:
    """A queue entry whose task runs this code."""
    job = job_id(name)
    node = {"type": 0, "values": {"code": code}, "job": [TASK, job]}
    kind: Message = {"id": TASK, "module": "work", "name": "Code", "script": None, "meta": []}
    base: Message = {
        "job": job,
        "task": TASK,
        "attempt": 1,
        "experiment": "test",
        "parents": [],
        "tokens": [],
        "request": {"launcher": "x", "connector": "x", "kind": "plain", "options": []},
        "document": {"format": 1, "root": 0, "types": [kind], "nodes": [node]},
        "code": {"snapshot": "snap", "script": None, "path": ["."], "argv": []},
        "tags": {},
    }
    return {**base, **more}


def blob(text: str) -> tuple[str, bytes]:
    """The name and content of a blob."""
    raw = text.encode()
    return hashlib.sha256(raw).hexdigest(), raw


def stage(call: Call, code: str = WORK) -> None:
    """Send the code that jobs run."""
    sha, raw = blob(code)
    request = {"verb": "tree", "snapshot": "snap", "files": [["work.py", sha, 0o644]]}
    if ok(call(request))["missing"]:
        ok(call({"verb": "put", "blobs": [[sha, len(raw)]]}, raw))
        assert ok(call(request))["missing"] == []


def follow(call: Call, wanted: Callable[[dict[str, Message]], bool]) -> dict[str, Message]:
    """Observe until what is known of the jobs (by id) satisfies a condition; what is known then."""
    cursor: str | None = None
    known: dict[str, Message] = {}
    ends_at = time.monotonic() + 60
    while not wanted(known):
        assert time.monotonic() < ends_at, known
        news = ok(call({"verb": "observe", "cursor": cursor, "jobs": None, "wait_s": 5}))
        cursor = news["cursor"]
        known.update({each["job"]: each for each in news["changes"]})
    return known


def all_over(count: int) -> Callable[[dict[str, Message]], bool]:
    """Whether so many jobs have ended."""
    final = ("done", "failed", "cancelled", "lost", "skipped")
    return lambda known: count == sum(each["state"] in final for each in known.values())


class Piped:
    """An agent at the far end of a pipe."""

    def __init__(
        self, root: Path, python: str = sys.executable, environ: Mapping[str, str] | None = None
    ) -> None:
        sha12 = unpacked(root)
        argv = [python, str(root / ".xpm" / "travel" / sha12), "serve", str(root)]
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "error", **(environ or {})},
        )
        self._decoder = frames.Decoder()
        self._assembler = frames.Assembler()
        self._arrived: list[tuple[int, Message, bytes]] = []
        self._ids = 0
        self.hello = self.reply(0)[0]["hello"]

    def send(self, content: Message, payload: bytes = b"") -> int:
        """Send a request; its id."""
        self._ids += 1
        self.write(encoded(self._ids, content, payload))
        return self._ids

    def write(self, raw: bytes) -> None:
        """Send bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(raw)
        self.process.stdin.flush()

    def reply(self, request_id: int) -> tuple[Message, bytes]:
        """The reply to a request, whatever arrives before it."""
        while True:
            for each in self._arrived:
                if each[0] == request_id:
                    self._arrived.remove(each)
                    return each[1], each[2]
            assert self.receive(), "the agent ended"

    def receive(self) -> bool:
        """Read what there is; False at the end."""
        assert self.process.stdout is not None
        data = os.read(self.process.stdout.fileno(), 65536)
        for frame in self._decoder.feed(data):
            self._arrived += self._assembler.feed(frame)
        return bool(data)

    def call(self, content: Message, payload: bytes = b"") -> tuple[Message, bytes]:
        """The reply to a request."""
        return self.reply(self.send(content, payload))

    def end(self) -> int:
        """End its input; its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(timeout=60)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


def encoded(request_id: int, content: Message, payload: bytes = b"") -> bytes:
    """The bytes of a request."""
    if payload:
        content = {**content, "payload": len(payload)}
    return frames.message(request_id, content) + b"".join(frames.chunks(request_id, payload))
