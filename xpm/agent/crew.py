"""The runners of a plain host: started, adopted, stopped, mourned.

A runner has its own session, so it outlives a supervisor that dies. Who supervises next finds its claim in the ledger and
*adopts* it: it cannot be waited for, but its pid, start time and boot tell whether it lives. A run that is not
claimed yet needs no adoption: the job is started again, and of two runs only one can claim.
"""

import collections
import itertools
import os
import signal
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from xpm.agent import processes, reading, submit
from xpm.agent.board import Board, JobFacts
from xpm.agent.environs import Environments
from xpm.agent.room import CORES, GPUS, gpus_of
from xpm.agent.starting import Process, Starter
from xpm.decide import states, transitions
from xpm.decide.admit import LOOK, Want
from xpm.decide.facts import NOTHING, Attempt, Evidence, Over, Stop, Told
from xpm.wire import ledger
from xpm.wire.workspace import Layout

Child = NamedTuple(
    "Child", [("job", str), ("attempt", int), ("submission", str), ("process", Process)]
)

TRIES = 3
"""How often a run that leaves without having claimed is started again."""
ADOPTED_S = 0.5
STOP_AGAIN_S = 30.0
STOP_HARD_S = 90.0


class Crew(object):
    """The place of a plain host, as its supervisor has it."""

    kind = "plain"
    delegates = False
    together = 1
    """How many jobs go in one submission."""

    def __init__(self, layout: Layout, content: Dict[str, Any], workspace_id: str) -> None:
        self.layout = layout
        self.content = content
        self.workspace_id = workspace_id
        self.children: Dict[str, Child] = {}
        self.adopted: Dict[str, Dict[str, Any]] = {}
        self._mine: "collections.Counter[str]" = (
            collections.Counter()
        )  # of a job: a run that leaves, and the next attempt's
        self._tries: Dict[str, int] = {}
        self._stopped: Dict[str, float] = {}
        self._checked_at = float("-inf")
        self._starter = Starter(layout, content)
        self.environments = Environments(layout, content)

    # ---------------------------------------------------------- what advance asks of a place

    def slots(self, board: Board) -> Optional[int]:
        """How many more may start, if each wants little: a place where jobs are limited, else a core."""
        running = len(self.children) + len(self.adopted)
        if self._starter.room.jobs:
            return max(0, self._starter.room.jobs - running)
        used = self._starter.room.used(each.asks_for for each in board.live.values())
        return max(0, self._starter.room.cores - max(running, used.get(CORES, 0)))

    def wants(self, request: Mapping[str, Any]) -> Tuple[Want, ...]:
        """What a job takes of the host."""
        return self._starter.room.wants(request)

    def used(self, board: Board) -> Dict[str, int]:
        """How much of the host is in use."""
        used = self._starter.room.used(each.asks_for for each in board.live.values())
        if any(gpus_of(each.request) for each in itertools.islice(board.ready.values(), LOOK)):
            unleased = [each for each in board.live.values() if not self._has_run(each)]
            leased = len(self._starter.leases.taken(self._starter.room.gpus))
            used[GPUS] = leased + sum(gpus_of(each.asks_for) for each in unleased)
        return used

    def at_once(self, board: Board) -> Optional[int]:
        """How many submissions may be made now: any number, ``slots`` is what counts."""
        return None

    def watch(self, board: Board, now: float) -> None:
        """Tell the board of runs that ended, and find those that nobody here has started."""
        self._reap(board)
        for job in [each for each in self.adopted if each not in board.live]:
            del self.adopted[job]  # it has ended, and its place is free
        if abs(now - self._checked_at) < ADOPTED_S:
            return
        self._checked_at = now
        for known in list(board.live.values()):
            if known.job not in self._mine:
                self._check_stranger(board, known)
        self._starter.keep(now)
        board.settle()

    def joined(
        self, known: JobFacts, number: int, submission: str, intent: Dict[str, Any], now: float
    ) -> None:
        """Start an attempt that has just joined its submission."""
        self._spawn(known, number, submission, intent.get("request") or {})

    def drive(self, board: Board, now: float, budget_s: float) -> None:
        """Start what has joined a submission and does not run: somebody died in between."""
        for known in list(board.live.values()):
            here = transitions.current(known.facts)
            if known.job in self._mine or here.phase != states.JOINED or here.evidence != NOTHING:
                continue
            if not self.slots(board):
                return
            intent = submit.read_intent(self.layout, here.submission)
            request = intent.get("request") or known.asks_for
            self._spawn(known, here.number, here.submission, request)

    def stop(self, known: JobFacts, action: Stop, now: float) -> bool:
        """Ask a run to end, harder when it does not; whether it had been asked before it claimed."""
        key = "%s.a%d" % (known.job, action.attempt)
        first = self._stopped.setdefault(key, now)
        pid = self._pid(known.job, action.attempt)
        if pid and (now == first or now - first > STOP_AGAIN_S):
            if now - first > STOP_HARD_S:
                _kill_session(pid)
            else:
                _send(pid, signal.SIGTERM)
                if now != first:
                    self._stopped[key] = first - STOP_HARD_S
        return True

    def leave(self, board: Board, now: float) -> None:
        """Nobody comes after a supervisor."""

    def is_late(self, board: Board) -> bool:
        """Whether to look again in a moment: it does anyway."""
        return False

    def notes(self) -> List[str]:
        """Nothing a person must know."""
        return []

    # -------------------------------------------------------- what the supervisor asks besides

    @property
    def descriptors(self) -> List[int]:
        """What becomes readable when there is news of runners, besides SIGCHLD."""
        return self._starter.descriptors

    def refit(self, capacity: Mapping[str, Any]) -> None:
        """Go by what the profile says now of the host."""
        self._starter.refit(capacity)

    def close(self) -> None:
        """Leave the runners to themselves."""
        self._starter.close()

    # ------------------------------------------------------------------------- internals

    def _spawn(
        self, known: JobFacts, number: int, submission: str, request: Dict[str, Any]
    ) -> None:
        process = self._starter.start(submission, request)
        if process is None:
            return  # drive() tries again
        self.children[submission] = Child(known.job, number, submission, process)
        self._mine[known.job] += 1
        self.adopted.pop(known.job, None)

    def _has_run(self, known: JobFacts) -> bool:
        return known.job in self._mine or known.job in self.adopted

    def _reap(self, board: Board) -> None:
        self._starter.listen()
        for submission, child in list(self.children.items()):
            code = child.process.poll()
            if code is None:
                continue
            del self.children[submission]
            self._mine[child.job] -= 1
            if not self._mine[child.job]:
                del self._mine[child.job]
            board.look(child.job)
            here = transitions.attempt(board.jobs[child.job].facts, child.attempt)
            if here is None or here.phase == states.ENDED:
                continue
            evidence = self._mourn(child, board.jobs[child.job], here, code)
            board.tell(child.job, Told(child.attempt, evidence))
        board.settle()

    def _mourn(self, child: Child, known: JobFacts, here: Attempt, code: int) -> Evidence:
        """What the end of a child means for an attempt that is not over."""
        if here.phase == states.CLAIMED:
            owner = self._owner_of(child.job, here)
            pid = child.process.pid
            if owner.get("pid") != pid and self._lives(known, here, owner) is not False:
                return NOTHING  # somebody else's run has it; ours was one too many
            _kill_session(pid)
            return _died(code)
        log = submit.last_lines(self._starter.log(child.submission))
        tries = self._tries[child.submission] = self._tries.get(child.submission, 0) + 1
        if tries < TRIES and (code == 0 or submit.was_kept_from_reading(log)):
            return NOTHING  # it left without a word, or could not read our own programs: once more
        what = "exit code %d" % code if code >= 0 else "signal %d" % -code
        return Over(states.FAILED, "launch", submit.not_started(what, log), True)

    def _check_stranger(self, board: Board, known: JobFacts) -> None:
        here = transitions.current(known.facts)
        if here.phase != states.CLAIMED or here.evidence != NOTHING:
            return  # not started, or mourned a moment ago: how a child ended is known better than from afar
        owner = self._owner_of(known.job, here)
        alive = self._lives(known, here, owner)
        if alive is not False and not _is_damaged(owner):
            self.adopted[known.job] = owner
            return
        self.adopted.pop(known.job, None)
        board.look(known.job)
        here = transitions.current(board.jobs[known.job].facts)
        if here.phase != states.CLAIMED:
            return
        if _is_damaged(owner):
            message = "a power cut has damaged the record of its run"
        elif owner.get("boot") == processes.boot():
            _kill_session(int(owner.get("pid") or 0))
            message = "its runner (process %s) vanished without a word" % owner.get("pid")
        else:
            message = "the host was restarted at %s, while it ran" % processes.booted()
        board.tell(known.job, Told(here.number, Over(states.LOST, "lost", message, True)))

    def _owner_of(self, job: str, here: Attempt) -> Dict[str, Any]:
        name = ledger.bell_name(job, here.number, here.slot)
        content = reading.entry(self.layout.inbox, name)
        return content if content and content["kind"] == "claim" else {}

    def _lives(self, known: JobFacts, here: Attempt, owner: Dict[str, Any]) -> Optional[bool]:
        folder = os.path.join(self.layout.job(known.task, known.job), ledger.FOLDER)
        try:
            beat = os.stat(os.path.join(folder, ledger.name(here.number, here.slot))).st_mtime
        except FileNotFoundError:
            return processes.is_alive(owner)
        return processes.is_alive(owner, beat)

    def _pid(self, job: str, attempt: int) -> int:
        for child in self.children.values():
            if (child.job, child.attempt) == (job, attempt):
                return child.process.pid
        owner = self.adopted.get(job)
        return int(owner["pid"]) if owner and processes.is_alive(owner) else 0


def _is_damaged(owner: Dict[str, Any]) -> bool:
    """Whether this is the claim of a run that a power cut has emptied: on this machine, it was before this boot."""
    return bool(owner) and "pid" not in owner


def _died(code: int) -> Over:
    if code < 0:
        hint = " (the kernel does that when memory is short)" if code == -signal.SIGKILL else ""
        message = "the runner was killed by signal %d%s" % (-code, hint)
        return Over(states.FAILED, "signal", message, True)
    message = "the runner ended with exit code %d and left no outcome" % code
    return Over(states.LOST, "lost", message, True)


def _kill_session(pid: int) -> None:
    """End whatever a runner has left behind, so that nothing of an ended attempt goes on writing."""
    if pid <= 1:
        return
    for member in processes.session_members(pid):
        _send(member, signal.SIGKILL)


def _send(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except (ProcessLookupError, PermissionError):
        pass
