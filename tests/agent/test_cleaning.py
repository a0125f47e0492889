"""What nobody needs goes, and nothing that somebody needs: whoever asks meanwhile, wherever the one who cleans is killed."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agent.conversation import Message, all_over, entry, follow, ok, opening, stage, unpacked
from tests.runner.workshop import TASK, WORK, job_id
from xpm.agent import needs, orphans, rubbish, trash
from xpm.agent.inprocess import InProcess
from xpm.agent.service import Service
from xpm.wire import emptied, files, ledger, manifests
from xpm.wire.workspace import Layout, write_bundle

OLD = time.time() - 30 * 86400


class Place:
    """A workspace with an agent, and everything in it old."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.own = root / ".xpm"
        self.layout = Layout(str(root))
        self.service = Service(unpacked(root), str(root))
        ok(self.call(opening(root)))

    def call(self, content: Message, payload: bytes = b"") -> tuple[Message, bytes]:
        """What the agent answers."""
        return self.service.handle(content, payload)

    def stage(self, code: str = "x = 1") -> None:
        stage(self.call, code)

    def age(self) -> None:
        """Let all of it be of long ago, as far as ages count."""
        for folder in ("code", "blobs", "refresh", "submissions", "../envs", "../jobs"):
            for here, folders, names in os.walk(self.own / folder):
                for name in [*folders, *names]:
                    os.utime(Path(here) / name, (OLD, OLD), follow_symlinks=False)

    def found(self) -> dict[str, list[str]]:
        """What is rubbish, by kind."""
        answer = ok(self.call({"verb": "rubbish"}))
        kinds: dict[str, list[str]] = {}
        for kind, name, _ in answer["items"]:
            kinds.setdefault(kind, []).append(name)
        return kinds

    def clean(self, jobs: list[Any] | None = None) -> list[list[str]]:
        """Remove all that is rubbish; what stays."""
        answer = ok(self.call({"verb": "rubbish"}))
        request = {
            "verb": "clean",
            "items": [each[:2] for each in answer["items"]],
            "jobs": jobs or [],
        }
        told = ok(self.call(request))
        kept: list[list[str]] = told["kept"]
        while told["left"]:
            told = ok(self.call({"verb": "clean"}))
        return kept

    def want(self, name: str, **more: Any) -> None:
        """Let the queue ask for a job that does not start."""
        held = entry(name, "pass", parents=[[TASK, job_id("never")]])
        write_bundle(self.layout, [{**held, **more}])

    def job(self, name: str, experiment: str = "test") -> Path:
        """The folder of a job that is over, in nobody's queue."""
        folder = Path(self.layout.job(TASK, job_id(name)))
        folder.mkdir(parents=True)
        (folder / "result").write_text("dear")
        for slot, kind in enumerate(("claim", "outcome"), 1):
            head = {"format": 1, "kind": kind, "task": TASK, "job": job_id(name), "at": 1.0}
            assert ledger.append(
                str(folder), {**head, "attempt": 1, "slot": slot, "state": "done"}, None
            )
        return folder

    def fetched(self, name: str) -> list[Any]:
        """A job, with the fingerprint of what is there now."""
        request = {"verb": "manifest", "jobs": [[TASK, job_id(name)]]}
        return [TASK, job_id(name), manifests.fingerprint(ok(self.call(request))["jobs"][0])]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "ws")


def test_code_that_no_job_waits_for_goes_with_its_contents(place: Place) -> None:
    place.stage()
    place.age()

    assert {"code": ["snap"], "contents": [""]} == place.found()
    assert [] == place.clean()

    assert [] == sorted(place.own.glob("code/*")) + sorted(place.own.glob("blobs/*/*"))
    assert [] == sorted(place.own.glob("trash/*"))


def test_code_of_a_job_that_is_not_over_stays_whole(place: Place) -> None:
    place.stage()
    place.want("a")
    place.age()

    assert {} == place.found()


