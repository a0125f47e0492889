"""A host behind SSH, reached as its profile says, that never tries twice what was refused once.

It chooses between two hosts (xpm/connectors/transports.py) whenever a connection is to be made, so that a running
command goes on as soon as somebody has logged in with ``xpm login``. Who is at the terminal is asked once in a process.
"""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xpm.connectors import asking, masters, refusals
from xpm.connectors.hosts import Host, Stream
from xpm.connectors.openssh_errors import LOGIN
from xpm.connectors.openssh_host import OpensshHost
from xpm.connectors.refusals import Refusal
from xpm.connectors.specs import SshTarget
from xpm.connectors.ssh_config import Resolved, resolve
from xpm.connectors.transports import AUTO, FABRIC, beyond_paramiko, choose, has_openssh
from xpm.errors import LoginNeeded

if TYPE_CHECKING:
    from xpm.connectors.fabric_host import FabricHost

LEAVE_S = 2.0


class SshHost:
    """A host of the user's ssh configuration.

    Args:
        target: what the profile says of it.
        connector: the name of the connector it serves, for messages.
    """

    def __init__(self, target: SshTarget, connector: str) -> None:
        self._target = target
        self._connector = connector
        self._lock = threading.Lock()
        self._fabric: FabricHost | None = None
        self._openssh = OpensshHost(target)
        self._refusal: Refusal | None = None

    @property
    def name(self) -> str:
        """The alias the profile gives."""
        return self._target.host

    def open(self, argv: Sequence[str]) -> Stream:
        """Start a command there, connecting and logging in when needed."""
        with self._lock:
            host = resolve(self._target.host, self._target.config)
            carrier = self._connected() or self._carrier(host)
            try:
                stream = carrier.open(argv)
            except LoginNeeded as refused:
                stream = self._asked(host, refused, argv)
            self._refusal = None
            refusals.forget(refusals.file_of(host))
            return stream

    def close(self) -> None:
        """End the connection; what a person has logged in to with ``xpm login`` stays."""
        if not self._lock.acquire(timeout=LEAVE_S):
            return  # it is connecting, or asking: whoever does that finds the end of the process
        try:
            if self._fabric is not None:
                self._fabric.close()
            self._openssh.close()
        finally:
            self._lock.release()

    def _takes_masters(self) -> bool:
        return self._target.transport != FABRIC and has_openssh()

    def _connected(self) -> Host | None:
        return self._fabric if self._fabric is not None and self._fabric.is_connected else None

    def _carrier(self, host: Resolved) -> Host:
        """What to connect with now.

        Raises:
            LoginNeeded: it would have to log in, and that was refused before.
        """
        wish = self._target.transport
        has_master = self._takes_masters() and masters.alive(host) is not None
        if not has_master:
            self._heed(host)
        beyond = beyond_paramiko(host) if wish == AUTO and not has_master else ()
        if choose(wish, has_openssh(), has_master, beyond).transport != FABRIC:
            return self._openssh
        if self._fabric is None:
            from xpm.connectors.fabric_host import FabricHost  # paramiko takes its time

            self._fabric = FabricHost(self._target, asks=not self._takes_masters())
        return self._fabric

    def _heed(self, host: Resolved) -> None:
        """Refuse what was refused and has not changed since, unless somebody is there to watch.

        Raises:
            LoginNeeded: it was refused.
        """
        known = self._refusal
        if known is None and not asking.is_there():
            known = refusals.noted(refusals.file_of(host))
            if known is not None and not 0 <= time.time() - known.at < refusals.HOLDS_S:
                known = None
        if known is not None and known.evidence == refusals.evidence(host):
            raise self._worded(host, refusals.again(host, known), known)

    def _asked(self, host: Resolved, refused: LoginNeeded, argv: Sequence[str]) -> Stream:
        """Let ssh ask whoever is at the terminal.

        Raises:
            LoginNeeded: nobody is, or the answer was wrong.
        """
        if self._takes_masters() and asking.may_ask(host.alias):
            try:
                with asking.undisturbed():
                    masters.open_login(host, self._target)
                return self._openssh.open(argv)
            except LoginNeeded as again:
                refused = again
        self._refusal = Refusal(time.time(), refusals.evidence(host), refused.cause)
        refusals.note(refusals.file_of(host), self._refusal)
        raise self._worded(host, refused, self._refusal) from refused

    def _worded(self, host: Resolved, refused: LoginNeeded, known: Refusal) -> LoginNeeded:
        """The same for a person: what to do, and how to notice that it was done."""
        takes_masters = self._takes_masters()
        way = (
            f"run `xpm login {self._connector}` in a terminal"
            if takes_masters
            else "run this command in a terminal, where it can ask"
        )
        told = LoginNeeded(
            LOGIN, on=refused.on, cause=refused.cause, hint=f"{way}; or {refused.hint}"
        )

        def renewed() -> bool:
            has_master = takes_masters and masters.alive(host) is not None
            return has_master or refusals.evidence(host) != known.evidence

        told.renewed = renewed
        return told


_host: type[Host] = SshHost
