"""A little cluster in memory: a real state machine behind the connector contract."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xpm.connectors.base import (
    Change,
    Connector,
    Entry,
    Fetched,
    JobRef,
    News,
    Paused,
    Printed,
    Reported,
    Sent,
    Snapshot,
    Stands,
    Stayed,
    is_paused,
)
from xpm.connectors.specs import LocalSpec, SlurmSpec, Spec, SshTarget
from xpm.errors import HostUnreachable, ProfileProblem
from xpm.follow.waiting import HERE
from xpm.launchers.model import Setup
from xpm.launchers.notices import NOBODY
from xpm.launchers.profiles import Answer, Prepared
from xpm.launchers.requests import SlotEntry
from xpm.plan.sealing import Sealed
from xpm.plan.tokens import Token
from xpm.sync import rules, staying
from xpm.sync.folder import JobFolder
from xpm.sync.rules import EVERYTHING, EVERYTHING_COMES, Choice, Moment, Rules
from xpm.sync.sizes import Limits
from xpm.wire import ledger

OVER = {"done", "failed", "cancelled", "skipped", "lost"}


@dataclass
class Held:
    """A job as the cluster holds it."""

    entry: Entry
    attempt: int
    state: str = "waiting"
    cause: str | None = None
    message: str = ""
    moved: int = 0


@dataclass
class Cluster:
    """The far side: outlives connections and laptops."""

    name: str = "cluster"
    fate: Callable[[Entry], str | None] = lambda entry: "done"
    """How a running job ends at once; None: it runs until ``finish``."""
    held: dict[str, Held] = field(default_factory=dict)
    ran: Counter[str] = field(default_factory=Counter)
    submissions: list[list[str]] = field(default_factory=list)
    opened: int = 0
    down: bool = False
    failing: Exception | None = None
    stuck: bool = False
    """Nothing starts."""
    keeps_attempts: bool = False
    """A living attempt is not replaced by a later one."""
    loses_files: bool = False
    """Nothing arrives with a fetch."""
    late_looks: int = 0
    """So many fetches of a job do not see its folder yet."""
    cancels: set[tuple[str, int]] = field(default_factory=set)
    staged: set[str] = field(default_factory=set)
    fetched: list[str] = field(default_factory=list)
    choices: list[tuple[list[str], Choice]] = field(default_factory=list)
    """What every fetch asked for."""
    stays: list[Stayed] = field(default_factory=list)
    """What rules keep of each job, unless it is wanted."""
    logs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """What jobs have printed: by job and stream; of others a line."""
    live_bytes: int = 0
    """How much is new in the files of each job that runs."""
    progress: list[Reported] = field(default_factory=list)
    """How far jobs say they are."""
    standing: list[Stands] | None = None
    """Where its jobs stand in the queue, told each time."""
    limits: Mapping[str, object] | None = None
    """What the site tells of itself."""
    clock: int = 0
    changed: threading.Condition = field(
        default_factory=lambda: threading.Condition(threading.RLock())
    )

    def open(self) -> "FakeConnector":
        self.opened += 1
        return FakeConnector(self)

    def take(self, entries: Sequence[Entry]) -> None:
        with self.changed:
            self.submissions.append([str(each["job"]) for each in entries])
            for entry in entries:
                job, attempt = str(entry["job"]), int(str(entry["attempt"]))
                alive = job in self.held and self.held[job].state not in OVER
                if self.keeps_attempts and alive:
                    continue
                if job not in self.held or self.held[job].attempt < attempt:
                    self.held[job] = Held(entry, attempt)
                    self._move(job, "waiting")
                    if (job, attempt) in self.cancels:
                        self._end(job, "cancelled", "")
            self._advance()

    def finish(self, job: str, state: str = "done", message: str = "") -> None:
        with self.changed:
            self._end(job, state, message)
            self._advance()

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s)

    def state(self, job: str) -> str | None:
        with self.changed:
            return self.held[job].state if job in self.held else None

    def cut(self) -> None:
        with self.changed:
            self.down = True
            self.changed.notify_all()

    def heal(self) -> None:
        with self.changed:
            self.down = False

    def _advance(self) -> None:
        moved = not self.stuck
        while moved:
            moved = False
            for job, held in self.held.items():
                if held.state != "waiting":
                    continue
                states = [self.held[parent].state for _, parent in held.entry["parents"]]  # type: ignore[attr-defined]
                if any(each in OVER - {"done"} for each in states):
                    self._end(job, "skipped", "")
                    moved = True
                elif all(each == "done" for each in states):
                    self._move(job, "running")
                    self.ran[job] += 1
                    end = self.fate(held.entry)
                    if end is not None:
                        self._end(job, end, "boom" if end == "failed" else "")
                    moved = True

    def _end(self, job: str, state: str, message: str) -> None:
        held = self.held[job]
        held.cause = {"done": None, "failed": "exit", "skipped": "dependency"}.get(state, state)
        held.message = message
        self._move(job, state)

    def _move(self, job: str, state: str) -> None:
        self.clock += 1
        self.held[job].state, self.held[job].moved = state, self.clock
        self.changed.notify_all()


class FakeConnector:
    """One connection to the little cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._nudged = False
        self.closed = False

    @property
    def name(self) -> str:
        return self._cluster.name

    def stage(self, snapshot: Snapshot, progress: Callable[[int, int], None]) -> None:
        self._reach()
        self._cluster.staged.add(snapshot.id)

    def holds(self, snapshot: str) -> bool:
        self._reach()
        return snapshot in self._cluster.staged

    def experiments(self) -> Sequence[Sent]:
        self._reach()
        found: dict[str, Counter[str]] = {}
        for held in self._cluster.held.values():
            found.setdefault(str(held.entry["experiment"]), Counter())[held.state] += 1
        return [Sent(name, sum(each.values()), each, 1.0) for name, each in found.items()]

    def wanted(self, experiment: str | None) -> Iterator[tuple[float, Entry]]:
        self._reach()
        for held in list(self._cluster.held.values()):
            if experiment in (None, held.entry["experiment"]):
                yield 1.0, held.entry

    def submit(self, entries: Sequence[Entry]) -> None:
        self._reach()
        self._cluster.take(entries)

    def observe(self, cursor: str | None, refs: Sequence[JobRef], wait_s: float) -> News:
        self._reach()
        cluster = self._cluster
        with cluster.changed:
            since = int(cursor) if cursor is not None else -1
            cluster.changed.wait_for(
                lambda: self._nudged or cluster.down or cursor is None or cluster.clock > since,
                wait_s,
            )
            self._nudged = False
            self._reach()
            wanted = {each.job for each in refs}
            changes = [
                _change(held)
                for job, held in cluster.held.items()
                if held.moved > since and (cursor is not None or job in wanted)
            ]
            return News(
                changes, str(cluster.clock), (), cluster.limits, cluster.progress, cluster.standing
            )

    def nudge(self) -> None:
        with self._cluster.changed:
            self._nudged = True
            self._cluster.changed.notify_all()

    def cancel(self, attempts: Sequence[tuple[JobRef, int]]) -> None:
        self._reach()
        with self._cluster.changed:
            for ref, attempt in attempts:
                self._cluster.cancels.add((ref.job, attempt))
                held = self._cluster.held.get(ref.job)
                if held is not None and held.attempt == attempt and held.state not in OVER:
                    self._cluster.finish(ref.job, "cancelled")

    def tail(self, ref: JobRef, stream: str, offset: int, limit: int) -> Printed:
        self._reach()
        log = self._cluster.logs.get((ref.job, stream), b"a line\n")
        start = max(0, len(log) + offset) if offset < 0 else offset
        return Printed(log[start : start + limit], (), start, len(log))

    def fetch(
        self,
        refs: Sequence[JobRef],
        main: str,
        progress: Callable[[int], None],
        choice: Choice = EVERYTHING,
    ) -> Sequence[Fetched]:
        self._reach()
        if is_paused(progress):
            raise Paused
        self._cluster.choices.append(([ref.job for ref in refs], choice))
        if choice.moment is Moment.RUNNING:
            return [Fetched(ref, 0, self._cluster.live_bytes, ()) for ref in refs]
        stays = () if choice.wanted else self._cluster.stays
        for ref in refs:
            with self._cluster.changed:
                self._cluster.fetched.append(ref.job)
                seen = self._cluster.fetched.count(ref.job) > self._cluster.late_looks
                if seen and not self._cluster.loses_files:
                    mirror(Path(main), self._cluster.held[ref.job])
            folder_path = Path(ledger.job_folder(main, ref.task, ref.job))
            wanted = rules.parsed(choice.wanted)
            for each in () if self._cluster.loses_files else self._cluster.stays:
                if rules.covers(wanted, each.path):
                    (folder_path / each.path).parent.mkdir(parents=True, exist_ok=True)
                    with (folder_path / each.path).open("wb") as file:
                        file.truncate(each.size)  # a hole: nothing is written
            with JobFolder(folder_path) as folder:
                staying.note(folder, stays, choice.words)
        return [Fetched(ref, 3, 100, (), stays) for ref in refs]

    def probe(self, refresh_s: float = 0.0) -> Mapping[str, object]:
        return {}

    def createtoken(self, name: str, total: int) -> Token:
        return Token(name, total)

    def close(self) -> None:
        self.closed = True

    def _reach(self) -> None:
        if self._cluster.failing is not None:
            raise self._cluster.failing
        if self._cluster.down:
            raise HostUnreachable("talk to the cluster", on=self.name, cause="cut")


