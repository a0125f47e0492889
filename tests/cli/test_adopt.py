"""Two laptops and one SSH host: the second takes over with nothing but a profile."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Ended, xpm
from tests.cli.test_local import Plan
from tests.connectors.sshd import SSHD, Sshd

pytestmark = [pytest.mark.host, pytest.mark.skipif(SSHD is None, reason="needs openssh-server")]

PROFILE = """\
version: 1
connectors:
  {name}: {{kind: ssh, ssh: {{host: box, config: {config}}}, workspace: {workspace}, capacity: {{jobs: 2}}}}
launchers:
  there: {{connector: {name}}}
"""


class Second:
    """A laptop where nothing of ours has ever run."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def xpm(self, *arguments: str) -> Ended:
        return xpm(*arguments, "--workdir", "main", home=self.home)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    found = Sshd(tmp_path / "sshd")
    yield found
    found.stop()


@pytest.fixture
def first(tmp_path: Path, sshd: Sshd) -> Plan:
    """It has run a plan: one is done with what follows, two failed, three runs; and it is lost."""
    (tmp_path / "first").mkdir()
    plan = Plan(tmp_path / "first", ["one", "two", "three"])
    _profile(tmp_path / "first", "box", sshd, tmp_path)
    plan.open("one")
    plan.open("two", fails=True)
    left = plan.xpm("run", "plan.py", "-l", "there", "--detach")
    assert left.code == 0, left.err
    return plan


@pytest.fixture
def second(tmp_path: Path, sshd: Sshd) -> Second:
    home = tmp_path / "second"
    home.mkdir()
    _profile(home, "server", sshd, tmp_path)
    return Second(home)


def _profile(home: Path, name: str, sshd: Sshd, folder: Path) -> None:
    (home / "config").mkdir()
    text = PROFILE.format(name=name, config=sshd.folder / "config", workspace=folder / "far")
    (home / "config" / "launchers.yaml").write_text(text)


def test_a_new_laptop_takes_over_and_nothing_runs_twice(first: Plan, second: Second) -> None:
    listed = second.xpm("adopt", "server")
    not_yet = second.xpm("status")
    adopted = second.xpm("adopt", "server", "--experiment", "gated")
    waiting = second.xpm("status", "tag.name=three")
    first.open("three")
    first.open("two")
    (second.home / "plan.py").write_text((first.folder / "plan.py").read_text())
    ran = second.xpm("run", "plan.py", "-l", "there")

    assert (listed.code, listed.out.split()[:4]) == (0, ["EXPERIMENT", "JOBS", "STATES", "LAST"])
    assert "nothing is taken yet: say which with --experiment NAME, or take --all" in listed.err
    assert (not_yet.code, "xpm adopt CONNECTOR --all" in not_yet.err) == (2, True), not_yet.err
    assert adopted.code == 0, adopted.err
    assert adopted.out.rstrip().endswith("6 new here")
    assert "gated.work" in waiting.out
    assert ran.code == 0, ran.err
    assert sorted(ran.out.splitlines()) == ["done: one", "done: three", "done: two"]
    jobs = json.loads(second.xpm("status", "--json").out)["jobs"]
    assert {"server"} == {job["connector"] for job in jobs}
    attempts = {job["tags"]["name"]: job["attempt"] for job in jobs}
    assert {"one": 1, "two": 2, "three": 1} == attempts
    assert first.xpm("sync").code == 0  # the first laptop is found again
    assert {"done"} == set(first.states().values())


def test_what_there_is_to_adopt_is_listed_to_whoever_knows_no_folder_yet(
    first: Plan, second: Second
) -> None:
    listed = xpm("adopt", "server", home=second.home)
    taken = xpm("adopt", "server", "--all", home=second.home)

    assert (listed.code, taken.code) == (0, 2), listed.err
    assert ["EXPERIMENT", "gated"] == [line.split()[0] for line in listed.out.splitlines()]
    assert "with --workdir DIR the main folder, as the plan names it" in listed.err
    assert "it is not said which main folder to use" in taken.err
    assert {"config", "state"} >= {each.name for each in second.home.iterdir()}


def test_what_is_adopted_is_followed_tried_again_and_read_without_its_plan(
    first: Plan, second: Second
) -> None:
    adopted = second.xpm("adopt", "server", "--all")
    assert (
        second.home / "main" / ".xpm" / "places" / "server.json"
    ).exists()  # its workspace is known
    logs = second.xpm("logs", "task=gated.work and name=one")
    first.open("three")
    first.open("two")
    again = second.xpm("resume", "--retry")

    assert adopted.code == 0, adopted.err
    assert logs.out == "working on one\n"
    assert again.code == 0, again.err
    assert "it was not run from a script here" in again.err
    assert again.out == "gated: done · 6 done\n"


def test_what_cannot_be_adopted_is_said(second: Second, first: Plan) -> None:
    unknown = second.xpm("adopt", "server", "--experiment", "gatde")
    nobody = second.xpm("adopt", "nowhere", "--all")
    here = second.xpm("adopt", "local", "--all")

    assert (unknown.code, nobody.code, here.code) == (2, 2, 2)
    assert "did you mean 'gated'?" in unknown.err
    assert "unknown connector 'nowhere'" in nobody.err
    assert "xpm connect HOST" in nobody.err
    assert "is this machine" in here.err
    assert not (second.home / "main").exists()
