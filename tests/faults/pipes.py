"""The link to a real agent process, cut or frozen around every frame: over pipes, and over a real sshd through a relay."""

import contextlib
import random
import re
import select
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.connectors.sshd import Sshd
from tests.faults.links import LinkFault, Links, processes_of
from xpm.connectors.fabric_host import FabricHost
from xpm.connectors.hosts import Host, Stream
from xpm.connectors.local_host import LocalHost
from xpm.connectors.specs import SshTarget
from xpm.errors import HostUnreachable
from xpm.wire import frames

AROUND = (-1, 0, 1)
"""Where around a frame's end: within it, behind it, within the next one's header."""


class HookedHost(LocalHost):
    """This machine, where the agent's Python reads PYTHONPATH, and so has fault points."""

    def open(self, argv: Sequence[str]) -> Stream:
        """Start a command."""
        return super().open([re.sub(r"-ISc ", "-c ", each) for each in argv])


class BrokenHost:
    """This machine; the first stream breaks after so many bytes.

    Args:
        fault: when and how; None: never.
    """

    def __init__(self, fault: LinkFault | None = None) -> None:
        self.name = "pipe"
        self.streams: list[BrokenStream] = []
        self._inner = LocalHost("pipe")
        self._fault = fault

    def open(self, argv: Sequence[str]) -> Stream:
        """Start a command."""
        fault, self._fault = self._fault, None
        self.streams.append(BrokenStream(self._inner.open(argv), fault))
        return self.streams[-1]

    def close(self) -> None:
        """End every stream, and wait for the agents."""
        for stream in self.streams:
            stream.close()
        self._inner.close()


class BrokenStream:
    """A stream that counts the frames it carries, and may break."""

    def __init__(self, inner: Stream, fault: LinkFault | None) -> None:
        self.ends: dict[str, list[int]] = {"sent": [], "received": []}
        """Where frames ended, by direction."""
        self._inner = inner
        self._count = {"sent": 0, "received": 0}
        self._scans = {"sent": _Scan(), "received": _Scan()}
        self._fault = fault
        self._broken = threading.Event()
        self._closed = threading.Event()

    def read(self, size: int) -> bytes:
        """The next bytes of the command's output, as far as the link lasts."""
        if not self._broken.is_set():
            data = self._inner.read(max(1, min(size, self._left("received"))))
            if not self._broken.is_set():
                self._pass("received", data)
                return data
        return self._nothing()

    def write(self, data: bytes) -> None:
        """Send to the command, as far as the link lasts."""
        if self._broken.is_set():
            self._lose()
            return
        head = data[: self._left("sent")]
        self._inner.write(head)
        self._pass("sent", head)
        if len(head) < len(data):
            self._lose()

    def close(self) -> None:
        """End both directions; also of what is frozen."""
        self._closed.set()
        self._broken.set()
        self._inner.close()

    def stderr(self) -> str:
        """What it said last."""
        return self._inner.stderr()

    def exit_status(self) -> int | None:
        """How it ended."""
        return None if self._broken.is_set() else self._inner.exit_status()

    def _left(self, direction: str) -> int:
        if self._fault is None or self._fault.direction != direction:
            return 1 << 62
        return self._fault.at - self._count[direction]

    def _pass(self, direction: str, data: bytes) -> None:
        self.ends[direction] += self._scans[direction].feed(data)
        self._count[direction] += len(data)
        if self._left(direction) <= 0:
            self._broken.set()
            if self._fault and self._fault.how == "cut":  # as sshd does when its client is gone
                threading.Thread(target=self._inner.close, daemon=True).start()

    def _nothing(self) -> bytes:
        if self._fault and self._fault.how == "frozen":
            self._closed.wait()
        return b""

    def _lose(self) -> None:
        if self._fault and self._fault.how == "cut":
            raise HostUnreachable("the connection is lost", on="pipe")


class _Scan:
    """Finds where frames end in a stream of bytes."""

    def __init__(self) -> None:
        self._seen = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[int]:
        """The ends of the frames that these bytes complete."""
        self._rest += data
        ends: list[int] = []
        while True:
            if self._rest.startswith(frames.MAGIC):
                length = len(frames.MAGIC)
            elif len(self._rest) >= 9:
                length = 9 + int.from_bytes(self._rest[5:9], "big")
            else:
                return ends
            if len(self._rest) < length:
                return ends
            self._rest = self._rest[length:]
            self._seen += length
            ends.append(self._seen)


