"""Every error a user may meet, each saying who can act and how.

::

    XpmError                 exit code 1
    ├── UsageProblem         2   the command line, the plan or the profile is wrong: the user mends it
    │   ├── PlanProblem          a plan's values, types, dependencies
    │   └── ProfileProblem       a launcher profile
    ├── HostProblem          3   a host does not answer (transient: patience may help)
    │   ├── HostUnreachable      the network
    │   │   └── HostUnknown          the name or the port (transient for who has jobs there)
    │   ├── HostKeyProblem       an unknown or changed host key (never retried)
    │   ├── LoginNeeded      4   authentication failed or wants a person (never retried)
    │   ├── DiskProblem          a disk there or here is full, read-only or away (transient)
    │   └── SiteProblem          the host answers, but lacks something: python, permission
    ├── JobsFailed           1   the plan ended with failed tasks
    ├── CallbackFailed       2   a function the plan wanted called when a task ended raised
    └── Defect               1   a broken promise of our own: please report

Python 3.6 and the standard library only: this module travels to the far side.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class XpmError(Exception):
    """Something went wrong that a person can understand and mend.

    Args:
        what: what was attempted or found wrong, one sentence without a final full stop.
        on: the thing it happened on (a host, a file, a task).
        cause: what came back.
        hint: what to do.
        where: file and line of the plan or profile, when there is one.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, on: str = "", cause: str = "", hint: str = "", where: str = ""
    ) -> None:
        self.what = what
        self.on = on
        self.cause = cause
        self.hint = hint
        self.where = where
        super().__init__(what)

    def __str__(self) -> str:
        head = "%s: %s" % (self.where, self.what) if self.where else self.what
        if self.on:
            head += " (%s)" % self.on
        if self.cause:
            head += (":%s" if self.cause.startswith("\n") else ": %s") % self.cause
        return "%s\n  -> %s" % (head, self.hint) if self.hint else head

    def _render_traceback_(self) -> "list[str]":
        """How a notebook shows it: in words, as a terminal does; IPython asks for it."""
        return ["xpm: %s" % self]


class UsageProblem(XpmError):
    """The command line, the plan or the profile asks for something that cannot be."""

    exit_code = 2


class PlanProblem(UsageProblem):
    """A plan's value, type, dependency or submission is refused."""


class ProfileProblem(UsageProblem):
    """A launcher profile cannot be used as it is written."""


class HostProblem(XpmError):
    """A host could not do what was asked."""

    exit_code = 3
    transient = False


class HostUnreachable(HostProblem):
    """The host did not answer: name, network, port or time-out. Waiting may help."""

    transient = True


class HostUnknown(HostUnreachable):
    """The name means nothing here, or nobody listens at the port: a wrong address, unless the network is away."""


class HostKeyProblem(HostProblem):
    """The host's key is unknown or differs from the recorded one. Never retried."""


class LoginNeeded(HostProblem):
    """Authentication failed or needs a person. Never retried unattended (fail2ban).

    ``renewed``, where there is one, is called without arguments and tells, without connecting to anything, whether
    something has changed here that may let the next try in.
    """

    exit_code = 4
    renewed: "Callable[[], bool] | None" = None


class DiskProblem(HostProblem):
    """A disk, there or here, is full, over its quota, read-only or away. It heals: no job fails of it."""

    transient = True


class SiteProblem(HostProblem):
    """The host answers but lacks something: a Python, a permission, a partition."""

    exit_code = 2


class JobsFailed(XpmError):
    """The plan is over and some of its tasks failed."""


class CallbackFailed(XpmError):
    """The plan is over, and a function it wanted called when a task ended has raised."""

    exit_code = 2


class Defect(XpmError):
    """A promise of xpm itself is broken; the message is for a bug report."""

    def _render_traceback_(self) -> "list[str]":
        import traceback

        text = "".join(traceback.format_exception(type(self), self, self.__traceback__))
        return text.splitlines()
