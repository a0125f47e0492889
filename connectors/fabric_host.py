"""A host behind SSH: one fabric connection over paramiko, tuned and checked.

Fabric by itself accepts any host key and reads configuration files of its own; here it gets everything from
``ssh -G`` (xpm/connectors/ssh_config.py), keys are checked against the user's known_hosts, and nothing is ever asked.
One connection carries every stream. A watch asks the server for a sign of life; without an answer it closes the
connection, so that a frozen link is found out in a minute instead of TCP's quarter of an hour.
"""

import contextlib
import logging
import shlex
import socket
import threading
import time
from collections.abc import Sequence

import fabric
import paramiko

from xpm.connectors.hosts import END_S, LAST_WORDS_S, STDERR_KEPT, Host, Stream
from xpm.connectors.known_hosts import KnownKey, contradiction, fingerprint, known_keys
from xpm.connectors.quoting import command_line
from xpm.connectors.relay import Relay
from xpm.connectors.specs import SshTarget
from xpm.connectors.ssh_config import Resolved, hops, resolve
from xpm.connectors.ssh_errors import translated
from xpm.connectors.ssh_login import Login
from xpm.errors import HostKeyProblem, HostUnreachable

WINDOW = 8 * 1024 * 1024
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
SESSION_WAITS_S = (0.1, 0.3, 1.0)
ANSWER_S = 120.0
"""How long a person may take to answer; sshd's LoginGraceTime is as long."""
LOST = (OSError, EOFError, paramiko.SSHException)
"""What paramiko raises from a channel whose connection has just been lost."""
logging.getLogger("paramiko").addHandler(logging.NullHandler())
"""paramiko logs with a traceback what it also raises; whoever wants to see that configures logging."""


class FabricHost:
    """A host of the user's ssh configuration."""

    def __init__(self, target: SshTarget, asks: bool = False) -> None:
        """``asks``: whether who is at the terminal may be asked, once in a process."""
        self._target = target
        self._asks = asks
        self._lock = threading.Lock()
        self._connections: list[fabric.Connection] = []
        self._relays: list[Relay] = []
        self._watch: _Watch | None = None

    @property
    def name(self) -> str:
        """The alias the profile gives."""
        return self._target.host

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as anybody has noticed."""
        return bool(self._connections and self._connections[-1].is_connected)

    def open(self, argv: Sequence[str]) -> Stream:
        """Start a command there, connecting first when needed."""
        with self._lock:
            host = resolve(self._target.host, self._target.config)
            if not self.is_connected:
                self._drop()
                self._connect(host)
                self._watch = _Watch(self._connections[-1].transport, self._target.keepalive_s)
            with translated(host, "start a command"):
                channel = self._session()
                channel.exec_command(command_line(argv))
        return ChannelStream(channel, self.name)

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            self._drop()

    def _session(self) -> paramiko.Channel:
        """A new session; where only one is allowed (MaxSessions), the last one may just be ending."""
        transport: paramiko.Transport = self._connections[-1].transport
        for wait_s in SESSION_WAITS_S:
            try:
                return transport.open_session()
            except paramiko.ChannelException:
                time.sleep(wait_s)
        return transport.open_session()

    def _drop(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        for connection in reversed(self._connections):
            connection.client.close()
        self._connections.clear()
        for relay in self._relays:
            relay.close()
        self._relays.clear()

    def _connect(self, host: Resolved) -> None:
        """Connect to a host behind its jumps, nearest first; leaves nothing open when it fails."""
        try:
            for each in (*hops(host), host):
                self._connect_to(each)
        except BaseException:
            self._drop()
            raise

    def _connect_to(self, host: Resolved) -> None:
        """Connect to one host, through the one connected to last."""
        timeout_s = host.connect_timeout_s or self._target.connect_timeout_s
        gateway = self._connections[-1] if self._connections else None
        relay = None
        with translated(host, said=lambda: relay.stderr() if relay else ""):
            if host.proxy_command and gateway is None:
                relay = Relay(host.proxy_command)
                self._relays.append(relay)
            connection = _connection(host, gateway, relay, timeout_s, self._asks)
            self._connections.append(connection)
            connection.open()


class ChannelStream:
    """One SSH channel with a command at its end."""

    def __init__(self, channel: paramiko.Channel, name: str) -> None:
        self._channel = channel
        self._name = name
        self._kept = b""
        # Read at once, whoever wants it: what nobody reads fills the window, and stops the command.
        self._drain = threading.Thread(target=self._keep_stderr, daemon=True, name="xpm-stderr")
        self._drain.start()

    def read(self, size: int) -> bytes:
        """The next bytes of the command's output."""
        try:
            data: bytes = self._channel.recv(size)  # it also writes: how much more may come
        except LOST:
            return b""
        return data

    def write(self, data: bytes) -> None:
        """Send all these bytes to the command's input."""
        try:
            self._channel.sendall(data)
        except LOST as error:
            cause = str(error) or "the far end closed it"
            raise HostUnreachable("the connection is lost", on=self._name, cause=cause) from error

    def close(self) -> None:
        """Close the channel: the command sees the end of its input."""
        with contextlib.suppress(*LOST):  # it is closed, then
            self._channel.close()

    def stderr(self) -> str:
        """What the command said last on its standard error."""
        if self._channel.eof_received or self._channel.closed:
            self._drain.join(LAST_WORDS_S)
        return self._kept.decode("utf-8", "replace")

    def exit_status(self) -> int | None:
        """How the command ended; paramiko's -1 means that nobody knows."""
        if not self._channel.status_event.wait(END_S):
            return None
        status = self._channel.recv_exit_status()
        return None if status < 0 else status

    def _keep_stderr(self) -> None:
        with contextlib.suppress(*LOST):
            while data := self._channel.recv_stderr(WINDOW):
                self._kept = (self._kept + data)[-STDERR_KEPT:]


