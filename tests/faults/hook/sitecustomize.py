"""Puts a fault point (tests/faults/points.py) into every Python below, or an old view of its folders (stale.py).

The environment says which: ``XPM_FAULT=<role>:<n>:<what>:<mark>:<under>``. The role is that of a process: ``agent``,
``supervisor``, ``runner``, ``task``; a ``laptop`` has its own by drive.py.
"""

import os
import sys


def role() -> str:
    """What sort of process this is; "" for one without fault points."""
    words = " ".join(sys.orig_argv)
    if "xpm.agent.nursery" in words:
        return "nursery"
    if "b64decode" in words:
        return "agent"
    for verb, name in (("supervise", "supervisor"), ("run", "runner"), ("advance", "supervisor")):
        if f" {verb} " in words:
            return name
    return ""


def install(wish: str, here: str) -> None:
    """Put it in."""
    if ":STALE:" in wish:
        from tests.faults.stale import OldView, machine_of

        _, milliseconds, _, mark, under = wish.split(":", 4)
        view = OldView(f"{mark}.log", under, machine_of(here), int(milliseconds) / 1000)
        view.install()
        os.register_at_fork(after_in_child=view.forked)
        return
    from tests.faults.points import FaultPoint

    point = FaultPoint(wish, here)
    os.register_at_fork(after_in_child=point.forked)
    sys.addaudithook(point.hook)


if "XPM_FAULT" in os.environ and role():
    install(os.environ["XPM_FAULT"], role())