def test_code_that_was_asked_for_a_moment_ago_stays(place: Place) -> None:
    place.stage()
    place.age()
    assert ok(place.call({"verb": "holds", "snapshot": "snap"}))["holds"]

    assert {} == place.found()


def test_newer_code_for_a_job_that_waits_stays_too(place: Place) -> None:
    place.stage()
    place.want("a", code={"snapshot": "older", "script": None, "path": ["."], "argv": []})
    (place.own / "refresh").mkdir()
    for name in ("a", "b"):
        content = {"attempt": 1, "code": {"snapshot": "snap"}}
        files.write(str(place.own / "refresh" / f"{job_id(name)}.json"), files.dump(content))
    place.age()

    assert {"refresh": [""]} == place.found()
    place.clean()

    assert [f"{job_id('a')}.json"] == [each.name for each in (place.own / "refresh").iterdir()]


def test_contents_that_a_laptop_keeps_for_another_place_stay(place: Place) -> None:
    place.stage()
    [blob] = place.own.glob("blobs/*/*")
    (place.own / "kept").mkdir()
    kept = {"files": {"work.py": [blob.name, 0o644]}}
    files.write(str(place.own / "kept" / "other.json"), files.dump(kept))
    place.age()

    assert {"code": ["snap"]} == place.found()


def test_environments_go_unless_a_job_waits_for_them_or_somebody_builds_them(place: Place) -> None:
    envs = place.root / "envs"
    for letter in "abcd":
        name = letter * 24
        (envs / f"{name}~host.1" / "bin").mkdir(parents=True)
        (envs / f"{name}.json").write_text("{}")
        if letter != "d":
            (envs / name).symlink_to(f"{name}~host.1")
    (envs / f"{'a' * 24}~host.2").mkdir()
    place.want("job", request={"kind": "plain", "launcher": "x", "environment": "b" * 64})
    place.age()
    (envs / f"{'c' * 24}.try").write_text("{}")

    assert {"environment": ["a" * 24, "d" * 24]} == place.found()
    place.clean()

    assert {"b", "c"} == {each.name[0] for each in envs.iterdir()}


def test_half_built_environments_whose_builder_is_gone_go(place: Place) -> None:
    envs, name = place.root / "envs", "b" * 24
    (envs / f"{name}~host.1").mkdir(parents=True)
    place.want("job", request={"kind": "plain", "launcher": "x", "environment": "b" * 64})
    place.age()

    assert {"build": [f"{name}~host.1"]} == place.found()
    place.clean()

    assert [] == list(envs.iterdir())


def test_older_programs_go_but_not_one_that_a_job_may_have_been_submitted_with(
    place: Place,
) -> None:
    travel = place.own / "travel"
    for name, at in (("a" * 12, OLD), ("b" * 12, OLD + 10), ("c" * 12, OLD + 20)):
        (travel / name).mkdir()
        os.utime(travel / name, (at, at))
    place.want("job")
    [bundle] = (place.own / "queue").iterdir()
    os.utime(bundle, (OLD + 15, OLD + 15))

    assert {"program": ["a" * 12]} == place.found()


def test_submissions_of_jobs_over_for_a_week_go(place: Place) -> None:
    for name, job in (("over", "x"), ("live", "a")):
        folder = place.own / "submissions" / name
        folder.mkdir()
        files.write(str(folder / "intent.json"), files.dump({"jobs": [[TASK, job_id(job), 1]]}))
    place.want("a")
    place.age()

    assert {"submission": ["over"]} == place.found()


def test_a_job_whose_code_is_gone_is_not_queued_but_asked_to_be_sent_again(place: Place) -> None:
    answer = ok(place.call({"verb": "queue", "jobs": [entry("a", "pass")]}))

    assert {"lacks": ["snap"]} == answer
    assert [] == list((place.own / "queue").iterdir())


# ------------------------------------------------------------------------------ at once


