"""The plans of a soak: chains, diamonds, arrays, tokens and tasks that fail at first, whose every run leaves traces."""

import random
from dataclasses import dataclass

JOBS_EACH = 30
"""How many jobs of its own each plan has; two more are another's too."""
LANE, UNITS = "lane", 3
"""A token, and how many of it there are."""

PROFILE = """\
version: 1
policies:
  default:
    retry:
      exit: {{max: 3}}
      signal: {{max: 50}}
      lost: {{max: 50}}
      node_fail: {{max: 50}}
      launch_fail: {{max: 50}}
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "$HOME/{name}", python: {python}}}
launchers:
  cpu:  {{connector: cluster, partition: cpu, cpus: 1, mem: 100MB, time: 10m, export: {{PYTHONPATH: /opt/site}}}}
  wide: {{connector: cluster, partition: cpu, cpus: 2, mem: 200MB, time: 10m, export: {{PYTHONPATH: /opt/site}}}}
default: cpu
"""

STEP = '''
import os, socket, sys, time, uuid
from pathlib import Path
from xpm import Meta, Param, PathGenerator, Task, experiment, field

TRACES = os.path.join(os.environ["HOME"], "{name}.traces")


def trace(run, word):
    """Add a line, at once, to a file outside of all job folders."""
    job = os.path.basename(os.getcwd())
    line = "%s %s %s %.3f %s\\n" % (job, run, word, time.time(), socket.gethostname())
    handle = os.open(TRACES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line.encode())
    os.close(handle)


class Step(Task):
    """Works for a while; each line of what it writes names the run that wrote it."""

    __xpmid__ = "soak.step"
    plan: Param[str]
    number: Param[int]
    after: Param[list[Task]] = []
    seconds: Meta[float] = 1.0
    lines: Meta[int] = 10
    fails: Meta[int] = 0
    result: Meta[Path] = field(default_factory=PathGenerator("result.txt"))

    def execute(self):
        run = uuid.uuid4().hex
        trace(run, "begin")
        print(self.plan, self.number, run, flush=True)
        for parent in self.after:
            words = parent.result.read_text().split()
            if words[-1] != "end" or len(set(words[::3])) != 1:
                raise ValueError("the result of %s is not whole" % parent.result)
        with open(TRACES) as file:
            job = os.path.basename(os.getcwd())
            begun = sum(line.startswith(job) and " begin " in line for line in file)
        with self.result.open("w") as file:
            for line in range(self.lines):
                file.write("%s %d line\\n" % (run, line))
                file.flush()
                time.sleep(self.seconds / self.lines)
            file.write("%s %d end\\n" % (run, self.lines))
        if begun <= self.fails:
            sys.exit(3)
        trace(run, "end")
'''

MAIN = """

def heard(task):
    with open(os.path.join({home!r}, "callbacks"), "a") as file:
        file.write("{plan} %d %s\\n" % (os.getpid(), task.jobpath.name))


with experiment("main", {plan!r}) as xp:
    lane = xp.token({lane!r}, {units})
    made = {{}}
    for plan, number, after, seconds, lines, fails, token, launcher in {rows}:
        after = [made[each] for each in after]
        task = Step(plan=plan, number=number, after=after, seconds=seconds, lines=lines, fails=fails)
        if token:
            lane(1, task)
        made[number] = task.submit(launcher=launcher)
        made[number].on_completed(heard)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One task of a plan."""

    plan: str
    number: int
    after: tuple[int, ...]
    seconds: float
    lines: int
    fails: int = 0
    token: bool = False
    launcher: str = "cpu"

    def as_tuple(self) -> tuple[object, ...]:
        """Its fields, as the plan's script has them."""
        return tuple(getattr(self, name) for name in self.__slots__)


def rows(plan: str, shared: str, longest_s: float, chance: random.Random) -> list[Row]:
    """The tasks of a plan.

    Args:
        plan: its name.
        shared: the name of the tasks that other plans have too.
        longest_s: how long a task takes at most.
        chance: where durations come from.
    """

    def row(number: int, *after: int, **words: object) -> Row:
        lines = chance.choice((10, 50, 3000))
        seconds = round(chance.uniform(0.1, 1.0) ** 2 * longest_s, 1)
        return Row(plan, number, after, seconds, lines, **words)  # type: ignore[arg-type]

    chain = [row(0), row(1, 0), row(2, 1), row(3, 2)]
    diamond = [row(4), row(5, 4), row(6, 4), row(7, 4, launcher="wide"), row(8, 5, 6, 7)]
    array = [row(number) for number in range(9, 19)]
    held = [row(number, token=True) for number in range(19, 23)]
    flaky = [row(23, fails=1), row(24, fails=2), row(25, 23, 24)]
    wide = [row(number, launcher="wide") for number in (26, 27)]
    last = [row(28, *range(9, 19)), row(29, 3, 8, 28)]
    common = [Row(shared, number, (), 1.0, 10) for number in (100, 101)]
    found = [*chain, *diamond, *array, *held, *flaky, *wide, *last]
    assert len(found) == JOBS_EACH
    return [*found, *common]


def script(name: str, home: str, plan: str, tasks: list[Row]) -> str:
    """The text of a plan.

    Args:
        name: of the workspace; traces go beside it.
        home: the laptop's folder where callbacks leave a line.
        plan: its name.
        tasks: its tasks.
    """
    listed = ",\n        ".join(repr(each.as_tuple()) for each in tasks)
    words = {"home": home, "plan": plan, "lane": LANE, "units": UNITS, "rows": f"[{listed}]"}
    return STEP.replace("{name}", name) + MAIN.format(**words)
