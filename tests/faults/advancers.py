"""Whoever advances on a SLURM site, by itself and with others: killed, failed by the disk, overtaken, short-sighted.

An advancer is a fork of this process that runs the real ``advance`` over fake SLURM commands; the stories are those of
tests/agent_core/cases.py.
"""

import os
import random
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.agent_core import killing
from tests.agent_core.cases import CASES, wrong
from tests.agent_core.life import Life
from tests.faults.links import days_later
from tests.faults.points import KINDS, OF, FaultPoint
from tests.faults.stale import OldView

WHAT = ("AFTER", "TORN", "SHORT", "ENOSPC", "EIO", "ESTALE", "EACCES", "FULL", "AWAY")
ORDERS = ("ab", "ba")
PAIRS = 4000
HISTORIES = 400
TURNS = 10


@dataclass(frozen=True, slots=True)
class Setback:
    """In which story, what, at which operation."""

    case: str
    what: str
    number: int

    def __str__(self) -> str:
        return f"{self.case}: {self.what} {self.number}"


class Advances:
    """Faults of one advancer.

    Args:
        folder: where to find out how many operations there are.
    """

    name = "advance"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def points(self) -> Sequence[Setback]:
        """Every operation of every story."""
        return [
            Setback(case, what, n)
            for case in CASES
            for counts in [operations(case, self._folder / f"calm-{self.name}-{case}")]
            for what in WHAT
            for n in range(1, counts[KINDS.index(OF[what])] + 1)
        ]

    def fault(self, text: str) -> Setback:
        """The fault that shows itself so."""
        case, _, rest = text.partition(": ")
        what, number = rest.split()
        return Setback(case, what, int(number))

    def violations(self, fault: Setback, folder: Path) -> list[str]:
        """Try one; what was promised and is not so."""
        life = prepared(fault.case, folder)
        wish = f"advancer:{fault.number}:{fault.what}:{folder}/mark:{life.site.yard.root}"
        crashed = forked(lambda: _fail(wish, life))
        return [*crashed, *wrong(life, CASES[fault.case]), *_left(life)]


@dataclass(frozen=True, slots=True)
class Overtaking:
    """One stops before its n-th change, another before its m-th while it waits; a third runs whole; they go on in this order."""

    case: str
    first: int
    second: int
    order: str

    def __str__(self) -> str:
        return f"{self.case}: {self.first} {self.second} {self.order}"


class Overtakings:
    """Three advancers, interleaved.

    Args:
        folder: where to find out how many operations there are.
    """

    name = "overtaken"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def points(self) -> Sequence[Overtaking]:
        """A sample of all pairs of changes, always the same; in half of them only two take part."""
        calm = {case: self._folder / f"calm-{self.name}-{case}" for case in CASES}
        changes = {case: operations(case, folder)[0] for case, folder in calm.items()}
        chance = random.Random(0)
        found = []
        for _ in range(PAIRS):
            case = chance.choice(list(changes))
            first, second = (chance.randint(1, changes[case] + 1) for _ in range(2))
            found.append(
                Overtaking(case, first, second * chance.randint(0, 1), chance.choice(ORDERS))
            )
        return found

    def fault(self, text: str) -> Overtaking:
        """The fault that shows itself so."""
        case, _, rest = text.partition(": ")
        first, second, order = rest.split()
        return Overtaking(case, int(first), int(second), order)

    def violations(self, fault: Overtaking, folder: Path) -> list[str]:
        """Try one; what was promised and is not so."""
        life = prepared(fault.case, folder)
        waiting = {"a": killing.stopped_at(life.advance_once, fault.first, signal.SIGSTOP)}
        waiting["b"] = None
        if fault.second:
            waiting["b"] = killing.stopped_at(life.advance_once, fault.second, signal.SIGSTOP)
        life.advance_once()
        life.run_batch_jobs()
        for each in fault.order:
            pid = waiting[each]
            if pid:
                killing.go_on(pid)
                life.run_batch_jobs()
        return [*wrong(life, CASES[fault.case]), *_left(life)]


class ShortSights(Advances):
    """Advancers on three machines that see each other's files late, as over NFS."""

    name = "old view slurm"

    def points(self) -> Sequence[Setback]:
        """Histories, each from its own seed."""
        names = list(CASES)
        return [Setback(names[n % len(names)], "STALE", n) for n in range(HISTORIES)]

    def violations(self, fault: Setback, folder: Path) -> list[str]:
        """Play one history; what was promised and is not so."""
        life = prepared(fault.case, folder)
        chance = random.Random(fault.number)
        crashed: list[str] = []
        for _ in range(TURNS):
            look = partial(_advance_blindly, life, folder, chance.choice("xyz"))
            crashed += forked(look)
            if chance.random() < 0.5:
                life.run_batch_jobs()
            life.site.ahead += chance.choice((0, 1, 1, 30, 61))
        return [*crashed, *wrong(life, CASES[fault.case]), *_left(life)]


def operations(case: str, folder: Path) -> tuple[int, ...]:
    """How many operations of each kind an undisturbed advance comes to."""
    life = prepared(case, folder)
    forked(lambda: _fail(f"advancer:0:COUNT:{folder}/mark:{life.site.yard.root}", life))
    life.site.rest()
    [note] = folder.glob("mark.*")
    return tuple(map(int, note.read_text().split()))


def prepared(case: str, folder: Path) -> Life:
    """A site on which a story has come to its advance."""
    life = Life(folder)
    CASES[case].prepare(life)
    life.site.rest()
    return life


def forked(work: Callable[[], object]) -> list[str]:
    """Do some work in a fork that may be killed; what is wrong when it crashes."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            if code:
                sys.excepthook(*sys.exc_info())
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return ["it crashed"] if os.WIFEXITED(status) and os.WEXITSTATUS(status) else []


def _fail(wish: str, life: Life) -> None:
    sys.addaudithook(FaultPoint(wish, "advancer").hook)
    _advance(life)


def _advance_blindly(life: Life, folder: Path, machine: str) -> None:
    OldView(f"{folder}/log", str(life.site.yard.root), machine, 3600.0).install()
    _advance(life)


def _advance(life: Life) -> None:
    try:
        life.advance_once()
    except OSError:
        pass  # as the agent, a finishing job and the keeper do: whoever comes next goes on


def _left(life: Life) -> list[str]:
    return [f"{path} is left" for path in days_later(life.site.yard.root)]
