"""Results that others may read: modes of what jobs make in a workspace whose profile says so (``share:``).

What is ours to work with (``.xpm`` of the workspace: queue, code, documents) stays with the user.
"""

import os
import stat
from typing import Any, Mapping, Optional

from xpm.agent.refusals import usage
from xpm.wire.workspace import Layout

MASKS = {"group": 0o027, "all": 0o022}
"""The umask of jobs, by what the profile says."""
_OPEN = {"group": 0o050, "all": 0o055}


def mask(content: Optional[Mapping[str, Any]]) -> Optional[int]:
    """The umask of jobs, by what place.json says; None: as the user has it."""
    options = (content or {}).get("options") or {}
    return MASKS.get(str(options.get("share") or ""))


def let_in(layout: Layout, share: str) -> None:
    """Let others as far as the jobs, and no further.

    Raises:
        OSError: the folders are not ours to open.
    """
    if share not in MASKS:
        raise usage("share: %s is not known" % share, "group or all")
    for folder, mode in (
        (layout.root, _OPEN[share]),
        (os.path.join(layout.root, "jobs"), _OPEN[share]),
    ):
        os.makedirs(folder, exist_ok=True)
        now = stat.S_IMODE(os.stat(folder).st_mode)
        if now & mode != mode:
            os.chmod(folder, now | mode)
    if stat.S_IMODE(os.stat(layout.own).st_mode) & 0o077:
        os.chmod(layout.own, 0o700)
