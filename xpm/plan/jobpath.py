"""The folder of a job, as plans see it."""

from __future__ import annotations

from pathlib import Path


class JobPath(type(Path())):  # type: ignore[misc]  # the concrete class: Path itself cannot be extended before 3.12
    """A path that answers ``.jobpath`` with itself, so that ``task.submit().jobpath`` may be kept and asked again."""

    __slots__ = ()

    @property
    def jobpath(self) -> JobPath:
        """Itself."""
        return self
