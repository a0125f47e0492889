"""Files on their way here, as a person sees them: bytes, rate and the time they will take, patience with the link."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from xpm.cli import prompting, render
from xpm.errors import HostProblem
from xpm.follow import leaving
from xpm.words import telling

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
SLOW_S = 2.0


class Bar:
    """Hears of bytes that arrive; a bar on stderr where that is a terminal. From one thread."""

    def __init__(self, words: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.arrived = 0
        self.expected = 0
        self._words = words
        self._clock = clock
        self._began = clock()
        self._progress: Progress | None = None

    def __call__(self, count: int) -> None:
        """So many bytes have arrived."""
        self.arrived += count
        self._show()

    def expect(self, count: int) -> None:
        """So many more are to come, as far as is known now."""
        self.expected = self.arrived + count
        self._show()

    @property
    def said(self) -> str:
        """``12 GB in 3 min, 70 MB/s``."""
        took = self._clock() - self._began
        text = leaving.size(self.arrived)
        if self.arrived and took >= SLOW_S:
            rate = leaving.size(int(self.arrived / took))
            text += f" in {telling.duration(took)}, {rate}/s"
        return text

    @contextlib.contextmanager
    def shown(self) -> Iterator[Bar]:
        """While this is shown."""
        try:
            yield self
        finally:
            if self._progress is not None:
                prompting.shown(None)
                self._progress.stop()
                self._progress = None

    def note(self, text: str) -> None:
        """Say something above the bar."""
        if self._progress is None:
            render.note(text)
        else:
            self._progress.console.print(text, markup=False)

    def _show(self) -> None:
        if self._progress is None:
            if not self.expected or not render.is_terminal(sys.stderr):
                return
            self._progress = _bar(self._words)
            prompting.shown(self._progress)
        task = self._progress.task_ids[0]
        self._progress.update(task, completed=self.arrived, total=self.expected)


def patiently(act: Callable[[], T], bar: Bar, pause: Callable[[int], float]) -> T:
    """Do something again and again while the link is down, once it has been up.

    Args:
        act: goes on where it was.
        bar: hears of the bytes.
        pause: seconds to wait after so many failures in a row.

    Raises:
        HostProblem: nothing has arrived ever, or patience cannot mend it.
    """
    failures, before = 0, -1
    while True:
        try:
            return act()
        except HostProblem as problem:
            if not problem.transient or not bar.expected:
                raise
            failures = 0 if bar.arrived > before else failures + 1
            before = bar.arrived
            if failures <= 1:
                words = f"waiting: {problem.on or 'the host'}: {problem.cause or problem.what}"
                bar.note(f"{words} ({leaving.size(bar.arrived)} are here; it goes on by itself)")
        threading.Event().wait(pause(failures + 1))


def _bar(words: str) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False),
        refresh_per_second=4,
    )
    progress.add_task(words, total=None)
    progress.start()
    return progress
