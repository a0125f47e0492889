"""The link to a host in memory, cut or frozen after any byte of the whole life of two jobs."""

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.contract import places
from tests.contract.places import entry, ref, until
from xpm.agent import sweeping
from xpm.connectors.base import Snapshot
from xpm.connectors.hosts import Host
from xpm.connectors.link import Link, Place
from xpm.connectors.memory_host import Faults, MemoryHost, MemoryStream
from xpm.connectors.remote import AgentConnector
from xpm.connectors.retrying import Patience
from xpm.connectors.specs import Capacity
from xpm.errors import HostUnreachable
from xpm.follow.main import MainFolder
from xpm.wire import files, ledger
from xpm.wire.workspace import Layout

CODE = "open('out.bin', 'wb').write(b'x' * 300_000); print('done')"
ONCE = Patience(attempts=1)
GRACE_S = 3.0
MOST_BREAKS = 3
LARGE, EDGE = 4096, 32
"""Bytes from which a piece is large, and how many are tried at its edges and in between."""


@dataclass(frozen=True, slots=True)
class LinkFault:
    """After how many bytes sent or received the first link fails, and how."""

    direction: str
    at: int
    how: str

    def __str__(self) -> str:
        return f"{self.direction} {self.how} {self.at}"


class Links:
    """Cuts and freezes of the link.

    Args:
        folder: where the project, and one folder for each fault, are.
    """

    name = "link"
    grace_s = GRACE_S

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def points(self) -> Sequence[LinkFault]:
        """Every byte of an exchange that nothing disturbs, but few within large pieces; both directions, both ways to fail."""
        calm = self._calm()
        return [
            LinkFault(direction, at, how)
            for how in ("cut", "frozen")
            for direction, ends in (("sent", calm.frames_sent), ("received", calm.frames_received))
            for at in _bytes(ends)
        ]

    def fault(self, text: str) -> LinkFault:
        """The fault that shows itself so."""
        direction, how, at = text.split()
        return LinkFault(direction, int(at), how)

    def violations(self, fault: LinkFault, folder: Path) -> list[str]:
        """Try one; what was promised and is not so."""
        host = self.host(fault, folder)
        root, main = folder / "far", folder / "main"
        breaks = 0
        while breaks <= MOST_BREAKS:
            try:
                self.exchange(host, root, main)
                break
            except HostUnreachable:
                breaks += 1
        host.close()
        if breaks > MOST_BREAKS:
            return [f"broken {breaks} times by one fault"]
        return self.wrong(root, main)

    def host(self, fault: LinkFault, folder: Path) -> Host:
        """Where the agent runs."""
        host = MemoryHost("memory")
        sent, received = (fault.at, None) if fault.direction == "sent" else (None, fault.at)
        host.faults = [Faults(sent, received, freezes=fault.how == "frozen")]
        return host

    def exchange(self, host: Host, root: Path, main: Path) -> None:
        """The whole life of two jobs, safe to begin again at any point."""
        shot = places.snapshot(root.with_name(f"{root.name}-project"))
        place = Place(str(root), "plain", sys.executable, Capacity(2))
        link = Link(host.name, host, place, ONCE, lambda seconds: None, self.grace_s)
        connector = AgentConnector(host.name, link)
        try:
            _live(connector, shot, main)
        finally:
            connector.close()

    def wrong(self, root: Path, main: Path) -> list[str]:
        """What was promised and is not so."""
        return _wrong(root, main)

    def _calm(self) -> MemoryStream:
        host = MemoryHost("memory")
        self.exchange(host, self._folder / "calm", self._folder / "calm-main")
        host.close()
        return host.streams[0]


def processes_of(folder: Path, timeout_s: float = 60.0) -> list[int]:
    """The processes that live on a folder, and do not end."""
    ends_at = time.monotonic() + timeout_s
    while True:
        found = _processes(os.fsencode(folder) + b"/")
        if not found or time.monotonic() > ends_at:
            return found
        time.sleep(0.05)


def _processes(word: bytes) -> list[int]:
    found: list[int] = []
    for each in Path("/proc").iterdir():
        if each.name.isdecimal() and int(each.name) != os.getpid():
            with contextlib.suppress(OSError):  # it has just ended
                if word in (each / "cmdline").read_bytes():
                    found.append(int(each.name))
    return found


def _bytes(ends: Sequence[int]) -> Sequence[int]:
    """All bytes of small pieces; of large ones the edges, and some in between."""
    found: list[int] = []
    for begin, end in itertools.pairwise([0, *ends]):
        inside: Sequence[int] = range(begin, end)
        if len(inside) > LARGE:
            inside = [*inside[:EDGE], *inside[EDGE : -EDGE : len(inside) // EDGE], *inside[-EDGE:]]
        found += inside
    return found


def _live(connector: AgentConnector, shot: Snapshot, main: Path) -> None:
    def nothing(*counts: int) -> None:
        """Progress nobody looks at."""

    connector.stage(shot, nothing)
    connector.submit([entry("a", CODE, shot), entry("b", "pass", shot, parents=["a"])])
    until(connector, ["a", "b"])
    for each in connector.fetch([ref("a"), ref("b")], str(main), nothing):
        assert list(each.problems) == []


def _wrong(root: Path, main: Path) -> list[str]:
    """Every job took effect once, and all of it is here."""
    found: list[str] = []
    for name in ("a", "b"):
        job = Path(ledger.job_folder(str(root), ref(name).task, ref(name).job))
        mirror = Path(ledger.job_folder(str(main), ref(name).task, ref(name).job))
        count = len((job / "effects").read_text().splitlines())
        if count != 1:
            found.append(f"job {name} took effect {count} times")
        wanted = [
            "stdout",
            "effects",
            ".xpm/a1.1",
            ".xpm/a1.2",
            *(["out.bin"] if name == "a" else []),
        ]
        for path in wanted:
            if not (mirror / path).exists():
                found.append(f"{path} of job {name} has not arrived")
            elif (job / path).read_bytes() != (mirror / path).read_bytes():
                found.append(f"{path} of job {name} has not arrived whole")
    found += [f"{path} is left" for path in leftovers(main)]
    return found


def leftovers(*roots: Path) -> list[Path]:
    """The files that were to be renamed."""
    return [
        path
        for root in roots
        for pattern in ("~*", "*.part", "*.partial")
        for path in root.rglob(pattern)
    ]


def age(paths: Iterable[Path]) -> None:
    """Let two days pass for these files."""
    past = time.time() - 2 * 86400
    for each in paths:
        with contextlib.suppress(FileNotFoundError):
            os.utime(each, (past, past))


def days_later(*workspaces: Path) -> list[Path]:
    """The temporaries that are left when somebody comes to workspaces two days later.

    But for those in a folder of one job or submission, which go with it.
    """
    found = leftovers(*workspaces)
    age([*found, *(root / ".xpm" / "swept" for root in workspaces)])
    for root in workspaces:
        sweeping.sweep(Layout(str(root)), time.time())
        for name in ("queue", "cancel", "attempts", "inbox"):  # as every advance
            files.listing(str(root / ".xpm" / name))
        MainFolder(root).prepare()
    return [each for each in leftovers(*workspaces) if not _has_owner(each)]


def _has_owner(path: Path) -> bool:
    """Whether it is within the folder of a job or of a submission."""
    words = path.parts
    job, submission = ("jobs" in words and words.index("jobs")), "submissions" in words
    return submission or (job is not False and len(words) > job + 3)
