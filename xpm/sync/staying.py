"""The note of what a mirror leaves on the far side: ``.xpm/stayed.json`` in the local job folder.

::

    {"format": 1, "files": [[path, bytes, why], ...], "rules": text}

``why`` is the rule that kept it: pull, skip, pull_on, max_file, max_total; or unreadable. ``rules`` are those that were
in force (xpm/sync/rules.py), to see whether they have changed since.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xpm.connectors.jobs import Stayed
from xpm.wire import files, ledger

if TYPE_CHECKING:
    from xpm.sync.folder import JobFolder

PATH = f"{ledger.FOLDER}/stayed.json"


class Left(NamedTuple):
    """How much of a job stays on the far side."""

    files: int = 0
    bytes: int = 0


def left(stayed: Sequence[Stayed]) -> Left:
    """How much that is."""
    return Left(len(stayed), sum(each.size for each in stayed))


def note(folder: "JobFolder", stayed: Sequence[Stayed], rules: str) -> None:
    """Note what stays, and by which rules; an older note goes.

    Raises:
        InTheWay: something local is in the way.
    """
    if stayed:
        rows = [[each.path, each.size, each.why] for each in stayed]
        folder.replace(PATH, files.dump({"format": 1, "files": rows, "rules": rules}))
    else:
        folder.remove(PATH)


def noted(folder: Path) -> Sequence[Stayed]:
    """What stays on the far side of the job mirrored in this folder, as last noted."""
    rows = _read(folder).get("files") or []
    return [Stayed(str(path), int(size), str(why)) for path, size, why in rows]


def rules(folder: Path) -> str:
    """The rules by which it stays; "" when nothing does."""
    return str(_read(folder).get("rules") or "")


def _read(folder: Path) -> Mapping[str, Any]:
    try:
        return files.load(str(folder / PATH)) or {}
    except ValueError:  # torn by a power cut; the next mirror writes it anew
        return {}
