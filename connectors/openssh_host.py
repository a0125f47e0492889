"""A host behind SSH, through the system's ``ssh``: whatever that can do, this can.

Logging in and running commands are two things: a control master (xpm/connectors/masters.py) logs in, and every command
goes through it, so that a failure to log in is one of ``open`` and no command ever authenticates by itself. A master
of the user's, or of ``xpm login``, is used where it lives; else one is made that asks nobody.
"""

import subprocess
import threading
from collections.abc import Sequence

from xpm.connectors import masters
from xpm.connectors.hosts import Host, Stream
from xpm.connectors.local_host import ProcessStream
from xpm.connectors.openssh_errors import last_words
from xpm.connectors.quoting import command_line
from xpm.connectors.specs import SshTarget
from xpm.connectors.ssh_config import Resolved, resolve

LEAVE_S = 1.0
REFUSED = "Session open refused by peer"


class OpensshHost:
    """A host of the user's ssh configuration."""

    def __init__(self, target: SshTarget) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._streams: list[OpensshStream] = []
        self._host: Resolved | None = None
        self._own: str | None = None

    @property
    def name(self) -> str:
        """The alias the profile gives."""
        return self._target.host

    def open(self, argv: Sequence[str]) -> Stream:
        """Start a command there, logging in first when nobody has."""
        with self._lock:
            self._host = host = resolve(self._target.host, self._target.config)
            self._own = self._own or masters.own_path(host)
            master = masters.alive(host, self._own)
            master = master or masters.open_own(host, self._target, self._own)
            process = subprocess.Popen(
                [*_through(host, master), command_line(argv)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                env=masters.environment(),
            )
            stream = OpensshStream(process, self.name)
            self._streams = [each for each in self._streams if each.is_open]
            self._streams.append(stream)
            return stream

    def close(self) -> None:
        """End every command, and the connection unless a person has logged in for it."""
        with self._lock:
            streams, self._streams = self._streams, []
            for stream in streams:
                stream.close()
            if self._host is not None and self._own is not None:
                masters.close(self._host, self._own)


class OpensshStream:
    """The pipes of an ``ssh`` that runs one command through a master."""

    def __init__(self, process: "subprocess.Popen[bytes]", name: str) -> None:
        self._process = process
        self._pipes = ProcessStream(process, name, patience_s=LEAVE_S)
        self.is_open = True
        self.read, self.write = self._pipes.read, self._pipes.write

    def close(self) -> None:
        """End the command's input, then the ssh that carries it."""
        self.is_open = False
        self._pipes.close()

    def stderr(self) -> str:
        """What the command, or ssh, said last."""
        said = self._pipes.stderr()
        if REFUSED in said:
            return f"{last_words(said)}: the host allows no further session on this connection (MaxSessions)"
        return said

    def exit_status(self) -> int | None:
        """How the command ended; 255 is ssh's own, and says that nobody knows."""
        status = self._pipes.exit_status()
        return None if status in (None, 255) or status < 0 else status


def _through(host: Resolved, master: masters.Master) -> list[str]:
    """The ssh that runs a command through a master, or not at all."""
    options = [
        "BatchMode=yes", *masters.plain(host), "ControlMaster=no",
        f"ControlPath={masters.quoted(master.path)}", "ProxyCommand=false",
    ]  # fmt: skip
    return masters.ssh(host, ["-T"], options)


_host: type[Host] = OpensshHost
_stream: type[Stream] = OpensshStream
