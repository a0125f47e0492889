"""A SLURM cluster, seen from a login node or a running job: joins sbatch, squeue and scancel to the decider.

Nothing here waits for a command: each runs in a shell of its own (errands.py) and is looked at in the next turn. All that
must be remembered is a file, so any number of advancers may come and go.
"""

import os
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from xpm.agent import errands, reading, sending, slurm_commands, slurm_parse, slurm_states, submit
from xpm.agent import place as places
from xpm.agent.board import Board, JobFacts
from xpm.agent.examining import Examiner
from xpm.agent.judging import Judge
from xpm.agent.keeper import Keeper
from xpm.agent.learning import Learning
from xpm.agent.slurm_accounts import Accounts
from xpm.agent.slurm_parse import Row
from xpm.agent.slurm_queue import EVERY_S, Answer, Queue
from xpm.decide import states, transitions
from xpm.decide.admit import Want
from xpm.decide.facts import (
    Accepted,
    Attempt,
    Evidence,
    Gone,
    Over,
    Present,
    Refused,
    Stop,
    Told,
)
from xpm.wire import files, ledger
from xpm.wire.workspace import Layout

MESSAGE_TIMEOUT_S = 10.0
LOST_AFTER_S = 120.0
FIRST_LOOK_S = 5.0
"""How long after a submission it is worth asking what became of it."""
STOP_AGAIN_S = 60.0
DRIVE_AGAIN_S = 1.0
AT_ONCE = 32
"""How many submissions may be on their way at the same time."""
IDS_AT_ONCE = 500
"""How many jobs one scancel is told of."""


