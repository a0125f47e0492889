"""An environment from a lock file on a cluster without internet, and code that is edited while its jobs wait."""

import pytest

from tests.main_job.laptop import Laptop, wait_for
from tests.sync import wheelhouse

pytestmark = pytest.mark.cluster

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "$HOME/{name}", python: {python}}}
envs:
  locked: {{uv: {{lock: uv.lock, build: wheels, python: "SERIES", index: "file://HOME/index"}}}}
launchers:
  cpu: {{connector: cluster, partition: cpu, cpus: 1, mem: 300MB, time: 10m, env: locked, extra: [--begin=now+1hour]}}
default: cpu
"""

PLAN = """\
import tinylib

from words import WORD
from xpm import Param, Task, experiment


class Say(Task):
    __xpmid__ = "locked.say"
    name: Param[str]

    def execute(self):
        print(WORD, tinylib.WORD)


with experiment("main", "locked") as xp:
    for name in ("a", "b"):
        Say(name=name).submit()
"""


def test_an_environment_from_a_lock_and_code_edited_while_queued(laptop: Laptop) -> None:
    lock = wheelhouse.make(laptop.home / "index")
    series = laptop.cluster.status()["python"]["laptop"]
    profile = PROFILE.replace("HOME/index", f"{laptop.home}/index").replace("SERIES", series)
    laptop.write_profile(profile)
    laptop.write("project/uv.lock", lock)
    laptop.write("project/tinylib.py", "WORD = 'here'\n")  # the laptop's own, which stays there
    laptop.write("project/.xpmignore", "tinylib.py\n")
    laptop.write("project/words.py", "WORD = 'old'\n")
    plan = str(laptop.write("project/plan.py", PLAN))

    sent = laptop.xpm("run", "--detach", plan)
    assert sent.returncode == 0, sent.stderr
    wait_for("both wait in the queue", lambda: _waiting(laptop) == 2)
    first = _waiting_ids(laptop)[:1]

    laptop.write("project/words.py", "WORD = 'new'\n")
    kept = laptop.xpm("run", "--detach", plan)
    assert "keep what they were submitted with" in kept.stderr
    _release(laptop, first)
    wait_for("one is done", lambda: "done" in laptop.states())
    again = laptop.xpm("run", "--detach", "--refresh", plan)
    assert "run the code of now" in again.stderr, again.stderr
    _release(laptop, _waiting_ids(laptop))
    done = laptop.xpm("run", plan)
    assert done.returncode == 0, done.stderr

    said = sorted(path.read_text() for path in laptop.main.glob("jobs/locked.say/*/stdout"))
    assert ["new lib and dep\n", "old lib and dep\n"] == said
    envs = laptop.there(f"ls $HOME/{laptop.name}/envs").split()
    assert 1 == len([name for name in envs if name.endswith(".json")])


def _waiting_ids(laptop: Laptop) -> list[str]:
    # the elements of the array: a keeper waits beside them
    text = laptop.there("squeue --me -h -r -t PD -o '%i %r'")
    return [line.split()[0] for line in text.splitlines() if "_" in line]


def _waiting(laptop: Laptop) -> int:
    return len(_waiting_ids(laptop))


def _release(laptop: Laptop, batch_ids: list[str]) -> None:
    for each in batch_ids:
        laptop.there(f"scontrol update JobId={each} StartTime=now")
