"""A fault point in every Python below: the n-th operation of one sort of process is its last, or fails.

``XPM_FAULT=<role>:<n>:<what>:<mark>:<under>``. The role is that of a process: ``laptop`` (the plan), ``supervisor``, ``runner``,
``task``. What happens at the n-th change (a file made, renamed, linked, removed; a process started; a statement of SQL) is
``KILL``, or the name of an errno: the operation then fails, if it is on a path under a folder. It happens once: whoever makes
the mark. With ``COUNT.`` before it nothing happens, and each process notes beside the mark how many operations it came to.

Python's audit hooks see every such call of the real code: nothing is replaced.
"""

import errno
import os
import signal
import sys
import threading

CHANGES = frozenset(
    ["os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.truncate"]
)
READS = frozenset(["os.listdir", "os.scandir"])
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
FORKED = {"nursery": "runner", "runner": "task"}
"""What the fork of such a process is; of others, the same."""


class Fault:
    """The fault point of this process; its forks have their own."""

    def __init__(self, wish: str, role: str) -> None:
        self.role, number, what, self.mark, self.under = wish.split(":", 4)
        self.number = int(number)
        self.counting = what.startswith("COUNT.")
        self.what = what.rpartition(".")[2]
        self.reads = self.what in ("EIO", "ESTALE", "EACCES")
        self.here = role
        self.seen = 0
        self.own = threading.local()  # an operation of ours, in this thread

    def forked(self) -> None:
        """A fork counts from its own beginning."""
        self.here = FORKED.get(self.here, self.here)
        self.seen = 0

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        """Called before every operation."""
        if self.here != self.role or hasattr(self.own, "busy"):
            return
        self._trace_sql()
        if not self._counts(event, args):
            return
        self.seen += 1
        self.own.busy = True
        try:
            if self.counting:
                self._note()
            elif self.seen == self.number and self._is_first():
                self._happen(str(args[0]))
        finally:
            del self.own.busy

    def _counts(self, event: str, args: tuple[object, ...]) -> bool:
        if event == "sqlite3.connect/handle":
            self.own.connection = args[0]
            return False
        if event in ("subprocess.Popen", "sql"):
            return self.what == "KILL"
        if event == "open":
            concerned = self.reads or bool(int(str(args[2])) & WRITES)
        else:
            concerned = event in CHANGES or (self.reads and event in READS)
        path = args[0] if concerned else None
        return isinstance(path, (str, bytes)) and os.fsdecode(path).startswith(self.under)

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
        file = os.open(f"{self.mark}.{os.getpid()}", os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(file, b"%d" % self.seen)
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
