"""A plan folded by task, in three forms."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.cli.folders import main_folder
from xpm.cli import drawing, folding
from xpm.cli.folding import Kind
from xpm.cli.main import main as run
from xpm.follow.main import MainFolder
from xpm.follow.records import Line
from xpm.follow.session import Session

JOBS = [
    ("1a", "demo.prepare", ()), ("2a", "demo.learn", ("1a",)), ("2b", "demo.learn", ("1a", "2a")),
    ("3a", "demo.<report>", ("2a", "2b", "1a")), ("4a", "demo.alone", ()),
]  # fmt: skip


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MainFolder:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path / "main"))
    found = main_folder(tmp_path / "main", "demo", [])
    record = found.experiment("demo")
    latest = record.latest()
    assert latest is not None
    tasks = {job: task for job, task, _ in JOBS}
    for job, task, parents in JOBS:
        before = tuple((tasks[each], each * 32) for each in parents)
        record.append(Line(job * 32, task, 1, "local", "local", {}, before, "/w", 1.0, latest.run))
    record.close()
    return found


def fold(main: MainFolder) -> list[Kind]:
    session = Session(main)
    try:
        look = session.look()
        return folding.fold(look.by_task("demo"), look.pairs("demo"))
    finally:
        session.close()


def test_kinds_come_after_what_they_wait_for(main: MainFolder) -> None:
    kinds = fold(main)

    assert [
        ("demo.prepare", 0, 1),
        ("demo.alone", 0, 1),
        ("demo.learn", 1, 2),
        ("demo.<report>", 2, 1),
    ] == [(kind.task, kind.depth, kind.jobs) for kind in kinds]
    assert {"demo.prepare": 2, "demo.learn": 1} == kinds[2].after


def test_on_a_terminal(main: MainFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["graph"])

    assert [
        "demo: 5 jobs",
        "demo.prepare            1 waiting",
        "demo.alone              1 waiting",
        "   └─ demo.learn        2 waiting  (after demo.learn, demo.prepare)",
        "      └─ demo.<report>  1 waiting  (after demo.learn, demo.prepare)",
    ] == capsys.readouterr().out.splitlines()


def test_as_mermaid(main: MainFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["graph", "demo", "--format", "mermaid"])

    told = capsys.readouterr().out.splitlines()
    assert "flowchart LR" == told[0]
    assert '    t2["demo.learn<br/>2 waiting"]:::waiting' in told
    assert any("demo.#lt;report#gt;" in line for line in told)
    assert {"    t0 --> t2", "    t2 --> t2", "    t2 --> t3", "    t0 --> t3"} <= set(told)


def test_for_programs(main: MainFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["graph", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert (1, "demo") == (told["schema"], told["experiment"])
    assert {
        "task": "demo.learn", "jobs": 2, "states": {"waiting": 2}, "after": {"demo.prepare": 2, "demo.learn": 1},
    } == told["kinds"][2]  # fmt: skip
    assert 2 == run(["graph", "--json", "--format", "svg"])


def test_as_a_picture(main: MainFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["graph", "--format", "svg"])

    picture = ElementTree.fromstring(capsys.readouterr().out)
    names = {each.text for each in picture.iter() if each.get("font-weight") == "600"}
    assert {"demo.prepare", "demo.learn", "demo.<report>", "demo.alone"} == names
    assert 4 == len([each for each in picture.iter() if each.tag.endswith("path")])


def test_a_picture_of_nothing_is_one() -> None:
    assert ElementTree.fromstring(drawing.as_svg([], "none")).tag.endswith("svg")


def test_kinds_that_wait_for_each_other_have_a_place(main: MainFolder) -> None:
    record = main.experiment("demo")
    latest = record.latest()
    assert latest is not None
    line = Line(
        "5a" * 32,
        "demo.prepare",
        1,
        "local",
        "local",
        {},
        (("demo.learn", "2b" * 32),),
        "/w",
        1.0,
        latest.run,
    )
    record.append(line)
    record.close()

    found = {kind.task: kind.depth for kind in fold(main)}

    assert {"demo.prepare", "demo.learn", "demo.<report>", "demo.alone"} == set(found)
    assert found["demo.learn"] != found["demo.prepare"]
