"""A fault point in every Python below: the n-th operation of one sort of process is its last, or fails.

``XPM_FAULT=<role>:<n>:<what>:<mark>:<under>``. The role is that of a process: ``laptop`` (the plan), ``supervisor``, ``runner``,
``task``. What happens at the n-th change (a file made, renamed, linked, removed; a process started; a statement of SQL) is
``KILL``, or the name of an errno: the operation then fails, on paths under a folder. It happens once: whoever makes the mark. With
``COUNT`` nothing happens, and each process notes beside the mark how many operations it came to.

Python's audit hooks see every such call of the real code: nothing is replaced.
"""

import errno
import os
import signal
import sys

CHANGES = frozenset(
    ["os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.truncate"]
)
READS = frozenset(["os.listdir", "os.scandir"])
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
LATER = {
    "nursery": "runner",
    "runner": "task",
    "laptop": "laptop",
    "supervisor": "supervisor",
    "task": "task",
}


class Fault(object):
    """The fault point of this process; its forks have their own."""

    def __init__(self, wish, role):
        self.role, number, self.what, self.mark, self.under = wish.split(":", 4)
        self.number = int(number)
        self.here = role
        self.seen = 0
        self.busy = False

    def forked(self):
        """A fork is another sort of process, and counts from its own beginning."""
        self.here = LATER[self.here]
        self.seen = 0
        self.busy = False

    def hook(self, event, args):
        """Called before every operation."""
        if self.busy or self.here != self.role or not self._counts(event, args):
            return
        self.seen += 1
        if self.what == "COUNT":
            self._note()
        elif self.seen == self.number and self._is_first():
            if self.what == "KILL":
                os.kill(os.getpid(), signal.SIGKILL)
            code = getattr(errno, self.what)
            raise OSError(code, os.strerror(code), str(args[0]))

    def traced(self, statement):
        """Called before every statement of SQL."""
        if self.what in ("KILL", "COUNT"):
            self.hook("sql", (self.under + "/", statement))

    def _counts(self, event, args):
        if event == "sqlite3.connect/handle":
            args[0].set_trace_callback(self.traced)
            return False
        if event == "subprocess.Popen":
            return self.what in ("KILL", "COUNT")
        if not (event in CHANGES or event == "sql" or self._opens(event, args)):
            return False
        return isinstance(args[0], (str, bytes)) and os.fsdecode(args[0]).startswith(self.under)

    def _opens(self, event, args):
        """Whether a file or folder is opened in a way this fault is about."""
        if event == "open":
            return bool(args[2] & WRITES) or self.what in ("EIO", "ESTALE", "EACCES")
        return event in READS and self.what in ("EIO", "ESTALE", "EACCES")

    def _is_first(self):
        self.busy = True
        try:
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        finally:
            self.busy = False
        return True

    def _note(self):
        self.busy = True
        with open("%s.%d" % (self.mark, os.getpid()), "w") as file:
            file.write(str(self.seen))
        self.busy = False


def _role():
    words = " ".join(sys.orig_argv)
    if "xpm.agent.nursery" in words:
        return "nursery"
    if " supervise " in words:
        return "supervisor"
    if " run " in words:
        return "runner"
    return "laptop" if "plan.py" in words else ""


_wish = os.environ.get("XPM_FAULT")
if _wish and _role():
    _fault = Fault(_wish, _role())
    os.register_at_fork(after_in_child=_fault.forked)
    sys.addaudithook(_fault.hook)
