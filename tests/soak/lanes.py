"""People at the laptop: each runs plan after plan, and runs it again when it was killed or failed."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.main_job.laptop import Laptop, kill
from tests.soak import plans

MAY_HAPPEN = (0, 1, 3, -9, 137)
"""How `xpm run` may end: all done, a task failed, a host out of reach, killed by us."""


class Lane(threading.Thread):
    """One of them.

    Args:
        laptop: whose laptop.
        number: which of them.
        seed: of the soak.
        longest_s: how long a task takes at most.
        wanted: how many plans this one runs at least.
        over: set when no further plan is to be begun, unless less than ``wanted`` were.
        ends_at: a function that tells when to give up, by ``time.monotonic``.
    """

    def __init__(
        self,
        laptop: Laptop,
        number: int,
        seed: int,
        longest_s: float,
        wanted: int,
        over: threading.Event,
        ends_at: Callable[[], float],
    ) -> None:
        super().__init__(name=f"lane {number}", daemon=True)
        self._laptop = laptop
        self._number = number
        self._chance = random.Random(f"{seed} lane {number}")
        self._longest_s = longest_s
        self._wanted = wanted
        self._over = over
        self._ends_at = ends_at
        self.plans: list[str] = []
        self.last_pids: dict[str, str] = {}
        self.codes: list[int] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        """Run plan after plan."""
        while len(self.plans) < self._wanted or not self._over.is_set():
            if not self._complete(len(self.plans)):
                return

    def _complete(self, index: int) -> bool:
        """Run a plan until it ends well; False when it never does."""
        name = f"plan{self._number}-{index}"
        tasks = plans.rows(name, f"both-{index}", self._longest_s, self._chance)
        text = plans.script(self._laptop.name, str(self._laptop.home), name, tasks)
        path = self._laptop.home / f"project{self._number}" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.plans.append(name)
        while True:
            code = self._run(path)
            if code == 0:
                return True
            if code not in MAY_HAPPEN:
                self.wrong.append(f"xpm run of {name} ends with {code}")
            if time.monotonic() > self._ends_at():
                self.wrong.append(f"{name} was never done; the last run ended with {code}")
                return False
            time.sleep(self._chance.uniform(0, 2))

    def _run(self, path: Path) -> int:
        log = self._laptop.home / f"run-{path.stem}.log"
        process = self._laptop.start("run", str(path), log=log)
        while process.poll() is None:
            time.sleep(0.1)
            if time.monotonic() > self._ends_at():
                kill(process)
        self.codes.append(process.returncode)
        self._laptop.started.remove(process)
        return process.returncode


def end_a_run(laptop: Laptop, chance: random.Random) -> bool:
    """Kill one of the commands of a laptop that are under way, as a flat battery does; False when there is none."""
    alive = [each for each in list(laptop.started) if each.poll() is None]
    if not alive:
        return False
    kill(chance.choice(alive))
    return True
