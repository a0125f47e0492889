"""A sealed task that holds something of every sort, pinned by tests/golden/documents/format<n>.json."""

# ruff: noqa: RUF012

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.plan.recording import Recording
from xpm import (
    Config,
    Constant,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Task,
    field,
    save,
    setmeta,
)

MAIN = Path("/main")
PROJECT = Path("/project")


class Colour(enum.Enum):
    __xpmid__ = "g.colour"
    RED = 1


class Mode(enum.Flag):
    __xpmid__ = "g.mode"
    R = 1
    W = 2


class Model(Config):
    __xpmid__ = "g.model"
    layers: Param[int]
    hidden: Param[int] = 10
    version: Constant[int] = 2
    scratch: Meta[Path] = field(default_factory=PathGenerator("scratch.bin"))


class Loaded(Config):
    __xpmid__ = "g.loaded"
    path: Param[Path]
    inner: Param[Model | None] = None


class Warm(LightweightTask):
    __xpmid__ = "g.warm"
    seed: Param[int] = 1

    def execute(self) -> None: ...


class Learn(Task):
    __xpmid__ = "g.learn"
    model: Param[Model]
    note: Meta[str] = "n"
    parameters: Meta[Path] = field(default_factory=PathGenerator("parameters.pth"))

    def task_outputs(self, dep: Callable[[Any], Any]) -> Any:
        return dep(Loaded(path=self.parameters, inner=self.model))

    def execute(self) -> None:
        """Nothing."""


class Evaluate(Task):
    __xpmid__ = "g.evaluate"
    learn: Param[Learn]
    loaded: Param[Loaded]
    values: Param[Any]
    models: Param[list[Model]] = []
    uncounted: Param[Model | None] = None

    def execute(self) -> None:
        """Nothing."""


VALUES = [
    None, True, 1, 2**80, 0.5, float("inf"), "é", "\ud83d\udc0d", b"\0", (1, [2]), {"b", "a"}, frozenset((1,)),
    {"a": 1, (2,): Colour.RED}, Mode.R | Mode.W, PROJECT / "data.csv", MAIN / "jobs/a/b/c", Path("/elsewhere"),
]  # fmt: skip


def submitted(target: Path | None = None) -> Recording:
    """An experiment to which all of it was submitted; the last task is saved in a file."""
    with Recording(MAIN, PROJECT) as recording:
        learn = Learn(model=Model(layers=3))
        loaded = learn.submit()
        shared = Model(layers=4, hidden=20)
        evaluate = Evaluate(
            learn=learn,
            loaded=loaded,
            values=[*VALUES, shared],
            models=[shared, shared],
            uncounted=setmeta(Model(layers=5)),
        )
        evaluate.submit(init_tasks=[Warm(seed=7)])
        if target is not None:
            save(evaluate, target)
    return recording
