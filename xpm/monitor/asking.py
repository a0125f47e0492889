"""A thread that owns something, and answers questions about it one after the other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar


class Closes(Protocol):
    """Something that is closed at the end."""

    def close(self) -> None:
        """End it."""
        ...


Owned = TypeVar("Owned", bound=Closes)
T = TypeVar("T")


class Owner(Generic[Owned]):
    """Makes something in a thread of its own at the first question, and keeps it there: SQLite likes it so."""

    def __init__(self, name: str, make: Callable[[], Owned]) -> None:
        self._pool = ThreadPoolExecutor(1, f"xpm monitor {name}")
        self._make = make
        self._owned: Owned | None = None

    async def ask(self, question: Callable[[Owned], T]) -> T:
        """The answer to a question."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._answer, question)

    def close(self) -> None:
        """End the thread, once it has answered."""
        self._pool.submit(self._close)
        self._pool.shutdown()

    def _answer(self, question: Callable[[Owned], T]) -> T:
        if self._owned is None:
            self._owned = self._make()
        return question(self._owned)

    def _close(self) -> None:
        if self._owned is not None:
            self._owned.close()
