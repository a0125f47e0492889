"""``xpm clean`` as a person uses it: shown, asked, removed, here and behind a real sshd."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import xpm
from tests.cli.test_adopt import PROFILE
from tests.cli.test_local import Plan
from tests.connectors.sshd import SSHD, Sshd

pytestmark = [pytest.mark.host, pytest.mark.skipif(SSHD is None, reason="needs openssh-server")]
OLD = time.time() - 30 * 86400


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    """Two plans have run, the second without a job of the first; all is over, and long ago."""
    sshd = Sshd(tmp_path / "sshd")
    (tmp_path / "home").mkdir()
    found = Plan(tmp_path / "home", ["one", "two"])
    (found.home / "config").mkdir()
    profile = PROFILE.format(name="box", config=sshd.folder / "config", workspace=tmp_path / "far")
    (found.home / "config" / "launchers.yaml").write_text(profile)
    found.open("one")
    found.open("two")
    assert found.xpm("run", "plan.py", "-l", "there").code == 0
    text = (found.folder / "plan.py").read_text()
    (found.folder / "plan.py").write_text(text.replace("['one', 'two']", "['one']"))
    ran = found.xpm("run", "plan.py", "-l", "there")
    assert ran.code == 0, ran.err
    for here, folders, names in os.walk(tmp_path / "far"):
        for name in [*folders, *names]:
            if "travel" not in here:
                os.utime(Path(here) / name, (OLD, OLD), follow_symlinks=False)
    _age_mirrors(found.folder / "main", tmp_path / "far")
    yield found
    sshd.stop()


def _age_mirrors(main: Path, far: Path) -> None:
    """Files there have other times now: the mirrors have them too."""
    for path in far.glob("jobs/*/*/*"):
        if path.is_file():
            os.utime(main / path.relative_to(far), (OLD, OLD))


def test_what_nobody_needs_is_shown_asked_for_and_removed(plan: Plan, tmp_path: Path) -> None:
    status = plan.xpm("status")
    shown = plan.xpm("clean", "--dry-run")
    unasked = plan.xpm("clean")
    there = sorted((tmp_path / "far" / ".xpm" / "code").iterdir())
    cleaned = plan.xpm("clean", "--yes")
    again = plan.xpm("clean", "box", "--yes")

    assert shown.code == 0, shown.err
    assert "2 jobs elsewhere are in no plan any more" in status.err
    assert "code that no job waits for" in shown.out
    assert "jobs that no plan has any more" in shown.out + shown.err
    assert "`xpm clean --orphans`" in shown.err
    assert (unasked.code, bool(there)) == (2, True)
    assert "--yes removes what is shown" in unasked.err
    assert cleaned.code == 0, cleaned.err
    assert "removed: " in cleaned.out
    assert [] == sorted((tmp_path / "far" / ".xpm" / "code").iterdir())
    assert [] == sorted((tmp_path / "far" / ".xpm" / "trash").iterdir())
    assert 4 == len(list((tmp_path / "far").glob("jobs/*/*/stdout")))
    assert "nothing to remove" in again.out


def test_code_that_was_cleaned_away_is_sent_anew(plan: Plan) -> None:
    assert plan.xpm("clean", "--yes").code == 0
    text = (plan.folder / "plan.py").read_text()
    (plan.folder / "plan.py").write_text(text.replace("['one']", "['one', 'three']"))
    plan.open("three")

    ran = plan.xpm("run", "plan.py", "-l", "there")

    assert ran.code == 0, ran.err
    assert {"done"} == set(plan.states().values())


def test_results_of_orphans_go_when_all_of_them_is_here(plan: Plan, tmp_path: Path) -> None:
    document = json.loads(plan.xpm("clean", "--dry-run", "--json").out)
    [place] = [each for each in document["places"] if each["connector"] == "box"]
    orphans = {each["job"]: each["fetched"] for each in place["orphans"]}
    work = next(each["job"] for each in place["orphans"] if each["task"] == "gated.work")
    (plan.folder / "main" / "jobs" / "gated.work" / work / "stdout").unlink()

    cleaned = plan.xpm("clean", "gated", "--orphans", "--yes")

    assert (1, False, [True, True]) == (
        document["schema"], document["removed"], list(orphans.values()),
    )  # fmt: skip
    assert cleaned.code == 0, cleaned.err
    assert "1 of its files are not here: `xpm pull` brings them" in cleaned.err
    folders = {path.name: path for path in (tmp_path / "far" / "jobs").glob("*/*")}
    assert 4 == len(folders)
    assert {"emptied.json"} <= {
        e.name for each in orphans for e in (folders[each] / ".xpm").iterdir()
    }
    emptied = {name for name, path in folders.items() if not (path / "stdout").exists()}
    assert set(orphans) - {work} == emptied
    assert {"done"} == set(plan.states().values())
    assert "1 job elsewhere is in no plan any more" in plan.xpm("status").err
    examined = xpm("doctor", "box", home=plan.home, cwd=plan.folder)
    assert "1 jobs sent there from here are in no plan any more" in examined.out


def test_results_that_have_other_times_there_are_compared_all_the_same(
    plan: Plan, tmp_path: Path
) -> None:
    for path in (tmp_path / "far" / "jobs").rglob("stdout"):
        os.utime(path, (OLD - 5, OLD - 5))

    shown = plan.xpm("clean", "box", "--dry-run", "--json")

    assert shown.code == 0, shown.err
    [place] = json.loads(shown.out)["places"]
    assert {True} == {each["fetched"] for each in place["orphans"]}


def test_what_no_run_has_used_for_a_month_goes_from_the_cache(plan: Plan) -> None:
    cache = plan.home / ".cache" / "xpm"
    [hashes] = (cache / "hashes").iterdir()
    for old in (cache / "wheels" / "abc", cache / "recipes"):
        old.mkdir(parents=True)
    (cache / "wheels" / "abc" / "a.whl").write_bytes(b"w" * 5000)
    (cache / "recipes" / "def").write_bytes(b"r")
    (cache / "recipes" / "new").write_bytes(b"r")
    for each in (cache / "wheels" / "abc", cache / "recipes" / "def"):
        os.utime(each, (OLD - 86400, OLD - 86400))

    shown = plan.xpm("clean", "local", "--dry-run")
    told = json.loads(plan.xpm("clean", "local", "--dry-run", "--json").out)
    cleaned = plan.xpm("clean", "local", "--yes")

    assert "no run here has used for a month" in shown.out
    [place] = told["places"]
    assert [str(cache / "recipes" / "def"), str(cache / "wheels" / "abc")] == sorted(
        each["path"] for each in place["cache"]
    )
    assert cleaned.code == 0, cleaned.err
    assert {"new"} == {each.name for each in (cache / "recipes").iterdir()}
    assert [] == list((cache / "wheels").iterdir())
    assert hashes.exists()


def test_the_copies_of_jobs_whose_experiment_is_gone_go(plan: Plan) -> None:
    for path in (plan.folder / "main" / "xp" / "gated").glob("*.json*"):
        path.unlink()
    (plan.folder / "main" / "xp" / "gated" / "results").rmdir()
    (plan.folder / "main" / "xp" / "gated").rmdir()
    for path in (plan.folder / "main").glob("jobs/*/*/.xpm"):
        os.utime(path, (OLD, OLD))

    cleaned = plan.xpm("clean", "local", "--yes")

    assert cleaned.code == 0, cleaned.err
    assert "copies of jobs whose experiments are gone" in cleaned.out
    assert [] == list((plan.folder / "main").glob("jobs/*/*"))
