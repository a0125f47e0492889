"""An sshd that wants a key, then a password and a one-time code, as sites with a second factor do."""

import hashlib
import hmac
import os
import shutil
import struct
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.connectors.sshd import SSHD, Sshd

PAM = Path("/etc/pam.d")
OATH = sorted(Path("/").glob("lib*/**/security/pam_oath.so")) if SSHD else []
REASON = "needs root, an sshd and pam_oath (libpam-oath)"
IS_POSSIBLE = bool(os.geteuid() == 0 and SSHD and OATH)
PASSWORD = "correct horse"
METHODS = "AuthenticationMethods publickey,keyboard-interactive"
CODES_AHEAD = 20


class TwoFactor:
    """The sshd, and what its user knows and holds."""

    def __init__(self, sshd: Sshd, secret: bytes) -> None:
        self.sshd = sshd
        self._secret = secret
        self._used = 0

    def code(self) -> str:
        """The next code of the user's token; each is taken once."""
        self._used += 1
        digest = hmac.new(self._secret, struct.pack(">Q", self._used - 1), hashlib.sha1).digest()
        start = digest[-1] & 15
        number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
        return f"{number % 1_000_000:06d}"

    @property
    def log(self) -> str:
        """What sshd has logged."""
        return (self.sshd.folder / "sshd.log").read_text()

    @property
    def connections(self) -> int:
        """How many connections sshd has seen."""
        return self.log.count("Connection from ")

    @property
    def logins(self) -> int:
        """How many of them were let in."""
        return self.log.count("Accepted keyboard-interactive/pam")

    @property
    def attempts(self) -> int:
        """How often somebody tried to log in, with whatever."""
        words = (
            "Accepted ",
            "Failed ",
            "Partial ",
            "Postponed ",
            "Connection closed by authenticating",
        )
        return sum(self.log.count(word) for word in words)


@contextmanager
def two_factor(
    folder: Path, options: Sequence[str] = (), methods: str = METHODS
) -> Iterator[TwoFactor]:
    """Such an sshd, through a PAM service of its own that is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    service = f"xpm-test-{uuid.uuid4().hex[:8]}"
    program = folder / service  # sshd asks PAM for the service of the name it was started by
    assert SSHD is not None
    shutil.copy(SSHD, program)
    secret = os.urandom(20)
    users = folder / "oath"
    users.touch(mode=0o600)
    users.write_text(f"HOTP/E/6 {_user()} - {secret.hex()}\n")
    check = folder / "password"
    check.write_text(f"#!/bin/sh\nread -r given || :\n[ \"$given\" = '{PASSWORD}' ]\n")
    check.chmod(0o700)
    lines = [
        f"auth requisite pam_exec.so quiet expose_authtok {check}",
        f"auth required pam_oath.so usersfile={users} window={CODES_AHEAD}",
        "account required pam_permit.so", "session required pam_permit.so", "",
    ]  # fmt: skip
    (PAM / service).write_text("\n".join(lines))
    more = ["UsePAM yes", "KbdInteractiveAuthentication yes", "MaxAuthTries 20", methods]
    sshd = None
    try:
        sshd = Sshd(folder / "sshd", [*options, *more], program=program)
        yield TwoFactor(sshd, secret)
    finally:
        (PAM / service).unlink()
        if sshd is not None:
            sshd.stop()


def _user() -> str:
    import getpass

    return getpass.getuser()
