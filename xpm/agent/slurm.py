"""A SLURM cluster, seen from a login node or a running job: joins sbatch, squeue and scancel to the decider.

Nothing here waits for a command: each runs in a shell of its own (errands.py) and is looked at in the next turn. All that
must be remembered is a file, so any number of advancers may come and go.
"""

import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from xpm.agent import nodes, quiet, reading, slurm_wishes, submit
from xpm.agent.board import Board, JobFacts
from xpm.agent.environs import Environments
from xpm.agent.examining import Examiner
from xpm.agent.judging import Judge
from xpm.agent.keeper import Keeper, outlook, reserve
from xpm.agent.learning import Learning
from xpm.agent.limits import SiteLimits
from xpm.agent.slurm_accounts import Accounts
from xpm.agent.slurm_budget import PER_MINUTE, Budget
from xpm.agent.slurm_cancelling import Canceller
from xpm.agent.slurm_gathering import Gathering
from xpm.agent.slurm_queue import EVERY_S, Answer, Queue
from xpm.agent.slurm_room import Room
from xpm.agent.slurm_sending import AT_ONCE, Sender
from xpm.agent.slurm_standing import EVERY_S as STANDING_S
from xpm.agent.slurm_standing import Standing
from xpm.agent.slurm_watching import Watcher
from xpm.decide import states, transitions
from xpm.decide.admit import Want
from xpm.decide.facts import Stop
from xpm.wire import files
from xpm.wire.workspace import Layout

MESSAGE_TIMEOUT_S = 10.0
LOST_AFTER_S = 120.0
FIRST_LOOK_S = 5.0
"""How long after a submission it is worth asking what became of it."""


BARRED = (
    "%s for others and, when these are done, for this laptop: the compute nodes cannot submit (%s). "
    "Leave xpm running, or run `xpm sync` now and then"
)


