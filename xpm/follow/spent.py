"""What the jobs of an experiment have cost, of what they may cost at most: from their records here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xpm.connectors.jobs import JobRef
from xpm.follow import hours
from xpm.follow.main import MainFolder
from xpm.wire import ledger


@dataclass(slots=True)
class Bill:
    """Hours by unit (xpm/follow/hours.py)."""

    asked: dict[str, float] = field(default_factory=dict[str, float])
    """What all jobs take at most, run once each."""
    used: dict[str, float] = field(default_factory=dict[str, float])
    """What their attempts that are over took, those that failed too."""
    unlimited: set[str] = field(default_factory=set[str])
    """The units of jobs that have no limit of time."""

    def add(self, request: Mapping[str, object], ran_s: float) -> None:
        """Count a job whose attempts ran so long."""
        rate, most = hours.per_hour(request), hours.most(request)
        if rate is None:
            return
        unit, count = rate
        self.used[unit] = self.used.get(unit, 0.0) + count * ran_s / 3600
        if most is None:
            self.unlimited.add(unit)
        else:
            self.asked[unit] = self.asked.get(unit, 0.0) + most[1]

    def words(self) -> str:
        """``2.1 of at most 3 GPU-hours``; empty when nothing is counted."""
        return " and ".join(self._of(unit) for unit in hours.UNITS if unit in self.used)

    def _of(self, unit: str) -> str:
        used = hours.number(self.used[unit]) if self.used[unit] >= 0.05 else "under 0.1"
        if self.used[unit] == 0:
            used = "0"
        if unit in self.unlimited:
            return f"{used} {unit} used"
        return f"{used} of at most {hours.number(self.asked[unit])} {unit}"


def bill(main: MainFolder, jobs: Iterable[JobRef]) -> Bill:
    """The bill of these jobs: a few files of each are read."""
    found = Bill()
    for ref in jobs:
        noted = main.job(ref)
        request = noted.get("request") if noted else None
        if isinstance(request, Mapping) and hours.per_hour(request) is not None:
            found.add(request, _ran_s(str(main.job_folder(ref))))
    return found


def _ran_s(folder: str) -> float:
    """How long the attempts of a job ran that are over; of one that was requeued, its last run."""
    last = {slot.attempt: slot.slot for slot in sorted(ledger.slots(folder))}
    return sum(_took_s(folder, attempt, slot) for attempt, slot in last.items())


def _took_s(folder: str, attempt: int, slot: int) -> float:
    try:
        end = ledger.entry(folder, attempt, slot) or {}
    except ValueError:  # damaged by a power cut: it tells nothing
        return 0.0
    begun, ended = end.get("started_at"), end.get("ended_at")
    if isinstance(begun, int | float) and isinstance(ended, int | float):
        return max(0.0, ended - begun)
    return 0.0
