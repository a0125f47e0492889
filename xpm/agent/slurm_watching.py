"""What SLURM's queue says of each job of a workspace, as evidence for the decider."""

import os
from typing import Any, Dict, Optional, Set

from xpm.agent import reading, slurm_states, submit
from xpm.agent.board import Board, JobFacts
from xpm.agent.slurm_parse import Row
from xpm.agent.slurm_queue import Answer
from xpm.decide import states, transitions
from xpm.decide.facts import Attempt, Evidence, Gone, Over, Present, Told
from xpm.wire import files, ledger
from xpm.wire.workspace import Layout


class Watcher(object):
    """Folds each good answer of squeue once.

    Args:
        layout: the workspace.
        lost_after_s: how far apart two answers without a job must be for it to be lost.
    """

    def __init__(self, layout: Layout, lost_after_s: float) -> None:
        self._layout = layout
        self._lost_after_s = lost_after_s
        self._rows: Dict[str, Row] = {}
        self._absences = Absences(layout)
        self.folded_at = 0.0

    def fold(self, board: Board, answer: Answer) -> None:
        """Tell the board what a new answer says of its live jobs."""
        if answer.at <= self.folded_at:
            return
        self.folded_at = answer.at
        self._rows = {row.batch_id: row for row in answer.rows}
        self._absences = Absences(self._layout)
        for known in list(board.live.values()):
            self._fold_one(board, known, answer)
        board.settle()

    def fold_late(self, board: Board, known: JobFacts, answer: Optional[Answer]) -> None:
        """The same for one job whose batch id has only now become known."""
        if answer is not None and answer.at == self.folded_at:
            self._fold_one(board, known, answer)

    def _fold_one(self, board: Board, known: JobFacts, answer: Answer) -> None:
        here = transitions.current(known.facts)
        if here.batch_id is None or here.at >= answer.at:
            return
        row = self._rows.get(here.batch_id)
        if row is not None and not _is_named(row, here.submission):
            row = None  # a recycled id: another job's (P6)
        evidence = self._of_row(here, row) if row else self._of_absence(known, here, answer)
        if isinstance(evidence, (Over, Gone)):
            board.look(known.job, ring=True)  # its own record comes first
        board.tell(known.job, Told(here.number, evidence))

    def _of_row(self, here: Attempt, row: Row) -> Evidence:
        self._absences.forget(here)
        meaning = slurm_states.meaning(row.state)
        if meaning.phase == slurm_states.OVER:
            reason = "" if row.reason in ("", "None") else " (%s)" % row.reason
            return self._over(here, row, meaning, row.state + reason)
        waits = meaning.phase == slurm_states.PENDING
        return Present(meaning.phase, slurm_states.reason(row.reason) if waits else "")

    def _over(self, here: Attempt, row: Row, meaning: slurm_states.Meaning, word: str) -> Over:
        message, cause = "SLURM says %s" % word, meaning.cause
        if here.phase == states.JOINED:
            log = submit.last_lines(log_path(self._layout, row.name, row.batch_id))
            if cause == "exit":
                message = submit.not_started(message, log)
                return Over(meaning.state, "launch", message, True)
            if log:
                message += "\n" + log
        elif cause == "exit":
            cause = "signal"
            message = "the runner was killed: SLURM says %s" % word
        return Over(meaning.state, cause, message, True)

    def _of_absence(self, known: JobFacts, here: Attempt, answer: Answer) -> Evidence:
        beat = self._heartbeat(known, here)
        first = self._absences.first(here)
        if not first or first.get("heartbeat") != beat:  # it lives, or did until now
            moved = bool(first)
            self._absences.note(here, answer.at, beat)
            return Gone(answer.at, answer.at, self._lost_after_s, not moved)
        return Gone(float(first["at"]), answer.at, self._lost_after_s, True)

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
        os.makedirs(self._layout.submission(here.submission), exist_ok=True)
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
