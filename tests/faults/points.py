"""A fault point in a process: its n-th operation on files is its last, or fails, or is torn.

Python's audit hooks see every such call of the real code: nothing is replaced. Kinds of operations: a *change* (of a file's
name or content, a process started, a statement of SQL), a *write* (what needs room on the disk), a *touch* (any of them, and
reads), a *content* (a file opened for writing, a statement of SQL).

What may happen:

``KILL``, ``AFTER``  killed just before, or just after, the n-th change
``TORN``             killed within the n-th content, when so many bytes of it are in the file
``SHORT``            the disk is full within the n-th content: so many bytes are in the file, then the write fails
an errno's name      the n-th write (``ENOSPC``) or touch fails so
``FULL``, ``AWAY``   from the n-th write or touch on, all of them fail, in every process, with ENOSPC or EIO, for two seconds
``COUNT``            nothing: each process notes beside the mark how many operations of each kind it came to

Bytes are torn by the kernel: RLIMIT_FSIZE lets a write go so far and no farther. It happens once: whoever makes the mark.
"""

import errno
import os
import random
import resource
import signal
import threading
import time
from collections.abc import Sequence

CHANGES = frozenset(
    ["os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.truncate"]
)
FREE = frozenset(["os.remove", "os.rmdir", "os.utime"])
"""Changes that need no room."""
READS = frozenset(["os.listdir", "os.scandir"])
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
KINDS = ("change", "write", "touch", "content")
OF = {
    "KILL": "change", "AFTER": "change", "TORN": "content", "SHORT": "content",
    "ENOSPC": "write", "FULL": "write", "EIO": "touch", "ESTALE": "touch", "EACCES": "touch", "AWAY": "touch",
}  # fmt: skip
"""Which operations a fault is about."""
LASTING = {"FULL": ("write", errno.ENOSPC), "AWAY": ("touch", errno.EIO)}
LASTS_S = 2.0
TEARS = (0, 1, 17, 100, 400)
"""After so many bytes a content may be torn."""
FORKED = {"nursery": "runner", "runner": "task"}
"""What the fork of such a process is; of others, the same."""


class FaultPoint:
    """The fault point of this process; its forks have their own.

    Args:
        wish: ``<role>:<n>:<what>:<mark>:<under>``: in which role, at which of its operations on paths under a folder, what.
        here: the role of this process.
    """

    def __init__(self, wish: str, here: str) -> None:
        self.role, number, self.what, self.mark, self.under = wish.split(":", 4)
        self.number = int(number)
        self.here = here
        self.seen = dict.fromkeys(KINDS, 0)
        self._own = threading.local()  # an operation of ours, in this thread
        self._is_doomed = False  # the operation under way is the last
        self._limits: tuple[int, int] | None = None
        self._database = ""
        if self.what == "TORN":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(
                resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])
            )

    def forked(self) -> None:
        """A fork counts from its own beginning."""
        self.here = FORKED.get(self.here, self.here)
        self.seen = dict.fromkeys(KINDS, 0)
        self._is_doomed = False
        self._mend()

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        """Called before every operation."""
        if hasattr(self._own, "busy"):
            return
        self._own.busy = True
        try:
            if self._is_doomed:
                os.kill(os.getpid(), signal.SIGKILL)
            self._mend()
            self._trace_sql()
            self._came_to(self._kinds(event, args), str(args[0]) if args else "")
        finally:
            del self._own.busy

    def _came_to(self, kinds: Sequence[str], path: str) -> None:
        for kind in kinds:
            self.seen[kind] += 1
        if self.what == "COUNT":
            if kinds:
                self._note()
        elif self._is_it(kinds) and self._is_first():
            self._happen(path)
        elif self.what in LASTING and LASTING[self.what][0] in kinds and self._lasts():
            self._fail(LASTING[self.what][1], path)

    def _is_it(self, kinds: Sequence[str]) -> bool:
        kind = OF.get(self.what, "")
        return self.here == self.role and kind in kinds and self.seen[kind] == self.number

    def _kinds(self, event: str, args: tuple[object, ...]) -> Sequence[str]:
        if event == "sqlite3.connect/handle":
            self._own.connection = args[0]
            return ()
        if event == "sqlite3.connect":
            self._database = os.fsdecode(str(args[0]))
            return ()
        if event == "subprocess.Popen":
            return ("change",)
        if event == "sql":
            return ("change", "content")
        if event != "open" and event not in CHANGES and event not in READS:
            return ()
        path = args[0]
        if not isinstance(path, (str, bytes)) or not os.fsdecode(path).startswith(self.under):
            return ()
        if event in READS or (event == "open" and not int(str(args[2])) & WRITES):
            return ("touch",)
        if event in FREE:
            return ("change", "touch")
        return KINDS if event == "open" else KINDS[:3]

    def _trace_sql(self) -> None:
        """Hear of the statements of a connection: it is not ready yet when it is announced, but is by the next event."""
        connection = self._own.__dict__.pop("connection", None)
        if connection is not None:
            connection.set_trace_callback(self._traced)

    def _traced(self, statement: str) -> None:
        self.hook("sql", (statement,))

    def _happen(self, path: str) -> None:
        if self.what == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.what == "AFTER":
            self._is_doomed = True
        elif self.what in ("TORN", "SHORT"):
            self._is_doomed = self.what == "TORN"
            self._tear(path)
        else:
            self._fail(
                LASTING[self.what][1] if self.what in LASTING else getattr(errno, self.what), path
            )

    def _tear(self, path: str) -> None:
        """Let the operation under way write a few bytes more, and no farther."""
        file = path if path.startswith(self.under) else f"{self._database}-wal"
        count = random.Random(f"{self.role}{self.number}").choice(TEARS)
        try:
            count += os.stat(file).st_size
        except OSError:
            pass  # it is new
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (count, self._limits[1]))

    def _mend(self) -> None:
        limits, self._limits = self._limits, None
        if limits is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    def _fail(self, code: int, path: str) -> None:
        raise OSError(code, os.strerror(code), path)

    def _lasts(self) -> bool:
        try:
            return time.time() - os.stat(self.mark).st_mtime < LASTS_S
        except OSError:
            return False

    def _is_first(self) -> bool:
        try:
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        return True

    def _note(self) -> None:
        file = os.open(f"{self.mark}.{self.here}.{os.getpid()}", os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(file, b"%d %d %d %d" % tuple(self.seen[kind] for kind in KINDS))
        os.close(file)
