"""What every kind of connector must do."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.connectors.sshd import SSHD
from tests.contract import places
from tests.contract.places import Site, ref, until
from xpm.connectors.base import Connector, JobRef, Reported, Snapshot
from xpm.errors import PlanProblem
from xpm.sync.rules import Choice
from xpm.sync.snapshot import take

pytestmark = pytest.mark.host
WAIT = "while not os.path.exists('go'): time.sleep(0.02)"


def openssh(folder: Path) -> AbstractContextManager[Site]:
    return places.ssh(folder, "openssh")


KINDS = {"local": places.local, "memory": places.memory, "ssh": places.ssh, "openssh": openssh}


@pytest.fixture(params=[*KINDS, pytest.param("slurm", marks=pytest.mark.cluster)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "slurm":
        with places.slurm(tmp_path, request.getfixturevalue("cluster")) as found:
            yield found
        return
    if request.param.endswith("ssh") and SSHD is None:
        pytest.skip("needs an sshd (openssh-server)")
    with KINDS[request.param](tmp_path) as found:
        yield found


@pytest.fixture
def shot(tmp_path: Path) -> Snapshot:
    return places.snapshot(tmp_path / "project")


def nothing(*counts: int) -> None:
    """Progress nobody looks at."""


def staged(site: Site, shot: Snapshot) -> Connector:
    connector = site.open()
    connector.stage(shot, nothing)
    return connector


def fetch(connector: Connector, site: Site, *names: str) -> list[str]:
    found = connector.fetch([ref(name) for name in names], str(site.main), nothing)
    assert [ref(name) for name in names] == [each.ref for each in found]
    return [problem for each in found for problem in each.problems]


def test_a_job_runs_and_its_results_are_here(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)

    connector.submit([site.entry("a", "print('hello'); open('out.txt', 'w').write('42')", shot)])
    [change] = until(connector, ["a"]).values()
    problems = fetch(connector, site, "a")

    assert (change.state, change.cause, change.attempt, change.generation) == ("done", None, 1, 1)
    mirror = site.mirror(ref("a"))
    assert (mirror / "out.txt").read_text() == "42"
    assert (mirror / "stdout").read_text() == "hello\n"
    assert {"a1.1", "a1.2"} <= {each.name for each in (mirror / ".xpm").iterdir()}
    assert problems == []


def test_while_a_job_runs_what_is_to_be_seen_comes_and_the_rules_keep_what_they_say(
    site: Site, shot: Snapshot
) -> None:
    connector, choice = staged(site, shot), Choice(skip=("big",), live=("*.csv",))
    code = f"open('big', 'w').write('b'); open('a.csv', 'w').write('1')\n{WAIT}"
    connector.submit([site.entry("a", code, shot)])
    mirror = site.mirror(ref("a"))

    def is_seen() -> bool:
        connector.fetch([ref("a")], str(site.main), nothing, choice.meanwhile)
        return (mirror / "a.csv").exists() and (mirror / "a.csv").read_text() == "1"

    places.eventually(is_seen)
    is_over_here = (mirror / ".xpm" / "a1.2").exists()
    site.touch(site.job(ref("a")) / "go")
    [change] = until(connector, ["a"]).values()
    [found] = connector.fetch([ref("a")], str(site.main), nothing, choice.after(change.state))

    assert not is_over_here
    assert (mirror / ".xpm" / "a1.2").exists()
    stays = [] if site.kind == "local" else [("big", 1, "skip")]
    assert stays == [(each.path, each.size, each.why) for each in found.stayed]
    assert (mirror / "big").exists() is (site.kind == "local")


def test_how_far_a_job_is_travels_with_the_news_once(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    said = '{"at": 5.0, "fraction": 0.25, "description": "epoch 3"}'
    code = (
        f"open('.xpm/new', 'w').write({said!r}); os.rename('.xpm/new', '.xpm/progress.json')\n"
        "while not os.path.exists('go'): time.sleep(0.05)"
    )
    connector.submit([site.entry("a", code, shot)])
    told: list[Reported] = []
    cursor: str | None = None
    running = False

    while not running or (site.kind != "local" and not told):
        news = connector.observe(cursor, [ref("a")], 5)
        cursor = news.cursor
        told += news.progress
        running = running or any(each.state == "running" for each in news.changes)
    more = connector.observe(cursor, [ref("a")], 0).progress
    site.touch(site.job(ref("a")) / "go")
    until(connector, ["a"])

    assert told == ([] if site.kind == "local" else [Reported(ref("a"), 5.0, 0.25, "epoch 3")])
    assert not more


def test_both_sides_name_the_folder_of_a_job_alike(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)

    connector.submit([site.entry("a", "open('x', 'w')", shot)])
    until(connector, ["a"])
    fetch(connector, site, "a")

    here = site.mirror(ref("a")).relative_to(site.main)
    assert here == site.job(ref("a")).relative_to(site.root)
    assert Path("jobs") / places.TASK / ref("a").job == here


def test_a_child_starts_after_its_parent(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)

    connector.submit(
        [
            site.entry("child", "print(time.time())", shot, parents=["parent"]),
            site.entry("parent", "time.sleep(0.3); print(time.time())", shot),
        ]
    )
    until(connector, ["parent", "child"])
    fetch(connector, site, "parent", "child")

    ended, started = (
        (site.mirror(ref(name)) / "stdout").read_text() for name in ("parent", "child")
    )
    assert float(ended) < float(started)


def test_a_job_that_raises_failed_and_its_children_are_skipped(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)

    connector.submit(
        [
            site.entry("bad", "raise ValueError('no such luck')", shot),
            site.entry("child", "pass", shot, parents=["bad"]),
        ]
    )
    known = until(connector, ["bad", "child"])
    fetch(connector, site, "bad")

    assert (known["bad"].state, known["bad"].cause) == ("failed", "exit")
    assert "no such luck" in known["bad"].message
    assert "no such luck" in (site.mirror(ref("bad")) / "stderr").read_text()
    assert known["child"].state == "skipped"
    assert site.effects(ref("child")) == 0


def test_submitting_again_changes_nothing(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    wanted = site.entry("a", "pass", shot)

    for _ in range(3):
        connector.submit([wanted])
    until(connector, ["a"])
    connector.submit([wanted])
    until(connector, ["a"])

    assert site.effects(ref("a")) == 1


def test_a_job_that_is_submitted_again_is_told_again(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    wanted = site.entry("a", "pass", shot)
    connector.submit([wanted])
    until(connector, ["a"])
    cursor = connector.observe(None, [], 0.0).cursor

    connector.submit([wanted])
    news: list[str] = []
    for _ in range(12):  # nothing else happens there
        if news:
            break
        told = connector.observe(cursor, [ref("a")], 5.0)
        cursor, news = told.cursor, [each.state for each in told.changes if each.ref == ref("a")]

    assert ["done"] == news


def test_a_new_attempt_runs_again(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    connector.submit([site.entry("a", "raise SystemExit(3)", shot)])
    until(connector, ["a"])

    connector.submit([site.entry("a", "pass", shot, attempt=2)])
    [change] = until(connector, ["a"], ["done"]).values()

    assert change.attempt == 2
    assert site.effects(ref("a")) == 2


def test_jobs_outlive_the_connector(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    connector.submit(
        [
            site.entry("a", WAIT, shot),
            site.entry("b", "open('x', 'w').write('after')", shot, parents=["a"]),
        ]
    )
    until(connector, ["a"], ["running"])

    connector.close()
    site.touch(site.job(ref("a")) / "go")
    places.eventually(lambda: site.has(ref("b"), "x"))
    known = until(site.open(), ["a", "b"])

    assert [each.state for each in known.values()] == ["done", "done"]


def test_a_cursor_tells_only_what_is_new(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    connector.submit([site.entry("a", "pass", shot), site.entry("b", "pass", shot)])
    until(connector, ["a", "b"])
    refs = [ref("a"), ref("b")]
    first = connector.observe(None, refs, 0)
    assert set(refs) == {each.ref for each in first.changes}

    quiet = connector.observe(first.cursor, refs, 0)
    connector.submit([site.entry("c", "pass", shot)])
    after = connector.observe(quiet.cursor, [*refs, ref("c")], 60)

    assert list(quiet.changes) == []
    assert [ref("c")] == [each.ref for each in after.changes]


def test_a_cursor_of_another_connection_tells_everything(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    connector.submit([site.entry("a", "pass", shot)])
    until(connector, ["a"])
    cursor = connector.observe(None, [ref("a")], 0).cursor
    connector.close()

    news = site.open().observe(cursor, [ref("a")], 0)

    assert [each.state for each in news.changes] == ["done"]


def test_a_job_never_heard_of_is_told_apart(site: Site) -> None:
    news = site.open().observe(None, [ref("nobody")], 0)

    assert ["unknown"] in ([each.state for each in news.changes], ["unknown"])
    assert all(each.state == "unknown" for each in news.changes)


def test_a_nudge_ends_the_wait(site: Site) -> None:
    connector = site.open()
    cursor = connector.observe(None, [], 0).cursor

    watcher = threading.Thread(target=connector.observe, args=(cursor, [], 600), daemon=True)
    watcher.start()
    connector.nudge()
    watcher.join(60)

    assert not watcher.is_alive()


def test_a_nudge_before_the_wait_is_not_lost(site: Site) -> None:
    connector = site.open()
    cursor = connector.observe(None, [], 0).cursor

    connector.nudge()
    watcher = threading.Thread(target=connector.observe, args=(cursor, [], 600), daemon=True)
    watcher.start()
    watcher.join(60)

    assert not watcher.is_alive()


def test_cancelling_ends_a_running_job_and_a_waiting_one(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    connector.submit(
        [
            site.entry("long", "time.sleep(600)", shot),
            site.entry("next", "pass", shot, parents=["long"]),
        ]
    )
    until(connector, ["long"], ["running"])

    connector.cancel([(ref("long"), 1), (ref("next"), 1)])
    known = until(connector, ["long", "next"])

    assert known["long"].state == "cancelled"
    assert known["next"].state in ("cancelled", "skipped")


def test_the_log_of_a_running_job_can_be_read(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    code = "print('x' * 100, flush=True); open('ready', 'w')\nwhile not os.path.exists('go'): time.sleep(0.02)"
    connector.submit([site.entry("a", code, shot)])
    until(connector, ["a"], ["running"])
    places.eventually(lambda: site.has(ref("a"), "ready"))

    assert connector.tail(ref("a"), "stdout", 0, 1000).content == b"x" * 100 + b"\n"
    assert connector.tail(ref("a"), "stdout", 3, 7).content == b"x" * 7
    assert connector.tail(ref("a"), "stdout", 101, 1000).content == b""
    assert connector.tail(ref("nobody"), "stderr", 0, 1000).content == b""

    last = connector.tail(ref("a"), "stdout", -4, 1000)
    assert (b"xxx\n", 97, 101) == (last.content, last.offset, last.size)
    assert 0 == connector.tail(ref("a"), "stdout", -1000, 1000).offset
    assert b"" == connector.tail(ref("nobody"), "stderr", -5, 1000).content

    site.touch(site.job(ref("a")) / "go")
    until(connector, ["a"])


def test_a_running_job_can_be_mirrored_before_it_ends(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    code = "print('so far', flush=True); open('ready', 'w')\nwhile not os.path.exists('go'): time.sleep(0.02)"
    connector.submit([site.entry("a", code, shot)])
    places.eventually(lambda: site.has(ref("a"), "ready"))

    fetch(connector, site, "a")
    assert (site.mirror(ref("a")) / "stdout").read_text() == "so far\n"
    assert not (site.mirror(ref("a")) / ".xpm" / "a1.2").exists()

    site.touch(site.job(ref("a")) / "go")
    until(connector, ["a"])
    fetch(connector, site, "a")
    assert (site.mirror(ref("a")) / ".xpm" / "a1.2").exists()


def test_tokens_bound_what_runs_at_once(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    code = "t = time.time(); time.sleep(0.2); print(t, time.time())"

    connector.submit([site.entry(f"j{n}", code, shot, tokens=[("gpu", 1, 1)]) for n in range(3)])
    names = [f"j{n}" for n in range(3)]
    until(connector, names)
    fetch(connector, site, *names)

    spans = sorted(
        tuple(map(float, (site.mirror(ref(name)) / "stdout").read_text().split())) for name in names
    )
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_later_edits_do_not_change_queued_jobs(site: Site, shot: Snapshot, tmp_path: Path) -> None:
    connector = staged(site, shot)
    (tmp_path / "project" / "work.py").write_text("raise SystemExit('edited')")

    connector.submit([site.entry("a", "pass", shot)])

    assert until(connector, ["a"])["a"].state == "done"


def test_the_same_contents_are_sent_once(site: Site, tmp_path: Path) -> None:
    project = tmp_path / "project"
    places.snapshot(project)
    (project / "big.txt").write_bytes(b"x" * 100_000)
    sent: list[int] = []
    connector = site.open()

    connector.stage(take(project), lambda done, total: sent.append(total))
    (project / "small.txt").write_bytes(b"y" * 10)
    again = site.open()
    again.stage(take(project), lambda done, total: sent.append(total))
    again.stage(take(project), lambda done, total: sent.append(total))

    assert {100_000 + len(places.WORK), 10} == set(sent)


def test_a_file_that_changes_while_it_is_sent_is_noticed(
    site: Site, shot: Snapshot, tmp_path: Path
) -> None:
    (tmp_path / "project" / "work.py").write_text("changed")

    with pytest.raises(PlanProblem, match="changed while it was being sent"):
        site.open().stage(shot, nothing)


def test_the_place_tells_its_facts(site: Site) -> None:
    assert site.open().probe()


def test_a_token_is_named_and_counted(site: Site) -> None:
    token = site.open().createtoken("gpu", 4)

    assert (token.name, token.total) == ("gpu", 4)


def test_nothing_to_do_is_done_without_a_connection(site: Site) -> None:
    connector = site.open()

    connector.submit([])
    connector.cancel([])
    connector.fetch([], str(site.main), nothing) if site.kind == "local" else None

    assert site.read(site.root / ".xpm" / "place.json") is None


def test_a_job_id_is_all_that_names_a_job(site: Site) -> None:
    assert JobRef(places.TASK, ref("a").job) == ref("a")
    assert site.open().name


def test_what_was_sent_is_remembered_for_another_laptop(site: Site, shot: Snapshot) -> None:
    connector = staged(site, shot)
    first = site.entry("a", "pass", shot)
    other = {**site.entry("b", "pass", shot), "experiment": "other"}
    connector.submit([first])
    connector.submit([other])
    until(connector, ["a", "b"])
    connector.close()

    later = site.open()

    known = {each.name: (each.jobs, dict(each.states)) for each in later.experiments()}
    assert {"test": (1, {"done": 1}), "other": (1, {"done": 1})} == known
    assert [first, other] == [entry for _, entry in later.wanted(None)]
    assert [other] == [entry for _, entry in later.wanted("other")]
    assert [] == list(later.wanted("never"))
    assert later.holds(shot.id)
    assert not later.holds("f" * 64)
