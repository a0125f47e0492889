"""The keeper: a batch job of a moment that advances when nobody else is left to.

Theory of operation. A finishing job starts what comes after it, but a job that is killed, or whose node dies, does not;
with the laptop closed nobody is left then. So as long as something would have to be started (decide/keep.py), a job of
one core waits in the queue behind ours (``--dependency=afterany``: however they end). When it runs, it advances, sends
its successor if one is wanted, and goes. There is one at a time, two while one hands over.

Keepers are numbered. Only the highest number counts, and only behind one that is over there may be a next; of
all who want to make it, one creates its intent. It is sent as any submission is (sending.py): at least once, looked up
by its name, so a doubled one is possible, and harmless: advancing needs no lock. ::

    <workspace>/.xpm/keepers/<n>/intent.json   {"format": 1, "id": batch name, "at", "idle"}; exclusive
    <workspace>/.xpm/keepers/<n>/try.<k> ...   as of a submission (wire/workspace.py)
    <workspace>/.xpm/keepers/<n>/over          {"at", "why"}: it has run, or never will; exclusive
    <workspace>/.xpm/keepers/log               what they printed, if anything

    no intent ──► sent, behind what is live ──► in the queue ──► it runs: advances, makes n + 1 ──► over
                    (what that is, is decided at each try)  └──► nothing waits any more: scancel ──► over
                                                            └──► squeue has lost it ──► over

The last one's folder stays, with ``over`` alone in it, so that no number, hence no batch name, is ever used twice. A keeper
that is killed itself is over as soon as a good answer of squeue lacks it. If its node dies, SLURM starts it again
(``--requeue``): it is over only once it says so, after its successor is in the queue. If that cannot be (the
submit limit is full, slurmctld is away), it has itself requeued, which keeps its place.
"""

import os
import shlex
import shutil
from typing import Any, Callable, Dict, List, Optional, Sequence

from xpm.agent import nodes, reading, sending, slurm_commands, slurm_parse, slurm_states
from xpm.agent import place as places
from xpm.agent.board import Board, JobFacts, in_order
from xpm.agent.slurm_budget import Budget
from xpm.agent.slurm_cancelling import Canceller
from xpm.agent.slurm_parse import Row
from xpm.agent.slurm_queue import Queue
from xpm.decide import states, transitions
from xpm.decide.facts import Gone, Over, Refused
from xpm.decide.keep import APART_S, Keep, Outlook, is_needless, keep
from xpm.wire import files
from xpm.wire.workspace import FORMAT, Layout

TIME_MIN = 2
PLACES = 2
"""How many places in the queue keepers may need: one and, while it runs, its successor."""
COMING_S = 30.0
"""An attempt that is not in the queue so long after it has joined a submission is not just on its way."""
KNOWN_S = 5.0
"""How long after a submission its absence from squeue means something."""
AGAIN_S = 86400.0
"""A keeper that SLURM refuses is tried again after a day: somebody may have mended the profile, or the site."""
_LIKE = ("--partition=", "--account=", "--qos=")
_MEMORY = ("--mem=", "--mem-per-cpu=")


