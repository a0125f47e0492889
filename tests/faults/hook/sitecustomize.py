"""A fault point in every Python below: the n-th operation of one sort of process is its last, or fails.

``XPM_FAULT=<role>:<n>:<what>:<mark>:<under>``. The role is that of a process: ``laptop`` (the plan), ``supervisor``, ``runner``,
``task``. At its n-th operation on a path under a folder it gets ``KILL``, or the operation fails with an errno of this name. It
happens once: whoever makes the mark. With ``COUNT`` nothing happens, and each process notes beside the mark, by its role, how
many operations of each kind it came to.

Python's audit hooks see every such call of the real code: nothing is replaced.
"""

import errno
import os
import signal
import sys
import threading
from collections.abc import Sequence

CHANGES = frozenset(
    ["os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.truncate"]
)
READS = frozenset(["os.listdir", "os.scandir"])
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
FORKED = {"nursery": "runner", "runner": "task"}
"""What the fork of such a process is; of others, the same."""
KINDS = {"KILL": "change", "ENOSPC": "write", "EIO": "touch", "ESTALE": "touch", "EACCES": "touch"}
"""Which operations a fault is about: a change is also a process started or a statement of SQL, a touch also a read."""


class Fault:
    """The fault point of this process; its forks have their own."""

    def __init__(self, wish: str, role: str) -> None:
        self.role, number, self.what, self.mark, self.under = wish.split(":", 4)
        self.number = int(number)
        self.here = role
        self.seen = {"change": 0, "write": 0, "touch": 0}
        self.own = threading.local()  # an operation of ours, in this thread

    def forked(self) -> None:
        """A fork counts from its own beginning."""
        self.here = FORKED.get(self.here, self.here)
        self.seen = dict.fromkeys(self.seen, 0)

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        """Called before every operation."""
        if hasattr(self.own, "busy"):
            return
        self._trace_sql()
        kinds = self._kinds(event, args)
        for kind in kinds:
            self.seen[kind] += 1
        self.own.busy = True
        try:
            if self.what == "COUNT" and kinds:
                self._note()
            elif self._is_it(kinds) and self._is_first():
                self._happen(str(args[0]))
        finally:
            del self.own.busy

    def _is_it(self, kinds: Sequence[str]) -> bool:
        kind = KINDS.get(self.what, "")
        return self.here == self.role and kind in kinds and self.seen[kind] == self.number

    def _kinds(self, event: str, args: tuple[object, ...]) -> Sequence[str]:
        if event == "sqlite3.connect/handle":
            self.own.connection = args[0]
            return ()
        if event in ("subprocess.Popen", "sql"):
            return ("change",)
        if event != "open" and event not in CHANGES and event not in READS:
            return ()
        path = args[0]
        if not isinstance(path, (str, bytes)) or not os.fsdecode(path).startswith(self.under):
            return ()
        if event in READS or (event == "open" and not int(str(args[2])) & WRITES):
            return ("touch",)
        return ("change", "write", "touch")

    def _trace_sql(self) -> None:
        """Hear of the statements of a connection: it is not ready yet when it is announced, but is by the next event."""
        connection = self.own.__dict__.pop("connection", None)
        if connection is not None:
            connection.set_trace_callback(self._traced)

    def _traced(self, statement: str) -> None:
        self.hook("sql", (statement,))

    def _happen(self, path: str) -> None:
        if self.what == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
        code = int(getattr(errno, self.what))
        raise OSError(code, os.strerror(code), path)

    def _is_first(self) -> bool:
        try:
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        return True

    def _note(self) -> None:
        file = os.open(f"{self.mark}.{self.here}.{os.getpid()}", os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(file, b"%d %d %d" % tuple(self.seen.values()))
        os.close(file)


def role() -> str:
    """What sort of process this is; "" for one without fault points."""
    words = " ".join(sys.orig_argv)
    if "xpm.agent.nursery" in words:
        return "nursery"
    for verb, name in (("supervise", "supervisor"), ("run", "runner"), ("advance", "supervisor")):
        if f" {verb} " in words:
            return name
    return "laptop" if "plan.py" in words else ""


if "XPM_FAULT" in os.environ and role():
    FAULT = Fault(os.environ["XPM_FAULT"], role())
    os.register_at_fork(after_in_child=FAULT.forked)
    sys.addaudithook(FAULT.hook)
