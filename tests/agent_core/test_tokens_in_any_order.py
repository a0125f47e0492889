"""Tokens taken by several processes at once: every file operation of each may come before or after those of the others."""

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from xpm.agent import tokens, units
from xpm.agent.tokens import Need, Tokens
from xpm.agent.units import Turn
from xpm.wire.workspace import prepare

Needs = tuple[Need, ...]


class Killed(BaseException):
    """Somebody ended the process right here."""


class Actor(threading.Thread):
    """One process: it does one file operation each time it is told to go on."""

    def __init__(self, play: Callable[["Actor"], None], dies_at: int) -> None:
        super().__init__(daemon=True)
        self.go, self.paused = threading.Semaphore(0), threading.Semaphore(0)
        self._play, self._left = play, dies_at
        self.error: BaseException | None = None
        self.over = False

    def run(self) -> None:
        self.go.acquire()
        try:
            self._play(self)
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 (told to whoever drives us)
            self.error = error
        self.over = True
        self.paused.release()

    def step(self) -> None:
        """Let others do something first, or die."""
        self._left -= 1
        if self._left == 0:
            raise Killed
        self.paused.release()
        self.go.acquire()

    def go_on(self) -> None:
        """Until its next operation."""
        self.go.release()
        self.paused.acquire()
        if self.error is not None:
            raise self.error


class Stepped(units.Units):
    """Units whose operations an actor interrupts."""

    actor: Actor

    def _turns(self, stock: units.Stock) -> list[tuple[int, int]]:
        self.actor.step()
        return super()._turns(stock)

    def _content(self, at: Turn) -> dict[str, object] | None:
        self.actor.step()
        return super()._content(at)


class World:
    """A workspace, who holds what, and who is over."""

    def __init__(self, root: Path) -> None:
        self.layout, _ = prepare(str(root))
        self.over: set[str] = set()
        self.holds: dict[str, Needs] = {}

    def tokens(self, actor: Actor | None = None) -> Tokens:
        found = Tokens(self.layout, lambda job, _: job in self.over, lambda _: "lab.work")
        if actor is not None:
            found.units.__class__ = Stepped
            found.units.actor = actor  # type: ignore[attr-defined]
        return found

    def take(self, job: str, needs: Needs, actor: Actor | None = None) -> bool:
        there = self.tokens(actor)
        if not there.take(there.units.holder(job, 1), needs):
            return False
        self.holds[job] = needs
        for need in needs:
            held = [each.count for each in sum(self.holds.values(), ()) if each.name == need.name]
            assert sum(held) <= need.total, f"{job} is one too many: {self.holds}"
        return True

    def end(self, job: str) -> None:
        self.over.add(job)
        del self.holds[job]


def plays(world: World, job: str, needs: Needs) -> Callable[[Actor], None]:
    def play(actor: Actor) -> None:
        for _ in range(3):
            actor.step()
            if world.take(job, needs, actor):
                for _ in range(60):  # it runs as long as others need to take some
                    actor.step()
                world.end(job)
                return

    return play


def perform(actors: list[Actor], order: list[tuple[int, int]]) -> None:
    """Let the actors do so many operations each in this order, then each the rest of its own."""
    for actor in actors:
        actor.start()
    for choice, steps in [*order, *((n, 100_000) for n in range(len(actors)))]:
        actor = actors[choice % len(actors)]
        for _ in range(steps):
            if actor.over:
                break
            actor.go_on()


need = st.tuples(st.sampled_from(["cpu", "lane"]), st.integers(1, 3)).map(
    lambda each: Need(each[0], each[1], 3, "")
)
wishes = st.lists(need, min_size=1, max_size=2, unique_by=lambda each: each.name).map(
    lambda found: tuple(sorted(found))
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(wishes, st.integers(-300, 60)), min_size=2, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60)), max_size=40),
)
@example(  # a ticket that is committed between two looks at it
    [
        ((Need("cpu", 1, 3, ""), Need("lane", 1, 3, "")), 0),
        ((Need("cpu", 2, 3, ""),), 0),
        ((Need("cpu", 2, 3, ""), Need("lane", 1, 3, "")), 0),
    ],
    [(0, 1), (0, 20), (0, 60), (1, 20), (2, 30), (2, 60), (1, 3), (2, 23)],
)
def test_never_more_are_held_than_there_are_and_nothing_is_lost_or_stuck(
    jobs: list[tuple[Needs, int]], order: list[tuple[int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        named = {f"{n}": wish for n, (wish, _) in enumerate(jobs)}
        actors = [
            Actor(plays(world, job, wish), dies_at)
            for (job, wish), (_, dies_at) in zip(named.items(), jobs, strict=True)
        ]
        perform(actors, order)

        # whatever was interrupted: who comes later has them one after the other
        waiting = [job for job in named if job not in world.over]
        while waiting:
            job = next((each for each in waiting if world.take(each, named[each])), None)
            assert job is not None, f"everybody waits for somebody else: {waiting}"
            world.end(job)
            waiting.remove(job)
        totals: dict[units.Stock, int] = {("", "cpu"): 3, ("", "lane"): 3}
        assert set(world.tokens().look(totals).used.values()) <= {0}
        for path in Path(world.layout.tokens).glob("*/*"):
            assert not path.name.startswith("~")


def test_files_of_old_turns_are_pruned(tmp_path: Path) -> None:
    world = World(tmp_path)
    for n in range(30):
        assert world.take(str(n), (Need("cpu", 2, 3, ""), Need("lane", 1, 1, "")))
        world.end(str(n))

    assert len(list(Path(world.layout.tokens).glob("*/*"))) <= 4


def test_who_creates_a_turn_that_others_have_gone_beyond_has_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    lane = (Need("lane", 1, 1, ""),)
    slow = world.tokens()
    for job in "abc":
        assert world.take(job, lane)
        world.end(job)
    assert world.take("d", lane)

    stale = Turn(
        ("", "lane"), 0, 2
    )  # it has looked when b was over, and creates that turn only now
    assert not slow.units.hold(stale, slow.units.holder("e", 1), None)

    assert [path.name for path in Path(world.layout.tokens, "lane").iterdir()] == ["0.4"]


def test_plans_that_disagree_on_a_total_start_jobs_while_their_own_is_not_exceeded(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    three, five = (Need("cpu", 1, 3, ""),), (Need("cpu", 1, 5, ""),)
    there = world.tokens()

    def takes(job: str, needs: tuple[tokens.Need, ...]) -> bool:
        return there.take(there.units.holder(job, 1), needs)

    assert [takes(f"five {n}", five) for n in range(6)] == [True] * 5 + [False]
    world.over |= {"five 0", "five 1"}
    assert not takes(
        "three a", three
    )  # three are in use still, though the first three units are not
    world.over.add("five 4")
    assert takes("three a", three)
    assert not takes("three b", three)
    assert takes("five b", five)
