"""``xpm connect`` and what follows it: from a name that ssh knows to a plan that has run there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Ended, xpm
from tests.cli.laptop import Laptop
from tests.cluster import RunningCluster
from tests.connectors.sshd import Sshd
from tests.terminal import spawn
from xpm.launchers import editors, schemas

PLAN = """\
from xpm import Param, Task, experiment

class Add(Task):
    n: Param[int]
    def execute(self):
        print(self.n + 1)

with experiment("main", "adds"):
    Add(n=1).submit().on_completed(lambda task: print((task.jobpath / "stdout").read_text()))
"""


class Person:
    """Somebody with a host behind sshd on this machine."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.sshd = Sshd(folder / "ssh")
        self.workspace = folder / "jobs"
        self.profile = self.home / "config" / "launchers.yaml"

    def connect(self, *options: str) -> Ended:
        config = str(self.sshd.folder / "config")
        given = ["--ssh-config", config, "--kind", "ssh", "--workspace", str(self.workspace)]
        return xpm("connect", "box", *given, *options, home=self.home)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    found = Person(tmp_path)
    yield found
    found.sshd.stop()


@pytest.mark.host
def test_a_host_is_written_examined_and_runs_a_plan_at_once(person: Person) -> None:
    shown = person.connect("--dry-run")
    assert (shown.code, person.profile.exists()) == (0, False), shown.err

    told = person.connect()

    text = person.profile.read_text()
    assert told.code in (0, 1), told.err  # what the doctor thinks of this machine is its own
    assert "wrote connector box and launchers box" in told.out
    assert all(f"  {topic} " in told.out for topic in ("login", "latency", "bandwidth", "python"))
    assert f"workspace: {person.workspace}" in text
    assert "# Where jobs run (docs/profiles.md). Written by `xpm connect box`" in text
    assert shown.out.splitlines() == text.splitlines()
    assert text.startswith(f"{editors.LINE}\n")
    assert schemas.marked() == (person.profile.parent / editors.FILE).read_text()
    assert 0 == xpm("launchers", "check", home=person.home).code
    (person.home / "plan.py").write_text(PLAN)
    ran = xpm("run", "plan.py", home=person.home)
    assert (ran.code, ran.out.strip()) == (0, "2"), ran.err


@pytest.mark.host
def test_nothing_that_is_there_is_replaced_without_a_yes(person: Person) -> None:
    person.profile.parent.mkdir()
    mine = "version: 1\nconnectors:\n  box: {kind: local}  # mine\nlaunchers:\n  box: {connector: box}\n"
    person.profile.write_text(mine)

    refused = person.connect("--no-doctor")
    kept = person.profile.read_text()
    other = person.connect("--no-doctor", "--name", "second")
    replaced = person.connect("--no-doctor", "--yes")

    assert (refused.code, kept) == (2, mine)
    assert "--yes replaces it" in refused.err
    assert (other.code, replaced.code) == (0, 0), other.err + replaced.err
    text = person.profile.read_text()
    assert "mine" not in text
    assert "  second:\n" in text
    assert 0 == xpm("launchers", "check", home=person.home).code


@pytest.mark.host
def test_a_profile_that_is_broken_is_left_alone(person: Person) -> None:
    person.profile.parent.mkdir()
    person.profile.write_text("version: 1\nlaunchers:\n  a: {conector: local}\n")

    told = person.connect("--no-doctor")

    assert (told.code, "conector" in told.err) == (2, True)
    assert "box" not in person.profile.read_text()


@pytest.mark.host
def test_what_a_place_tells_is_kept_and_compared_with_the_last_time(tmp_path: Path) -> None:
    first = xpm("launchers", "discover", "local", home=tmp_path)
    (path,) = (tmp_path / "config").glob("launchers.d/*.discovered.yaml")
    text = path.read_text()
    path.write_text(text.replace("cpus: ", "cpus: 9"))

    looked = xpm("launchers", "discover", "local", "--dry-run", home=tmp_path)
    second = xpm("launchers", "discover", "local", home=tmp_path)
    third = xpm("launchers", "discover", "local", home=tmp_path)

    assert {0} == {each.code for each in (first, looked, second, third)}, first.err
    assert "+  local:" in first.out
    assert looked.out == second.out
    assert [line[0] for line in second.out.splitlines() if "cpus" in line] == ["-", "+"]
    assert text == path.read_text()
    assert ("", True) == (third.out, "tells what it told before" in third.err)


