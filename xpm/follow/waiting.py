"""What is said of a connector that is waited for: its link is down, or a disk there or here is full or away."""

from dataclasses import dataclass
from datetime import datetime

from xpm.errors import (
    DiskProblem,
    HostProblem,
    HostUnknown,
    HostUnreachable,
    LoginNeeded,
    SiteProblem,
    XpmError,
)
from xpm.wire import disks

HERE = "here"
"""What a disk problem of this machine has happened on."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One connector that is tried again, ever more slowly and without an end."""

    connector: str
    problem: XpmError
    since: float
    tried_at: float
    next_at: float
    unsent: int = 0
    """How many jobs it has not accepted yet."""
    unfetched: int = 0
    """How many jobs are over there whose files are not here."""

    @property
    def what(self) -> str:
        """What is wrong, without counts and times."""
        problem = self.problem
        if isinstance(problem, DiskProblem):
            where = "here" if problem.on == HERE else f"on {self.connector}"
            return f"{problem.what} {where}" + (f": {problem.cause}" if problem.cause else "")
        said = f"{problem.what}: {problem.cause}" if problem.cause else problem.what
        if isinstance(problem, LoginNeeded):
            return f"login to {self.connector}: {problem.cause}"
        if isinstance(problem, HostUnreachable):
            return f"no link to {self.connector}: {said}"
        return f"{self.connector} is not well: {said}"

    @property
    def line(self) -> str:
        """All of it, in one line."""
        needs_login = isinstance(self.problem, LoginNeeded)
        parts = [f"waiting{' for' if needs_login else ':'} {self.what}"]
        if self.unsent:
            parts.append(f"{_jobs(self.unsent)} not yet accepted")
        if self.unfetched:
            verb = "is" if self.unfetched == 1 else "are"
            parts.append(f"{_jobs(self.unfetched)} {verb} over there, not here yet")
        then = "again when you are logged in" if needs_login else f"next {_clock(self.next_at)}"
        parts.append(f"tried {_clock(self.tried_at)}, {then}")
        return "; ".join(parts)

    @property
    def text(self) -> str:
        """The line, and what to do."""
        return f"{self.line}\n  -> {self.problem.hint}" if self.problem.hint else self.line


def as_problem(error: HostProblem | OSError, main: str) -> HostProblem:
    """What went wrong, an error of this machine's disk as one that is waited for, too."""
    if isinstance(error, HostProblem):
        return error
    return DiskProblem(disks.words(error, main), on=HERE, hint=disks.hint(error))


def heals(problem: HostProblem, has_met: bool, has_jobs: bool) -> bool:
    """Whether patience may help.

    What a place lacks is told at once, to who has just begun; what it has had may come back. Nobody at an address is
    a wrong address, unless jobs are there.

    Args:
        problem: what happened.
        has_met: whether the place has answered already.
        has_jobs: whether jobs are there.
    """
    if isinstance(problem, LoginNeeded):
        return has_met and problem.renewed is not None
    if isinstance(problem, SiteProblem):
        return has_met
    if isinstance(problem, HostUnknown):
        return has_met or has_jobs
    return problem.transient


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