class SlurmPlace(object):
    """The place of a workspace whose jobs run under SLURM."""

    kind = "slurm"
    delegates = False

    def __init__(self, layout: Layout, content: Dict[str, Any]) -> None:
        options = dict(content.get("options") or {}, **(reading.load(layout.site) or {}))
        environ = {str(k): str(v) for k, v in (content.get("environ") or {}).items()}
        self.workspace_id = str((files.load(layout.identity) or {}).get("id"))
        self._every_s = float(options.get("squeue_every_s") or EVERY_S)
        prefix = submit.name_prefix(self.workspace_id)
        per_minute = int(options.get("commands_per_minute") or PER_MINUTE)
        self._budget = Budget(layout, environ, self._cluster, per_minute)
        kinds = slurm_wishes.kinds(options)
        self._options = options
        self.site = Learning(layout, environ, self._budget)
        self.queue = Queue(layout, prefix, environ, self._budget, self._every_s, kinds)
        standing_s = float(options.get("standing_every_s") or STANDING_S)
        self.standing = Standing(layout, environ, self._budget, self._hides_jobs, standing_s)
        self._room = Room(layout, self._limits, reserve(options), options.get("most_jobs"))
        self._judge = Judge(self.site)
        self._message_timeout_s = options.get("message_timeout_s")
        self._sender = Sender(
            layout, content, environ, self.queue, self._room, self._budget, self._apart_s
        )
        accounts = Accounts(layout, environ, self._budget, self._has_accounting, self._every_s)
        self.examiner = Examiner(accounts)
        self._first_look_s = float(options.get("first_look_s") or FIRST_LOOK_S)
        lost_after_s = float(options.get("lost_after_s") or LOST_AFTER_S)
        self._watcher = Watcher(layout, lost_after_s, self.examiner, kinds)
        self._canceller = Canceller(layout, environ, self._budget)
        self._gathering = Gathering(nodes.is_inside())
        self._quiet = quiet.Notes(layout)
        self.environments = Environments(layout, content, self._budget.spend)
        self._joined = 0
        self._layout = layout
        self._barred: Optional[str] = None
        self._held = 0
        self.keeper = Keeper(
            layout, content, options, self.queue, self._canceller, self._budget, self._apart_s
        )

    # ---------------------------------------------------------- what advance asks of a place

    def slots(self, board: Board) -> Optional[int]:
        """How many more jobs may join submissions now: while SLURM takes none, those that wait for it are enough.

        What joins is what there is room for, in one piece if that is not much, so that later jobs can be grouped better.
        """
        if not self.at_once(board) or self.site.is_awaited(board.now):
            return 0
        if self._is_gathering(board) or (self._barred and nodes.is_inside()):
            return 0
        answer = self.queue.answer()
        self._room.look(board, answer, board.now)
        unsent = sum(len(waiting) for waiting in self._sender.unsent(board).values())
        free = self._room.free_besides(unsent)
        if free is None:
            return None
        return free if free >= min(len(board.ready), self._room.piece) else 0

    def at_once(self, board: Board) -> int:
        """How many more submissions may be made now."""
        return max(0, AT_ONCE - len(self._sender.unsent(board)))

    @property
    def together(self) -> int:
        """How many jobs may go in one submission."""
        return self._room.together

    def wants(self, request: Mapping[str, Any]) -> Tuple[Want, ...]:
        """Nothing that we count: SLURM does."""
        return ()

    def used(self, board: Board) -> Dict[str, int]:
        """Nothing that we count."""
        return {}

    def watch(self, board: Board, now: float) -> None:
        """Tell the board what the queue says of its live jobs, and the site's limits of those to come."""
        self._now = now
        self.site.ask(now)
        self._judge.judge(board, now)
        answer = self.queue.answer()
        if not self._watcher.folded_at:
            self._sender.recall(board)
        if answer is not None:
            self._watcher.fold(board, answer, now)
            for batch_id in self._watcher.left_over(board):
                self._canceller.cancel(batch_id, now)
        self._ask_if_worth_it(board, answer, now)
        self.standing.look(answer, now)
        self._barred, self._held = nodes.barred(self._layout, now), 0
        if self._barred:
            self._held = sum(known.word == states.WAITING for known in board.jobs.values())

    def joined(
        self, known: JobFacts, number: int, submission: str, intent: Dict[str, Any], now: float
    ) -> None:
        """An attempt has just joined its submission; ``drive`` sends it."""
        self._sender.joined(submission)
        self._joined += 1

    def drive(self, board: Board, now: float, budget_s: float) -> None:
        """Bring submissions on their way; wait at most that long for what was started."""
        if self._joined:
            self._gathering.went(self._joined, now)
            self._joined = 0
        self._drive(board, now)
        ends, before = time.monotonic() + budget_s, self._heard()
        while time.monotonic() < ends and not self.is_idle():
            time.sleep(0.02)
            if self._heard() != before and not self._sender.is_busy:
                before = self._heard()
                self._drive(board, now)
        if self._heard() != before:
            self._drive(board, now)

    def stop(self, known: JobFacts, action: Stop, now: float) -> bool:
        """Cancel a batch job; False while nobody knows whether there is one."""
        batch_id = action.batch_id or self._sender.batch_id(action.submission, known.job)
        if batch_id is None:
            return not self._sender.is_on_its_way(action.submission, known.job, action.attempt)
        self._canceller.cancel(batch_id, now)
        return True

    def is_idle(self) -> bool:
        """Whether no command of ours is under way."""
        self.queue.answer()
        asking = (self.queue.is_asking, self.site.is_asking, self.examiner.is_asking)
        busy = (self._sender.is_busy, self._canceller.is_busy, self.keeper.is_busy)
        return not (any(busy) or any(asking))

    def leave(self, board: Board, now: float) -> None:
        """Tell the jobs that end whether anybody waits for that."""
        if board.ready or board.due or self._sender.unsent(board):
            return
        awaited = {
            known.job
            for known in board.live.values()
            if any(board.jobs[each].word == states.WAITING for each in known.children)
        }
        self._quiet.note(board.counts(), awaited, now)

    def is_late(self, board: Board) -> bool:
        """Whether what is ready goes in a moment, and nobody else is left to see to it."""
        if not board.ready and not self._sender.held:
            return False
        if self._is_gathering(board):
            return True
        others = any(transitions.current(each.facts).batch_id for each in board.live.values())
        return self._room.is_coming and not others

    def is_settled(self, board: Board, now: float) -> bool:
        """Whether there is nothing to send, or nothing that can be sent now, and no command under way."""
        if not self.is_idle() or self.site.is_awaited(now) or self._is_gathering(board):
            return False
        seen = outlook(board, now)
        return not seen.coming and not self.keeper.is_missing(seen)

    def notes(self) -> List[str]:
        """What a person may want to know."""
        said = (self.queue.problem, self.keeper.problem, self._budget.words(self._now))
        found = [each for each in said if each]
        if self._held:
            jobs = "%d job%s" % (self._held, " waits" if self._held == 1 else "s wait")
            found.append(BARRED % (jobs, self._barred))
        return found

    # ---------------------------------------------------------------------------- within

    def _drive(self, board: Board, now: float) -> None:
        for known in self._sender.drive(board, now):
            self._watcher.fold_late(board, known, self.queue.answer(), now)
        board.settle()
        if not self._is_gathering(board):  # who is about to be sent needs no keeper
            self.keeper.tend(board, now)
        self._canceller.start(board.now)

    def _is_gathering(self, board: Board) -> bool:
        return self._gathering.is_open(len(board.ready), board.asked_at, board.now)

    def _heard(self) -> Tuple[object, ...]:
        """What changes with every answer."""
        answer = self.queue.answer()
        return self._sender.heard, self.keeper.is_busy, answer.at if answer else 0.0

    def _cluster(self) -> Optional[str]:
        return self.site.known().cluster

    def _has_accounting(self) -> Optional[bool]:
        return self._limits().has_accounting

    def _hides_jobs(self) -> Optional[bool]:
        return self.site.known().hides_jobs

    def _limits(self) -> SiteLimits:
        """What the site allows, the words of the profile before its own."""
        return slurm_wishes.limits(self.site.known(), self._options)

    def _apart_s(self) -> float:
        """How far apart two look-ups must be: an sbatch that timed out has arrived by then, or never will."""
        told = self._message_timeout_s or self.site.known().message_timeout_s
        return 2.0 * float(told or MESSAGE_TIMEOUT_S)

    def _ask_if_worth_it(self, board: Board, answer: Optional[Answer], now: float) -> None:
        asked = answer.at if answer else 0.0
        for known in board.live.values():
            here = transitions.current(known.facts)
            if here.batch_id is None and here.phase == states.JOINED:
                continue  # its own look-up asks, if it must
            ripe_at = here.at + self._first_look_s
            is_new = here.phase == states.JOINED and asked < ripe_at <= now
            if is_new or (ripe_at <= now and now - asked >= self._every_s):
                self.queue.ask(now, early=is_new)
                return
