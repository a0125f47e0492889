"""Lines at the foot of what a terminal shows, redrawn in place by rich, while other text goes on above them.

What rich does not do is added here: a terminal may have another size when the lines are taken away. Most terminals fold lines
anew when they get narrower, so the rows are counted with the width of now; those that do not are known by name. The cursor
rests at the beginning of the last line, so that what a terminal echoes (``^C``) makes no line longer. Every line is shorter
than the terminal is wide, and there are fewer lines than it has. Ctrl-Z gives the shell its cursor back.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, TextIO

from rich.console import Console, ConsoleDimensions, ConsoleRenderable
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from xpm.cli import cells, render
from xpm.cli.cells import Line

Draw = Callable[[int, int], Sequence[Line]]
"""The lines for so many columns and rows; what is more of them is cut off."""
_ERASE = (ControlType.ERASE_IN_LINE, 2)


class Foot(Live):
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
        stream = stream or sys.stderr
        self._draw = draw
        self._sheet = _Sheet(stream, size)
        self._folds = folds(environ)
        self._drawn: list[int] = []
        """The width of each line that is on the terminal."""
        self._said: object = None
        super().__init__(
            console=self._sheet,
            redirect_stdout=_is_same(sys.stdout, stream),
            redirect_stderr=_is_same(sys.stderr, stream),
        )

    def start(self, refresh: bool = True) -> None:
        """Begin to draw, on the line where the cursor is."""
        super().start(refresh)
        atexit.register(self.stop)
        _Stopping.tell(self)

    def stop(self) -> None:
        """Draw once more and leave it there, with the terminal as it was."""
        atexit.unregister(self.stop)
        _Stopping.tell(None)
        for each in (sys.stdout, sys.stderr):
            each.flush()  # a line that has begun is shown, too
        self._said = None  # drawn in any case: over the ^C that the terminal has echoed
        super().stop()
        with self._sheet.alone:
            if self._drawn:
                self._sheet.line()
            self._drawn, self._said = [], None

    def above(self, text: str) -> None:
        """Show a text, as it is, above the lines."""
        self._sheet.print(Text(text.removesuffix("\n")))

    def refresh(self) -> None:
        """Draw the lines if they, or the terminal, have changed."""
        with self._sheet.alone:
            if (self._sheet.size, self._lines()) != self._said:
                super().refresh()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Take the lines away, show what is to be shown, and draw them anew."""
        away = self._taken_away()
        lines = self._lines()
        self._said = self._sheet.size, lines
        self._drawn = [sum(cells.width(text) for text, _ in line) for line in lines]
        picture = Text("\n", end="").join(Text.assemble(*line) for line in lines)
        return [away, *renderables, picture, Control(ControlType.CARRIAGE_RETURN)]

    def _lines(self) -> Sequence[Line]:
        columns, rows = self._sheet.size
        room = max(1, columns - 1), max(1, rows - 1)
        return [fitted(line, room[0]) for line in self._draw(*room)][: room[1]]

    def _taken_away(self) -> Control:
        """What erases the lines that are on the terminal, from the last to the first: tmux keeps a copy of them otherwise."""
        if not self._drawn:
            return Control()
        columns = max(1, self._sheet.size[0])
        heights = [max(1, -(-each // columns)) if self._folds else 1 for each in self._drawn]
        return Control(
            ControlType.CARRIAGE_RETURN,
            *([(ControlType.CURSOR_DOWN, heights[-1] - 1)] if heights[-1] > 1 else []),
            _ERASE,
            *[(ControlType.CURSOR_UP, 1), _ERASE] * (sum(heights) - 1),
        )


class _Sheet(Console):
    """A console that shows one text at a time, each as it is: the terminal folds what is too long."""

    def __init__(self, stream: TextIO, size: Callable[[TextIO], tuple[int, int]]) -> None:
        super().__init__(
            file=stream, force_terminal=True, highlight=False, markup=False, emoji=False
        )
        self.alone = threading.RLock()
        self._stream, self._sized = stream, size

    @property  # type: ignore[misc]  # nobody sets it
    def size(self) -> ConsoleDimensions:
        """The columns and rows of now."""
        return ConsoleDimensions(*self._sized(self._stream))

    def print(self, *objects: Any, **options: Any) -> None:
        """As a console does, and nobody else meanwhile."""
        with self.alone:
            super().print(*objects, **{"soft_wrap": True, **options})


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
            foot.stop()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # goes on below when the shell says so
        if foot is not None:
            foot.start()


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
