"""``xpm run --dry-run``: what a run would do is told, and nothing else happens."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Ended, until, xpm
from xpm.agent import limits
from xpm.cli.dry_online import ask_for, judged
from xpm.cli.findings import Finding
from xpm.connectors import questions
from xpm.connectors.local_host import LocalHost
from xpm.connectors.specs import SlurmSpec, SshTarget
from xpm.follow import sent, sites
from xpm.follow.dry import Ask, Parcel

pytestmark = pytest.mark.host

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: far, config: {config}}}, workspace: "$SCRATCH/xpm", python: ~/bin/python3}}
launchers:
  gpu: {{connector: cluster, partition: gpu, cpus: 8, mem: 60GB, gpus: 2, time: 12h, pre: [module purge]}}
default: gpu
"""
PLAN = """\
from pathlib import Path
from xpm import Param, Task, experiment, tag

class Train(Task):
    lr: Param[float]
    def execute(self):
        if self.lr == 7:
            raise ValueError("no luck")

class Report(Task):
    of: Param[Train]
    def execute(self): ...

with experiment("main", "hello", launcher={launcher!r}) as xp:
    for lr in {rates}:
        train = Train(lr=tag(lr))
        train.submit().on_completed(lambda task: Path("called").touch())
        Report(of=train).submit()
    (xp.resultspath / "mine").write_text("kept by nobody")
    {then}
print("after")
"""


