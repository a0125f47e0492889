"""Whenever work remains, something of ours is in the queue that will see to it, whoever dies."""

from hypothesis import given, settings
from hypothesis import strategies as st

from xpm.decide.keep import MOST, Keep, Outlook, is_needless, keep

NOTHING = Outlook((), 0, 0, 0, 0, 0)
counts = st.integers(0, 3)
outlooks = st.builds(
    Outlook, st.lists(st.text("0123456789_", min_size=1)).map(tuple), *[counts] * 5
)


@given(outlooks, st.integers(0, 50))
def test_a_keeper_is_only_made_where_it_may_stay(seen: Outlook, idle: int) -> None:
    if keep(seen, idle) is not None:
        assert not is_needless(seen)


def test_a_keeper_waits_for_arrays_as_wholes_and_for_a_hundred_jobs_at_most() -> None:
    many = (*(f"8_{n}" for n in range(5000)), *map(str, range(10, 200)))

    assert Keep(("7", "8"), 60.0) == keep(NOTHING._replace(behind=("8_1", "7", "8_2"), ready=1), 0)
    wanted = keep(NOTHING._replace(behind=many, waiting=1), 0)
    assert wanted is not None
    assert tuple(map(str, range(100, 200))) == wanted.after
    assert len(wanted.after) == MOST


def test_keepers_that_find_nothing_to_do_come_more_and_more_seldom() -> None:
    stuck = NOTHING._replace(doubtful=1)

    pauses = [each.pause_s for idle in range(8) if (each := keep(stuck, idle)) is not None]

    assert [120, 240, 480, 960, 1920, 3600, 3600, 3600] == pauses


class Site:
    """Jobs in levels, each needing all of the level before; a queue that takes so many; nobody but batch jobs.

    ``chance`` says, for each batch job that ends, whether it dies without a word.
    """

    def __init__(self, levels: list[int], limit: int, mercy: int) -> None:
        self.todo = [(level, n) for level, width in enumerate(levels) for n in range(width)]
        self.widths = levels
        self.done: set[tuple[int, int]] = set()
        self.silent: set[str] = set()  # dead, and nobody has noticed
        self.queue: dict[str, tuple[int, int] | None] = {}  # None: a keeper
        self.after: dict[str, tuple[str, ...]] = {}
        self.limit = limit
        self.mercy = mercy
        self.number = 0

    def ready(self) -> list[tuple[int, int]]:
        live = set(self.queue.values())
        return [
            job
            for job in self.todo
            if job not in self.done
            and job not in live
            and all((job[0] - 1, n) in self.done for n in range(self.widths[job[0] - 1]) if job[0])
        ]

    def advance(self, myself: str | None) -> None:
        """What an advancer does: notice, start, keep. It is still in the queue while it does."""
        for batch_id in self.silent & set(self.queue):
            del self.queue[batch_id]
        for job in self.ready()[: max(0, self.limit - 2 - self._jobs(myself))]:
            self._put(job)
        keepers = [each for each, job in self.queue.items() if job is None and each != myself]
        seen = self._outlook(myself)
        wanted = keep(seen, 0)
        if not keepers and wanted is not None and len(self.queue) < self.limit:
            self.after[self._put(None)] = wanted.after
        for each in keepers if is_needless(seen) else []:
            del self.queue[each]

    def _jobs(self, myself: str | None) -> int:
        return sum(job is not None for job in self.queue.values())

    def _put(self, job: tuple[int, int] | None) -> str:
        self.number += 1
        self.queue[str(self.number)] = job
        return str(self.number)

    def _outlook(self, myself: str | None) -> Outlook:
        live = {b: job for b, job in self.queue.items() if job is not None and b != myself}
        last = len(self.widths) - 1
        waiting = sum(job is not None and job[0] < last for job in live.values())
        return Outlook(tuple(live), 0, 0, len(self.ready()), waiting, len(live))

    def runnable(self) -> list[str]:
        return [
            each
            for each in self.queue
            if each not in self.silent
            and not any(a in self.queue and a not in self.silent for a in self.after.get(each, ()))
        ]

    def end(self, batch_id: str, silently: bool) -> None:
        job = self.queue[batch_id]
        if job is not None and silently and self.mercy > 0:
            self.mercy -= 1
            self.silent.add(batch_id)
            return
        if job is not None:
            self.done.add(job)
        self.advance(batch_id)
        self.queue.pop(batch_id, None)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.integers(4, 12),
    st.randoms(use_true_random=False),
)
def test_without_a_laptop_a_plan_larger_than_the_queue_ends_whoever_dies_silently(
    levels: list[int], limit: int, chance: object
) -> None:
    import random

    assert isinstance(chance, random.Random)
    site = Site(levels, limit, mercy=20)
    site.advance(None)
    for _ in range(400):
        able = site.runnable()
        if not able:
            break
        assert len(site.queue) - len(site.silent) <= limit
        site.end(chance.choice(able), chance.random() < 0.5)

    assert set(site.todo) == site.done
    assert {job for job in site.queue.values()} <= {None}
    assert not site.runnable()