def test_a_connector_is_named_after_its_host() -> None:
    from xpm.cli.connect import name_of

    assert ["login", "h-1", "jz", "host"] == [
        name_of(each) for each in ("ann@login.hpc.org", "ssh://a@h-1:22", "jz", "ann@")
    ]


@pytest.mark.cluster
def test_a_cluster_is_found_out_and_runs_a_plan_at_once(
    cluster: RunningCluster, tmp_path: Path
) -> None:
    laptop = Laptop(cluster, tmp_path / "home")
    laptop.profile.unlink()
    (laptop.project / "plan.py").write_text(PLAN)
    workspace = f"$HOME/connected-{laptop.token}"

    told = laptop.xpm("connect", "testcluster", "--workspace", workspace, "--no-doctor")
    text = laptop.profile.read_text()
    doctor = laptop.xpm("doctor", "testcluster", "--jobs", "--launcher", "short")
    dry = laptop.xpm("run", "plan.py", "--dry-run", "--online")
    ran = laptop.xpm("run", "plan.py")

    assert told.code == 0, told.err
    assert "kind: slurm  # SLURM 22.05" in text
    assert "slurm: {account: lab}" in text
    assert "short: {time: 5m, cpus: 4, mem: 4000MiB, gpus: {a100: 4}}" in text
    assert (
        "gpu: {connector: testcluster, partition: gpu, cpus: 1, mem: 1000MiB, time: 1h, gpus: 1}"
        in text
    )
    assert "default: cpu" in text
    assert doctor.code == 0, doctor.out + doctor.err
    lines = [line.split(None, 2) for line in doctor.out.splitlines()]
    seen = {words[1]: words[0] for words in lines if len(words) == 3}
    topics = ("jobs", "shared", "submit", "accounting", "python", "workspace", "inodes", "clock")
    assert {topic: "ok" for topic in topics} == {topic: seen[topic] for topic in topics}
    left = cluster.on("login1", "sh", "-c", f"ls -A ~/connected-{laptop.token}/.xpm")
    assert "doctor" not in left
    assert dry.code == 0, dry.out + dry.err
    assert "would start about 20" in dry.out
    assert (ran.code, ran.out.strip()) == (0, "2"), ran.err


@pytest.fixture
def side_account(cluster: RunningCluster) -> Iterator[str]:
    """A second account of the user's, for a while."""
    manage = ["sacctmgr", "-i"]
    cluster.on("ctl", *manage, "add", "account", "side", "Cluster=testcluster", user="root")
    cluster.on("ctl", *manage, "add", "user", "alice", "Account=side", user="root")
    yield "side"
    cluster.on("ctl", *manage, "delete", "user", "alice", "Account=side", user="root")
    cluster.on("ctl", *manage, "delete", "account", "side", user="root")


@pytest.mark.cluster
def test_of_several_accounts_one_is_chosen_by_a_word_a_question_or_the_site(
    cluster: RunningCluster, side_account: str, tmp_path: Path
) -> None:
    laptop = Laptop(cluster, tmp_path / "home")
    connect = ["connect", "testcluster", "--no-doctor", "--yes"]

    silent = laptop.xpm("connect", "testcluster", "--no-doctor", "--dry-run")
    said = laptop.xpm(*connect, "--dry-run", "--account", "SIDE")
    wrong = laptop.xpm(*connect, "--dry-run", "--account", "sid")
    _, person = spawn(laptop.argv("connect", "testcluster", "--no-doctor"))
    person.until(lambda shown: "[lab]: " in shown)
    os.write(person.terminal, b"other\n")
    person.until(lambda shown: shown.count("[lab]: ") == 2)
    os.write(person.terminal, b"side\n")
    person.until(lambda shown: False)

    assert "jobs are charged to lab; you also have side (--account NAME chooses one)" in silent.err
    assert "slurm: {account: lab}  # your other accounts: side" in silent.out
    assert "slurm: {account: side}  # your other accounts: lab" in said.out
    assert said.err.count("\n") == 1  # nothing is asked, nor told of accounts
    assert (wrong.code, "no account 'sid' there" in wrong.err, "lab, side" in wrong.err) == (
        2, True, True,
    )  # fmt: skip
    words = "Your accounts there: lab, side. Which one do jobs charge by default? [lab]: "
    assert words in person.shown
    assert "account: side" in laptop.profile.read_text()
    ended = laptop.xpm("launchers", "show", "cpu")
    assert ended.code == 0