class Home:
    """A person's laptop, whose only cluster must not be touched."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.touched = path / "touched"
        (path / "ssh").mkdir()
        (path / "config").mkdir()
        config = path / "ssh" / "config"
        config.write_text(f"Host far\n  HostName 192.0.2.1\n  ProxyCommand touch {self.touched}\n")
        (path / "config" / "launchers.yaml").write_text(PROFILE.format(config=config))
        self.project = path / "project"
        self.project.mkdir()
        (path / "tmp").mkdir()

    def plan(self, *rates: float, launcher: str | None = None, then: str = "pass") -> None:
        text = PLAN.format(rates=list(rates), launcher=launcher, then=then)
        (self.project / "plan.py").write_text(text)

    def run(self, *options: str) -> Ended:
        temporary = self.path / "tmp"
        more = {"TMPDIR": str(temporary)}
        return xpm("run", "plan.py", *options, home=self.path, cwd=self.project, more=more)

    def dry(self, *options: str) -> dict[str, Any]:
        told = self.run("--dry-run", "--json", *options)
        assert told.code == 0, told.err
        (experiment,) = json.loads(told.out[told.out.index("{") :])["experiments"]
        return dict(experiment)

    def works(self) -> bool:
        """Whether a process of ours is at work on the workspace here."""
        told = subprocess.check_output(["ps", "-ewwo", "args"], text=True)
        return str(self.project / "main") in told

    def state(self) -> dict[str, tuple[int, int]]:
        """Every file and folder there is, with what would show a change."""
        found = {}
        for folder, _, names in os.walk(self.path):
            for each in [folder, *(os.path.join(folder, name) for name in names)]:  # noqa: PTH118
                status = os.lstat(each)
                found[each] = (status.st_mtime_ns, status.st_size)
        found.pop(str(self.path / "tmp"), None)  # something was there for a moment
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def fates(told: dict[str, Any]) -> dict[str, str]:
    return {f"{job['task']} {job['tags']['lr']}": job["fate"] for job in told["jobs"]}


def test_a_fresh_plan_is_told_whole_and_nothing_is_written_or_connected(home: Home) -> None:
    home.plan(0.1, 0.01)
    before = home.state()

    told = home.run("--dry-run")

    assert (told.code, home.touched.exists()) == (0, False), told.err
    assert before == home.state()
    assert "hello · 4 jobs: 2 new, 2 waiting" in told.out
    assert "lr=[0.1 0.01]" in told.out
    assert "launcher gpu on cluster: 2 jobs at once as 1 array, 2 jobs after others" in told.out
    assert "each 8 cores, 60 GB, 2 GPUs, 12 h; at most 96 GPU-hours\n" in told.out
    line = next(line for line in told.out.splitlines() if "$ sbatch" in line)
    assert "--output=$SCRATCH/xpm/.xpm/submissions/ID/log.%a --chdir=$SCRATCH/xpm" in line
    assert "--partition=gpu --time=720 --nodes=1 --ntasks=1 --cpus-per-task=8 --mem=57221M" in line
    assert "--gpus-per-node=2" in line
    assert line.endswith("--array=0-1")
    assert "| module purge" in told.out
    assert "| exec ~/bin/python3 $SCRATCH/xpm/.xpm/travel/ID run $SCRATCH/xpm ID" in told.out
    assert "nothing was started" in told.err
    assert "after" not in told.out.splitlines()


def test_jobs_of_different_kinds_are_counted_by_what_they_ask_for_and_together(home: Home) -> None:
    profile = home.path / "config" / "launchers.yaml"
    cores = "  cpu: {connector: cluster, partition: cpu, cpus: 4, time: 30m}\n"
    profile.write_text(profile.read_text().replace("default:", f"{cores}default:"))
    home.plan(0.1, 0.01)
    plan = home.project / "plan.py"
    plan.write_text(
        plan.read_text().replace("(of=train).submit()", "(of=train).submit(launcher='cpu')")
    )

    told = home.run("--dry-run")
    hours = [each["hours"] for each in home.dry()["requests"]]

    assert "2 GPUs, 12 h; at most 48 GPU-hours\n" in told.out
    assert "each 4 cores, 30 min; at most 4 core-hours\n" in told.out
    assert "all of them: at most 48 GPU-hours and 4 core-hours, run once each\n" in told.out
    assert hours == [{"GPU-hours": 48}, {"core-hours": 4}]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (2, "5 jobs at once as 3 arrays of at most 2,"),
        (1000, "5 jobs at once as 1 array,"),
        (0, "5 jobs at once, each by itself (the site takes no arrays),"),
    ],
)
def test_as_how_many_arrays_jobs_go_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch, size: int, words: str
) -> None:
    home.plan(1, 2, 3, 4, 5)
    monkeypatch.setenv("XDG_STATE_HOME", str(home.path / "state"))
    spec = SlurmSpec("cluster", SshTarget("far", home.path / "ssh" / "config"), "$SCRATCH/xpm")
    sites.keep(spec, limits.dump(limits.UNKNOWN._replace(at=time.time(), max_array_size=size)))

    assert words in home.run("--dry-run").out


def test_the_code_is_named_with_how_far_it_is_from_what_is_committed(home: Home) -> None:
    home.plan(1)
    git = ["git", "-C", str(home.project), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)

    clean, name = home.run("--dry-run").out, home.dry()["snapshot"][:8]
    (home.project / "more.py").write_text("x = 1")
    dirty, other = home.run("--dry-run").out, home.dry()["snapshot"][:8]

    assert f"to cluster: code {name}: " in clean
    assert f"to cluster: code {other} (1 file not committed): " in dirty


def test_what_to_type_then_has_the_options_that_were_given(home: Home) -> None:
    home.plan(0.1, launcher=None)

    told = home.run(
        "--dry-run", "--launcher", "gpu", "--set", "launchers.gpu.time=2h", "--workdir", "a b"
    )

    assert (
        "To run it: xpm run plan.py --launcher gpu --workdir 'a b' --set launchers.gpu.time=2h\n"
        in told.err
    ), told.err


def test_what_is_done_fails_or_is_new_is_told_apart_with_reasons(home: Home) -> None:
    home.plan(1, 7, launcher="local")
    ran = home.run()
    home.plan(1, 7, 8, launcher="local")

    told = home.dry()

    assert ran.code == 1
    assert fates(told) == {
        "plan.train 1.0": "done", "plan.report 1.0": "done", "plan.train 7.0": "new",
        "plan.report 7.0": "waiting", "plan.train 8.0": "new", "plan.report 8.0": "waiting",
    }  # fmt: skip
    whys = {job["tags"]["lr"]: job["why"] for job in told["jobs"] if job["task"] == "plan.train"}
    assert whys == {
        1.0: "done here already", 7.0: "attempt 2: failed (exit) before", 8.0: "never run"
    }  # fmt: skip
    assert next(job["attempt"] for job in told["jobs"] if job["tags"]["lr"] == 7.0) == 2
    assert "for 1 of plan.train" in {job["why"] for job in told["jobs"]}
    assert told["send"] == []


def test_when_all_is_done_the_script_goes_on_but_calls_nobody_back(home: Home) -> None:
    home.plan(1, launcher="local")
    assert home.run().code == 0
    (home.project / "called").unlink()
    until(lambda: not home.works())  # a supervisor stays for a moment, and writes when it leaves
    before = home.state()

    told = home.run("--dry-run")

    assert (told.code, "2 done" in told.out, told.out.splitlines()[0]) == (0, True, "after")
    assert before == home.state()


@pytest.mark.parametrize("then", ["xp.wait()", "train.wait()"])
def test_a_plan_that_waits_is_told_up_to_there(home: Home, then: str) -> None:
    home.plan(1, then=then)

    told = home.dry()

    assert told["ends_at"] == "plan.py:20"


def test_a_job_sent_elsewhere_is_alive_there_and_what_needs_it_waits(home: Home) -> None:
    home.plan(1, launcher="local")
    assert home.run().code == 0
    (train,) = (home.project / "main" / "jobs" / "plan.train").iterdir()
    for each in (train / ".xpm").iterdir():
        if each.name != "job.json":
            each.unlink()
    noted = json.loads((train / ".xpm" / "job.json").read_text())
    (train / ".xpm" / "job.json").write_text(json.dumps({**noted, "connector": "cluster"}))
    shutil.rmtree(home.path / "state" / "xpm")
    home.plan(1)

    told = home.dry()

    (job,) = [job for job in told["jobs"] if job["task"] == "plan.train"]
    assert (job["fate"], job["connector"]) == ("alive", "cluster")
    assert job["why"] == "sent to cluster earlier; not heard of since"


def test_what_a_run_would_refuse_a_dry_run_refuses(home: Home) -> None:
    home.plan(1, launcher="gpo")
    unknown = home.run("--dry-run")
    home.plan(1, then="raise KeyError('mine')")
    crash = home.run("--dry-run")

    assert (unknown.code, crash.code) == (2, 2)
    assert "unknown launcher 'gpo', did you mean 'gpu'?" in unknown.err
    assert "KeyError: 'mine'" in crash.err
    assert "defect" not in crash.err


def test_a_host_out_of_reach_takes_nothing_from_what_is_known_here(home: Home) -> None:
    home.plan(1)

    told = home.run("--dry-run", "--online")

    assert (told.code, home.touched.exists()) == (3, True), told.err
    assert "launcher gpu on cluster: 1 job at once, 1 job after others, each" in told.out


def test_options_that_contradict_a_dry_run_are_refused(home: Home) -> None:
    home.plan(1)

    assert home.run("--dry-run", "--detach").code == 2
    assert home.run("--online").code == 2


def test_code_that_was_sent_before_is_not_counted_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.plan(1)
    (home.project / "data.txt").write_text("x" * 5000)
    monkeypatch.setenv("XDG_STATE_HOME", str(home.path / "state"))
    spec = SlurmSpec("cluster", SshTarget("far", home.path / "ssh" / "config"), "$SCRATCH/xpm")

    (first,) = home.dry()["send"]
    sent.note(spec, _hashes(home.project / "data.txt"))
    (second,) = home.dry()["send"]

    assert (first["files"], first["new_files"]) == (2, 2)
    assert (second["files"], second["new_files"]) == (2, 1)
    assert first["new_bytes"] - second["new_bytes"] == 5000
    assert first["jobs_bytes"] > 1000
    assert first["program_bytes"] > 100_000


def _hashes(*paths: Path) -> list[str]:
    import hashlib

    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


# ----------------------------------------------------------------------------- online


SBATCH = """#!/bin/sh
cat >/dev/null
case "$*" in
  *partition=gpu*) echo "sbatch: Job 7 to start at 2026-11-25T14:05:00 using 8 processors on nodes g1 in partition gpu" >&2;;
  *partition=down*) echo "sbatch: error: Unable to contact slurm controller (connect failure)" >&2; exit 1;;
  *) echo "allocation failure: Requested node configuration is not available" >&2; exit 1;;
