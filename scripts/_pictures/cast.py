"""A recorded terminal session, as a file of asciinema's format, version 2."""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

TYPING_S = 0.04
READING_S = 1.6


@dataclass
class Cast:
    """What a terminal showed, and when; time goes by only while something is recorded."""

    columns: int
    rows: int
    events: list[tuple[float, str]] = field(default_factory=list)
    now_s: float = 0.0

    def shows(self, text: str) -> None:
        """Note what appears now."""
        self.events.append((round(self.now_s, 3), text))

    def types(self, line: str) -> None:
        """Somebody types a line at a prompt."""
        self.shows("\x1b[1;32m$\x1b[0m ")
        for letter in line:
            self.now_s += TYPING_S
            self.shows(letter)
        self.now_s += 0.3
        self.shows("\r\n")

    def runs(self, argv: Sequence[str]) -> None:
        """Run a command on a terminal of its own, and note what it shows; it must succeed."""
        begun, before = time.monotonic(), self.now_s
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(argv[0], list(argv), {**os.environ, "TERM": "xterm-256color"})
        size = struct.pack("HHHH", self.rows, self.columns, 0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        partial = b""
        while True:
            select.select([terminal], [], [])
            try:
                more = os.read(terminal, 65536)
            except OSError:  # Linux's way to say that nobody holds the other end any more
                break
            partial += more
            text = partial.decode("utf-8", "ignore")
            partial = partial[len(text.encode()) :]
            self.now_s = before + time.monotonic() - begun
            self.shows(text)
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code != 0:
            sys.exit(f"pictures: {argv} ended with {code}:\n{''.join(t for _, t in self.events)}")
        self.now_s += READING_S

    def write(self, path: Path) -> None:
        """Keep it as a file that `asciinema play` shows."""
        head = {"version": 2, "width": self.columns, "height": self.rows, "title": "xpm"}
        lines = [json.dumps(head), *(json.dumps([at, "o", text]) for at, text in self.events)]
        path.write_text("\n".join(lines) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Cast":
        """One that was kept."""
        head, *lines = path.read_text().splitlines()
        size = json.loads(head)
        events = [(at, text) for at, _, text in map(json.loads, lines)]
        return cls(size["width"], size["height"], events)
