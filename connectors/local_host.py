"""The host that is this machine: a command is a child process."""

import subprocess
import threading
from collections.abc import Sequence

from xpm.connectors.hosts import END_S, LAST_WORDS_S, STDERR_KEPT, Host, Stream
from xpm.errors import HostUnreachable, SiteProblem


class LocalHost:
    """Starts commands as child processes."""

    def __init__(self, name: str = "local") -> None:
        self.name = name
        self._streams: list[ProcessStream] = []

    def open(self, argv: Sequence[str]) -> Stream:
        """Start a command."""
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise SiteProblem(f"cannot start {argv[0]}", on=self.name, cause=str(error)) from error
        stream = ProcessStream(process, self.name)
        self._streams.append(stream)
        return stream

    def close(self) -> None:
        """Close every stream; the commands see the end of their input."""
        for stream in self._streams:
            stream.close()
        self._streams.clear()


class ProcessStream:
    """The pipes of one child process."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", name: str, patience_s: float = 5.0
    ) -> None:
        self._process = process
        self._patience_s = patience_s
        self._name = name
        self._kept = b""
        self._is_over = False
        self._closed = threading.Lock()
        self._listener = threading.Thread(target=self._keep_stderr, daemon=True)
        self._listener.start()

    def read(self, size: int) -> bytes:
        """The next bytes of the command's output."""
        assert self._process.stdout is not None
        try:
            data = self._process.stdout.read(size) or b""
        except (OSError, ValueError):  # closed meanwhile
            data = b""
        self._is_over = not data
        return data

    def write(self, data: bytes) -> None:
        """Send all these bytes to the command's input."""
        assert self._process.stdin is not None
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) or 0 :]
        except (OSError, ValueError) as error:
            raise HostUnreachable(
                "the command ended", on=self._name, cause=self.stderr().strip() or str(error)
            ) from error

    def close(self) -> None:
        """Close the command's input, and collect it; a command that ignores this is ended."""
        if not self._closed.acquire(blocking=False):
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(self._patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(1)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def stderr(self) -> str:
        """What it said last on its standard error; all of it once its output has ended."""
        if self._is_over:
            self._listener.join(LAST_WORDS_S)
        return self._kept.decode("utf-8", "replace")

    def exit_status(self) -> int | None:
        """How it ended; waits a moment for a command that is just ending."""
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return None
        self._listener.join(LAST_WORDS_S)
        return code

    def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        while True:
            try:
                data = self._process.stderr.read(4096)
            except (OSError, ValueError):
                return
            if not data:
                return
            self._kept = (self._kept + data)[-STDERR_KEPT:]


_host: type[Host] = LocalHost
_stream: type[Stream] = ProcessStream
