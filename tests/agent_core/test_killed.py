"""Advancers killed, or overtaken by another one, before every change they make: nothing is lost, nothing runs twice."""

import re
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.agent_core import killing
from tests.agent_core.site import Site
from tests.agent_core.yard import eventually, job_id
from xpm.agent.advance import advance
from xpm.agent.board import Board
from xpm.agent.slurm import SlurmPlace
from xpm.wire import files

pytestmark = pytest.mark.host


class Life:
    """A site whose batch system runs what it has, as our runner would."""

    def __init__(self, root: Path) -> None:
        self.site = Site(root)
        self.effects: Counter[str] = Counter()
        self.started: set[str] = set()
        self.names: dict[str, str] = {}

    def ask(self, name: str, **more: object) -> None:
        self.site.yard.ask(name, **more)  # type: ignore[arg-type]
        self.names[job_id(name)] = name

    def advance_once(self) -> None:
        """Somebody comes, advances and goes."""
        board = Board(self.site.yard.layout, fresh_s=0.0)
        place = SlurmPlace(self.site.yard.layout, self.site.content)
        advance(board, place, self.site.now, 10.0)
        eventually(place.is_idle)

    def run_batch_jobs(self) -> None:
        """Every batch job that has not run yet claims, takes effect and ends, or sees that it must not."""
        for number in self.site.queue:
            if number in self.started or self.site.batch(number)["state"] != "PENDING":
                continue
            self.started.add(number)
            self._run(number)

    def _run(self, number: str) -> None:
        yard = self.site.yard
        found = re.search(r"^exec .* (\S+)$", self.site.batch(number)["script"], re.MULTILINE)
        assert found
        intent = files.load(str(Path(yard.layout.submission(found.group(1)), "intent.json")))
        assert intent, "sbatch was called before the intent was written"
        ((_, job, attempt),) = intent["jobs"]
        name = self.names[job]
        if yard.claim(name, attempt, batch_id=number, submission=found.group(1)):
            self.effects[name] += 1
            yard.end(name, attempt=attempt)
        self.site.batch(number, state="COMPLETED")

    def heal(self, rounds: int = 24) -> None:
        """Let whoever comes advance, and batch jobs run, until nothing is left to do."""
        for _ in range(rounds):
            before = self._progress()
            self.site.come()
            self.site.advance(1)
            if not self.site.board.has_work():
                return
            self.run_batch_jobs()
            if self._progress() == before:
                self.site.ahead += 60

    def _progress(self) -> object:
        entries = sorted(path.name for path in Path(self.site.yard.layout.inbox).iterdir())
        return entries, self.site.queue, len(self.started)


class Case(NamedTuple):
    """What comes before the advance that is cut, and what must be true after the healing."""

    prepare: Callable[[Life], object]
    states: dict[str, str]
    effects: dict[str, int]


def _fresh(life: Life) -> None:
    life.ask("a")
    life.ask("b", parents=["a"])


def _in_doubt(life: Life) -> None:
    life.site.script("sbatch accepted-timeout")
    life.ask("a")
    life.site.advance()


def _never_sent(life: Life) -> None:
    life.site.script("sbatch timeout")
    life.ask("a")
    life.site.advance()
    life.site.advance(61)
    life.site.ahead += 61


def _refused(life: Life) -> None:
    life.site.script("sbatch refuse")
    life.ask("a")
    life.ask("b", parents=["a"])


def _cancelled(life: Life) -> None:
    life.ask("a")
    life.site.advance()
    life.site.yard.cancel("a")


def _lost(life: Life) -> None:
    life.ask("a")
    life.site.advance()
    life.site.forget("1001")
    life.site.advance(61)
    life.site.advance(121)
    life.site.ahead += 1


def _chain(life: Life) -> None:
    life.ask("a")
    life.ask("b", parents=["a"])
    life.site.advance()
    life.run_batch_jobs()


def _tokens(life: Life) -> None:
    life.ask("a", tokens=[("gpu", 2, 2)])
    life.ask("b", tokens=[("gpu", 2, 2)])


def _asked_again(life: Life) -> None:
    life.ask("a")
    life.ask("a", attempt=2)


CASES = {
    "a fresh plan": Case(_fresh, {"a": "done", "b": "done"}, {"a": 1, "b": 1}),
    "a chain": Case(_chain, {"a": "done", "b": "done"}, {"a": 1, "b": 1}),
    "accepted unheard": Case(_in_doubt, {"a": "done"}, {"a": 1}),
    "not accepted": Case(_never_sent, {"a": "done"}, {"a": 1}),
    "refused": Case(_refused, {"a": "failed", "b": "skipped"}, {}),
    "cancelled": Case(_cancelled, {"a": "cancelled"}, {}),
    "lost": Case(_lost, {"a": "done"}, {"a": 1}),
    "tokens": Case(_tokens, {"a": "done", "b": "done"}, {"a": 1, "b": 1}),
    "asked again": Case(_asked_again, {"a": "done"}, {"a": 1}),
}


def check(life: Life, case: Case, where: str) -> None:
    life.heal()
    assert case.effects == dict(life.effects), where
    assert case.states == {name: life.site.word(name) for name in case.states}, where
    names = [life.site.batch(number)["name"] for number in life.site.queue]
    assert len(set(names)) == len(names), f"{where}: sent twice"


@pytest.mark.parametrize("name", CASES)
def test_killed_before_every_change_it_is_healed_by_the_next(tmp_path: Path, name: str) -> None:
    number = 0
    killed: int | None = 0
    while killed is not None:
        number += 1
        life = Life(tmp_path / str(number))
        CASES[name].prepare(life)
        life.site.rest()

        killed = killing.stopped_at(life.advance_once, number, signal.SIGKILL)

        check(life, CASES[name], f"killed before change {number}")
    assert number > 3


@pytest.mark.parametrize("name", CASES)
def test_overtaken_before_every_change_it_does_no_harm(tmp_path: Path, name: str) -> None:
    number = 0
    while True:
        number += 1
        life = Life(tmp_path / str(number))
        CASES[name].prepare(life)
        life.site.rest()

        slow = killing.stopped_at(life.advance_once, number, signal.SIGSTOP)
        if slow is None:
            break
        life.advance_once()
        life.run_batch_jobs()
        killing.go_on(slow)

        check(life, CASES[name], f"overtaken before change {number}")
    assert number > 3
