"""Configurations saved as files and loaded again; copies."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plan import document_cases
from tests.plan.recording import Recording
from xpm import (
    Config,
    Meta,
    Param,
    PathGenerator,
    Task,
    copyconfig,
    field,
    identifier,
    load,
    save,
    setmeta,
)
from xpm.errors import PlanProblem

GOLDENS = Path(__file__).parents[1] / "golden" / "documents"


class Part(Config):
    x: Param[int] = 1


class Loaded(Config):
    path: Param[Path]


class Learn(Task):
    part: Param[Part]
    out: Meta[Path] = field(default_factory=PathGenerator("out"))

    def task_outputs(self, dep: Callable[[Any], Any]) -> Any:
        return dep(Loaded(path=self.out))

    def execute(self) -> None:
        """Nothing."""


class Use(Task):
    anything: Param[Any]

    def execute(self) -> None:
        """Nothing."""


def test_what_was_no_task_can_be_changed_after_loading(tmp_path: Path) -> None:
    part = load(save(Part(x=3), tmp_path / "part.json"))

    part.x = 4

    assert identifier(Part(x=4)) == identifier(part)


def test_what_a_task_handed_on_keeps_its_identity_and_its_job(
    xp: Recording, tmp_path: Path
) -> None:
    output = Learn(part=Part(x=3)).submit()
    Use(anything=output).submit()

    loaded = load(save(output, tmp_path / "output.json"))
    Use(anything=loaded).submit()

    assert identifier(output) == identifier(loaded)
    assert output.path == loaded.path
    assert xp.submitted[1].job == xp.submitted[2].job
    assert xp.submitted[1].parents == xp.submitted[2].parents
    with pytest.raises(PlanProblem, match="cannot be changed"):
        loaded.path = Path("x")


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_every_format_are_loaded_with_their_identity(version: int) -> None:
    with Recording(document_cases.MAIN, document_cases.PROJECT) as recording:
        loaded = load(GOLDENS / f"saved{version}.json")
        Use(anything=loaded).submit()

    original = document_cases.submitted().submitted[-1]
    assert original.job == identifier(loaded)
    assert ((original.task, original.job),) == recording.submitted[0].parents
    assert repr(loaded.learn.model) == repr(loaded.loaded.inner)
    assert (
        document_cases.MAIN / "jobs" / "g.learn" / identifier(loaded.learn) / "parameters.pth"
        == loaded.loaded.path
    )
    with pytest.raises(PlanProblem, match="cannot be changed"):
        loaded.learn.model.layers = 4


def test_what_was_loaded_can_be_copied_and_changed() -> None:
    with Recording(document_cases.MAIN, document_cases.PROJECT):
        loaded = load(GOLDENS / "saved2.json")
        copied = copyconfig(loaded, models=[])

    assert copied.learn is loaded.learn
    assert copied.loaded is loaded.loaded
    assert identifier(copied) != identifier(loaded)


def test_another_process_loads_the_same(tmp_path: Path) -> None:
    file = save(Part(x=3), tmp_path / "part.json")
    code = f"import xpm; print(xpm.identifier(xpm.load({str(file)!r})))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert identifier(Part(x=3)) == done.stdout.strip()


def test_a_script_loads_what_it_saved(tmp_path: Path) -> None:
    script = tmp_path / "plan.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path.cwd())!r})\n"
        "from xpm import Config, Param, save, load\n"
        "class Mine(Config):\n    x: Param[int]\n"
        f"print(type(load(save(Mine(x=1), {str(tmp_path / 'mine.json')!r}))) is Mine)\n"
    )

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "True"


@pytest.mark.parametrize("content", [None, b"", b"[1", b"\xff"])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, content: "bytes | None") -> None:
    file = tmp_path / "x.json"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(PlanProblem, match="cannot be read as a configuration"):
        load(file)


def test_saving_leaves_nothing_else_behind(tmp_path: Path) -> None:
    save(Part(), tmp_path / "part.json")

    assert [each.name for each in tmp_path.iterdir()] == ["part.json"]


def test_a_copy_shares_nothing_that_can_change() -> None:
    part = Part(x=1)
    use = Use(anything={"a": [part], "b": part})

    copied = copyconfig(use)
    copied.anything["a"][0].x = 2

    assert copied.anything["a"][0] is copied.anything["b"]
    assert part.x == 1


def test_a_copy_keeps_submitted_tasks_and_outputs(xp: Recording) -> None:
    learn = Learn(part=Part())
    output = learn.submit()
    copied = copyconfig(Use(anything=[learn, output]))

    assert [learn, output] == copied.anything


def test_a_copy_of_an_output_still_comes_from_its_task(xp: Recording) -> None:
    output = Learn(part=Part()).submit()

    copied = copyconfig(output)

    assert identifier(output) == identifier(copied)


def test_only_configurations_are_copied() -> None:
    with pytest.raises(PlanProblem, match="copyconfig takes a configuration or a task, got a list"):
        copyconfig([1])  # type: ignore[type-var]


def test_changes_of_a_copy_are_checked() -> None:
    with pytest.raises(PlanProblem, match="expects int"):
        copyconfig(Part(), x="a")


def test_setmeta_returns_the_object_and_can_be_undone() -> None:
    part = Part(x=1)
    plain = identifier(Use(anything=[part]))

    assert part is setmeta(part)
    assert plain != identifier(Use(anything=[part]))
    assert plain == identifier(Use(anything=[setmeta(part, None)]))
