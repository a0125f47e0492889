"""A ProxyCommand: a command of the user's configuration that carries the bytes of an SSH connection."""

import contextlib
import socket
import subprocess
import tempfile


class Relay:
    """The running command; ``link`` is our end of its input and output."""

    def __init__(self, command: str) -> None:
        self.link, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the relay
        with theirs:
            self._process = subprocess.Popen(
                ["sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._errors,
                start_new_session=True,
            )

    def stderr(self) -> str:
        """What it said last, in one line; waits a moment for the end of a command that fails."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return " | ".join(line.strip() for line in lines[-4:] if line.strip())

    def close(self) -> None:
        """End the command."""
        self.link.close()
        self._process.terminate()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
