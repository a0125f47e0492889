"""How much SLURM's queue takes of us: what the site says of its limits, and what its refusals teach.

SLURM refuses an array whole when it is longer than MaxArraySize or when one of its elements is over a submit limit. The limits
may be unknown (no accounting to ask, a QOS, a group's), so what was taken and what was refused is kept in ``.xpm/room.json``, a
hint that anybody may lose: the most jobs of the user that the queue ever held, and the fewest that were too many. Between
the two we look for the limit by halves. A refusal is forgotten after a while, since limits and other people's jobs change.
"""

import os
from typing import Callable, Dict, NamedTuple, Optional

from xpm.agent import keeper, reading
from xpm.agent.board import Board
from xpm.agent.limits import SiteLimits
from xpm.agent.questions import Shared
from xpm.agent.slurm_queue import Answer
from xpm.decide import states, transitions
from xpm.wire import files
from xpm.wire.workspace import FORMAT, Layout

ARRAY_SIZE = 1001
"""SLURM's own MaxArraySize, and so its highest index plus one, where nobody knows better (slurm.conf(5))."""
LONGEST = 10000
"""No array is longer, whatever the site allows: slurmctld's MaxJobCount is 10,000 where nobody has set it."""
FORGET_S = 600.0
LEAVING_S = 3.0
"""How long a job may still count in the queue after it has said that it is over."""
PIECES = 4
"""Where a limit is in the way, submissions are at most such a part of it: places become free a few at a time."""

_ENFORCING = {"limits", "safe", "qos", "all"}
"""What of AccountingStorageEnforce makes submit limits hold (slurm.conf(5))."""

Learned = NamedTuple(
    "Learned",
    [
        ("taken", int),  # the most jobs of ours the queue has held
        ("refused", Optional[int]),  # the fewest that were too many, lately
        ("longest", int),  # the longest array that was taken
        ("array", Optional[int]),  # the shortest that was too long
        ("at", float),  # when it was last refused
    ],
)
NOTHING = Learned(0, None, 0, None, 0.0)


