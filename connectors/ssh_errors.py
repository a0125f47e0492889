"""What paramiko's and the socket's exceptions mean for a person: the one place that translates them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko
from paramiko.ssh_exception import IncompatiblePeer, NoValidConnectionsError

from xpm.connectors.openssh_errors import LOGIN
from xpm.connectors.ssh_config import Resolved
from xpm.errors import HostProblem, HostUnknown, HostUnreachable, LoginNeeded, SiteProblem

CONNECT = "connect"


@contextmanager
def translated(
    host: Resolved, attempted: str = CONNECT, said: Callable[[], str] = str
) -> Iterator[None]:
    """Let the block's foreign exceptions come out as our own, naming the host and what to do.

    ``said`` gives what a ProxyCommand complained about, if there is one.
    """
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError) as error:
        problem = translate(host, attempted, error)
        words = said() if isinstance(problem, HostUnreachable) else ""
        if words:
            problem.cause += f"; the ProxyCommand said: {words}"
        raise problem from error


SILENCE = "Authentication timeout"
"""The words of paramiko (auth_handler.py, ``wait_for_response``), which has no type of its own for it."""


def translate(host: Resolved, attempted: str, error: BaseException) -> HostProblem:
    """Our word for one foreign exception."""
    place = f"{host.user}@{host.hostname}:{host.port}"
    on = host.alias if host.alias in place else f"{host.alias} = {place}"
    what = f"cannot {attempted}"
    if isinstance(error, socket.gaierror):
        kind = HostUnknown if error.errno == socket.EAI_NONAME else HostUnreachable
        return kind(
            what,
            on=on,
            cause=f"the name {host.hostname!r} does not resolve ({error.strerror})",
            hint="check the spelling, the ssh configuration (`ssh -G "
            f"{host.alias}`) and the network or VPN",
        )
    if is_silence(error):
        return HostUnreachable(what, on=on, cause=_cause(host, error), hint=_hint(host, error))
    if isinstance(error, paramiko.AuthenticationException):
        return LoginNeeded(
            LOGIN,
            on=on,
            cause=str(error).strip() or "authentication failed",
            hint=f"make `{host.command}` log in without a question (key in an agent, or in IdentityFile)",
        )
    if isinstance(error, IncompatiblePeer):
        return SiteProblem(
            what,
            on=on,
            cause=f"no algorithm in common: {error}",
            hint=f"see `{host.command} -v` and its KexAlgorithms, Ciphers and HostKeyAlgorithms",
        )
    if isinstance(error, paramiko.ChannelException):
        return _refused_channel(what, on, error, attempted)
    kind = HostUnknown if _is_refused(error) else HostUnreachable
    return kind(what, on=on, cause=_cause(host, error), hint=_hint(host, error))


def is_silence(error: BaseException) -> bool:
    """Whether the host has said nothing when we wanted to log in; paramiko calls that a failed authentication too."""
    return isinstance(error, paramiko.AuthenticationException) and str(error).startswith(SILENCE)


def _is_refused(error: BaseException) -> bool:
    """Whether the machine answered that nobody listens at the port."""
    if isinstance(error, NoValidConnectionsError):
        return all(isinstance(each, ConnectionRefusedError) for each in error.errors.values())
    return isinstance(error, ConnectionRefusedError)


def _refused_channel(
    what: str, on: str, error: paramiko.ChannelException, attempted: str
) -> HostProblem:
    # Connect failed, RFC 4254 5.1: of a jump host to the next. Of a session, OpenSSH says so of one too many.
    if error.code == 2 and attempted == CONNECT:
        return HostUnreachable(
            what,
            on=on,
            cause=f"the jump host cannot reach it: {error}",
            hint="check the host's name and port as the jump host sees them",
        )
    return HostUnreachable(
        what,
        on=on,
        cause=f"the host refuses another session or forwarding: {error}",
        hint="close other sessions there (MaxSessions), or ask whether forwarding is allowed",
    )


def _cause(host: Resolved, error: BaseException) -> str:
    if isinstance(error, NoValidConnectionsError):
        errors = {str(getattr(each, "strerror", None) or each) for each in error.errors.values()}
        return f"port {host.port} of {host.hostname}: {', '.join(sorted(errors)).lower()}"
    if isinstance(error, ConnectionRefusedError):
        return f"port {host.port} of {host.hostname}: connection refused"
    if isinstance(error, TimeoutError):
        return "it does not answer: timed out"
    if isinstance(error, EOFError):
        return "the connection was closed"
    return str(error) or type(error).__name__


def _hint(host: Resolved, error: BaseException) -> str:
    if isinstance(error, (NoValidConnectionsError, ConnectionRefusedError)):
        return "check the host and port, and whether sshd runs there"
    if isinstance(error, TimeoutError):
        return f"check the network or VPN, then `{host.command}`"
    return f"try `{host.command}`"
