"""Small plans whose jobs leave a trace for every time they take effect."""

HEAD = '''
import os, sys, time
from pathlib import Path
from xpm import Meta, Param, Task, experiment

def effect(name):
    with (Path(os.environ["HOME"]) / "{name}.effects").open("a") as file:
        file.write(name + "\\n")

class Step(Task):
    """Waits, then appends its number to a file outside of any job folder."""
    __xpmid__ = "test.step"
    number: Param[int]
    after: Param[list[Task]] = []
    seconds: Meta[float] = 1.0
    held: Meta[bool] = False

    def execute(self):
        print("step", self.number, flush=True)
        time.sleep(self.seconds)
        while self.held and not (Path(os.environ["HOME"]) / "{name}.effects.released").exists():
            time.sleep(0.05)
        effect("step%d" % self.number)

class Broken(Task):
    """Fails unless a file says that it is mended."""
    __xpmid__ = "test.broken"

    def execute(self):
        print("about to fail")
        if not (Path(os.environ["HOME"]) / "{name}.effects.mended").exists():
            raise ValueError("the reactor is on fire")
        effect("mended")

class Child(Task):
    """Needs a broken one."""
    __xpmid__ = "test.child"
    parent: Param[Broken]

    def execute(self):
        effect("child")

'''


def steps(name: str, count: int, seconds: float, held: bool = False) -> str:
    """A plan of independent steps and one that follows them all; held steps run until ``Laptop.release``."""
    return HEAD.replace("{name}", name) + (
        f'with experiment("main", "steps") as xp:\n'
        f"    first = [Step(number=n, seconds={seconds}, held={held}).submit() for n in range({count})]\n"
        f"    Step(number={count}, after=first, seconds=0.1).submit()\n"
    )


def failing(name: str) -> str:
    """A plan with a task that raises, one that needs it and one that does not."""
    return HEAD.replace("{name}", name) + (
        'with experiment("main", "failing") as xp:\n'
        "    broken = Broken().submit()\n"
        "    Child(parent=broken).submit()\n"
        "    Step(number=1, seconds=0.1).submit()\n"
    )