def most(learned: Learned, known: Optional[int]) -> Optional[int]:
    """How many jobs to have in the queue; None: as many as there are.

    Args:
        learned: what refusals have taught.
        known: the submit limit, as the site tells it.
    """
    if learned.refused is None:
        return known
    taken = min(learned.taken, learned.refused - 1)
    is_found = learned.refused - taken <= max(1, taken // 8)
    found = taken if is_found else (taken + learned.refused) // 2
    return max(1, found if known is None else min(found, known))


def together(learned: Learned, size: Optional[int], tasks: Optional[int]) -> int:
    """How many jobs may be in one array.

    Args:
        learned: what refusals have taught.
        size: the site's MaxArraySize: the highest index is one less; 0: there are no arrays.
        tasks: its max_array_tasks: how many elements an array may have.
    """
    limits = [LONGEST, ARRAY_SIZE if size is None else size]
    if tasks is not None:
        limits.append(tasks)
    if learned.array is not None:
        limits.append(learned.array // 2)
    return max(1, min(limits))


class Room(object):
    """The room in the queue, as one process sees it.

    Args:
        layout: the workspace.
        limits: what the site says of its limits.
        keepers: how many places are theirs, where there is a limit.
        at_most: how many jobs the profile wants in the queue at the most.
    """

    def __init__(
        self,
        layout: Layout,
        limits: Callable[[], SiteLimits],
        keepers: int,
        at_most: Optional[int] = None,
    ) -> None:
        self._at_most = at_most
        self._told = Shared(os.path.join(layout.own, "room.json"))
        self._limits = limits
        self._learned = NOTHING
        self._there = 0
        self._others = 0
        self._leaving = 0
        self._keepers = self._kept = keepers
        self._taken: Dict[str, int] = {}

    def look(self, board: Board, answer: Optional[Answer], now: float) -> None:
        """Count who is in the queue: our jobs, keepers, and the user's others."""
        self._read(now)
        self._there = self._leaving = 0
        keepers = keeper.in_queue(answer.rows) if answer else 0
        self._others = keepers + (answer.others if answer else 0)
        self._kept = max(0, self._keepers - keepers)
        if self.most is None:
            return
        for known in board.jobs.values():
            here = transitions.current(known.facts)
            if here.phase == states.CLAIMED or (here.phase == states.JOINED and here.batch_id):
                self._there += 1
            elif here.phase == states.ENDED and 0 <= now - here.at < LEAVING_S:
                self._leaving += 1

    @property
    def together(self) -> int:
        """How many jobs may be in one array."""
        site = self._limits()
        return together(self._learned, site.max_array_size, site.max_array_tasks)

    @property
    def most(self) -> Optional[int]:
        """How many jobs of the user to have in the queue; None: any number."""
        site = self._limits()
        is_enforced = site.enforced is None or bool(_ENFORCING & set(site.enforced))
        told = [site.max_submit if is_enforced else None, self._at_most]
        return most(self._learned, min((each for each in told if each is not None), default=None))

    @property
    def piece(self) -> int:
        """How many jobs to submit at once where a limit is in the way."""
        return max(1, (self.most or LONGEST) // PIECES)

    @property
    def free(self) -> Optional[int]:
        """How many more the queue takes now; None: any number."""
        if self.most is None:
            return None
        kept = min(self._kept, self.most // 4)  # a queue of a handful is for jobs first
        return self.most - kept - self._used() - self._leaving

    def free_besides(self, unsent: int) -> Optional[int]:
        """The same, when so many have yet to be sent, those on their way among them."""
        free = self.free
        return None if free is None else free + sum(self._taken.values()) - unsent

    @property
    def words(self) -> str:
        """Why a job waits that finds no room."""
        return "waits: SLURM takes %s jobs of yours at once" % self.most

    @property
    def is_coming(self) -> bool:
        """Whether there will be more room in a moment."""
        return self._leaving > 0

    def take(self, submission: str, count: int) -> None:
        """So many are on their way into the queue, or may be."""
        self._taken[submission] = count

    def give_back(self, submission: str) -> None:
        """They have arrived, or never will."""
        self._taken.pop(submission, None)

    def is_guess(self, count: int, length: int) -> bool:
        """Whether nobody knows that so many fit, after a refusal: then one submission at a time is to find out.

        Args:
            count: how many jobs.
            length: of what array they are.
        """
        total = self._used() + count
        too_many = self._learned.refused is not None and total > self._learned.taken
        too_long = self._learned.array is not None and length > max(1, self._learned.longest)
        return too_many or too_long

    @property
    def is_awaited(self) -> bool:
        """Whether something is on its way into the queue."""
        return bool(self._taken)

    def arrive(self, count: int, length: int, now: float) -> None:
        """So many are in the queue now, besides those counted; see ``is_guess``."""
        self._there += count
        learned = self._learned._replace(
            taken=max(self._learned.taken, self._there + self._others),
            longest=max(self._learned.longest, length),
        )
        if learned == self._learned:
            return
        if learned.refused is None and learned.array is None:
            self._learned = learned  # no need to tell the others
        else:
            self._write(learned)

    def was_refused(self, count: int, again: bool, now: float) -> None:
        """So many more were too many.

        Args:
            count: how many.
            again: they were refused several times, so it is not that some were just about to leave.
            now: the time.
        """
        total = self._used() + count
        if total <= self._learned.taken and not again:
            return
        taken = min(self._learned.taken, total - 1)
        refused = min(total, self._learned.refused or total)
        self._write(self._learned._replace(taken=taken, refused=refused, at=now))

    def was_too_long(self, count: int, now: float) -> None:
        """An array of so many elements was too long."""
        shortest = min(count, self._learned.array or count)
        self._write(self._learned._replace(array=shortest, at=now))

    def _used(self) -> int:
        return self._there + self._others + sum(self._taken.values())

    def _read(self, now: float) -> None:
        if self._told.is_new():
            content = reading.load(self._told.path) or {}
            values = {name: content[name] for name in Learned._fields if name in content}
            self._learned = NOTHING._replace(**values)
        if self._learned.refused is not None and abs(now - self._learned.at) > FORGET_S:
            self._learned = self._learned._replace(refused=None)

    def _write(self, learned: Learned) -> None:
        self._learned = learned
        files.write(self._told.path, files.dump(dict(learned._asdict(), format=FORMAT)))
