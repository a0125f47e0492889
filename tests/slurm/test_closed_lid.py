"""A laptop that is closed right after submission: the plan goes on, whoever dies, and is complete when it comes back."""

import json
import os
from collections.abc import Callable

import pytest

from tests.main_job import plans
from tests.main_job.laptop import PROFILE, Laptop, wait_for

pytestmark = pytest.mark.cluster
WIDTHS = os.environ.get("XPM_LID_WIDTHS", "1,6,9,6,1")
LIMIT = os.environ.get("XPM_LID_LIMIT", "8")
"""The whole thing takes its time: XPM_LID_WIDTHS=1,166,166,166,1 XPM_LID_LIMIT=50."""
IMPATIENT = {"squeue_every_s": 3, "message_timeout_s": 1.5, "lost_after_s": 6, "keeper_apart_s": 5}


DIAMOND = """
class Hard(Task):
    __xpmid__ = "test.hard"
    level: Param[int]
    number: Param[int]
    after: Param[list[Task]] = []

    def execute(self):
        name = "%d.%d" % (self.level, self.number)
        if self.number % 5 == 0:
            effects = Path(os.environ["HOME"]) / "{name}.effects"
            if not effects.exists() or "tried" + name not in effects.read_text().split():
                effect("tried" + name)
                raise ValueError("the first time never works")
        effect("done" + name)

class Fragile(Task):
    __xpmid__ = "test.fragile"
    after: Param[list[Task]]

    def execute(self):
        if "began" not in (Path(os.environ["HOME"]) / "{name}.effects").read_text().split():
            effect("began")
            time.sleep(600)  # to be killed
        effect("end")

with experiment("main", "diamond") as xp:
    above = []
    lane = xp.connector.createtoken("lane", 3)
    for level, width in enumerate(WIDTHS):
        here = []
        for number in range(width):
            after = above if width == 1 else [above[number % len(above)], above[number // 2 % len(above)]]
            task = Hard(level=level, number=number, after=after if above else [])
            here.append((lane(1, task) if level == 2 and number % 2 else task).submit())
        above = here
    Fragile(after=above).submit()
"""


def diamond(name: str, widths: list[int]) -> str:
    """A plan of levels; every fifth task fails once, every other one of the third level needs a token.

    What comes after them all must be killed once.
    """
    return (plans.HEAD + DIAMOND).replace("{name}", name).replace("WIDTHS", repr(widths))


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
        """Come back: all is done, and told."""
        self._laptop.cluster.do("heal")
        done = self._laptop.xpm("run", str(self._plan))
        assert done.returncode == 0, done.stderr
        assert {"done"} == set(self._laptop.states())
        wait_for("no keeper is left", lambda: not self.keepers())


def test_a_plan_larger_than_the_submit_limit_runs_to_its_end_though_its_last_job_is_killed(
    laptop: Laptop,
) -> None:
    widths, limit = [int(each) for each in WIDTHS.split(",")], int(LIMIT)
    retry = "policies: {{default: {{retry: {{exit: {{max: 1}}, signal: {{max: 1}}}}}}}}\n"
    laptop.cluster.do("limit", f"MaxSubmitJobs={limit}")
    lid = Lid(laptop, diamond(laptop.name, widths), PROFILE + retry)

    lid.close()

    wait_for("the last one runs", lid.has("began"), 60 + 8 * sum(widths))
    # Others may run still: a keeper, and who has let it go and looks round once more.
    claim = laptop.there(f"cat $HOME/{laptop.name}/jobs/test.fragile/*/.xpm/a1.1")
    node = json.loads(claim)["node"]
    wait_for("a keeper waits", lambda: ".keeper." in " ".join(lid.queue("-t", "PENDING")))
    laptop.there("pkill -9 -f '[.]xpm/travel'", node)
    wait_for("it has run again", lid.has("end"), 240)
    done = [each for each in laptop.effects() if each.startswith("done")]
    assert sorted(f"done{k}.{n}" for k, width in enumerate(widths) for n in range(width)) == done
    effects = laptop.effects()
    lid.open()
    assert effects == laptop.effects()


CHAIN = """
with experiment("main", "chain") as xp:
    first = Step(number=0, seconds=3.0).submit()
    second = Step(number=1, seconds=3.0, after=[first]).submit()
    Step(number=2, seconds=0.1, after=[second]).submit()
"""


def test_where_compute_nodes_cannot_submit_the_laptop_says_what_waits_for_it(
    laptop: Laptop,
) -> None:
    lid = Lid(laptop, (plans.HEAD + CHAIN).replace("{name}", laptop.name))
    nodes = ["scontrol", "update", "partition=cpu"]
    laptop.cluster.on("ctl", *nodes, "AllocNodes=login1", user="root")
    try:
        lid.close()
        wait_for("a job tries", lambda: "denied" in laptop.there(f"cat {lid.own}/nodes.json||true"))
        assert ["step0"] == laptop.effects()

        laptop.cluster.do("heal")
        told = laptop.xpm("status")

        assert "cluster: 1 job waits for others" in told.stderr, told.stderr
        lid.open()
    finally:
        laptop.cluster.on("ctl", *nodes, "AllocNodes=ALL", user="root")
