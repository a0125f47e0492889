"""How much room a workspace's file system has for this user; quotas only where the file system itself counts with them."""

import os
from typing import List, Optional, Tuple

LITTLE = 1000 * 1000 * 1000
FEW = 10000


def left(folder: str) -> Tuple[int, Optional[int]]:
    """Bytes and files that still fit; None: file systems without such a limit."""
    found = os.statvfs(folder)
    files = int(found.f_favail) if found.f_files else None
    return int(found.f_bavail) * int(found.f_frsize), files


def remarks(folder: str) -> List[str]:
    """What people should know before it is full."""
    try:
        free, files = left(folder)
    except OSError:  # away for a moment: whoever writes will say so
        return []
    told: List[str] = []
    if free < LITTLE:
        told.append("%d MB" % (free // 1000000))
    if files is not None and files < FEW:
        told.append("%d files" % files)
    where = "the file system of the workspace %s has room for only %s more"
    hint = ": remove old results, or name another `workspace:`"
    return [where % (folder, " and ".join(told)) + hint] if told else []
