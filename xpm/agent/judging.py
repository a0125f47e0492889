"""Refusing the jobs that a site can never run, before they join a submission."""

from typing import Dict, Tuple

from xpm.agent import never
from xpm.agent.board import Board, JobFacts
from xpm.agent.learning import Learning
from xpm.agent.limits import SiteLimits
from xpm.decide import states, transitions
from xpm.decide.facts import Refused, Told

FRESH_S = 600.0
"""Nobody is refused by older limits: an administrator may have changed them since."""
AGAIN = "asks the site again whether it can ever run"


class Judge(object):
    """Tells a board which of its jobs can never run; each job is looked at once for each answer of the site."""

    def __init__(self, site: Learning) -> None:
        self._site = site
        self._at = 0.0
        self._seen = 0
        self._passed: Dict[str, str] = {}
        self._verdicts: Dict[Tuple[str, ...], str] = {}

    def judge(self, board: Board, now: float) -> None:
        """Look at the jobs that are new, waiting ones too, and at those that are ready."""
        site = self._site.known()
        if site.at is None:
            return
        if site.at != self._at:
            self._at, self._seen = site.at, 0
            self._passed.clear()
            self._verdicts.clear()
        new = list(board.jobs.values())[self._seen :] if self._seen < len(board.jobs) else []
        self._seen = len(board.jobs)
        for known in [*new, *board.ready.values()]:
            if not known.is_stranger and self._passed.get(known.job) != known.bundle:
                self._judge_one(board, known, site, now)
        board.settle()

    def _judge_one(self, board: Board, known: JobFacts, site: SiteLimits, now: float) -> None:
        here = transitions.current(known.facts)
        words = self._verdict(known, site) if here.phase == states.WANTED else ""
        if words and not 0 <= now - self._at < FRESH_S:
            self._site.ask(now, FRESH_S)
            if self._site.is_awaited(now):
                board.note(known.job, AGAIN)
                return
            words = (
                ""  # the site does not answer: let it speak for itself when it is asked to run it
            )
        if words:
            board.tell(known.job, Told(here.number, Refused("refused", words)))
        else:
            self._passed[known.job] = known.bundle

    def _verdict(self, known: JobFacts, site: SiteLimits) -> str:
        options = tuple(str(each) for each in known.request.get("options") or ())
        if options not in self._verdicts:
            found = never.table(never.objections(options, site))
            self._verdicts[options] = found and never.refusal(found, known.request)
        return self._verdicts[options]
