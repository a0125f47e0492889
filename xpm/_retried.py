"""Jobs of a run that somebody elsewhere gives a new attempt: on the page, or with ``xpm retry`` in another terminal.

Whoever retries a job adds a line to the experiment's record, under the run that is the latest. The run reads what was added,
and sends the attempt too, which does no harm: who retried may have gone before the host was told.
"""

from collections.abc import Mapping, Sequence

from xpm._deciding import Deciding
from xpm._jobs import AGAIN, Job
from xpm.follow.records import ExperimentRecord
from xpm.wire import disks

LOOK_S = 1.0
"""How long such a line may lie unread while nothing else happens."""


class Retried:
    """The new attempts of one run's jobs. Used from the plan's thread.

    Args:
        record: the experiment's.
        run: the name of this run.
        deciding: its jobs.
        counts: how many of them are in each state, now.
    """

    def __init__(
        self, record: ExperimentRecord, run: str, deciding: Deciding, counts: Mapping[str, int]
    ) -> None:
        self._record = record
        self._run = run
        self._deciding = deciding
        self._counts = counts
        self._read = record.size()

    @property
    def pause_s(self) -> float | None:
        """Seconds after which to look again; None while no job has ended badly, which costs nothing."""
        return LOOK_S if any(self._counts.get(state) for state in AGAIN) else None

    def look(self) -> Sequence[Job]:
        """The jobs that are followed again from now on; none while the disk here is away: it is looked at again soon."""
        if self.pause_s is None:
            return []
        try:
            if self._record.size() == self._read:
                return []
            lines, read = self._record.lines_after(self._read)
            found = [self._deciding.again(each) for each in lines if each.run == self._run]
        except OSError as error:
            if not disks.heals(error):
                raise
            return []
        self._read = read
        return [job for job in found if job is not None]
