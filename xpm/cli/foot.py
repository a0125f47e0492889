"""Lines at the foot of what a terminal shows, redrawn in place, while other text goes on above them.

What is drawn is taken away again row by row, from the last to the first (tmux keeps a copy of what is erased otherwise). A
terminal may have another size by then: most of them fold lines anew when they get narrower, so the rows are counted with the
width of now; those that do not are known by name. The cursor rests at the beginning of the last line, so that what a terminal
echoes (``^C``) makes no line longer. Every line is shorter than the terminal is wide, and there are fewer lines than it has.

One thread looks four times a second whether the lines or the terminal have changed; others have texts to show. All
draw under one lock. Meanwhile ``sys.stdout`` and ``sys.stderr`` are stand-ins, where they are this terminal: what a plan
prints goes above the lines.
"""

import atexit
import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import TextIO

from xpm.cli import cells, render

EVERY_S = 0.25
Line = Sequence[tuple[str, str]]
"""Texts behind each other, each with its colour; "" is none."""
Draw = Callable[[int, int], Sequence[Line]]
"""The lines for so many columns and rows; what is more of them is cut off."""
_HIDE, _SHOW, _ERASE = "\033[?25l", "\033[?25h", "\033[2K"


class Foot:
    """What is drawn at the foot of the terminal that a stream is.

    Args:
        draw: tells the lines; called often, by either thread.
        stream: the terminal.
        environ: tells which terminal it is.
        size: tells how many columns and rows it has.
    """

    def __init__(
        self,
        draw: Draw,
        stream: TextIO | None = None,
        environ: Mapping[str, str] = os.environ,
        size: Callable[[TextIO], tuple[int, int]] = render.size,
    ) -> None:
        self._draw = draw
        self._stream = stream or sys.stderr
        self._size = size
        self._folds = folds(environ)
        self._lock = threading.RLock()
        self._drawn: list[int] = []
        """The width of each line that is on the terminal."""
        self._said: object = None
        self._is_paused = False
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._streams: tuple[TextIO, TextIO] | None = None

    def start(self) -> None:
        """Begin to draw."""
        with self._lock:
            if self._thread is not None:
                return
            self._over.clear()
            self._thread = threading.Thread(target=self._look, name="xpm foot", daemon=True)
            self._stand_in()
            self._write(_HIDE)
            self.redraw()
            self._thread.start()
        atexit.register(self._leave)
        _Stopping.tell(self)

    def stop(self) -> None:
        """Draw once more and leave it there, with the terminal as it was."""
        thread = self._thread
        if thread is None:
            return
        _Stopping.tell(None)
        self._over.set()
        thread.join()
        with self._lock:
            self._thread = None
            self._give_back()
            self.redraw()
            self._leave()
            atexit.unregister(self._leave)

    def above(self, text: str) -> None:
        """Show a text, as it is, above the lines."""
        with self._lock:
            end = "" if text.endswith("\n") else "\n"
            self._write(self._taken_away() + text + end)
            self._said = None
            self.redraw()

    def redraw(self) -> None:
        """Draw the lines if they, or the terminal, have changed."""
        with self._lock:
            columns, rows = self._size(self._stream)
            if self._is_paused:
                return
            room = max(1, columns - 1), max(1, rows - 1)
            lines = [fitted(line, room[0]) for line in self._draw(*room)][: room[1]]
            if (columns, rows, lines) == self._said:
                return
            self._write(self._taken_away() + self._picture(lines))
            self._said = columns, rows, lines

    def pause(self) -> None:
        """Leave the terminal to somebody else for a while."""
        with self._lock:
            self._is_paused = True
            self._leave()

    def resume(self) -> None:
        """Begin anew on the line where the cursor is."""
        with self._lock:
            self._is_paused = False
            self._write(_HIDE)
            self.redraw()

    def _look(self) -> None:
        while not self._over.wait(EVERY_S):
            self.redraw()

    def _picture(self, lines: Sequence[Line]) -> str:
        self._drawn = [sum(cells.width(text) for text, _ in line) for line in lines]
        shown = [
            "".join(render.paint(text, colour, self._stream) for text, colour in line)
            for line in lines
        ]
        return "\n".join(shown) + "\r" if lines else ""

    def _taken_away(self) -> str:
        """What erases the lines that are on the terminal; then they are not."""
        if not self._drawn:
            return ""
        columns = max(1, self._size(self._stream)[0])
        heights = [max(1, -(-each // columns)) if self._folds else 1 for each in self._drawn]
        self._drawn = []
        down = f"\033[{heights[-1] - 1}B" if heights[-1] > 1 else ""
        return f"\r{down}{_ERASE}" + f"\033[A{_ERASE}" * (sum(heights) - 1)

    def _leave(self) -> None:
        self._write(("\n" if self._drawn else "") + _SHOW)
        self._drawn, self._said = [], None

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone: nobody looks
            self._stream.write(text)
            self._stream.flush()

    def _stand_in(self) -> None:
        self._streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (
            _StandIn(self, each) if _is_same(each, self._stream) else each for each in self._streams
        )

    def _give_back(self) -> None:
        if self._streams is None:
            return
        for each in (sys.stdout, sys.stderr):
            if isinstance(each, _StandIn):
                each.close_line()
        sys.stdout, sys.stderr = self._streams
        self._streams = None


class _StandIn(io.TextIOBase):
    """Shows above the lines what is written, line by line."""

    def __init__(self, foot: Foot, stream: TextIO) -> None:
        self._foot = foot
        self._stream = stream
        self._lock = threading.Lock()
        self._begun = ""

    def write(self, text: str) -> int:
        """Take in a text; a line is shown when it is whole."""
        with self._lock:
            whole, newline, self._begun = (self._begun + text).rpartition("\n")
        if newline:
            self._foot.above(whole + newline)
        return len(text)

    def close_line(self) -> None:
        """Show the line that has begun."""
        if self._begun:
            self._foot.above(self._begun)
            self._begun = ""

    def isatty(self) -> bool:
        """As the terminal is."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """That of the terminal."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the terminal."""
        return self._stream.encoding

    @property
    def buffer(self) -> object:
        """For bytes, which go where they always went."""
        return self._stream.buffer


class _Stopping:
    """Ctrl-Z: the shell gets its cursor back, and when the command goes on the lines begin anew below what it has shown."""

    _foot: Foot | None = None

    @classmethod
    def tell(cls, foot: Foot | None) -> None:
        """These lines are drawn from now on; None: none are."""
        if threading.current_thread() is not threading.main_thread():
            return  # only that one may have handlers
        if foot is not None and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, cls._stop)
        elif foot is None and signal.getsignal(signal.SIGTSTP) == cls._stop:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        cls._foot = foot

    @classmethod
    def _stop(cls, number: int, frame: FrameType | None) -> None:
        foot = cls._foot
        if foot is not None:
            foot.pause()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # goes on below when the shell says so
        signal.signal(number, cls._stop)
        if foot is not None and foot is cls._foot:
            foot.resume()


def fitted(line: Line, most: int) -> list[tuple[str, str]]:
    """So many cells of a line at most."""
    clean = [(cells.flat(text), colour) for text, colour in line]
    if sum(cells.width(text) for text, _ in clean) <= most:
        return clean
    found: list[tuple[str, str]] = []
    left = most - 1
    for text, colour in clean:
        kept = cells.start(text, left)
        found.append((kept, colour))
        left -= cells.width(kept)
        if kept != text:
            break
    return [*found, ("…", "")]


def folds(environ: Mapping[str, str]) -> bool:
    """Whether a terminal folds lines anew when it gets narrower."""
    if environ.get("TMUX"):
        return True
    term = environ.get("TERM", "")
    return not ("XTERM_VERSION" in environ or term.startswith(("screen", "linux", "st-", "vt")))


def _is_same(one: TextIO, other: TextIO) -> bool:
    """Whether both are the same terminal."""
    try:
        return os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))
    except (OSError, ValueError):
        return False