def _meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Act after something was found to be rubbish, and taken, before it is looked at again."""
    take = trash.Generation.take

    def taken(self: trash.Generation, item: rubbish.Item) -> Any:
        found = take(self, item)
        if item.kind in ("code", "job", "environment"):
            act()
        return found

    monkeypatch.setattr(trash.Generation, "take", taken)


def test_code_that_a_job_asks_for_while_it_is_cleaned_away_comes_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.stage()
    place.age()
    _meanwhile(monkeypatch, lambda: place.want("late"))

    assert [["code", "snap", "somebody needs it again"]] == place.clean()

    assert "x = 1" == (place.own / "code" / "snap" / "work.py").read_text()
    assert (place.own / "code" / "snap.json").exists()


def test_code_that_is_sent_again_while_it_is_cleaned_away_is_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.stage()
    place.age()
    _meanwhile(monkeypatch, lambda: stage(place.call, "x = 1"))

    place.clean()

    assert "x = 1" == (place.own / "code" / "snap" / "work.py").read_text()


def test_an_environment_that_a_job_asks_for_meanwhile_comes_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a" * 24
    (place.root / "envs" / f"{name}~host.1").mkdir(parents=True)
    (place.root / "envs" / name).symlink_to(f"{name}~host.1")
    place.age()
    request = {"kind": "plain", "launcher": "x", "environment": "a" * 64}
    _meanwhile(monkeypatch, lambda: place.want("late", request=request))

    assert [["environment", name, "somebody needs it again"]] == place.clean()

    assert (place.root / "envs" / name).is_dir()


@pytest.mark.parametrize("call", ["write", "rename", "unlink", "rmdir"])
@pytest.mark.parametrize("turn", range(1, 6))
@pytest.mark.parametrize("is_needed", [False, True])
def test_killed_anywhere_the_next_one_ends_it_or_puts_back_what_is_needed(
    place: Place, monkeypatch: pytest.MonkeyPatch, call: str, turn: int, is_needed: bool
) -> None:
    place.stage()
    folder = place.job("a")
    fetched = place.fetched("a")
    place.age()
    owner = files if call == "write" else os
    _die(monkeypatch, owner, call, turn)
    try:
        place.clean([fetched])
        died = False
    except _Killed:
        died = True
    monkeypatch.undo()
    if is_needed:
        place.want("late")
        place.want("child")
        write_bundle(place.layout, [entry("child", "pass", parents=[[TASK, job_id("a")]])])

    other = Place(place.root)
    found = other.found()

    assert [] == sorted(place.own.glob("trash/*"))
    is_there = (place.own / "code" / "snap" / "work.py").exists()
    if is_needed and not is_there:  # it was deleted already: whoever needs it is told so
        assert {"lacks": ["snap"]} == ok(
            other.call({"verb": "queue", "jobs": [entry("z", "pass")]})
        )
    if not is_needed and died:
        other.clean([fetched] if (folder / "result").exists() else [])
        assert not (place.own / "code" / "snap").exists()
    assert "code" not in found or not is_needed
    assert 2 == len(list((folder / ".xpm").glob("a1.*")))
    assert (folder / "result").exists() or emptied.words(str(folder))


class _Killed(BaseException):
    """The process is dead from here on."""


def _die(monkeypatch: pytest.MonkeyPatch, owner: Any, call: str, turn: int) -> None:
    before = getattr(owner, call)
    count = [0]

    def dying(*arguments: Any, **more: Any) -> Any:
        count[0] += "/trash/" in str(arguments)
        if count[0] >= turn:
            raise _Killed
        return before(*arguments, **more)

    monkeypatch.setattr(owner, call, dying)


# -------------------------------------------------------------------------------- orphans


def test_the_results_of_a_job_go_when_they_are_elsewhere_and_its_records_stay(place: Place) -> None:
    folder = place.job("a")
    (folder / "deep").mkdir()
    (folder / "deep" / "more").write_text("dear")
    fetched = place.fetched("a")

    assert [] == place.clean([fetched])

    assert [".xpm"] == [each.name for each in folder.iterdir()]
    assert ["a1.1", "a1.2", "emptied.json"] == sorted(
        each.name for each in (folder / ".xpm").iterdir()
    )
    request = {"verb": "manifest", "jobs": [[TASK, job_id("a")]]}
    [told] = ok(place.call(request))["jobs"][0]["problems"]
    assert "removed from there by `xpm clean`" in told


def test_what_has_changed_since_it_was_fetched_stays(place: Place) -> None:
    folder = place.job("a")
    fetched = place.fetched("a")
    (folder / "late").write_text("also dear")

    assert [["job", job_id("a"), "it has changed since it was fetched"]] == place.clean([fetched])

    assert {".xpm", "late", "result"} == {each.name for each in folder.iterdir()}


def test_the_results_that_a_waiting_job_depends_on_stay_also_when_it_comes_meanwhile(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.job("a")
    fetched = place.fetched("a")
    child = [entry("child", "pass", parents=[[TASK, job_id("a")], [TASK, job_id("never")]])]
    _meanwhile(monkeypatch, lambda: write_bundle(place.layout, child))

    assert [["job", job_id("a"), "somebody needs it again"]] == place.clean([fetched])
    assert [["job", job_id("a"), "a job that is not over needs it"]] == place.clean([fetched])

    assert "dear" == (folder / "result").read_text()
    assert emptied.words(str(folder)) is None


def test_a_job_that_runs_stays_whatever_the_queue_knows(place: Place) -> None:
    folder = place.job("a")
    (folder / ".xpm" / "a1.2").unlink()
    place.age()

    needed = needs.of(place.layout, time.time())
    assert [] == list(orphans.folders(place.layout, needed, time.time()))
    assert [["job", job_id("a"), "a run of it has not ended"]] == place.clean([place.fetched("a")])


def test_nothing_outside_the_workspace_is_touched(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    place.job("a")
    folder = Path(place.layout.job(TASK, job_id("b")))
    place.job("b").rename(outside)
    folder.symlink_to(outside)
    inside = Path(place.layout.job(TASK, job_id("a")))
    (inside / "way out").symlink_to(outside)
    (place.own / "code" / "left").symlink_to(outside)
    os.utime(place.own / "code" / "left", (OLD, OLD), follow_symlinks=False)

    kept = place.clean([place.fetched("a"), [TASK, job_id("b"), None]])

    assert [["job", job_id("b"), "its folder is a link"]] == kept
    assert {".xpm", "result"} == {each.name for each in outside.iterdir()}
    assert not (inside / "way out").is_symlink()


@pytest.mark.host
def test_a_job_with_its_parents_results_removed_says_so_until_they_are_copied_back(
    place: Place,
) -> None:
    agent = InProcess(str(place.root), unpacked(place.root))
    place.call = agent.call  # type: ignore[method-assign]
    ok(place.call(opening(place.root)))
    place.stage(WORK)
    ok(place.call({"verb": "queue", "jobs": [entry("a", "open('result', 'w').write('x')")]}))
    follow(place.call, all_over(1))
    place.clean([place.fetched("a")])

    child = entry("b", "pass", parents=[[TASK, job_id("a")]])
    ok(place.call({"verb": "queue", "jobs": [child]}))
    told = follow(place.call, all_over(2))[job_id("b")]
    emptied.forget(place.layout.job(TASK, job_id("a")))
    ok(place.call({"verb": "queue", "jobs": [{**child, "attempt": 2}]}))
    again = follow(
        place.call,
        lambda known: known.get(job_id("b"), {}).get("attempt") == 2 and all_over(2)(known),
    )

    assert ("failed", "dependency") == (told["state"], told["cause"])
    assert "its files were removed from there" in told["message"]
    assert "done" == again[job_id("b")]["state"]