def mirror(main: Path, held: Held) -> None:
    """What a fetch leaves in the main folder."""
    task, job = str(held.entry["task"]), str(held.entry["job"])
    folder = Path(ledger.job_folder(str(main), task, job))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stdout").write_text("out\n")
    (folder / "stderr").write_text(f"line before\n{held.message}\n")
    state = held.state
    common = {"format": 1, "task": task, "job": job, "attempt": held.attempt, "at": time.time()}
    claim = {**common, "kind": "claim", "slot": 1, "generation": 1, "batch_id": "7_1"}
    error = {"type": "ValueError", "message": held.message, "traceback": ""}
    final = {
        **common, "kind": "outcome", "slot": 2, "state": state, "cause": held.cause,
        "exit_code": 0 if state == "done" else 1, "signal": None, "generation": 1,
        "error": None if state == "done" else error,
    }  # fmt: skip
    ledger.append(str(folder), claim, None)
    ledger.append(str(folder), final, None)


def _change(held: Held) -> Change:
    ref = JobRef(str(held.entry["task"]), str(held.entry["job"]))
    over = held.state in OVER
    return Change(
        ref, held.state, held.cause, held.attempt, 0 if held.state == "waiting" else 1,
        None if held.state in ("waiting", "skipped") else "7_1", "", held.message if over else "", 1.0,
    )  # fmt: skip


