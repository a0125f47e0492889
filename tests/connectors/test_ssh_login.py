"""A link that breaks while we log in is trouble of the link: only a host that says no wants a login."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_FAILED

from xpm.connectors.ssh_config import Resolved
from xpm.connectors.ssh_errors import translated
from xpm.connectors.ssh_login import Login
from xpm.errors import HostUnreachable, LoginNeeded

pytestmark = pytest.mark.host


class Server(paramiko.ServerInterface):
    """Refuses so many keys, then breaks the link, or says nothing until it is released."""

    def __init__(self, link: socket.socket, refusals: int, silence: threading.Event | None) -> None:
        self._link = link
        self._refusals = refusals
        self._silence = silence

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        if not self._refusals and self._silence is not None:
            self._silence.wait(30)
        elif not self._refusals:
            self._link.shutdown(socket.SHUT_RDWR)
        self._refusals -= 1
        return AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"


def host(folder: Path, keys: int) -> Resolved:
    """One that is reached with so many key files."""
    paths = [folder / f"key{number}" for number in range(keys)]
    for path in paths:
        paramiko.ECDSAKey.generate().write_private_key_file(str(path))
    return Resolved(
        "cluster", None, "cluster", 22, "alice", paths, (), True, "none", (), None, None, (), None
    )


@contextmanager
def connected(refusals: int, falls_silent: bool = False) -> Iterator[paramiko.Transport]:
    silence = threading.Event() if falls_silent else None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client, server = paramiko.Transport(ours), paramiko.Transport(theirs)
        try:
            server.add_server_key(paramiko.ECDSAKey.generate())
            server.start_server(threading.Event(), Server(theirs, refusals, silence))
            client.start_client(timeout=10)
            yield client
        finally:
            if silence is not None:
                silence.set()
            client.close()
            server.close()


def test_a_link_that_is_cut_while_a_key_is_offered_is_no_refusal_of_the_key(tmp_path: Path) -> None:
    there = host(tmp_path, keys=1)

    with connected(refusals=0) as transport, pytest.raises(HostUnreachable), translated(there):
        Login(there).authenticate(transport)


@pytest.mark.parametrize("refusals", [0, 1])
def test_a_host_that_falls_silent_while_a_key_is_offered_refuses_nothing(
    tmp_path: Path, refusals: int
) -> None:
    there = host(tmp_path, keys=refusals + 1)

    with connected(refusals, falls_silent=True) as transport:
        transport.auth_timeout = 0.3
        with pytest.raises(HostUnreachable), translated(there):
            Login(there).authenticate(transport)


def test_a_host_that_says_no_wants_a_login(tmp_path: Path) -> None:
    there = host(tmp_path, keys=2)

    with connected(refusals=2) as transport, pytest.raises(LoginNeeded), translated(there):
        Login(there).authenticate(transport)


def test_a_host_that_hangs_up_on_whom_it_has_refused_wants_a_login(tmp_path: Path) -> None:
    """MaxAuthTries: to come again and again would have the address banned."""
    there = host(tmp_path, keys=2)

    with connected(refusals=1) as transport, pytest.raises(LoginNeeded) as told, translated(there):
        Login(there).authenticate(transport)

    assert "hung up" in told.value.cause
