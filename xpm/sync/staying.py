"""The note of what a mirror leaves on the far side: ``.xpm/stayed.json`` in the local job folder.

::

    {"format": 1, "files": [[path, bytes, why], ...]}        why: the rule that kept it: pull skip max_file max_total
"""

from collections.abc import Sequence
from pathlib import Path

from xpm.connectors.base import Stayed
from xpm.sync import names
from xpm.sync.folder import JobFolder
from xpm.wire import files

PATH = f"{names.OWN}/stayed.json"


def note(folder: JobFolder, stayed: Sequence[Stayed]) -> None:
    """Note what stays; an older note goes.

    Raises:
        InTheWay: something local is in the way.
    """
    if stayed:
        rows = [[each.path, each.size, each.why] for each in stayed]
        folder.replace(PATH, files.dump({"format": 1, "files": rows}))
    else:
        folder.remove(PATH)


def noted(folder: Path) -> Sequence[Stayed]:
    """What stays on the far side of the job mirrored in this folder, as last noted."""
    try:
        content = files.load(str(folder / PATH)) or {}
    except ValueError:  # torn by a power cut; the next mirror writes it anew
        content = {}
    rows = content.get("files") or []
    return [Stayed(str(path), int(size), str(why)) for path, size, why in rows]
