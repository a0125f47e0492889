"""How many scheduler commands a minute we allow ourselves: one budget for all processes of this user on this site.

Each command adds a byte to the file of its minute, in a folder of the user's own that all workspaces share; its length is the
count. Over NFS two bytes may become one: this is courtesy, no lock. A site's own limit, where it has one, is 2 commands a second
(``rl_refill_rate``, slurm.conf(5)); ours is below that, so that a person at the login node never waits for us.
"""

import os
import re
from typing import Callable, Dict, Optional

from xpm.wire import files
from xpm.wire.workspace import Layout

PER_MINUTE = 100
_MINUTE_S = 60.0


class Budget(object):
    """The commands of one user on one site.

    Args:
        layout: the workspace; keeps the count where the user has no folder that can be written.
        environ: what commands run with.
        cluster: the site's name, as far as it is known.
        per_minute: how many there may be.
    """

    def __init__(
        self,
        layout: Layout,
        environ: Dict[str, str],
        cluster: Callable[[], Optional[str]],
        per_minute: int,
    ) -> None:
        home = environ.get("HOME") or os.path.expanduser("~")
        state = environ.get("XDG_STATE_HOME") or os.path.join(home, ".local", "state")
        self._shared = os.path.join(state, "xpm", "commands")
        self._own = os.path.join(layout.own, "commands")
        self._conf = environ.get("SLURM_CONF") or "default"
        self._cluster = cluster
        self._per_minute = per_minute
        self._spent_out = float("-inf")

    def spend(self, now: float) -> bool:
        """Whether there may be one more command now; if so, it counts."""
        return self._add(now, self._per_minute)

    def record(self, now: float, count: int = 1) -> None:
        """There are commands that somebody waits for, or nobody else would give, whatever the count."""
        for _ in range(count):
            self._add(now, None)

    def words(self, now: float) -> str:
        """What a person should know; "" while nothing is held back."""
        if not 0 <= now - self._spent_out < _MINUTE_S:
            return ""
        return "holding back: %d scheduler commands in this minute (commands_per_minute)" % (
            self._per_minute
        )

    def _add(self, now: float, most: Optional[int]) -> bool:
        for folder in (self._shared, self._own):
            try:
                allowed = _append(os.path.join(folder, self._site()), int(now // _MINUTE_S), most)
            except OSError:  # a home that cannot be written, or is not there
                continue
            if not allowed:
                self._spent_out = now
            return allowed
        return True

    def _site(self) -> str:
        return (
            re.sub(r"[^A-Za-z0-9._-]", "_", self._cluster() or self._conf).strip(".") or "default"
        )


def _append(folder: str, minute: int, most: Optional[int]) -> bool:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, str(minute))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        count = os.fstat(descriptor).st_size
        if most is not None and count >= most:
            return False
        os.write(descriptor, b".")
    finally:
        os.close(descriptor)
    if not count:
        _tidy(folder, minute)
    return True


def _tidy(folder: str, minute: int) -> None:
    for name in files.listing(folder):
        if name.isdigit() and int(name) < minute:
            try:
                os.unlink(os.path.join(folder, name))
            except OSError:  # somebody else does it too
                pass
