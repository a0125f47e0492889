"""The functions that a plan wants called when its jobs end.

Each is called in the plan's thread, once per job and run of the script, when the job is over and its files are here.
What one raises is shown at once and counted; the others are called all the same.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from xpm import _absent
from xpm._jobs import Callback
from xpm._notebook import what_again
from xpm._tracebacks import trimmed
from xpm.connectors.base import JobRef
from xpm.errors import CallbackFailed
from xpm.plan import places

if TYPE_CHECKING:
    from xpm.plan.sealing import Sealed


class Ends(Protocol):
    """What is asked of a job."""

    @property
    def sealed(self) -> "Sealed":
        """What it runs."""
        ...

    @property
    def ref(self) -> JobRef:
        """What names it."""
        ...

    @property
    def state(self) -> str:
        """Its last known state."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether its end is known, and its files are here."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A function to be called with a subject when a job is done, or when it is over and not done."""

    job: Ends
    callback: Callback
    subject: object
    when_done: bool
    place: places.Place

    @property
    def is_due(self) -> bool:
        """Whether the job has ended as this one waits for; asked of jobs that are over."""
        return (self.job.state == "done") is self.when_done

    def is_as(self, other: "Wanted") -> bool:
        """Whether both are one and the same call: of equal functions, with the same thing."""
        return (self.when_done, self.callback) == (other.when_done, other.callback) and (
            _identity(self.subject) == _identity(other.subject)
        )


class Callbacks:
    """Who is to be called, who is due, and who has failed. Used from the plan's thread."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._wanted: dict[JobRef, list[Wanted]] = {}
        self._uncalled: dict[JobRef, list[Wanted]] = {}
        self._due: deque[Wanted] = deque()
        self._failed: list[str] = []
        self._is_closed = False

    def add(self, wanted: Wanted) -> None:
        """Have a function called; at once, when the experiment is over already."""
        known = self._wanted.setdefault(wanted.job.ref, [])
        if any(each.is_as(wanted) for each in known):
            return
        known.append(wanted)
        if wanted.job.is_over and wanted.is_due:
            if self._is_closed:
                wanted.callback(wanted.subject)
            else:
                self._due.append(wanted)
        else:
            self._uncalled.setdefault(wanted.job.ref, []).append(wanted)

    def ended(self, job: Ends) -> None:
        """A job is over and its files are here; it may have been so before, in an earlier attempt."""
        waiting = self._uncalled.pop(job.ref, [])
        self._due.extend(each for each in waiting if each.is_due)
        if left := [each for each in waiting if not each.is_due]:
            self._uncalled[job.ref] = left

    def due(self) -> Iterator[Wanted]:
        """Who is to be called now, and who becomes due meanwhile, each once."""
        while self._due:
            yield self._due.popleft()

    def call(self) -> None:
        """Call who is due, and who becomes so meanwhile; keep what they raise."""
        for wanted in self.due():
            self._call(wanted)

    def close(self) -> None:
        """Nobody waits for the experiment any more: what is due from now on is called at once."""
        self._is_closed = True

    def failure(self, experiment: str) -> CallbackFailed | None:
        """The error that ends a plan some of whose callbacks raised."""
        if not self._failed:
            return None
        what = "a callback" if len(self._failed) == 1 else f"{len(self._failed)} callbacks"
        return CallbackFailed(
            f"{what} raised", on=experiment, cause="\n" + "\n".join(self._failed),
            hint="the traceback is above; the jobs themselves are kept: mend the callback and run"
            f" {what_again()} again",
        )  # fmt: skip

    def _call(self, wanted: Wanted) -> None:
        try:
            wanted.callback(wanted.subject)
        except Exception as error:  # noqa: BLE001  whatever the plan's own function raises
            _absent.explain(error)
            job = wanted.job.sealed
            of = f"{_name(wanted.callback)} ({places.show(wanted.place)}), called for {job.task} {job.job[:12]}"
            self._note(f"the callback {of}, raised:\n{trimmed(error)}")
            self._failed.append(f"- {of}: {type(error).__name__}: {error}")


def _identity(subject: object) -> object:
    """What makes two subjects the same: of configurations their identity."""
    state = getattr(subject, "__dict__", {}).get("_xpm")
    return getattr(state, "digest", None)


def _name(callback: Callback) -> str:
    return getattr(callback, "__qualname__", None) or repr(callback)
