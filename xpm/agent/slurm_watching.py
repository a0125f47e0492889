"""What SLURM's queue says of each job of a workspace, as evidence for the decider."""

import os
from typing import Any, Dict, List, Optional, Set

from xpm.agent import reading, slurm_reasons, slurm_states
from xpm.agent.board import Board, JobFacts
from xpm.agent.examining import Examiner
from xpm.agent.slurm_parse import Row
from xpm.agent.slurm_queue import Answer
from xpm.decide import states, transitions
from xpm.decide.facts import Attempt, Evidence, Gone, Over, Present, Stuck, Told
from xpm.wire import files, ledger
from xpm.wire.workspace import Layout

PREEMPTED = "PREEMPTED"
"""Either requeued in a moment or gone for good: only that it stays so tells, as with a job that is not there."""


class Watcher(object):
    """Folds each good answer of squeue once.

    Args:
        layout: the workspace.
        lost_after_s: how far apart two answers without a job must be for it to be lost.
        examiner: explains why a job ended.
        kinds: what pending reasons mean by the words of the profile.
    """

    def __init__(
        self,
        layout: Layout,
        lost_after_s: float,
        examiner: Examiner,
        kinds: Optional[Dict[str, str]] = None,
    ) -> None:
        self._kinds = kinds
        self._layout = layout
        self._examiner = examiner
        self._lost_after_s = lost_after_s
        self._rows: Dict[str, Row] = {}
        self._absences = Absences(layout)
        self.folded_at = 0.0

    def fold(self, board: Board, answer: Answer, now: float) -> None:
        """Tell the board what a new answer says of its live jobs, and an old one of those that are still examined."""
        if answer.at <= self.folded_at:
            for known in self._examiner.held(board):
                self._fold_one(board, known, answer, now)
            board.settle()
            return
        self.folded_at = answer.at
        self._rows = {row.batch_id: row for row in answer.rows}
        self._absences = Absences(self._layout)
        for known in list(board.live.values()):
            self._fold_one(board, known, answer, now)
        board.settle()

    def fold_late(
        self, board: Board, known: JobFacts, answer: Optional[Answer], now: float
    ) -> None:
        """The same for one job whose batch id has only now become known; its absence would be no news yet."""
        here = transitions.current(known.facts)
        if answer is not None and answer.at == self.folded_at and here.batch_id in self._rows:
            self._fold_one(board, known, answer, now)

    def left_over(self, board: Board) -> List[str]:
        """Batch jobs whose jobs are over, that SLURM has requeued and holds: nobody else would ever end them."""
        held = {each for each, row in self._rows.items() if self._is_held(row)}
        if not held:
            return []
        over = (
            transitions.current(known.facts)
            for known in board.jobs.values()
            if known.word in states.FINAL and known.facts.attempts
        )
        return [
            here.batch_id
            for here in over
            if here.batch_id in held and _is_named(self._rows[here.batch_id], here.submission)
        ]

    def _is_held(self, row: Row) -> bool:
        if slurm_states.meaning(row.state).phase != slurm_states.PENDING:
            return False
        return slurm_reasons.explain(row.reason, self._kinds).certain

    def _fold_one(self, board: Board, known: JobFacts, answer: Answer, now: float) -> None:
        here = transitions.current(known.facts)
        if here.batch_id is None or here.at >= answer.at:
            return
        row = self._rows.get(here.batch_id)
        if row is not None and not _is_named(row, here.submission):
            row = None  # a recycled id: another job's
        if row is None or row.state == PREEMPTED:
            evidence: Optional[Evidence] = self._of_absence(known, here, row, answer, now)
        else:
            evidence = self._of_row(known, here, row, answer, now)
        if isinstance(evidence, (Over, Gone)):
            board.look(known.job, ring=True)  # its own record comes first
        if evidence is not None:
            board.tell(known.job, Told(here.number, evidence))

    def _of_row(
        self, known: JobFacts, here: Attempt, row: Row, answer: Answer, now: float
    ) -> Optional[Evidence]:
        self._absences.forget(here)
        meaning = slurm_states.meaning(row.state)
        if meaning.phase == slurm_states.OVER:
            log = log_path(self._layout, row.name, row.batch_id)
            return self._examiner.over(known, here, row.state, row.reason, log, now)
        if meaning.phase != slurm_states.PENDING:
            return Present(meaning.phase, "")
        why = slurm_reasons.explain(row.reason, self._kinds)
        if why.kind == slurm_reasons.FATAL:
            since = answer.stuck.get(row.batch_id, answer.at)
            if why.certain or since < answer.at:
                return Stuck(why.cause, slurm_reasons.ending(row.reason))
        return Present(meaning.phase, slurm_reasons.waiting(row.reason, row.start))

    def _of_absence(
        self, known: JobFacts, here: Attempt, row: Optional[Row], answer: Answer, now: float
    ) -> Evidence:
        name = row.name if row is not None else here.submission
        log = log_path(self._layout, name, str(here.batch_id))
        said = self._examiner.last_words(known, here, row.state if row else "", log, now)
        beat = self._heartbeat(known, here)
        first = self._absences.first(here)
        if not first or first.get("heartbeat") != beat:  # it lives, or did until now
            moved = bool(first)
            self._absences.note(here, answer.at, beat)
            return Gone(answer.at, answer.at, self._lost_after_s, not moved, said)
        return Gone(float(first["at"]), answer.at, self._lost_after_s, True, said)

    def _heartbeat(self, known: JobFacts, here: Attempt) -> Optional[float]:
        """When its run last said that it lives; None when none has claimed."""
        if here.phase != states.CLAIMED:
            return None
        folder = os.path.join(self._layout.job(known.task, known.job), ledger.FOLDER)
        try:
            return os.stat(os.path.join(folder, ledger.name(here.number, here.slot))).st_mtime
        except FileNotFoundError:
            return None


class Absences(object):
    """Since when good answers lack a job: a file of its submission's folder, until the job is seen again."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._names: Dict[str, Set[str]] = {}

    def first(self, here: Attempt) -> Optional[Dict[str, Any]]:
        """What the first answer without it said; None when it was in the last one."""
        return reading.load(self._path(here)) if self._is_noted(here) else None

    def note(self, here: Attempt, at: float, heartbeat: Optional[float]) -> None:
        """This is the first answer without it."""
        files.make_one(self._layout.submission(here.submission))
        files.write(self._path(here), files.dump({"at": at, "heartbeat": heartbeat}))
        self._names.setdefault(here.submission, set()).add(_absence(here))

    def forget(self, here: Attempt) -> None:
        """It is there."""
        if not self._is_noted(here):
            return
        try:
            os.unlink(self._path(here))
        except FileNotFoundError:
            pass

    def _is_noted(self, here: Attempt) -> bool:
        if here.submission not in self._names:
            names = files.listing(self._layout.submission(here.submission))
            self._names[here.submission] = set(names)
        return _absence(here) in self._names[here.submission]

    def _path(self, here: Attempt) -> str:
        return os.path.join(self._layout.submission(here.submission), _absence(here))


def log_path(layout: Layout, submission: str, batch_id: str) -> str:
    """Where the batch script of a job printed to."""
    index = batch_id.partition("_")[2]
    return os.path.join(layout.submission(submission), "log." + index if index else "log")


def _absence(here: Attempt) -> str:
    return "absent.%s.json" % here.batch_id


def _is_named(row: Row, submission: str) -> bool:
    """Whether the batch job bears the name of a submission, or of a part of it."""
    return row.name == submission or row.name.startswith(submission + ".")
