"""Brings the submissions of a workspace into SLURM's queue, each as a plain job or as an array of its elements.

Each is driven as a whole: what sending.py says of its folder is told to all its elements that wait for it.
"""

import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from xpm.agent import environs, nodes, reading, sending, slurm_commands, slurm_parse
from xpm.agent.board import Board, JobFacts
from xpm.agent.members import Members, Submission
from xpm.agent.slurm_budget import Budget
from xpm.agent.slurm_queue import Queue
from xpm.agent.slurm_room import Room
from xpm.decide import states, transitions
from xpm.decide.facts import Accepted, Refused, Told
from xpm.wire.workspace import Layout

DRIVE_AGAIN_S = 1.0
AT_ONCE = 32
"""How many submissions may be on their way at the same time."""
CERTAIN_AFTER = 3
"""A submission refused more often than this is not only early: its limit is lower than we think."""
INDEX_BYTES = 4000
"""How long the text of an array's indices may be; slurmctld takes 4096 bytes."""

Waiting = Dict[str, JobFacts]


class Sender(object):
    """The submissions on their way.

    Args:
        layout: the workspace.
        content: what place.json says.
        environ: what commands run with.
        queue: what squeue says.
        room: how much the queue takes.
        budget: how many commands there may be.
        apart_s: seconds between the two look-ups after which a submission that is not found may be sent again.
    """

    def __init__(
        self,
        layout: Layout,
        content: Mapping[str, Any],
        environ: Dict[str, str],
        queue: Queue,
        room: Room,
        budget: Budget,
        apart_s: Callable[[], float],
    ) -> None:
        self._layout = layout
        self._content = content
        self._environ = environ
        self._queue = queue
        self._room = room
        self._budget = budget
        self._apart_s = apart_s
        self._members = Members(layout)
        self._shells: Dict[str, Any] = {}
        self._driven: Dict[str, float] = {}
        self._driven_with = 0.0
        self._heard = 0
        self._learned_from: Dict[str, int] = {}
        self._never: Set[Tuple[str, int]] = set()
        self._accepted: List[JobFacts] = []
        self._is_barred = False
        self.held = 0
        """How many submissions found no room in the queue, the last time."""

    def drive(self, board: Board, now: float) -> List[JobFacts]:
        """Do for each what can be done now; the jobs that turned out to be in the queue."""
        self._reap()
        answer = self._queue.answer()
        if answer is not None and answer.at != self._driven_with:
            self._driven_with = answer.at
            self._driven.clear()  # it may settle what is in doubt
        self._accepted = []
        self._is_barred = nodes.is_inside() and nodes.barred(self._layout, now) is not None
        self.held = 0
        self._room.look(board, answer, now)
        for submission, waiting in self.unsent(board).items():
            whole = self._members.of(submission) if self._is_due(submission, now) else None
            if whole is not None:
                self._drive(board, whole, waiting, now)
        board.settle()
        return self._accepted

    def recall(self, board: Board) -> None:
        """Tell the board the batch ids that earlier advancers have recorded, before the queue speaks of them."""
        for submission, waiting in self.unsent(board).items():
            for leaf in self._leaves(submission):
                batch_id, at = _batch(leaf)
                if batch_id is not None:
                    self._accept(board, leaf, waiting, batch_id, at, is_new=False)
        board.settle()

    def unsent(self, board: Board) -> Dict[str, Waiting]:
        """The jobs that have joined a submission and are not known to be in the queue, by submission."""
        found: Dict[str, Waiting] = {}
        for known in board.live.values():
            here = transitions.current(known.facts)
            waits = here.phase == states.JOINED and here.batch_id is None
            if waits and here.submission and not isinstance(here.evidence, Refused):
                found.setdefault(here.submission, {})[known.job] = known
        return found

    def batch_id(self, submission: str, job: str) -> Optional[str]:
        """Under which id a job is in the queue; None while that is not known."""
        found = self._leaf(submission, job)
        batch_id = _batch(found[0])[0] if found else None
        return _element_id(found[0], found[1], batch_id) if found and batch_id else None

    def is_on_its_way(self, submission: str, job: str, attempt: int) -> bool:
        """Whether the queue may have it, or get it, although nobody knows yet."""
        if (job, attempt) in self._never:
            return False
        found = self._leaf(submission, job)
        return found is not None and os.path.exists(os.path.join(found[0].folder, "try.1"))

    def joined(self, submission: str) -> None:
        """Somebody has just joined it: drive it at once."""
        self._driven.pop(submission, None)

    @property
    def heard(self) -> int:
        """How many calls of sbatch have ended."""
        self._reap()
        return self._heard

    @property
    def is_busy(self) -> bool:
        """Whether an sbatch of ours is under way."""
        self._reap()
        return bool(self._shells)

    # ---------------------------------------------------------------------------- driving

    def _reap(self) -> None:
        for submission, shell in list(self._shells.items()):
            if shell.poll() is not None:
                del self._shells[submission]
                self._driven.clear()
                self._heard += 1

    def _is_due(self, submission: str, now: float) -> bool:
        if submission in self._shells:
            return False
        if abs(now - self._driven.get(submission, float("-inf"))) < DRIVE_AGAIN_S:
            return False
        self._driven[submission] = now
        return True

    def _drive(self, board: Board, whole: Submission, waiting: Waiting, now: float) -> None:
        what = sending.find_next(whole.folder, now)
        if isinstance(what, (sending.Wait, sending.LookUp)):
            self._room.take(whole.id, len(waiting))  # it may be in the queue
        else:
            self._room.give_back(whole.id)
        if isinstance(what, sending.NotHere):
            self._leave(what, now)
        elif isinstance(what, sending.Split):
            self._drive_parts(board, whole, what.sizes, waiting, now)
        elif isinstance(what, sending.InQueue):
            self._accept(board, whole, waiting, what.batch_id, now, is_new=True)
        elif isinstance(what, sending.Never):
            self._refuse(board, whole, waiting, what)
        elif isinstance(what, sending.LookUp):
            self._look_up(board, whole, waiting, what, now)
        elif isinstance(what, sending.Wait):
            _note(board, whole, waiting, what.reason)
        elif isinstance(what, sending.TooMany):
            self._give_way(board, whole, waiting, what, now)
        elif self._fits(board, whole, waiting, what.number, now):
            self._send(whole, waiting, what.number, now)

    def _leave(self, what: sending.NotHere, now: float) -> None:
        """A compute node could not send it, and this is one."""
        if what.never:
            nodes.bar(self._layout, what.message, now)
            self._is_barred = True

    def _drive_parts(
        self, board: Board, whole: Submission, sizes: Sequence[int], waiting: Waiting, now: float
    ) -> None:
        held = self.held
        for part in self._members.parts(whole, sizes):
            inside = {each.job: waiting[each.job] for each in part.elements if each.job in waiting}
            if inside and self._is_due(part.id, now):
                self._drive(board, part, inside, now)
            if self.held > held:
                break  # there is no room for those behind it either

    def _accept(
        self,
        board: Board,
        whole: Submission,
        waiting: Waiting,
        batch_id: str,
        at: float,
        is_new: bool,
    ) -> None:
        for index, element in enumerate(whole.elements):
            known = waiting.get(element.job)
            if known is None:
                continue
            board.note(known.job, "")
            board.tell(
                known.job, Accepted(element.attempt, _element_id(whole, index, batch_id), at)
            )
            self._accepted.append(known)
        if is_new:
            count = sum(1 for each in whole.elements if each.job in waiting)
            self._room.arrive(count, len(whole.elements), at)

    def _refuse(
        self, board: Board, whole: Submission, waiting: Waiting, what: sending.Never
    ) -> None:
        words = _refusal(what.message, whole.intent.get("request") or {})
        for element in whole.elements:
            if element.job in waiting:
                refused = Told(element.attempt, Refused(what.cause, words))
                board.tell(element.job, refused)

    def _look_up(
        self,
        board: Board,
        whole: Submission,
        waiting: Waiting,
        what: sending.LookUp,
        now: float,
    ) -> None:
        answer = self._queue.answer()
        if answer is None or answer.at <= what.since:
            self._queue.ask(now)
            return
        found = slurm_parse.by_name(answer.rows).get(whole.id)
        if found is not None:
            sending.record(whole.folder, found, "lookup", now)
            self._drive(board, whole, waiting, now)
        elif not sending.is_absent(whole.folder, what.number, answer.at, now, self._apart_s()):
            self._queue.ask(now)
        else:
            self._send(whole, waiting, what.number + 1, now)

    def _give_way(
        self,
        board: Board,
        whole: Submission,
        waiting: Waiting,
        what: sending.TooMany,
        now: float,
    ) -> None:
        """A limit has just refused it: learn that, then cut it, or wait."""
        count = len(waiting)
        if what.limit == slurm_parse.ARRAY_SIZE:
            if len(whole.elements) == 1:  # no array of ours: the profile's own options ask for one
                return self._refuse(
                    board, whole, waiting, sending.refuse(whole.folder, what.message, what.at)
                )
            self._room.was_too_long(count, now)
        elif self._learned_from.get(whole.id) != what.number:
            self._learned_from[whole.id] = what.number
            self._room.was_refused(count, what.number > CERTAIN_AFTER, now)
        if self._fits(board, whole, waiting, what.number, now):
            _note(board, whole, waiting, "SLURM does not take it now: %s" % what.message)

    def _fits(
        self, board: Board, whole: Submission, waiting: Waiting, number: int, now: float
    ) -> bool:
        """Whether the queue has room for it; what is too big is cut into parts, once and for all, instead of this try."""
        count, free, most = len(whole.elements), self._room.free, self._room.together
        if count <= most and (free is None or len(waiting) <= free):
            is_alone = not (self._room.is_awaited and self._room.is_guess(len(waiting), count))
            self.held += not is_alone
            return is_alone
        size = min(most, count if free is None else self._room.piece)
        if size >= count:
            self.held += 1
            _note(board, whole, waiting, self._room.words)
            return False
        sizes = [min(size, count - begin) for begin in range(0, count, size)]
        self._members.found(whole)
        if sending.split(whole.folder, number, sizes, now):
            self._drive_parts(board, whole, sizes, waiting, now)
        return False

    def _send(self, whole: Submission, waiting: Waiting, number: int, now: float) -> None:
        indices = []
        for index, element in enumerate(whole.elements):
            known = waiting.get(element.job)
            if known is None:
                continue
            if transitions.is_cancelled(known.facts, transitions.current(known.facts)):
                self._never.add((element.job, element.attempt))
            else:
                indices.append(index)
        if not indices or self._is_barred or len(self._shells) >= AT_ONCE:
            return
        if not self._budget.spend(now):
            self.held += 1
            return
        self._members.found(whole)
        if not sending.take(whole.folder, number, now):
            return
        self._room.take(whole.id, len(indices))
        self._shells[whole.id] = sending.send(
            whole.folder,
            number,
            self._argv(whole, indices),
            self._script(whole),
            self._environ,
        )

    def _argv(self, whole: Submission, indices: "List[int]") -> List[str]:
        if len(whole.elements) == 1:
            indices = []
        elif len(slurm_commands.ranges(indices)) > INDEX_BYTES:
            indices = list(range(len(whole.elements)))  # who is cancelled finds that when it runs
        request = whole.intent.get("request") or {}
        options = [str(each) for each in request.get("options") or ()]
        throttle = request.get("throttle")
        return slurm_commands.sbatch(
            whole.id, whole.folder, self._layout.root, options, indices, throttle
        )

    def _script(self, whole: Submission) -> str:
        request = whole.intent.get("request") or {}
        lines, argv = environs.start_of(self._layout, self._content, request, whole.id)
        return slurm_commands.script(lines, argv)

    # ---------------------------------------------------------------------------- finding

    def _leaves(self, submission: str) -> Iterator[Submission]:
        """What of a submission is sent by itself: it, or its parts."""
        whole = self._members.of(submission)
        open_ones = [whole] if whole is not None else []
        while open_ones:
            here = open_ones.pop()
            sizes = sending.parts(here.folder) if len(here.elements) > 1 else ()
            if sizes:
                open_ones.extend(self._members.parts(here, sizes))
            else:
                yield here

    def _leaf(self, submission: str, job: str) -> Optional[Tuple[Submission, int]]:
        for leaf in self._leaves(submission):
            for index, element in enumerate(leaf.elements):
                if element.job == job:
                    return leaf, index
        return None


def _batch(leaf: Submission) -> Tuple[Optional[str], float]:
    """The batch id of a submission, and since when it has one; None when it has none."""
    content = reading.load(os.path.join(leaf.folder, "batch.json"))
    return (str(content["batch_id"]), float(content["at"])) if content else (None, 0.0)


def _element_id(whole: Submission, index: int, batch_id: str) -> str:
    return batch_id if len(whole.elements) == 1 else "%s_%d" % (batch_id, index)


def _note(board: Board, whole: Submission, waiting: Waiting, reason: str) -> None:
    for element in whole.elements:
        if element.job in waiting:
            board.note(element.job, reason)


def _refusal(words: str, request: Mapping[str, Any]) -> str:
    """What sbatch said, of what, and who can mend it."""
    options = " ".join(str(each) for each in request.get("options") or ())
    return "SLURM refuses it: %s\nasked for with %s: mend the launcher %s in the profile" % (
        words,
        options or "no options",
        request.get("launcher") or "",
    )