class Keeper(object):
    """The keepers of one workspace, as one advancer sees them.

    Args:
        layout: the workspace.
        content: its place.json.
        options: its options, ``site.json`` included.
        queue: what squeue says.
        canceller: who tells scancel.
        budget: where its commands are counted.
        doubt_s: how far apart two look-ups must be.
    """

    def __init__(
        self,
        layout: Layout,
        content: Dict[str, Any],
        options: Dict[str, Any],
        queue: Queue,
        canceller: Canceller,
        budget: Budget,
        doubt_s: Callable[[], float],
    ) -> None:
        self._layout = layout
        self._content = content
        self._environ = {str(k): str(v) for k, v in (content.get("environ") or {}).items()}
        self._workspace_id = str((files.load(layout.identity) or {}).get("id"))
        self._wishes: Dict[str, Any] = dict(options.get("keeper") or {})
        self._apart_s = float(options.get("keeper_apart_s") or APART_S)
        self._queue = queue
        self._canceller = canceller
        self._budget = budget
        self._doubt_s = doubt_s
        self._folder = os.path.join(layout.own, "keepers")
        self._mine = 0
        self._idle = 0
        self.hands_over = True
        """Whether it knows enough to make the next one."""
        self.is_leaving = nodes.is_inside()
        """Whether this process is gone in a moment: nobody is left then to bring on its way what is not in the queue."""
        self._shell: Optional[Any] = None
        self.problem = ""

    def become(self, number: int) -> None:
        """Be this keeper: it is over as far as its successor is concerned."""
        self._mine = number
        intent = reading.load(os.path.join(self._of(number), "intent.json")) or {}
        self._idle = int(intent.get("idle") or 0) + 1

    def did_something(self) -> None:
        """It was worth it: the next one need not wait longer."""
        self._idle = 0

    def tend(self, board: Board, now: float) -> None:
        """Make a keeper, send it, let it go: whatever the jobs want now."""
        if self._wishes.get("off") or self.is_busy or nodes.barred(self._layout, now):
            return
        seen = outlook(board, now)
        number = self._last()
        if number and number != self._mine and not self._is_over(number):
            self._drive(number, board, seen, now)
        elif self.hands_over and self._is_wanted(seen):
            self._make(number + 1, board, seen, now)

    @property
    def is_busy(self) -> bool:
        """Whether a command of ours is under way."""
        if self._shell is not None and self._shell.poll() is not None:
            self._shell = None
        return self._shell is not None

    def is_missing(self, seen: Outlook) -> bool:
        """Whether a keeper, other than this one, is wanted and not in the queue yet."""
        if self._wishes.get("off") or self.problem or not self._is_wanted(seen):
            return False
        number = self._last()
        return number <= self._mine or not os.path.exists(
            os.path.join(self._of(number), "batch.json")
        )

    def _is_wanted(self, seen: Outlook) -> bool:
        wanted = keep(seen, self._idle, self._apart_s)
        return wanted is not None and (bool(wanted.after) or self.is_leaving)

    def leave(self, now: float) -> None:
        """This one has run."""
        self._end(self._mine, "it has run", now)

    # ------------------------------------------------------------------------- one keeper

    def _make(self, number: int, board: Board, seen: Outlook, now: float) -> None:
        if self._last(fresh=True) >= number:
            return
        folder = self._of(number)
        files.make_below(self._layout.own, folder)
        content = {"format": FORMAT, "id": self._name(number), "at": now, "idle": self._idle}
        files.create(os.path.join(folder, "intent.json"), files.dump(content), sync=True)
        if self._last(fresh=True) != number:  # we were asleep, and others have gone on
            shutil.rmtree(folder, ignore_errors=True)
            return
        for older in self._numbers():
            if older < number and older != self._mine:
                shutil.rmtree(self._of(older), ignore_errors=True)
        self._drive(number, board, seen, now)

    def _drive(self, number: int, board: Board, seen: Outlook, now: float) -> None:
        folder = self._of(number)
        what = sending.find_next(folder, now)
        if isinstance(what, sending.InQueue):
            if self._has_left(folder, self._name(number), what.batch_id):
                self._end(number, "SLURM does not have it any more", now)
            elif is_needless(seen):
                self._canceller.cancel(what.batch_id, now)
                self._end(number, "nothing waits any more", now)
        elif isinstance(what, sending.NotHere):
            self.problem = "a keeper could not be submitted from a compute node: " + what.message
            if what.never:
                nodes.bar(self._layout, what.message, now)
                self._end(number, "compute nodes cannot submit", now)
        elif isinstance(what, sending.Never):
            self._refused(number, what.message, now)
        elif isinstance(what, sending.LookUp):
            self._look_up(number, what, board, seen, now)
        elif isinstance(what, sending.Take):
            self._send(number, what.number, board, seen, now)

    def _send(self, number: int, attempt: int, board: Board, seen: Outlook, now: float) -> None:
        wanted = keep(seen, self._idle, self._apart_s)
        if wanted is None:
            if is_needless(seen):
                self._end(number, "nothing waits any more", now)
            return
        folder, name = self._of(number), self._name(number)
        if not sending.take(folder, attempt, now):
            return
        options = sbatch_options(wanted, _like(board), self._wishes)
        argv = slurm_commands.sbatch(name, self._folder, self._layout.root, options, [])
        program = [
            places.job_python(self._content, {}),
            places.travel_folder(self._layout, self._content),
        ]
        words = [*program, "keep", self._layout.root, str(number)]
        script = "#!/bin/sh\nexec %s\n" % " ".join(map(shlex.quote, words))
        self._budget.record(now)  # never held back: nobody might come after us to send it
        self._shell = sending.send(folder, attempt, argv, script, self._environ)

    def _look_up(
        self,
        number: int,
        what: sending.LookUp,
        board: Board,
        seen: Outlook,
        now: float,
    ) -> None:
        folder, answer = self._of(number), self._queue.answer()
        if answer is None or answer.at <= what.since:
            self._queue.ask(now)
            return
        found = slurm_parse.by_name(answer.rows).get(self._name(number))
        if found is not None:
            sending.record(folder, found, "lookup", now)
        elif not sending.is_absent(folder, what.number, answer.at, now, self._doubt_s()):
            self._queue.ask(now)
        else:
            self._send(number, what.number + 1, board, seen, now)

    def _has_left(self, folder: str, name: str, batch_id: str) -> bool:
        answer = self._queue.answer()
        named = [each for each in files.listing(folder) if each.startswith(("try.", "batch."))]
        noted = [reading.load(os.path.join(folder, each)) or {} for each in named]
        since = max(float(content.get("at") or 0.0) for content in noted)
        if answer is None or answer.at < since + KNOWN_S:
            return False
        for row in answer.rows:
            if row.batch_id == batch_id and row.name == name:
                return slurm_states.meaning(row.state).phase == slurm_states.OVER
        return True

    def _refused(self, number: int, message: str, now: float) -> None:
        self.problem = (
            "SLURM takes no keeper, so what jobs killed without a word leave undone waits for this laptop: %s; "
            "name a partition that takes small jobs (slurm: {keeper: {partition: ...}}), or say keeper: off"
            % message
        )
        refused = reading.load(os.path.join(self._of(number), "refused.json")) or {}
        if now - float(refused.get("at") or 0.0) >= AGAIN_S:
            self._end(number, "SLURM refused it", now)

    # ------------------------------------------------------------------------------ files

    def _name(self, number: int) -> str:
        return "xpm.%s.keeper.%d" % (self._workspace_id, number)

    def _of(self, number: int) -> str:
        return os.path.join(self._folder, str(number))

    def _numbers(self, fresh: bool = False) -> List[int]:
        return [int(name) for name in files.listing(self._folder, fresh) if name.isdigit()]

    def _last(self, fresh: bool = False) -> int:
        return max(self._numbers(fresh), default=0)

    def _is_over(self, number: int) -> bool:
        return os.path.exists(os.path.join(self._of(number), "over"))

    def _end(self, number: int, why: str, now: float) -> None:
        """Note that it is over, and leave nothing else of it."""
        folder = self._of(number)
        if number < self._last():
            shutil.rmtree(folder, ignore_errors=True)
            return
        files.create(os.path.join(folder, "over"), files.dump({"at": now, "why": why}))
        for name in files.listing(folder):
            if name != "over":
                _forget(os.path.join(folder, name))