@dataclass(frozen=True)
class FakeLauncher:
    name: str
    connector: Spec

    def request(self, tokens: Mapping[str, int], *facts: object) -> dict[str, object]:
        return {
            "launcher": self.name, "connector": self.connector.name, "kind": "plain", "options": [],
            "resources": {}, "python": None, "setup": [], "retry": {},
        }  # fmt: skip

    def prepared(self, connector: str) -> Prepared:
        return Prepared(self.connector, Setup(), (), ())

    @property
    def connectors(self) -> tuple[Spec, ...]:
        return (self.connector,)

    def ask(
        self, asked: object, is_resumable: bool, tokens: Iterable[SlotEntry], *facts: object
    ) -> Answer:
        return Answer(self.connector, self.request({}), list(tokens))


class FakeProfiles:
    """Launchers by name: each leads to the connector of the same name."""

    path = None
    files = ()
    code = Limits()
    notify = NOBODY

    def __init__(self, names: Sequence[str], results: Mapping[str, Rules] | None = None) -> None:
        self.names = names
        self.default = names[0]
        self.connectors = {name: _spec(name) for name in names}
        self.results = results or {}

    def rules(self, connector: str) -> Rules:
        return self.results.get(connector, EVERYTHING_COMES)

    def launcher(self, name: str | None) -> FakeLauncher:
        if name is not None and name not in self.names:
            raise ProfileProblem(f"no launcher {name!r}")
        return FakeLauncher(name or self.default, _spec(name or self.default))


class Lab:
    """Some little clusters, and the laptop's way to them."""

    def __init__(self, *clusters: Cluster) -> None:
        from xpm.follow.world import World

        self.clusters = {each.name: each for each in clusters}
        self.rules: Mapping[str, Rules] = {}
        self.world = World(
            profiles=lambda: FakeProfiles(list(self.clusters), self.rules),  # type: ignore[arg-type, return-value]
            open=self._open,
            patience=lambda failures: 0.01,
        )

    def _open(self, spec: Spec, main: Path) -> Connector:
        return self.clusters[spec.name].open()


def sealed(
    name: str,
    *parents: Sealed,
    values: Mapping[str, object] | None = None,
    tags: Mapping[str, str | int | float | bool] | None = None,
    cls: str = "Task",
) -> Sealed:
    """A sealed task whose identity is its name."""
    return Sealed(
        task="demo.task",
        job=job_id(name),
        document={
            "root": 0,
            "types": {"demo.task": {"module": "plan", "name": cls}},
            "nodes": [{"type": "demo.task", "values": {"name": name, **(values or {})}}],
        },
        parents=tuple((each.task, each.job) for each in parents),
        tokens=(),
        tags=dict(tags or {}),
        where="plan.py:12",
    )


def job_id(name: str) -> str:
    """The id of the task of this name."""
    return hashlib.sha256(name.encode()).hexdigest()


def _spec(name: str) -> Spec:
    return LocalSpec() if name == HERE else SlurmSpec(name, SshTarget(name), "/far")
