"""A laptop that is closed right after submission: the plan goes on, whoever dies, and is complete when it comes back."""

import json
from collections.abc import Callable

import pytest

from tests.main_job import plans
from tests.main_job.laptop import PROFILE, Laptop, wait_for

pytestmark = pytest.mark.cluster
IMPATIENT = {"squeue_every_s": 3, "message_timeout_s": 1.5, "lost_after_s": 6, "keeper_apart_s": 5}


FRAGILE = """
class Fragile(Task):
    __xpmid__ = "test.fragile"
    number: Param[int]

    def execute(self):
        began = Path(os.environ["HOME"]) / "{name}.effects"
        if not began.exists() or "began%d" % self.number not in began.read_text().split():
            effect("began%d" % self.number)
            time.sleep(600)  # to be killed
        effect("fragile%d" % self.number)

with experiment("main", "fragile") as xp:
    first = [Fragile(number=n).submit() for n in range(2)]
    Step(number=0, after=first, seconds=0.1).submit()
"""


class Lid:
    """A plan that was submitted by a laptop which is gone now."""

    def __init__(self, laptop: Laptop, text: str, profile: str = PROFILE) -> None:
        self._laptop = laptop
        site = json.dumps(IMPATIENT)
        laptop.there(f"mkdir -p {self.own} && echo '{site}' > {self.own}/site.json")
        laptop.write_profile(profile)
        self._plan = laptop.write("project/plan.py", text)

    @property
    def own(self) -> str:
        return f"$HOME/{self._laptop.name}/.xpm"

    def close(self) -> None:
        """Submit, and be gone."""
        done = self._laptop.xpm("run", str(self._plan), "--detach")
        assert done.returncode == 0, done.stderr
        self._laptop.cluster.do("cut")

    def queue(self, *options: str) -> list[str]:
        """The names of batch jobs of ours."""
        return self._laptop.there(f"squeue -h --me -o %j {' '.join(options)}").split()

    def keepers(self) -> list[str]:
        return [name for name in self.queue() if ".keeper." in name]

    def has(self, *effects: str) -> Callable[[], object]:
        return lambda: set(effects) <= set(self._laptop.effects())

    def open(self) -> None:
        """Come back: nothing is left to do, and all is told."""
        self._laptop.cluster.do("heal")
        before = self._laptop.effects()
        done = self._laptop.xpm("run", str(self._plan))
        assert done.returncode == 0, done.stderr
        assert {"done"} == set(self._laptop.states())
        assert before == self._laptop.effects()
        wait_for("no keeper is left", lambda: not self.keepers(), 30)


def test_what_was_killed_without_a_word_is_seen_to_by_the_keeper(laptop: Laptop) -> None:
    text = (plans.HEAD + FRAGILE).replace("{name}", laptop.name)
    retry = "policies: {{default: {{retry: {{signal: {{max: 2}}}}}}}}\n"
    lid = Lid(laptop, text, PROFILE + retry)
    lid.close()
    wait_for("both run", lid.has("began0", "began1"))
    assert 1 == len(lid.keepers())

    for node in set(laptop.there("squeue -h --me -t RUNNING -o %N").split()):
        laptop.there("pkill -9 -f '[.]xpm/travel'", node)

    wait_for("the last step", lid.has("fragile0", "fragile1", "step0"), 120)
    assert 5 == len(laptop.effects())
    lid.open()
