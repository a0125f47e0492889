"""How we prove who the user is to a host: the agent's keys and the key files of the ssh configuration.

Keys are offered in OpenSSH's order: agent keys that an IdentityFile names, then the other files, then (unless
IdentitiesOnly) the other agent keys. A host that wants more than a key asks who is at the terminal, if that is wanted
(xpm/connectors/asking.py); else that, and a key file that wants a passphrase, ends in ``LoginNeeded`` with what was tried.
"""

import base64
import binascii
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH

from xpm.connectors import asking
from xpm.connectors.ssh_config import Resolved
from xpm.connectors.ssh_errors import is_silence

QUESTIONS = ("keyboard-interactive", "password")
OFFERS = 5
"""Keys offered at most: sshd counts each (MaxAuthTries 6), and so does fail2ban."""


class Login:
    """What ``SSHClient.connect`` takes as its ``auth_strategy``."""

    def __init__(self, host: Resolved, asks: bool = False) -> None:
        """``asks``: whether who is at the terminal may be asked for what keys do not give."""
        self._host = host
        self._asks = asks
        self._notes: list[str] = []
        self._was_refused = False

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Log in, or raise ``AuthenticationException`` with what was tried."""
        agent = _agent(self._host.identity_agent)
        offered = 0
        try:
            for name, key in self._keys(agent):
                if offered == OFFERS:
                    self._notes.append(
                        "more keys not offered (set IdentitiesOnly and IdentityFile)"
                    )
                    break
                offered += 1
                if self._offer(transport, name, key):
                    return
        finally:
            if agent is not None:
                agent.close()
        tried = "; ".join(self._notes) or "no key file and no agent key found"
        if self._answered(transport, QUESTIONS):
            return
        raise paramiko.AuthenticationException(
            f"no key was accepted for user {self._host.user} ({tried})"
        )

    def _offer(self, transport: paramiko.Transport, name: str, key: paramiko.PKey) -> bool:
        try:
            further = transport.auth_publickey(self._host.user, key)
        except paramiko.BadAuthenticationType as error:
            if self._answered(transport, error.allowed_types):
                return True
            raise paramiko.AuthenticationException(
                f"the host does not take keys, only {', '.join(error.allowed_types)}"
            ) from error
        except paramiko.SSHException as error:
            if not transport.is_active():
                raise self._hung_up(name, error) from error
            if is_silence(error):
                raise
            is_no = isinstance(error, paramiko.AuthenticationException)
            self._was_refused = self._was_refused or is_no
            self._notes.append(f"{name} refused" if is_no else f"{name}: {error}")
            return False
        if further and not self._answered(transport, further):
            raise paramiko.AuthenticationException(
                f"{name} was accepted, but the host also asks for {', '.join(further)}"
            )
        return True

    def _hung_up(self, name: str, error: paramiko.SSHException) -> Exception:
        """What the end of the connection means: a host that has refused a key may hang up, else the link is cut.

        paramiko calls both a failed authentication.
        """
        if not self._was_refused:
            return EOFError(f"while {name} was offered: {error}")
        tried = "; ".join(self._notes)
        return paramiko.AuthenticationException(f"the host hung up after {name} ({tried})")

    def _answered(self, transport: paramiko.Transport, wanted: Sequence[str]) -> bool:
        """Whether a person was asked, and the answers let us in."""
        how = next((each for each in QUESTIONS if each in wanted), None)
        if not self._asks or how is None or not asking.may_ask(self._host.alias):
            return False
        title = f"{self._host.user}@{self._host.hostname} asks:"

        with asking.undisturbed() as asker:

            def answer(name: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
                told = "\n".join(line for line in (title, name, instructions) if line.strip())
                return list(asker.answer(told, prompts)) if prompts else []

            if how == "password":
                (password,) = asker.answer(title, [("Password: ", False)])
                return not transport.auth_password(self._host.user, password, fallback=False)
            return not transport.auth_interactive(self._host.user, answer)

    def _keys(self, agent: "_Agent | None") -> Iterator[tuple[str, paramiko.PKey]]:
        held = list(agent.get_keys()) if agent is not None else []
        seen = set()
        for path in self._host.identity_files:
            blob = _public_blob(path)
            for key in held:
                if blob is not None and key.asbytes() == blob:
                    seen.add(blob)
                    yield f"agent key {path}", key
            if blob not in seen:
                loaded = self._load(path)
                if loaded is not None:
                    seen.add(loaded.asbytes())
                    yield f"key {path}", loaded
        if not self._host.identities_only:
            for key in held:
                if key.asbytes() not in seen:
                    yield f"agent key {key.comment or key.get_name()}", key

    def _load(self, path: Path) -> paramiko.PKey | None:
        try:
            key = paramiko.PKey.from_path(path)
            for certificate in self._host.certificate_files:
                if certificate.is_file() and _certifies(certificate, key):
                    key.load_certificate(str(certificate))
        except FileNotFoundError:
            return None  # most IdentityFiles are OpenSSH's defaults
        except OSError as error:
            self._notes.append(f"key {path} cannot be read ({error.strerror})")
        except (paramiko.PasswordRequiredException, TypeError):
            self._notes.append(f"key {path} wants a passphrase (`ssh-add {path}`)")
        except (paramiko.SSHException, ValueError) as error:
            self._notes.append(f"key {path} cannot be used ({error})")
        else:
            return key
        return None


class _Agent(AgentSSH):
    """An ssh-agent behind a given socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        connection.connect(path)
        self._connect(connection)  # type: ignore[attr-defined]  # paramiko offers no public way

    def close(self) -> None:
        """End the conversation."""
        self._close()  # type: ignore[attr-defined]


def _agent(path: str | None) -> "_Agent | None":
    import os

    path = os.environ.get("SSH_AUTH_SOCK", "") if path is None else path
    if not path or path == "none":
        return None
    try:
        return _Agent(path)
    except (OSError, paramiko.SSHException):
        return None


def _public_blob(path: Path) -> bytes | None:
    try:
        fields = Path(f"{path}.pub").read_text("utf-8").split()
        return base64.b64decode(fields[1], validate=True)
    except (OSError, UnicodeDecodeError, IndexError, binascii.Error):
        return None


def _certifies(certificate: Path, key: paramiko.PKey) -> bool:
    """Whether a certificate is for this kind of key and names its public part."""
    try:
        blob = base64.b64decode(certificate.read_text("ascii").split()[1])
    except (OSError, UnicodeDecodeError, IndexError, binascii.Error):
        return False
    # The certificate repeats the public key's own fields after its nonce.
    return key.asbytes()[4 + len(key.get_name()) :] in blob
