"""What the laptop still owes a connector: jobs and cancels not yet accepted there, as files.

::

    <main>/.xpm/outbox/<connector>/<job id>.json    a queue entry (wire/workspace.py)
    <main>/.xpm/owed/<connector>/<job id>.a<n>.json {"task", "job", "attempt", "at"}: a cancel
    <main>/.xpm/tried/<connector>                   when jobs were last about to be sent: later entries nobody has yet
    <main>/.xpm/kept/<snapshot id>.json             {"files": {path: [sha256, mode]}}: code of such jobs; contents in .xpm/blobs

A file is removed once the far side has accepted what it says, which it may be told twice. Written without a sync,
because acceptance usually follows in milliseconds; ``settle`` makes all durable when it does not.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xpm.connectors.jobs import JobRef
from xpm.wire import files

if TYPE_CHECKING:
    from xpm.connectors.base import Snapshot

Entry = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Owed:
    """A cancel the far side has not been told of."""

    ref: JobRef
    attempt: int
    at: float


class Outbox:
    """The undelivered jobs and cancels of one main folder."""

    def __init__(self, own: Path) -> None:
        self._own = own
        self._jobs = own / "outbox"
        self._cancels = own / "owed"
        self._tried = own / "tried"
        self._kept = own / "kept"
        self._blobs = own / "blobs"
        self._made: set[Path] = set()

    def put(self, connector: str, entry: Entry) -> None:
        """Note that a job is to be sent."""
        self._write(self._jobs / connector, f"{entry['job']}.json", dict(entry))

    def remove(self, connector: str, entries: Sequence[Entry]) -> None:
        """Forget jobs that are accepted, unless a later attempt has taken their place."""
        for entry in entries:
            path = self._jobs / connector / f"{entry['job']}.json"
            content = _load(path)
            if content is not None and content.get("attempt") == entry["attempt"]:
                path.unlink(missing_ok=True)

    def entries(self, connector: str) -> Sequence[Entry]:
        """The jobs still to be sent there."""
        return _all(self._jobs / connector)

    def holds(self, connector: str, job: str) -> bool:
        """Whether this job is still to be sent there for the first time."""
        return self._is_first(self._jobs / connector / f"{job}.json")

    def _is_first(self, path: Path) -> bool:
        """Newer code for a job that is there is on its way likewise."""
        content = _load(path) if path.exists() else None
        return content is not None and not content.get("refresh")

    def size(self, connector: str, entry: Entry) -> int:
        """How many bytes it takes to send this job; 0 when it is not here any more."""
        try:
            return (self._jobs / connector / f"{entry['job']}.json").stat().st_size
        except FileNotFoundError:
            return 0

    def trying(self, connector: str) -> None:
        """Note that the entries of now are about to be sent: from here on they may have arrived."""
        files.make_below(str(self._own), str(self._tried))
        (self._tried / connector).touch()
        if connector != "local":
            _sync(self._tried / connector)

    def could_withdraw(self, connector: str, job: str) -> bool:
        """Whether a job is here still, and has certainly not been sent."""
        path, tried = self._jobs / connector / f"{job}.json", self._tried / connector
        try:
            written = path.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        was_tried = tried.exists() and tried.stat().st_mtime_ns >= written
        return not was_tried and self._is_first(path)

    def withdraw(self, connector: str, job: str) -> bool:
        """Take a job back that has certainly not been sent; whether it was so."""
        if not self.could_withdraw(connector, job):
            return False
        try:
            (self._jobs / connector / f"{job}.json").unlink()
        except FileNotFoundError:
            return False
        return True

    def owe(self, connector: str, ref: JobRef, attempt: int, now: float) -> None:
        """Note that an attempt is to be cancelled, durably."""
        content = {"task": ref.task, "job": ref.job, "attempt": attempt, "at": now}
        self._write(self._cancels / connector, f"{ref.job}.a{attempt}.json", content, sync=True)

    def owed(self, connector: str) -> Sequence[Owed]:
        """The cancels still to be told there."""
        found = _all(self._cancels / connector)
        return [
            Owed(
                JobRef(str(each["task"]), str(each["job"])),
                int(str(each["attempt"])),
                float(str(each["at"])),
            )
            for each in found
        ]

    def paid(self, connector: str, cancels: Sequence[Owed]) -> None:
        """Forget cancels that are noted there."""
        for each in cancels:
            name = f"{each.ref.job}.a{each.attempt}.json"
            (self._cancels / connector / name).unlink(missing_ok=True)

    def unsent(self) -> Mapping[str, Sequence[str]]:
        """The ids of the jobs still to be sent, by connector."""
        ids = {name: self.jobs(name) for name in files.listing(str(self._jobs))}
        return {name: found for name, found in ids.items() if found}

    def jobs(self, connector: str) -> Sequence[str]:
        """The ids of the jobs still to be sent there."""
        found = files.listing(str(self._jobs / connector))
        return [name.removesuffix(".json") for name in found if name.endswith(".json")]

    def cancelling(self) -> Sequence[str]:
        """The connectors that cancels are still to be told."""
        found = files.listing(str(self._cancels))
        return [name for name in found if files.listing(str(self._cancels / name))]

    def connectors(self) -> set[str]:
        """The connectors something is owed to."""
        return {*self.unsent(), *self.cancelling()}

    def settle(self, connector: str) -> None:
        """Make what waits for this connector survive a power cut."""
        folder = self._jobs / connector
        for name in files.listing(str(folder)):
            _sync(folder / name)
        if folder.is_dir():
            _sync(folder)

    def keep(self, snapshot: "Snapshot") -> None:
        """Keep the code of jobs that cannot be sent now, as it is now."""
        manifest = self._kept / f"{snapshot.id}.json"
        if manifest.exists():
            return
        import hashlib

        listed: dict[str, tuple[str, int]] = {}
        for path, (digest, mode, source) in snapshot.files.items():
            content = Path(source).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                return  # edited meanwhile: the plan has to run again
            blob = self._blobs / digest[:2] / digest
            if not blob.exists():
                files.make_below(str(self._own), str(blob.parent))
                files.create(str(blob), content)
            listed[path] = (digest, mode)
        self._write(self._kept, manifest.name, {"files": listed}, sync=True)

    def kept(self, snapshot: str) -> "Snapshot | None":
        """The code kept under this id; None when there is none."""
        content = _load(self._kept / f"{snapshot}.json")
        if content is None:
            return None
        listed = content["files"]
        assert isinstance(listed, dict)
        from xpm.connectors.base import Snapshot

        return Snapshot(
            snapshot,
            {
                path: (digest, mode, str(self._blobs / digest[:2] / digest))
                for path, (digest, mode) in listed.items()
            },
        )

    def forget(self, snapshot: str) -> None:
        """Drop the list of a code that has arrived."""
        (self._kept / f"{snapshot}.json").unlink(missing_ok=True)

    def _write(
        self, folder: Path, name: str, content: dict[str, object], sync: bool = False
    ) -> None:
        if folder not in self._made:
            files.make_below(str(self._own), str(folder))
            self._made.add(folder)
        try:
            files.write(str(folder / name), files.dump(content), sync=sync)
        except FileNotFoundError:
            self._made.discard(folder)
            files.require(
                str(self._own)
            )  # what a disk that is away lacks is no mistake of anybody's
            raise


def _load(path: Path) -> dict[str, object] | None:
    try:
        return files.load(str(path))
    except ValueError:
        return None  # torn by a power cut: the plan, run again, writes it anew


def _all(folder: Path) -> list[dict[str, object]]:
    found = (_load(folder / name) for name in files.listing(str(folder)))
    return [each for each in found if each is not None]


def _sync(path: Path) -> None:
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
