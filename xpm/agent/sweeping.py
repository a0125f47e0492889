"""Removes what processes that were killed have left of files they were writing, in the folders that nobody else lists.

Once a day, by whoever opens the workspace. Folders of one job or submission are left alone: there may be many, and what is
left in them is small and goes with them.
"""

import os
import shutil

from xpm.wire import files
from xpm.wire.workspace import Layout

EVERY_S = 86400.0
DEEP = ("blobs", "tokens", "keepers", "commands")
"""Those that hold folders of their own."""


def sweep(layout: Layout, now: float) -> bool:
    """Look through the workspace if nobody has today; whether it was looked through."""
    marker = os.path.join(layout.own, "swept")
    try:
        if abs(now - os.stat(marker).st_mtime) < EVERY_S:
            return False
    except FileNotFoundError:
        pass
    try:
        with open(marker, "ab"):
            os.utime(marker, None)
        for folder in folders(layout):
            for path in files.abandoned(folder, names(folder)):
                _remove(path)
    except OSError:  # the disk is full, read-only or away: tomorrow, then
        return False
    return True


def folders(layout: Layout) -> "list[str]":
    """Where temporaries may be left."""
    found = [layout.own, layout.travel, layout.code, layout.supervisor]
    for name in DEEP:
        folder = os.path.join(layout.own, name)
        found += [folder, *(os.path.join(folder, each) for each in names(folder))]
    return found


def names(folder: str) -> "list[str]":
    """What a folder holds, temporaries too."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        os.unlink(path)
    except FileNotFoundError:  # somebody was faster
        pass