class Pipes(Links):
    """Cuts and freezes around every frame between the laptop and a real agent process."""

    name = "pipe"

    def points(self) -> Sequence[LinkFault]:
        """Before, at and after the end of each frame of an exchange that nothing disturbs."""
        calm = BrokenHost()
        self.exchange(calm, self._folder / "calm-pipe", self._folder / "calm-pipe-main")
        calm.close()
        return [
            LinkFault(direction, end + shift, how)
            for how in ("cut", "frozen")
            for direction, ends in calm.streams[0].ends.items()
            for end in ends
            for shift in AROUND
        ]

    def host(self, fault: LinkFault, folder: Path) -> Host:
        """Where the agent runs."""
        return BrokenHost(fault)

    def wrong(self, root: Path, main: Path) -> list[str]:
        """What was promised and is not so; agents whose link was frozen have ended with it."""
        found = super().wrong(root, main)
        left = processes_of(root.parent)
        return [*found, f"processes are left: {left}"] if left else found


class Sshs(Pipes):
    """Cuts and freezes, after any byte, of the TCP connection to a real sshd.

    Args:
        folder: where the project, and one folder for each fault, are.
        sshd: runs already, and is everybody's.
    """

    name = "ssh"
    grace_s = 15.0

    def __init__(self, folder: Path, sshd: Callable[[], Sshd]) -> None:
        super().__init__(folder)
        self._sshd = sshd

    def points(self) -> Sequence[LinkFault]:
        """A sample of all bytes, always the same."""
        relay = Relay(self._sshd().port, None)
        host = self._through(relay, self._folder / "calm-ssh")
        self.exchange(host, self._folder / "calm-ssh" / "far", self._folder / "calm-ssh" / "main")
        host.close()
        relay.close()
        chance = random.Random(0)
        faults = [
            LinkFault(direction, chance.randrange(count), how)
            for how in ("cut", "frozen")
            for direction, count in relay.count.items()
            for _ in range(200)
        ]
        chance.shuffle(faults)
        return faults

    def violations(self, fault: LinkFault, folder: Path) -> list[str]:
        """Try one; what was promised and is not so."""
        self._relay = Relay(self._sshd().port, fault)
        try:
            return super().violations(fault, folder)
        finally:
            self._relay.close()

    def host(self, fault: LinkFault, folder: Path) -> Host:
        """The sshd, seen through a relay that breaks once."""
        return self._through(self._relay, folder)

    def _through(self, relay: "Relay", folder: Path) -> Host:
        folder.mkdir(parents=True, exist_ok=True)
        sshd = self._sshd()
        usual = (
            (sshd.folder / "config").read_text().replace(f"Port {sshd.port}", f"Port {relay.port}")
        )
        known = f"  HostKeyAlias [127.0.0.1]:{sshd.port}\n"
        (folder / "config").write_text(usual + known)
        target = SshTarget("box", folder / "config", keepalive_s=1, connect_timeout_s=10)
        return FabricHost(target)


class Relay:
    """Carries TCP connections to a port of this machine; the first breaks after so many bytes."""

    def __init__(self, port: int, fault: LinkFault | None) -> None:
        self.count = {"sent": 0, "received": 0}
        self._fault = fault
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                fault, self._fault = self._fault, None
                far = socket.create_connection(("127.0.0.1", self._target))
                arguments = (near, far, fault)
                threading.Thread(target=self._carry, args=arguments, daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket, fault: LinkFault | None) -> None:
        ways = {near: ("sent", far), far: ("received", near)}
        count = {"sent": 0, "received": 0}
        with near, far, contextlib.suppress(OSError):
            while True:
                for each in select.select(list(ways), [], [])[0]:
                    direction, other = ways[each]
                    left = 1 << 20
                    if fault is not None and fault.direction == direction:
                        left = fault.at - count[direction]
                    data = each.recv(min(1 << 16, left)) if left else b""
                    if not data and left:
                        return
                    other.sendall(data)
                    count[direction] += len(data)
                    self.count[direction] += len(data)
                    if fault is not None and fault.direction == direction and left <= len(data):
                        self._break(near, fault)
                        return

    def _break(self, near: socket.socket, fault: LinkFault) -> None:
        if fault.how == "frozen":  # nothing comes any more, until the laptop gives up
            while near.recv(1 << 16):
                pass
