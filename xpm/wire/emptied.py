"""The note that the results of a job were removed here, while its records stay: ``.xpm/emptied.json`` in its folder.

::

    {"format": 1, "at": t}

The records stay, so that the job is done still, and does not run again unasked. What depends on it and would read its
files is told so. A new attempt of it removes the note.
"""

import os
import time

from xpm.wire import files, ledger

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Optional

NAME = "emptied.json"


def path(root: str, below: str) -> str:
    """Where the note of a job is, of whose folder this path below the workspace is a part."""
    parts = below.split("/")[:3]
    return os.path.join(root, *parts, ledger.FOLDER, NAME)


def note(folder: str, now: float) -> None:
    """Note that the results in a job's folder are removed."""
    files.write(os.path.join(folder, ledger.FOLDER, NAME), files.dump({"format": 1, "at": now}))


def words(folder: str) -> "Optional[str]":
    """When the results in a job's folder were removed, in words; None when they were not."""
    try:
        content = files.load(os.path.join(folder, ledger.FOLDER, NAME))
    except ValueError:
        content = {}
    if content is None:
        return None
    at = time.strftime("%Y-%m-%d", time.gmtime(float(content.get("at") or 0.0)))
    return "its files were removed from there by `xpm clean` on %s" % at


def forget(folder: str) -> None:
    """The job runs again."""
    try:
        os.unlink(os.path.join(folder, ledger.FOLDER, NAME))
    except FileNotFoundError:
        pass