def _connection(
    host: Resolved,
    gateway: fabric.Connection | None,
    relay: Relay | None,
    timeout_s: float,
    asks: bool,
) -> fabric.Connection:
    """A connection ready to be opened; without a gateway its socket is open already."""
    known = known_keys(host.key_name, host.known_hosts)
    arguments = {
        "transport_factory": lambda sock, **options: _transport(sock, known, options),
        "auth_strategy": Login(host, asks),
        "banner_timeout": timeout_s,
        "auth_timeout": max(timeout_s, ANSWER_S if asks else 30),
        "channel_timeout": timeout_s,
    }
    if relay is not None:
        arguments["sock"] = relay.link
    elif gateway is None:
        arguments["sock"] = socket.create_connection((host.hostname, host.port), timeout_s)
    connection = fabric.Connection(
        host=host.hostname,
        user=host.user,
        port=host.port,
        config=fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig()),
        gateway=gateway or False,
        forward_agent=False,
        connect_timeout=max(1, int(timeout_s)),
        connect_kwargs=arguments,
    )
    connection.client.set_missing_host_key_policy(_Checked(host, known))
    return connection


def _transport(
    sock: socket.socket, known: Sequence[KnownKey], options: dict[str, object]
) -> paramiko.Transport:
    """A transport that does not wait for full packets, takes fast ciphers, and asks for keys we know."""
    if isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(sock, default_window_size=WINDOW, **options)  # type: ignore[arg-type]
    chosen = transport.get_security_options()
    chosen.ciphers = _first(CIPHERS, chosen.ciphers)
    chosen.key_types = _first(_algorithms(known), chosen.key_types)
    return transport


def _first(wanted: Sequence[str], offered: Sequence[str]) -> tuple[str, ...]:
    """All that is offered, what is wanted first."""
    head = [each for each in wanted if each in offered]
    return (*head, *(each for each in offered if each not in head))


def _algorithms(known: Sequence[KnownKey]) -> list[str]:
    """The signature algorithms that let a host show a key we know."""
    algorithms: list[str] = []
    for key in known:
        names = ["rsa-sha2-512", "rsa-sha2-256"] if key.kind == "ssh-rsa" else [key.kind]
        algorithms += [name for name in names if not key.revoked and name not in algorithms]
    return algorithms


class _Checked(paramiko.MissingHostKeyPolicy):
    """Lets a host in whose key is recorded, and nobody else.

    paramiko asks it about every key, since it is told of no known_hosts file itself: its own look-up knows
    neither HostKeyAlias nor two keys of one kind.
    """

    def __init__(self, host: Resolved, known: Sequence[KnownKey]) -> None:
        self._host = host
        self._known = known

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Return when the key is known; raise ``HostKeyProblem`` otherwise."""
        same = [each for each in self._known if each.blob == key.asbytes()]
        if same and not any(each.revoked for each in same):
            return
        host, shown = self._host, f"{key.get_name()} {fingerprint(key.asbytes())}"
        what, on = "the host key is not accepted", f"{host.alias} = {host.key_name}"
        if same:
            raise HostKeyProblem(
                what, on=on, cause=f"{shown} is revoked by {same[0].where}",
                hint="ask the site's administrators",
            )  # fmt: skip
        others = [each for each in self._known if not each.revoked]
        if others:
            file = others[0].where.rpartition(":")[0]
            raise HostKeyProblem(
                what, on=on,
                cause=f"the host shows {shown}, but {contradiction(others, key.get_name())}",
                hint=f"compare with the fingerprint the site publishes; if it is right: `ssh-keygen -R "
                f"{shlex.quote(host.key_name)} -f {shlex.quote(file)}`, then `{host.command}`",
            )  # fmt: skip
        raise HostKeyProblem(
            what, on=on, cause=f"the host shows {shown}, and known_hosts has no key for it",
            hint=f"run `{host.command}`, compare with the fingerprint the site publishes, and answer yes"
            f"{_keyscan(host)}",
        )  # fmt: skip


def _keyscan(host: Resolved) -> str:
    """What else brings its key, where ssh-keyscan gets to it: it knows no jump hosts."""
    if host.jumps or host.proxy_command:
        return ""
    port = f"-p {host.port} " if host.port != 22 else ""
    files = [path for path in host.known_hosts if str(path) != "/dev/null"]
    file = shlex.quote(str(files[0])) if files else "~/.ssh/known_hosts"
    return f" (or: `ssh-keyscan {port}{host.hostname} >> {file}`)"


class _Watch:
    """Asks the server for a sign of life now and then, and closes a connection that gives none."""

    def __init__(self, transport: paramiko.Transport, every_s: float) -> None:
        self._transport = transport
        self._every_s = every_s
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="xpm-ssh-watch").start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s) and self._transport.is_active():
            fuse = threading.Timer(2 * self._every_s, self._transport.close)
            fuse.daemon = True
            fuse.start()
            with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
                self._transport.global_request("keepalive@openssh.com", wait=True)
            fuse.cancel()


_host: type[Host] = FabricHost
_stream: type[Stream] = ChannelStream
