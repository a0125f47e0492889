"""The one connector: what the contract asks, said in the agent's verbs.

What differs between kinds is only how the agent is reached (a ``Caller``) and whether job folders must be
mirrored at all.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from xpm.connectors import answers
from xpm.connectors.base import (
    Connector,
    Entry,
    Fetched,
    JobRef,
    News,
    Printed,
    Progress,
    Sent,
    Snapshot,
)
from xpm.errors import DiskProblem, PlanProblem
from xpm.plan.tokens import Token
from xpm.sync.fetching import fetch
from xpm.sync.rules import EVERYTHING, Choice
from xpm.wire import frames

ASK_ON_S = 0.2
GATHER_PER_JOB_S = 0.002
GATHER_MOST_S = 1.0
WANTED_BYTES = 8 * 1024 * 1024
PUT_BYTES = 8 * 1024 * 1024


class Caller(Protocol):
    """The way to an agent."""

    @property
    def life(self) -> int:
        """Changes whenever another agent answers."""

    @property
    def workspace(self) -> str:
        """The absolute path of the workspace there."""

    def call(self, content: frames.Message, payload: bytes = b"") -> tuple[frames.Message, bytes]:
        """The ``ok`` part of the reply, with its payload; raises ``XpmError`` for its ``error`` part."""

    def stream(
        self, contents: Iterable[frames.Message]
    ) -> Iterator[tuple[frames.Message, Iterator[bytes]]]:
        """The ``ok`` parts of the replies, in order, each with its payload as it arrives.

        Raises ``HostUnreachable`` as soon as the link breaks: what had arrived is the caller's to count.
        """

    def nudge(self) -> None:
        """Let an observe that waits answer at once."""

    def close(self) -> None:
        """End the connection."""


class AgentConnector:
    """A connector over an agent."""

    def __init__(self, name: str, caller: Caller, mirrors: bool = True) -> None:
        self.name = name
        self._caller = caller
        self._mirrors = mirrors
        self._staged: set[tuple[int, str]] = set()
        self._told: set[JobRef] = set()
        self._seen: dict[JobRef, int] = {}
        self._told_life = -1

    def stage(self, snapshot: Snapshot, progress: Callable[[int, int], None]) -> None:
        """Make a code snapshot available there; ``progress`` gets bytes sent and to send."""
        if (self._caller.life, snapshot.id) in self._staged:
            return
        missing, room = self._tree(snapshot)
        if missing:
            self._require_room(snapshot, missing, room)
            self._put(snapshot, missing, progress)
            missing, _ = self._tree(snapshot)
        if missing:
            raise PlanProblem(
                "the code could not be stored there",
                on=self.name,
                cause=f"{len(missing)} files lack",
            )
        self._staged.add((self._caller.life, snapshot.id))

    def holds(self, snapshot: str) -> bool:
        """Whether a code snapshot is there, whoever sent it."""
        return bool(self._caller.call({"verb": "holds", "snapshot": snapshot})[0]["holds"])

    def submit(self, entries: Sequence[Entry]) -> None:
        """Make these jobs wanted, in one exchange."""
        if not entries:
            return
        self._caller.call({"verb": "queue", "jobs": [dict(entry) for entry in entries]})
        refs = {JobRef(str(entry["task"]), str(entry["job"])) for entry in entries}
        if self._told_life == self._caller.life:
            self._told |= refs

    def observe(self, cursor: str | None, refs: Sequence[JobRef], wait_s: float) -> News:
        """What changed since the cursor.

        The agent forgets with its connection which jobs it was asked for beyond its queue, so they are listed, and
        the cursor dropped, whenever it does not know them yet; otherwise the request is the same few bytes for any plan.
        The more jobs, the longer news is gathered: a thousand that end one by one are told in batches, the last at once.
        """
        while True:
            life = self._caller.life
            if life != self._told_life:
                self._told.clear()
            listed = None
            if cursor is None or not self._told.issuperset(refs):
                cursor, listed = None, [[ref.task, ref.job] for ref in refs]
            request = {
                "verb": "observe", "cursor": cursor, "jobs": listed, "wait_s": wait_s,
                "gather_s": min(len(refs) * GATHER_PER_JOB_S, GATHER_MOST_S),
            }  # fmt: skip
            answer, _ = self._caller.call(request)
            if listed is not None or life == self._caller.life:
                break
        self._told_life = self._caller.life
        self._told.update(refs)
        with answers.understood(self.name, "observe"):
            return answers.news(answer)

    def nudge(self) -> None:
        """Let an ``observe`` that waits return at once."""
        self._caller.nudge()

    def cancel(self, attempts: Sequence[tuple[JobRef, int]]) -> None:
        """Note there that these attempts are to be cancelled."""
        if attempts:
            jobs = [[ref.task, ref.job, attempt] for ref, attempt in attempts]
            self._caller.call({"verb": "cancel", "jobs": jobs})

    def tail(self, ref: JobRef, stream: str, offset: int, limit: int) -> Printed:
        """Bytes of a log from an offset on."""
        request = {
            "verb": "tail", "task": ref.task, "job": ref.job,
            "stream": stream, "offset": offset, "limit": limit,
        }  # fmt: skip
        answer, content = self._caller.call(request)
        with answers.understood(self.name, "tail"):
            return answers.printed(answer, content)

    def fetch(
        self,
        refs: Sequence[JobRef],
        main: str,
        progress: Progress,
        choice: Choice = EVERYTHING,
    ) -> Sequence[Fetched]:
        """Mirror these files of the jobs' folders below the main folder."""
        if not self._mirrors:
            return [Fetched(ref, 0, 0, ()) for ref in refs]
        with answers.understood(self.name, "fetch"):
            return fetch(self._caller, refs, Path(main), progress, choice, self._seen)

    def experiments(self) -> Sequence[Sent]:
        """The experiments jobs were sent there for, the latest first."""
        answer, _ = self._caller.call({"verb": "experiments"})
        return [_sent(each) for each in answer["experiments"]]

    def wanted(self, experiment: str | None) -> Iterator[tuple[float, Entry]]:
        """The queue entries there, oldest first, and when each came."""
        after: object = None
        while True:
            request = {"verb": "wanted", "experiment": experiment, "after": after}
            answer, payload = self._caller.call({**request, "limit": WANTED_BYTES})
            at = 0
            for came, size in answer["entries"]:
                entry = json.loads(payload[at : at + size])
                at += size
                if isinstance(entry, dict):
                    yield float(came), entry
            after = answer["next"]
            if after is None:
                return

    def probe(self, refresh_s: float = 0.0) -> Mapping[str, object]:
        """Facts and limits of the place, the latter asked for anew when that may take some seconds."""
        ends_at = time.monotonic() + refresh_s
        request: dict[str, object] = {"verb": "probe", "refresh": refresh_s > 0}
        while True:
            facts: Mapping[str, object] = self._caller.call(request)[0]
            if not facts.get("asking") or time.monotonic() >= ends_at:
                return facts
            request["refresh"] = False
            time.sleep(ASK_ON_S)

    def createtoken(self, name: str, total: int) -> Token:
        """A counted right to run there."""
        return Token(name, total)

    def close(self) -> None:
        """End the connection."""
        self._caller.close()

    def _require_room(
        self, snapshot: Snapshot, missing: set[str], room: tuple[float, float]
    ) -> None:
        """Send nothing of what cannot fit: a disk that is full is full for everybody."""
        sources = {sha: path for sha, _, path in snapshot.files.values() if sha in missing}
        size = sum(Path(path).stat().st_size for path in sources.values())
        free, files = room
        if size > free:
            lack = f"{size / 1e6:.1f} MB are to be sent, {free / 1e6:.1f} MB are free"
        elif len(missing) > files:
            lack = f"{len(missing)} files are to be sent, the file system takes {files:.0f} more"
        else:
            return
        raise DiskProblem(
            f"{self._caller.workspace} is full", on=self.name, cause=f"of code, {lack}",
            hint="make room there, and it goes on by itself; or name another `workspace:` in the profile",
        )  # fmt: skip

    def _tree(self, snapshot: Snapshot) -> tuple[set[str], tuple[float, float]]:
        """The contents that lack there, and how many bytes and files still fit."""
        files = [[path, sha, mode] for path, (sha, mode, _) in sorted(snapshot.files.items())]
        request = {"verb": "tree", "snapshot": snapshot.id, "files": files}
        answer = self._caller.call(request)[0]
        with answers.understood(self.name, "tree"):
            free, fit = answer.get("room") or (math.inf, None)
            room = float(free), math.inf if fit is None else float(fit)
            return {str(sha) for sha in answer["missing"]}, room

    def _put(
        self, snapshot: Snapshot, missing: set[str], progress: Callable[[int, int], None]
    ) -> None:
        sources = {sha: path for sha, _, path in snapshot.files.values() if sha in missing}
        total, sent = sum(Path(path).stat().st_size for path in sources.values()), 0
        progress(0, total)
        for batch in _batches(sources):
            payload = b"".join(raw for _, raw in batch)
            blobs = [[sha, len(raw)] for sha, raw in batch]
            self._caller.call({"verb": "put", "blobs": blobs}, payload)
            sent += len(payload)
            progress(sent, total)


def _batches(sources: Mapping[str, str]) -> Iterator[list[tuple[str, bytes]]]:
    """The contents to send, in portions of about PUT_BYTES."""
    batch: list[tuple[str, bytes]] = []
    size = 0
    for sha, path in sources.items():
        raw = Path(path).read_bytes()
        if hashlib.sha256(raw).hexdigest() != sha:
            raise PlanProblem(
                "a file of the project changed while it was being sent", on=path, hint="run again"
            )
        batch.append((sha, raw))
        size += len(raw)
        if size >= PUT_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _sent(raw: Mapping[str, Any]) -> Sent:
    states = {str(state): int(count) for state, count in raw["states"].items()}
    return Sent(str(raw["name"]), int(raw["jobs"]), states, float(raw["last"]))


_connector: type[Connector] = AgentConnector
