"""Stories of one advance on a SLURM site: what comes before it, and what must be true once all has healed."""

from collections.abc import Callable
from typing import NamedTuple

from tests.agent_core.life import Life
from xpm.agent.advance import advance


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


def _array(life: Life) -> None:
    for name in "abc":
        life.ask(name)


def _array_in_doubt(life: Life) -> None:
    life.site.script("sbatch accepted-timeout")
    _array(life)
    life.site.advance()


def _array_too_long(life: Life) -> None:
    """So it is cut in two."""
    life.site.limit("MaxArraySize", 1)
    for name in "ab":
        life.ask(name)
    advance(life.site.board, life.site.place, life.site.now, 0.0)
    life.site.rest()  # it is refused, and nobody has looked at the answer


def _array_goes_on(life: Life) -> None:
    """One of it is cancelled, one is lost, one runs."""
    _array(life)
    life.site.advance()
    life.site.forget("1001_2")
    life.site.advance(61)
    life.site.advance(121)
    life.site.ahead += 1
    life.site.yard.cancel("b")


CASES = {
    "a fresh plan": Case(_fresh, {"a": "done", "b": "done"}, {"a": 1, "b": 1}),
    "a chain": Case(_chain, {"a": "done", "b": "done"}, {"a": 1, "b": 1}),
    "accepted unheard": Case(_in_doubt, {"a": "done"}, {"a": 1}),
    "not accepted": Case(_never_sent, {"a": "done"}, {"a": 1}),
    "refused": Case(_refused, {"a": "failed", "b": "skipped"}, {}),
    "cancelled": Case(_cancelled, {"a": "cancelled"}, {}),
    "lost": Case(_lost, {"a": "done"}, {"a": 1}),
    "tokens": Case(_tokens, {"a": "done", "b": "done"}, {"a": 1, "b": 1}),
    "an array": Case(_array, dict.fromkeys("abc", "done"), dict.fromkeys("abc", 1)),
    "an array accepted unheard": Case(
        _array_in_doubt, dict.fromkeys("abc", "done"), dict.fromkeys("abc", 1)
    ),
    "an array that is too long": Case(
        _array_too_long, {"a": "done", "b": "done"}, {"a": 1, "b": 1}
    ),
    "an array, later on": Case(
        _array_goes_on, {"a": "done", "b": "cancelled", "c": "done"}, {"a": 1, "c": 1}
    ),
    "asked again": Case(_asked_again, {"a": "done"}, {"a": 1}),
}


def wrong(life: Life, case: Case) -> list[str]:
    """Heal, and say what was promised and is not so."""
    life.heal()
    states = {name: life.site.word(name) for name in case.states}
    names = life.site.names
    found = []
    if dict(life.effects) != case.effects:
        found.append(f"effects {dict(life.effects)} instead of {case.effects}")
    if states != case.states:
        found.append(f"states {states} instead of {case.states}")
    if len(set(names)) != len(names):
        found.append(f"sent twice: {sorted(names)}")
    return found
