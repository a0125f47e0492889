"""Objects that run here and now: what a notebook and a debugger use."""

from pathlib import Path
from typing import Any

import pytest

from tests.plan.recording import Recording
from xpm import Config, LightweightTask, Meta, Param, PathGenerator, Task, argument, field, task
from xpm.errors import PlanProblem


class Model(Config):
    layers: Param[int]
    sizes: Param[list[int]] = field(default_factory=lambda: [1])
    cache: Meta[Path] = field(default_factory=PathGenerator("cache.bin"))

    def __post_init__(self) -> None:
        self.doubled = self.layers * 2

    def __validate__(self) -> None:
        assert self.layers > 0, "no layers"


class Learn(Task):
    __xpmid__ = "demo.learn"
    model: Param[Model]
    again: Param[dict[str, list[Model]]] = field(default_factory=dict[str, list[Model]])
    out: Meta[Path] = field(default_factory=PathGenerator("out.txt"))

    def execute(self) -> int:
        self.out.write_text(f"{self.model.layers}")
        self.model.sizes.append(3)
        return self.model.doubled


class After(Task):
    learn: Param[Learn]

    def execute(self) -> Path:
        return self.learn.out


class Prepare(LightweightTask):
    text: Param[str]

    def execute(self) -> None: ...


@argument("x", type=int)
@task("demo.function")
def function(x: int) -> int:
    return x + 1


def test_a_task_runs_at_once_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    learn = Learn(model=Model(layers=3))

    running = learn.instance()

    assert running.execute() == 6
    assert (tmp_path / "out.txt").read_text() == "3"
    assert running.jobpath == tmp_path
    assert running.model.cache == tmp_path / "model.cache.bin"
    assert learn.model.sizes == [1]  # the configuration stays as it was
    learn.model.layers = 4
    assert learn.instance().execute() == 8


def test_paths_may_be_elsewhere(tmp_path: Path) -> None:
    Learn(model=Model(layers=3)).instance(tmp_path).execute()

    assert (tmp_path / "out.txt").read_text() == "3"


def test_a_submitted_task_has_its_paths_in_the_folder_of_its_job(xp: Recording) -> None:
    learn = Learn(model=Model(layers=3)).submit()
    running = learn.instance()

    assert running.out == learn.jobpath / "out.txt"
    assert running.jobpath == learn.jobpath
    after = After(learn=learn).instance("elsewhere")
    assert after.execute() == learn.jobpath / "out.txt"
    assert after.learn.jobpath == learn.jobpath
    assert after.learn.model.cache == learn.jobpath / "model.cache.bin"


def test_shared_parts_stay_shared_and_containers_may_change() -> None:
    model = Model(layers=1)
    running = Learn(model=model, again={"a": [model]}).instance()

    assert running.again["a"][0] is running.model
    running.again["b"] = []
    running.model.layers = 0
    assert model.layers == 1


def test_a_function_runs_too() -> None:
    made: Any = function
    assert made(x=1).instance().execute() == 2


def test_an_unsubmitted_task_may_be_an_argument_of_an_instance(tmp_path: Path) -> None:
    learn = Learn(model=Model(layers=3))

    assert After(learn=learn).instance(tmp_path).execute() == tmp_path / "learn.out.txt"


def test_what_lacks_a_value_or_is_not_valid_is_refused() -> None:
    with pytest.raises(PlanProblem, match=r"Model\.layers has no value \(at model\)"):
        Learn(model=Model()).instance()  # type: ignore[call-arg]
    with pytest.raises(PlanProblem, match="Model is not valid: no layers"):
        Learn(model=Model(layers=-1)).instance()


def test_an_instance_cannot_be_submitted(xp: Recording) -> None:
    with pytest.raises(PlanProblem, match="cannot be submitted"):
        Learn(model=Model(layers=3)).instance().submit()
