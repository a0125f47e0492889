"""The files and questions behind an autopsy: whatever is known of a batch job that ended without a record of ours.

Where somebody will look again soon (the agent, while the laptop is there), the end of a job may wait some seconds for what
accounting says of it; nowhere else, so that no dependent waits for detail.
"""

import pwd
from typing import Dict, Iterator, Optional

from xpm.agent import autopsy, submit
from xpm.agent.board import Board, JobFacts
from xpm.agent.slurm_accounts import PATIENCE_S, Account, Accounts
from xpm.decide import states
from xpm.decide.facts import Attempt, Over

LOG_LINES = 40


class Examiner(object):
    """Explains ends. ``is_patient``: whether somebody will look again soon."""

    def __init__(self, accounts: Accounts) -> None:
        self.is_patient = False
        self._accounts = accounts
        self._held: Dict[str, float] = {}

    def over(
        self, known: JobFacts, here: Attempt, state: str, reason: str, log: str, now: float
    ) -> Optional[Over]:
        """How a batch job ended of which the queue says that it did; None: look again in a moment.

        Args:
            known: the job.
            here: its attempt.
            state: squeue's word.
            reason: squeue's reason.
            log: the path of what the batch script printed.
            now: seconds since 1970.
        """
        account = self._account(here)
        body = _body(known, here, state, reason, log, account)
        if account is None and autopsy.is_worth_a_question(body) and not here.cancel:
            self._accounts.want(str(here.batch_id), here.at, now)
            since = self._held.setdefault(known.job, now)
            if self.is_patient and 0 <= now - since < PATIENCE_S and self._accounts.is_asking:
                return None
        self._held.pop(known.job, None)
        found = autopsy.explain(body)
        if found is None:
            return Over(states.LOST, "lost", "SLURM says %s, and it left no record" % state, True)
        return Over(found.state, found.cause, found.message, True)

    def last_words(
        self, known: JobFacts, here: Attempt, state: str, log: str, now: float
    ) -> Optional[Over]:
        """How a batch job ended that the queue does not have any more, or only its last state; None when nobody says."""
        account = self._account(here)
        if account is None and not state:
            self._accounts.want(str(here.batch_id), here.at, now)
        found = autopsy.explain(_body(known, here, state, "", log, account))
        return Over(found.state, found.cause, found.message, True) if found else None

    def held(self, board: Board) -> "Iterator[JobFacts]":
        """The jobs whose end waits for accounting."""
        for job in list(self._held):
            if job in board.live:
                yield board.live[job]
            else:
                del self._held[job]

    @property
    def is_asking(self) -> bool:
        """Whether a query of ours is under way."""
        return self._accounts.is_asking

    def _account(self, here: Attempt) -> Optional[Account]:
        return self._accounts.said(str(here.batch_id), here.submission)


def _body(
    known: JobFacts, here: Attempt, state: str, reason: str, log: str, account: Optional[Account]
) -> autopsy.Body:
    return autopsy.Body(
        state=state,
        reason=reason,
        started=here.phase == states.CLAIMED,
        log=submit.last_lines(log, LOG_LINES),
        account=account,
        request=known.asks_for,
        user=_user(account),
    )


def _user(account: Optional[Account]) -> str:
    uid = autopsy.who_cancelled(account)
    if uid is None:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "user %d" % uid
