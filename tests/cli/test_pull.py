"""Results by the profile's rules on a real cluster: what comes while a job runs, what stays, what is pulled."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import until
from tests.cli.laptop import Laptop
from tests.cluster import RunningCluster

pytestmark = pytest.mark.cluster

RULES = """
sync:
  results: {skip: ["ckpt/"], max_file: 1MB, pull_on: [done], live: ["*.csv"]}
"""
PLAN = """\
import os
import time
from pathlib import Path

from xpm import Param, Task, experiment, tag

GO = Path(os.path.expanduser("~")) / "go-{token}"


class Train(Task):
    name: Param[str]

    def execute(self):
        Path("ckpt").mkdir()
        Path("ckpt/one.pt").write_bytes(b"1" * 1000)
        Path("ckpt/two.pt").write_bytes(b"2" * 2000)
        Path("huge.bin").write_bytes(b"h" * 2_000_000)
        Path("metrics.json").write_text("{{}}")
        Path("closed").write_text("c")
        os.chmod("closed", 0)
        with open("loss.csv", "a") as file:
            file.write("0.5\\n")
        print("has begun", flush=True)
        while not GO.exists():
            time.sleep(0.05)
        if self.name == "bad":
            raise ValueError("no luck")


with experiment("main", "trains") as xp:
    for name in ("good", "bad"):
        Train(name=tag(name)).submit()
"""


def files(laptop: Laptop, name: str) -> set[str]:
    [job] = [each for each in laptop.status() if each["tags"]["name"] == name]
    folder = Path(job["path"])
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and ".xpm" not in path.parts
    }


def test_what_comes_and_what_stays_follows_the_profile(
    healthy_cluster: RunningCluster, tmp_path: Path
) -> None:
    laptop = Laptop(healthy_cluster, tmp_path / "home")
    laptop.profile.write_text(laptop.profile.read_text() + RULES)
    (laptop.project / "plan.py").write_text(PLAN.format(token=laptop.token))
    assert laptop.xpm("run", "plan.py", "-l", "cpu", "--detach").code == 0
    until(lambda: set(laptop_states(laptop)) == {"running"})

    def is_seen() -> bool:
        assert laptop.xpm("sync", "trains").code == 0
        return files(laptop, "good") == files(laptop, "bad") == {"stdout", "stderr", "loss.csv"}

    until(is_seen)
    now = laptop.xpm("pull", "name=good", "/metrics.json")
    assert (now.code, now.err.split()[:2]) == (0, ["2", "B"])  # its rate, too, when it took long
    laptop.cluster.on("login1", "sh", "-c", f"cd; touch go-{laptop.token}")
    waited = laptop.xpm("wait")
    good, bad = files(laptop, "good"), files(laptop, "bad")

    assert good == {"stdout", "stderr", "loss.csv", "metrics.json"}
    assert bad == {"stdout", "stderr", "loss.csv"}  # the last came live
    assert "files, 4.0 MB of 2 jobs stayed on cluster: xpm pull trains" in waited.err
    told = laptop.xpm("why", "name=good").out
    assert "huge.bin, 2.0 MB (max_file)" in told
    assert "ckpt/two.pt, 2.0 kB (skip)" in told
    assert "closed, 1 B (unreadable)" in told
    assert "metrics.json, 2 B (pull_on)" in laptop.xpm("story", "name=bad").out

    one = laptop.xpm("pull", "name=good", "one.pt", "--json")
    assert one.code == 0, one.err
    [pulled] = json.loads(one.out)["jobs"]
    assert (pulled["files"], pulled["bytes"], pulled["gone"]) == (1, 1000, [])
    assert sorted(each["path"] for each in pulled["stayed"]) == [
        "ckpt/two.pt",
        "closed",
        "huge.bin",
    ]
    assert files(laptop, "good") == good | {"ckpt/one.pt"}
    nothing = laptop.xpm("pull", "name=good", "*.onnx")
    assert (nothing.code, "no file is covered by '*.onnx'" in nothing.err) == (2, True)

    laptop.profile.write_text(laptop.profile.read_text().replace("max_file: 1MB", "max_file: 1GB"))
    assert laptop.xpm("sync").code == 0
    assert files(laptop, "good") == good | {"ckpt/one.pt", "huge.bin"}
    every = laptop.xpm("sync", "trains", "--all")
    assert every.code == 0
    assert "2 files, 2 B of 2 jobs stayed on cluster" in every.err  # nobody may read them
    assert files(laptop, "bad") == files(laptop, "good") == good | {
        "ckpt/one.pt", "ckpt/two.pt", "huge.bin",
    }  # fmt: skip
    stayed = {job["tags"]["name"]: job["stayed"] for job in laptop.status()}
    assert stayed == {"good": {"files": 1, "bytes": 1}, "bad": {"files": 1, "bytes": 1}}


def laptop_states(laptop: Laptop) -> list[str]:
    return [job["state"] for job in laptop.status()]
