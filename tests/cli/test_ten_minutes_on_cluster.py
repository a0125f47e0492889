"""The first ten minutes on a cluster: found out, rehearsed, run, left alone, come back to."""

import re
import signal
from pathlib import Path

import pytest

from tests.cli.commands import Ended, until
from tests.cli.laptop import Laptop
from tests.cluster import RunningCluster

pytestmark = pytest.mark.cluster


@pytest.fixture
def laptop(healthy_cluster: RunningCluster, tmp_path: Path) -> Laptop:
    found = Laptop(healthy_cluster, tmp_path / "home")
    found.profile.unlink()
    return found


def told(ended: Ended, code: int = 0) -> str:
    assert ended.code == code, ended
    return ended.out + ended.err


def test_from_a_name_of_ssh_to_results_with_the_laptop_closed_meanwhile(laptop: Laptop) -> None:
    told(laptop.xpm("init"))
    plan = laptop.project / "plan.py"
    whole = plan.read_text()
    gate = f"gates-{laptop.token}"
    plan.write_text(
        whole.replace("x = 1.0 + self.seed", f"wait('{gate}'); x = 1.0 / (1 - self.seed)").replace(
            "\n\nclass Train", "\n\n" + WAIT + "\n\nclass Train", 1
        )
    )

    # a cluster that ssh knows: one command finds out what it is
    known = told(laptop.xpm("connect", "testcluster", "--workspace", f"$HOME/ten-{laptop.token}"))
    for topic in ("login", "latency", "noise", "shell", "slurm", "accounting", "partition",
                  "python", "workspace", "clock", "umask"):  # fmt: skip
        assert f"  {topic} " in known, known
    assert "now: xpm run PLAN.py --launcher cpu" in known
    assert "wrote connector testcluster and launchers" in known

    # rehearsed: which jobs, as what, with how many bytes, and when
    dry = told(laptop.xpm("run", "plan.py", "-l", "cpu", "--dry-run", "--online"))
    for words in ("7 jobs: 6 new, 1 waiting", "lr=[0.1 0.01 0.001] seed=[0 1]", "--array=0-5",
                  "--partition=cpu --account=lab", "kB in 4 files", "6 jobs at once as 1 array, 1 job after others",
                  "; at most 7 core-hours", "would start about 20",
                  "To run it: xpm run plan.py --launcher cpu"):  # fmt: skip
        assert words in dry, dry

    # run: told when the laptop is not needed, and Ctrl-C leaves the jobs alone
    running = laptop.start("run", "plan.py", "--launcher", "cpu")
    assert running.stderr is not None
    said = ""
    while "took 6 jobs" not in said:
        line = running.stderr.readline()
        assert line, said
        said += line
    assert "kB sent" in said
    assert (
        "7 jobs are safe on testcluster, for at most 7 core-hours. You can close the laptop now;"
        " come back with `xpm status project`"
    ) in said
    assert re.search(r"testcluster took 6 jobs as array \d+_\[0-5\]", said), said
    running.send_signal(signal.SIGINT)
    _, rest = running.communicate(timeout=60)
    assert (running.returncode, "submitted jobs go on" in rest) == (130, True), rest
    laptop.cluster.do("cut")
    laptop.cluster.on("login1", "sh", "-c", f"cd; touch {gate}")
    until(lambda: laptop.cluster.on("login1", "squeue", "-h").strip() == "")

    # the next morning, before there is a network: what is known, with its age
    blind = told(laptop.xpm("status"))
    assert "no link to testcluster" in blind, blind

    # then with it: what has ended meanwhile, why, and what to do
    laptop.cluster.do("heal")
    morning = laptop.xpm("status")
    assert re.search(
        r"testcluster: 3 failed, 1 skipped, 3 done since you last looked; [\d.]+ kB of results came\n",
        told(morning),
    ), morning
    assert "3 done · under 0.1 of at most 7 core-hours\n" in morning.out
    bad = next(line for line in morning.out.splitlines() if "lr=0.1 seed=1" in line)
    assert "ZeroDivisionError" in bad
    assert f"`xpm why {bad[:8]}`, `xpm logs {bad[:8]}`" in morning.err
    assert "ZeroDivisionError" in told(laptop.xpm("logs", bad[:8], "--stderr"))
    assert "since you last looked" not in told(laptop.xpm("status"))
    assert "3 jobs get a new attempt" in told(laptop.xpm("retry", "--failed"))
    table = laptop.xpm("results", "project", "--csv")
    assert [line.split(",")[3:5] for line in table.out.splitlines()] == [
        ["lr", "seed"], ["0.1", "0"], ["0.01", "0"], ["0.001", "0"],
    ]  # fmt: skip


def test_a_job_that_ran_out_of_memory_is_told_with_what_it_asked_for_and_took(
    laptop: Laptop,
) -> None:
    gate = f"gates-{laptop.token}"
    told(laptop.xpm("connect", "testcluster", "--workspace", f"$HOME/ten-{laptop.token}",
                    "--no-doctor"))  # fmt: skip
    (laptop.project / "plan.py").write_text(EATS.replace("GATE", gate))

    failed = laptop.xpm("run", "plan.py", "-l", "cpu")
    laptop.cluster.on("login1", "sh", "-c", f"cd; touch {gate}")
    morning = told(laptop.xpm("status"))
    bad = next(line[:8] for line in morning.splitlines() if "plan.eat " in line)
    slip = laptop.xpm("retry", bad, "--set", "mem=2")
    never = laptop.xpm("retry", bad, "--set", "mem=900GB")
    told(laptop.xpm("retry", bad, "--set", "mem=2GB"))
    waited = laptop.xpm("wait")
    again = laptop.xpm("run", "plan.py", "-l", "cpu")

    words = r"oom; out of memory: .*; asked for 1 GB, was killed at 1\.\d GB: raise `mem` in the launcher cpu"
    assert failed.code == 1
    assert re.search(words, morning), morning
    assert f"with more memory: `xpm retry {bad} --set mem=...`" in morning
    assert re.search(rf"with more memory: `xpm retry {bad}\w+ --set mem=...`", failed.err)
    assert (slip.code, "like mem=4GB" in slip.err) == (2, True)
    assert (never.code, "can never give" in never.err) == (2, True), never
    assert (waited.code, "done" in waited.out) == (0, True), waited
    assert (again.code, "nothing had to be run" in again.err) == (0, True), again


WAIT = """def wait(gate):
    import os, time
    while not os.path.exists(os.path.expanduser("~/" + gate)):
        time.sleep(0.05)
"""
EATS = """import time
from pathlib import Path
from xpm import Param, Task, experiment

class Eat(Task):
    megabytes: Param[int]

    def execute(self):
        held = bytearray(self.megabytes * 10**6)
        held[::4096] = b"x" * len(held[::4096])
        while not (Path.home() / "GATE").exists():  # somebody looks at it now and then
            time.sleep(0.05)

with experiment("main", "eats"):
    Eat(megabytes=1300).submit()
"""
