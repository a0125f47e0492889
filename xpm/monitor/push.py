"""What has changed, pushed to every page that listens: server-sent events, four a second at most."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator

from xpm.monitor import overviews, saying, tables
from xpm.monitor.asking import Owner
from xpm.monitor.board import Board
from xpm.monitor.coming import Coming

TICK_S = 0.25
MOST_ROWS = 200
"""Of more changes at once only their number is told: a page asks for the rows that it shows."""
IDLE_S = 15.0
SHARE = 4.0
"""Looking takes a part of the time at most, however many jobs there are."""
FULL = 100
log = logging.getLogger(__name__)


class Push:
    """Looks at the board for all pages together, only while one listens."""

    def __init__(self, board: Owner[Board], coming: Coming) -> None:
        self._board = board
        self._coming = coming
        self._pulled: dict[str, object] | None = None  # as told last
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._task: asyncio.Task[None] | None = None

    async def listen(self, is_once: bool = False) -> AsyncGenerator[str]:
        """Events for one page, until it leaves; or only that it is to ask anew, now and then."""
        if is_once:
            yield _event("hello", {"at": time.time(), "crowded": True})
            return
        queue: asyncio.Queue[str | None] = asyncio.Queue(FULL)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            yield _event("hello", {"at": time.time()})
            if self._pulled is not None:
                yield _event("pull", {"now": self._pulled})
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), IDLE_S)
                except TimeoutError:
                    event = _event("alive", {"at": time.time()})
                if event is None:
                    return
                yield event
        finally:
            self._listeners.discard(queue)

    @property
    def is_looking(self) -> bool:
        """Whether the board is looked at again and again now."""
        return bool(self._listeners)

    def stop(self) -> None:
        """Let all pages go."""
        for queue in self._listeners:
            self._put(queue, None)
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        while self._listeners:
            began = time.monotonic()
            try:
                event = await self._board.ask(_news)
            except OSError as error:  # the disk is full or away: the next look may do
                log.warning("the journal could not be read", exc_info=error)
                event = _event("trouble", {"text": str(error)})
            self._tell(event)
            pulled = self._coming.told
            if pulled != self._pulled:
                self._pulled = pulled
                self._tell(_event("pull", {"now": pulled}))
            await asyncio.sleep(max(TICK_S, SHARE * (time.monotonic() - began)))

    def _tell(self, event: str) -> None:
        for queue in list(self._listeners) if event else ():
            self._put(queue, event)

    def _put(self, queue: "asyncio.Queue[str | None]", event: str | None) -> None:
        if queue.full():  # a page that does not read: it asks anew
            with contextlib.suppress(asyncio.QueueEmpty):
                while True:
                    queue.get_nowait()
            queue.put_nowait(_event("reset", {}))
        queue.put_nowait(event)


def _news(board: Board) -> str:
    news = board.refresh()
    if not news:
        return ""
    counts = board.counts()
    touched = {each.key[0] for each in news.changed} | {key[0] for key in news.gone}
    content: dict[str, object] = {
        "number": news.number,
        "changed": len(news.changed),
        "rows": [tables.row(board, each) for each in news.changed[:MOST_ROWS]],
        "gone": len(news.gone),
        "counts": {name: dict(counts.get(name, {})) for name in touched},
        "progress": {
            "/".join(key): [each.fraction, each.description, each.at]
            for key, each in news.progress.items()
        },
    }
    if news.is_place:
        content["places"] = overviews.places(board)
    return _event("news", content)


def _event(kind: str, content: object) -> str:
    return f"event: {kind}\ndata: {saying.text(content)}\n\n"
