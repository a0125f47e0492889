"""The one connector: what the contract asks, said in the agent's verbs.

What differs between kinds is only how the agent is reached (a ``Caller``) and whether job folders must be
mirrored at all.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpm.connectors import answers
from xpm.connectors.base import (
    CodeGone,
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
from xpm.connectors.callers import Caller
from xpm.connectors.tidying import Tidying
from xpm.connectors.uploading import Upload
from xpm.errors import DiskProblem, HostUnreachable, PlanProblem
from xpm.plan.tokens import Token
from xpm.sync.fetching import fetch
from xpm.sync.rules import EVERYTHING, Choice

ASK_ON_S = 0.2
GATHER_PER_JOB_S = 0.002
GATHER_MOST_S = 1.0
PROGRESS_S = 10.0
"""How often an exchange is made for nothing but how far jobs are."""
WANTED_BYTES = 8 * 1024 * 1024
MOST_VAIN = 4
"""So often code may be gone again when all of it was sent: who cleans up there may be about to stop."""
LISTED = 200
"""The list of so many files is more than a question whether they are there."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a place lacks of a tree: contents, of which some bytes may have arrived, and the room it has for them."""

    contents: set[str]
    arrived: Mapping[str, int]
    free: float
    """Bytes."""
    files: float

    def is_less_than(self, before: "Lacking") -> bool:
        """Whether something has arrived since."""
        if self.contents != before.contents:
            return len(self.contents) < len(before.contents)
        return sum(self.arrived.values()) > sum(before.arrived.values())


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
        if len(snapshot.files) > LISTED and self.holds(snapshot.id):  # its list alone would be long
            self._staged.add((self._caller.life, snapshot.id))
            return
        vain = 0
        lacking = self._tree(snapshot)
        while lacking.contents:
            self._require_room(snapshot, lacking)
            if vain == MOST_VAIN:
                raise PlanProblem(
                    "the code could not be stored there",
                    on=self.name,
                    cause=f"{len(lacking.contents)} files lack, though they were sent",
                    hint="does somebody clean up there? run the plan again",
                )
            before = lacking
            try:
                self._put(snapshot, before, progress)
                vain += 1
                lacking = self._tree(snapshot)
            except HostUnreachable:  # the next link goes on where this one ended
                lacking = self._tree(snapshot)
                if not lacking.is_less_than(before):
                    raise
        self._staged.add((self._caller.life, snapshot.id))

    def holds(self, snapshot: str) -> bool:
        """Whether a code snapshot is there, whoever sent it."""
        return bool(self._caller.call({"verb": "holds", "snapshot": snapshot})[0]["holds"])

    def submit(self, entries: Sequence[Entry]) -> None:
        """Make these jobs wanted, in one exchange."""
        if not entries:
            return
        request = {"verb": "queue", "jobs": [dict(entry) for entry in entries]}
        lacks = self._caller.call(request)[0].get("lacks")
        if lacks:
            self._staged.clear()
            with answers.understood(self.name, "queue"):
                raise CodeGone([str(each) for each in lacks])
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
            if self._mirrors:
                request["progress_s"] = PROGRESS_S
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
        """Bytes of a log from an offset on, or its last ones."""
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

    @property
    def tidying(self) -> Tidying:
        """Cleaning up there."""
        return Tidying(self.name, self._caller)

    def createtoken(self, name: str, total: int) -> Token:
        """A counted right to run there."""
        return Token(name, total)

    def close(self) -> None:
        """End the connection."""
        self._caller.close()

    def _require_room(self, snapshot: Snapshot, lacking: Lacking) -> None:
        """Send nothing of what cannot fit: a disk that is full is full for everybody."""
        missing, free, files = lacking.contents, lacking.free, lacking.files
        sources = {sha: path for sha, _, path in snapshot.files.values() if sha in missing}
        size = sum(Path(path).stat().st_size for path in sources.values())
        size -= sum(lacking.arrived.values())
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

    def _tree(self, snapshot: Snapshot) -> Lacking:
        """What lacks there of a tree, which is made when nothing does."""
        files = [[path, sha, mode] for path, (sha, mode, _) in sorted(snapshot.files.items())]
        request = {"verb": "tree", "snapshot": snapshot.id, "files": files}
        answer = self._caller.call(request)[0]
        with answers.understood(self.name, "tree"):
            free, fit = answer.get("room") or (math.inf, None)
            arrived = {str(sha): int(size) for sha, size in (answer.get("arrived") or {}).items()}
            return Lacking(
                {str(sha) for sha in answer["missing"]},
                arrived,
                float(free),
                math.inf if fit is None else float(fit),
            )

    def _put(
        self, snapshot: Snapshot, lacking: Lacking, progress: Callable[[int, int], None]
    ) -> None:
        sources = {sha: path for sha, _, path in snapshot.files.values() if sha in lacking.contents}
        Upload(self.name, self._caller, sources, lacking.arrived, progress).run()


def _sent(raw: Mapping[str, Any]) -> Sent:
    states = {str(state): int(count) for state, count in raw["states"].items()}
    return Sent(str(raw["name"]), int(raw["jobs"]), states, float(raw["last"]))


_connector: type[Connector] = AgentConnector