def reserve(options: Dict[str, Any]) -> int:
    """How many places in the queue are for keepers, by the options of a place."""
    return 0 if (options.get("keeper") or {}).get("off") else PLACES


def in_queue(rows: Sequence[Row]) -> int:
    """How many keepers are in the queue."""
    names = [row for row in rows if ".keeper." in row.name]
    return sum(slurm_states.meaning(row.state).phase != slurm_states.OVER for row in names)


def outlook(board: Board, now: float) -> Outlook:
    """What the jobs of a workspace look like to somebody who is about to leave them."""
    behind: List[str] = []
    coming = doubtful = waiting = again = 0
    for known in in_order(board.live.values()):
        here = transitions.current(known.facts)
        if isinstance(here.evidence, (Gone, Over)):
            doubtful += 1
        elif here.batch_id is not None:
            behind.append(here.batch_id)
        elif isinstance(here.evidence, Refused) or now - here.at < COMING_S:
            coming += 1
        else:
            doubtful += 1
        waiting += any(board.jobs[each].word == states.WAITING for each in known.children)
        again += any(rule.most for _, rule in known.facts.retry)
    return Outlook(tuple(behind), coming, doubtful, len(board.ready), waiting, again)


def sbatch_options(wanted: Keep, like: Sequence[str], wishes: Dict[str, Any]) -> List[str]:
    """What a keeper asks for: next to nothing, where the jobs it waits for are.

    Args:
        wanted: behind what, and how late.
        like: the options of one of those jobs.
        wishes: the profile's ``keeper``.
    """
    chosen = {each.partition("=")[0] + "=": each for each in like if each.startswith(_LIKE)}
    for name in ("partition", "account", "qos"):
        if wishes.get(name):
            chosen["--%s=" % name] = "--%s=%s" % (name, wishes[name])
    minutes = max(1, int(wishes.get("time_s") or 60 * TIME_MIN) // 60)
    options = [*chosen.values(), "--time=%d" % minutes, "--nodes=1", "--ntasks=1"]
    options += ["--cpus-per-task=1", "--requeue", "--begin=now+%d" % wanted.pause_s]
    for memory in _MEMORY:
        if any(each.startswith(memory) for each in like):
            options.append(memory + "256M")
    if wanted.after:
        options.append("--dependency=afterany:" + ":".join(wanted.after))
    return options


def _like(board: Board) -> List[str]:
    """The options of the latest of the jobs that a keeper is for."""
    jobs: List[JobFacts] = in_order([*board.ready.values(), *board.live.values()])
    return [str(each) for each in jobs[-1].request.get("options") or ()] if jobs else []


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
