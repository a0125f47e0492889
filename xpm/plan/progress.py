"""Progress of a task, shown wherever the task is shown."""

from __future__ import annotations

from xpm.plan import context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeVar, overload

    T = TypeVar("T")

    @overload
    def progress(
        of: Iterable[T], total: int | None = None, description: str = ""
    ) -> Iterator[T]: ...
    @overload
    def progress(of: float, total: int | None = None, description: str = "") -> None: ...
    @overload
    def progress(of: float, description: str, /) -> None: ...
    def progress(of: Any, total: Any = None, description: str = "") -> Any:
        """As below."""

else:

    def progress(of, total=None, description=""):
        """Report how far a task is: around what a loop goes through, or with a fraction from 0 to 1.

        Args:
            of: an iterable, whose items are given on; or a fraction.
            total: the number of items, for an iterable that does not know it.
            description: what is being done; behind a fraction it may stand without its name.

        Outside a job nothing is reported.
        """
        if isinstance(of, (int, float)):
            _report(float(of), total if isinstance(total, str) else description)
            return None
        return _through(of, total, description)


def _through(items: Any, total: int | None, description: str) -> Iterator[Any]:
    if total is None:
        total = len(items) if hasattr(items, "__len__") else 0
    for done, item in enumerate(items):
        if total:
            _report(done / total, description)
        yield item
    if total:
        _report(1.0, description)


def _report(fraction: float, description: str) -> None:
    running = context.job()
    if running is not None:
        running.report(min(1.0, max(0.0, fraction)), description)
