"""Commands on a terminal of their own, with somebody who types what is asked."""

import codecs
import os
import pty
import re
import select
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """What a terminal showed, and how its command ended."""

    shown: str
    code: int


@dataclass
class Typist:
    """Reads a terminal; answers each prompt that hides what is typed with the next answer."""

    terminal: int
    answers: list[str]
    shown: str = ""
    echoes: bool = True
    """Whether the terminal shows what is typed, as it was last seen."""
    _at: int = 0
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )
    """A read may end within a character."""

    def until(self, condition: Callable[[str], bool], timeout_s: float = 60.0) -> None:
        """Read on until what was shown is as wanted, or the terminal is closed."""
        ends_at = time.monotonic() + timeout_s
        while not condition(self.shown):
            assert time.monotonic() < ends_at, self.shown
            if not self._step():
                return

    def _step(self) -> bool:
        if select.select([self.terminal], [], [], 0.05)[0]:
            try:
                more = os.read(self.terminal, 4096)
            except OSError:
                more = b""
            if not more:
                return False
            self.shown += self._decoder.decode(more)
        self.echoes = bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)
        if self.answers and not self.echoes and re.search(r": ?$", self.shown[self._at :]):
            self._at = len(self.shown)
            os.write(self.terminal, self.answers.pop(0).encode() + b"\n")
        return True


def spawn(
    argv: Sequence[str], answers: Sequence[str] = (), cwd: Path | None = None, **environment: str
) -> tuple[int, Typist]:
    """Start a command in the foreground of a new terminal: its process id, and who sits there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd or ".")
        os.execvpe(argv[0], list(argv), {**os.environ, "TERM": "xterm", **environment})
    return pid, Typist(terminal, list(answers))


def on_terminal(
    argv: Sequence[str], answers: Sequence[str] = (), cwd: Path | None = None, **environment: str
) -> Ended:
    """Run a command in the foreground of a new terminal to its end."""
    pid, typist = spawn(argv, answers, cwd, **environment)
    typist.until(lambda shown: False)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(typist.terminal)
    return Ended(typist.shown, code)