class SlurmPlace(object):
    """The place of a workspace whose jobs run under SLURM."""

    kind = "slurm"
    delegates = False

    def __init__(self, layout: Layout, content: Dict[str, Any]) -> None:
        options = dict(content.get("options") or {}, **(reading.load(layout.site) or {}))
        self.layout = layout
        self.content = content
        self.workspace_id = str((files.load(layout.identity) or {}).get("id"))
        self.environ = {str(k): str(v) for k, v in (content.get("environ") or {}).items()}
        self._every_s = float(options.get("squeue_every_s") or EVERY_S)
        self.queue = Queue(layout, self.environ, self._every_s)
        self.keeper = Keeper(layout, content, options, self._apart_s)
        self.site = Learning(layout, self.environ)
        self._judge = Judge(self.site)
        self._message_timeout_s = options.get("message_timeout_s")
        self._lost_after_s = float(options.get("lost_after_s") or LOST_AFTER_S)
        self.examiner = Examiner(Accounts(layout, self.environ, self._every_s))
        self._shells: Dict[str, Any] = {}
        self._driven: Dict[str, float] = {}
        self._driven_with = 0.0
        self._stopped: Dict[str, float] = {}
        self._never: "set[str]" = set()
        self._folded = 0.0
        self._rows: Dict[str, Row] = {}
        self._to_cancel: List[str] = []
        self._cancels: Dict[str, Any] = {}

    # ---------------------------------------------------------- what advance asks of a place

    def slots(self, board: Board) -> Optional[int]:
        """How many more may join a submission now: while SLURM takes none, those that wait for it are enough."""
        if self.site.is_awaited(board.now):
            return 0
        waiting = sum(1 for known in board.live.values() if _is_unsent(known))
        return max(0, AT_ONCE - waiting)

    def wants(self, request: Mapping[str, Any]) -> Tuple[Want, ...]:
        """Nothing that we count: SLURM does."""
        return ()

    def used(self, board: Board) -> Dict[str, int]:
        """Nothing that we count."""
        return {}

    def watch(self, board: Board, now: float) -> None:
        """Tell the board what the queue says of its live jobs, and the site's limits of those to come."""
        self._reap()
        self.site.ask(now)
        self._judge.judge(board, now)
        answer = self.queue.answer()
        if not self._folded:
            self._recall(board)
        if answer is not None and answer.at > self._folded:
            self._folded = answer.at
            self._fold(board, answer, now)
        elif answer is not None:
            for known in self.examiner.held(board):
                self._fold_one(board, known, answer, now)
            board.settle()
        self._ask_if_worth_it(board, answer, now)

    def joined(
        self, known: JobFacts, number: int, submission: str, intent: Dict[str, Any], now: float
    ) -> None:
        """An attempt has just joined its submission; ``drive`` sends it."""
        self._driven.pop(submission, None)

    def drive(self, board: Board, now: float, budget_s: float) -> None:
        """Bring submissions on their way; wait at most that long for what was started."""
        self._cancel_together()
        self._drive_all(board, now)
        self.keeper.tend(board, self.queue, now)
        ends = time.monotonic() + budget_s
        while time.monotonic() < ends and not self.is_idle():
            time.sleep(0.02)
            self.queue.answer()
            if not self._busy():
                self._drive_all(board, now)
                self.keeper.tend(board, self.queue, now)

    def stop(self, known: JobFacts, action: Stop, now: float) -> bool:
        """Cancel a batch job; False while nobody knows whether there is one."""
        batch_id = action.batch_id or self._batch(action.submission)[0]
        if batch_id is None:
            return action.submission in self._never or not self._is_on_its_way(action.submission)
        if abs(now - self._stopped.get(action.submission, float("-inf"))) >= STOP_AGAIN_S:
            self._stopped[action.submission] = now
            self._to_cancel.append(batch_id)
        return True

    def is_idle(self) -> bool:
        """Whether no command of ours is under way."""
        self.queue.answer()
        is_asking = self.queue.is_asking or self.site.is_asking or self.examiner.is_asking
        return not (self._busy() or self._cancels or self.keeper.is_busy or is_asking)

    def notes(self) -> List[str]:
        """What a person may want to know."""
        return [each for each in (self.queue.problem, self.keeper.problem) if each]

    # ----------------------------------------------------------------------------- sending

    def _busy(self) -> bool:
        self._reap()
        return bool(self._shells)

    def _reap(self) -> None:
        for submission, shell in list(self._shells.items()):
            if shell.poll() is not None:
                del self._shells[submission]
                self._driven.pop(submission, None)
        for name, shell in list(self._cancels.items()):
            if shell.poll() is not None:
                del self._cancels[name]
                errands.forget(self.layout.own, name)

    def _cancel_together(self) -> None:
        while self._to_cancel:
            ids, self._to_cancel = self._to_cancel[:IDS_AT_ONCE], self._to_cancel[IDS_AT_ONCE:]
            name = errands.own_name("scancel." + ids[0])
            argv = slurm_commands.scancel(ids)
            self._cancels[name] = errands.start(self.layout.own, name, argv, self.environ)

    def _drive_all(self, board: Board, now: float) -> None:
        answer = self.queue.answer()
        if answer is not None and answer.at != self._driven_with:
            self._driven_with = answer.at
            self._driven.clear()  # it may settle what is in doubt
        for known in list(board.live.values()):
            if not _is_unsent(known):
                continue
            here = transitions.current(known.facts)
            if isinstance(here.evidence, Refused) or here.submission in self._shells:
                continue
            last = self._driven.get(here.submission, float("-inf"))
            if abs(now - last) >= DRIVE_AGAIN_S:
                self._driven[here.submission] = now
                self._drive_one(board, known, here, now)
        board.settle()

    def _drive_one(self, board: Board, known: JobFacts, here: Attempt, now: float) -> None:
        folder = self.layout.submission(here.submission)
        what = sending.find_next(folder, now)
        if isinstance(what, sending.InQueue):
            board.note(known.job, "")
            board.tell(known.job, Accepted(here.number, what.batch_id, now))
            answer = self.queue.answer()
            if answer is not None and what.batch_id in self._rows:  # absence would be no news yet
                self._fold_one(board, known, answer, now)
        elif isinstance(what, sending.Never):
            refused = Refused(what.cause, _refusal(what.message, known.request))
            board.tell(known.job, Told(here.number, refused))
        elif isinstance(what, sending.LookUp):
            self._look_up(board, folder, known, here, what, now)
        elif isinstance(what, sending.Wait):
            board.note(known.job, what.reason)
        elif not transitions.is_cancelled(known.facts, here):
            self._send(folder, known, here, what.number, now)
        else:
            self._never.add(here.submission)

    def _look_up(
        self,
        board: Board,
        folder: str,
        known: JobFacts,
        here: Attempt,
        what: sending.LookUp,
        now: float,
    ) -> None:
        answer = self.queue.answer()
        if answer is None or answer.at <= what.since:
            self.queue.ask(now)
            return
        found = slurm_parse.by_name(answer.rows).get(here.submission)
        if found is not None:
            sending.record(folder, found.batch_id, "lookup", now)
            self._drive_one(board, known, here, now)
        elif not sending.is_absent(folder, what.number, answer.at, now, self._apart_s()):
            self.queue.ask(now)
        elif transitions.is_cancelled(known.facts, here):
            self._never.add(here.submission)
        else:
            self._send(folder, known, here, what.number + 1, now)

    def _send(self, folder: str, known: JobFacts, here: Attempt, number: int, now: float) -> None:
        if len(self._shells) >= AT_ONCE or not sending.take(folder, number, now):
            return
        intent = submit.read_intent(self.layout, here.submission)
        request = intent.get("request") or known.request
        argv = slurm_commands.sbatch(
            here.submission,
            folder,
            self.layout.root,
            [str(o) for o in request.get("options") or ()],
        )
        script = slurm_commands.script(
            places.job_python(self.content, request),
            places.travel_folder(self.layout, self.content),
            self.layout.root,
            here.submission,
            [str(line) for line in request.get("setup") or ()],
        )
        shell = sending.send(folder, number, argv, script, self.environ)
        self._shells[here.submission] = shell

    def _apart_s(self) -> float:
        """How far apart two look-ups must be: an sbatch that timed out has arrived by then, or never will."""
        told = self._message_timeout_s or self.site.known().message_timeout_s
        return 2.0 * float(told or MESSAGE_TIMEOUT_S)

    def _batch(self, submission: str) -> Tuple[Optional[str], float]:
        """The batch id of a submission, and since when it has one; None when it has none."""
        content = reading.load(os.path.join(self.layout.submission(submission), "batch.json"))
        return (str(content["batch_id"]), float(content["at"])) if content else (None, 0.0)

    def _is_on_its_way(self, submission: str) -> bool:
        folder = self.layout.submission(submission)
        return os.path.exists(os.path.join(folder, "try.1"))

    # ---------------------------------------------------------------------------- watching

    def _ask_if_worth_it(self, board: Board, answer: Optional[Answer], now: float) -> None:
        asked = answer.at if answer else 0.0
        for known in board.live.values():
            here = transitions.current(known.facts)
            if here.batch_id is None and here.phase == states.JOINED:
                continue  # its own look-up asks, if it must
            ripe_at = here.at + FIRST_LOOK_S
            is_new = here.phase == states.JOINED and asked < ripe_at <= now
            if is_new or (ripe_at <= now and now - asked >= self._every_s):
                self.queue.ask(now, early=is_new)
                return

    def _recall(self, board: Board) -> None:
        """Tell the board the batch ids that earlier advancers have recorded, before the queue speaks of them."""
        for known in list(board.live.values()):
            here = transitions.current(known.facts)
            if here.phase == states.JOINED and here.batch_id is None and here.submission:
                batch_id, at = self._batch(here.submission)
                if batch_id is not None:
                    board.tell(known.job, Accepted(here.number, batch_id, at))
        board.settle()

    def _fold(self, board: Board, answer: Answer, now: float) -> None:
        self._rows = {row.batch_id: row for row in answer.rows}
        for known in list(board.live.values()):
            self._fold_one(board, known, answer, now)
        board.settle()

    def _fold_one(self, board: Board, known: JobFacts, answer: Answer, now: float) -> None:
        here = transitions.current(known.facts)
        if here.batch_id is None or here.at >= answer.at:
            return
        row = self._rows.get(here.batch_id)
        if row is not None and row.name != here.submission:
            row = None  # a recycled id: another job's (P6)
        log = os.path.join(self.layout.submission(here.submission), "log")
        if row is not None:
            evidence = self._of_row(known, here, row, log, now)
        else:
            evidence = self._of_absence(known, here, answer, log, now)
        if isinstance(evidence, (Over, Gone)):
            board.look(known.job, ring=True)  # its own record comes first
        if evidence is not None:
            board.tell(known.job, Told(here.number, evidence))

    def _of_row(
        self, known: JobFacts, here: Attempt, row: Row, log: str, now: float
    ) -> Optional[Evidence]:
        self._forget_absence(here.submission)
        meaning = slurm_states.meaning(row.state)
        if meaning.phase == slurm_states.OVER:
            return self.examiner.over(known, here, row.state, row.reason, log, now)
        waits = meaning.phase == slurm_states.PENDING
        return Present(meaning.phase, slurm_states.reason(row.reason) if waits else "")

    def _of_absence(
        self, known: JobFacts, here: Attempt, answer: Answer, log: str, now: float
    ) -> Evidence:
        path = os.path.join(self.layout.submission(here.submission), "absent.json")
        beat = self._heartbeat(known, here)
        first = reading.load(path)
        if not first or first.get("heartbeat") != beat:  # it lives, or did until now
            moved = bool(first)
            first = {"at": answer.at, "heartbeat": beat}
            os.makedirs(os.path.dirname(path), exist_ok=True)
            files.write(path, files.dump(first))
            said = self.examiner.last_words(known, here, log, now)
            return Gone(answer.at, answer.at, self._lost_after_s, not moved, said)
        said = self.examiner.last_words(known, here, log, now)
        return Gone(float(first["at"]), answer.at, self._lost_after_s, True, said)

    def _forget_absence(self, submission: str) -> None:
        try:
            os.unlink(os.path.join(self.layout.submission(submission), "absent.json"))
        except FileNotFoundError:
            pass

    def _heartbeat(self, known: JobFacts, here: Attempt) -> Optional[float]:
        """When its run last said that it lives; None when none has claimed."""
        if here.phase != states.CLAIMED:
            return None
        folder = os.path.join(self.layout.job(known.task, known.job), ledger.FOLDER)
        try:
            return os.stat(os.path.join(folder, ledger.name(here.number, here.slot))).st_mtime
        except FileNotFoundError:
            return None


def _refusal(words: str, request: Mapping[str, Any]) -> str:
    """What sbatch said, of what, and who can mend it."""
    options = " ".join(str(each) for each in request.get("options") or ())
    return "SLURM refuses it: %s\nasked for with %s: mend the launcher %s in the profile" % (
        words,
        options or "no options",
        request.get("launcher") or "",
    )


def _is_unsent(known: JobFacts) -> bool:
    """Whether it has joined a submission that is not known to be in the queue."""
    here = transitions.current(known.facts)
    return here.phase == states.JOINED and here.batch_id is None and bool(here.submission)