esac
"""


def asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workspace: str, partition: str, *paths: str
) -> list[Finding]:
    """What a host says whose sbatch is ours."""
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir(exist_ok=True)
    program.write_text(SBATCH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    spec = SlurmSpec("cluster", SshTarget("far"), workspace)
    request = {"options": [f"--partition={partition}"], "setup": []}
    asks = [Ask(spec, "gpu", request, [])]
    answers = questions.ask(LocalHost(), ask_for(spec, asks, paths))
    return list(judged(spec, asks, paths, Parcel(spec, 1, 10, 1, 10, 10, 10), answers))


def test_the_place_says_when_a_job_would_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_SCRATCH", str(tmp_path))

    found = asked(monkeypatch, tmp_path, "$MY_SCRATCH/a/b", "gpu", str(tmp_path))

    assert ["ok"] * 4 == [each.verdict for each in found], found
    assert found[0].what.startswith(f"{tmp_path}/a/b: ")
    assert "would start about 2026-11-25 14:05:00" in found[2].what
    assert not (tmp_path / "a").exists()


def test_what_the_place_refuses_or_lacks_is_bad_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = asked(monkeypatch, tmp_path, "$NOBODY_SETS_THIS/xpm", "odd", "/no/such", "/")

    by_topic = {each.topic: each for each in found}
    assert {"workspace": "bad", "python": "ok", "sbatch": "bad", "paths": "bad"} == {
        topic: each.verdict for topic, each in by_topic.items()
    }
    assert by_topic["workspace"].what == ("NOBODY_SETS_THIS: not set there, nor in a login shell")
    assert "Requested node configuration is not available" in by_topic["sbatch"].what
    assert by_topic["paths"].what == "not there: /no/such"
    assert all(each.do for each in found if each.verdict != "ok")


QUOTA = """#!/bin/sh
echo "Disk quotas for user ann (uid 1000): "
echo "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace"
echo "nas:/home 1990 0 2000 0 70 0 100 0"
"""


def test_a_quota_that_is_nearly_used_up_is_told_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "quota").write_text(QUOTA)
    (tmp_path / "bin" / "quota").chmod(0o755)

    found = asked(monkeypatch, tmp_path, str(tmp_path), "gpu")

    told = [(each.verdict, each.what) for each in found if each.topic == "quota"]
    assert [
        ("warn", "nas:/home: 2 MB of 2 MB used"),
        ("ok", "nas:/home: 70 files of 100 files used"),
    ] == told


def test_a_silent_slurmctld_says_nothing_of_the_request(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = asked(monkeypatch, tmp_path, str(tmp_path), "down")

    assert ["warn"] == [each.verdict for each in found if each.topic == "sbatch"]


# ------------------------------------------------------------------- environments, online


def environment(tmp_path: Path, recipe: dict[str, object]) -> list[Finding]:
    """What a place says of jobs that want this environment."""
    spec = SlurmSpec("cluster", SshTarget("far"), str(tmp_path))
    asks = [Ask(spec, "gpu", {"options": [], "setup": [], "environment": "e" * 64}, [])]
    recipes = {"e" * 64: recipe}
    answers = questions.ask(LocalHost(), ask_for(spec, asks, (), recipes))
    found = judged(spec, asks, (), Parcel(spec, 1, 10, 1, 10, 10, 10), answers, recipes)
    return [each for each in found if each.topic not in ("workspace", "sbatch", "quota")]


MODULE = """\
module() {
  case "$*" in
    "is-avail gcc/12") return 0;;
    is-avail*) return 1;;
    *avail*) printf '%s\\n' gcc/12 torch/2.1 torch/2.3 >&2;;
    load*) echo "Lmod has detected the following error: The following module(s) are unknown:" >&2; return 1;;
  esac
}"""


def test_a_missing_module_is_named_with_those_that_are_like_it(tmp_path: Path) -> None:
    recipe: dict[str, object] = {"pre": [MODULE], "modules": ["gcc/12", "torch/2.4"]}

    found = environment(tmp_path, recipe)

    (told,) = [each for each in found if each.topic == "modules"]
    assert ("bad", "launcher gpu: module 'torch/2.4' is not there") == (told.verdict, told.what)
    assert "there are torch/2.1, torch/2.3: mend modules: in the profile" == told.do


def test_modules_that_are_there_are_named(tmp_path: Path) -> None:
    found = environment(tmp_path, {"pre": [MODULE], "modules": ["gcc/12"]})

    assert ["ok", "ok"] == [each.verdict for each in found], found
    assert "launcher gpu: gcc/12 there" == found[1].what


def test_a_virtual_environment_that_is_not_there_is_bad_whatever_other_python_is(
    tmp_path: Path,
) -> None:
    (found,) = environment(tmp_path, {"use": {"venv": f"{tmp_path}/venvs/torch"}})

    assert "bad" == found.verdict
    assert f"{tmp_path}/venvs/torch/bin/python" in found.what
    assert "make that environment there, or name another one in the profile" == found.do


def test_an_image_that_is_not_there_is_bad(tmp_path: Path) -> None:
    (found,) = environment(tmp_path, {"use": {"image": f"{tmp_path}/torch.sif"}})

    assert ("image", "bad") == (found.topic, found.verdict)
    assert f"launcher gpu: {tmp_path}/torch.sif is not there" == found.what


def test_whether_an_environment_is_built_already_is_told(tmp_path: Path) -> None:
    recipe: dict[str, object] = {"make": {"with": "pip", "build": "job"}}

    fresh = environment(tmp_path, recipe)
    (tmp_path / "envs" / ("e" * 24)).mkdir(parents=True)
    known = environment(tmp_path, recipe)

    assert "would be built first, in a batch job of its own" in fresh[-1].what
    assert known[-1].what == "launcher gpu: its environment is there"
