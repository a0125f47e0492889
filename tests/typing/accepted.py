"""Plans that mypy --strict and pyright accept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_type

from xpm import (
    Config,
    Constant,
    Meta,
    Option,
    Param,
    PathGenerator,
    Req,
    ResumableTask,
    Task,
    Token,
    copyconfig,
    field,
    identifier,
    progress,
    setmeta,
    stop_tags,
    tag,
    tags,
    tagspath,
)  # fmt: skip


class Data(Config):
    path: Param[Path]


class Model(Config):
    __xpmid__ = "demo.model"
    layers: Param[int]
    """Number of layers"""
    hidden: Param[int] = 10
    dropout: Param[float] = field(default=0.1)
    heads: Param[int] = field(default=1, ignore_default=True)
    sizes: Param[list[int]] = field(default_factory=list[int])
    version: Constant[int] = 2
    note: Meta[str] = ""
    seed: Option[int | None] = None


class Loaded(Config):
    path: Param[Path]


class Learn(ResumableTask):
    model: Param[Model]
    data: Param[list[Data]]
    parameters: Meta[Path] = field(default_factory=PathGenerator("parameters.pth"))

    def __validate__(self) -> None:
        assert self.model.layers > 0

    def task_outputs(self, dep: Callable[[Any], Any]) -> Any:
        return dep(Loaded(path=self.parameters))

    def execute(self) -> None:
        for epoch in progress(range(100)):
            assert_type(epoch, int)
        assert_type(self.remaining_time(), float | None)
        self.parameters.write_text("x")


class Deep(Learn):
    depth: Param[int] = 3


def plan(token: Token) -> None:
    model = Model(layers=tag(3), note="n")
    assert_type(model.layers, int)
    assert_type(model.dropout, float)
    assert_type(model.sizes, list[int])
    assert_type(model.seed, int | None)
    assert_type(tag("x"), str)
    assert_type(stop_tags(model), Model)
    assert_type(Model.C(layers=3), Model)

    learn = Learn(model=model, data=[Data(path=Path("x"))])
    learn.model = Model(layers=4)
    assert_type(token(2, learn), Learn)
    assert_type(learn.add_dependencies(token.dependency(1)), Learn)
    assert_type(model.tag("name", 3), Model)
    assert_type(learn.on_completed(check), Learn)
    assert_type(copyconfig(learn, data=[]), Learn)
    assert_type(setmeta(model), Model)
    assert_type(learn.parameters, Path)
    assert_type(identifier(learn), str)
    assert_type(tagspath(learn), str)
    assert_type(tags(learn) == learn.tags(), bool)
    learn.submit(launcher="gpu")
    learn.submit(require="time=4h & gpus=2")
    learn.submit(require=Req(cpus=8, mem="60GB", gpu={"vram": ">=24GB"}) | "cpus=32")
    assert_type(Req(time="4h") & "cpus=2", Req)

    Deep(model=model, data=[], depth=4)


def check(task: Task) -> None:
    task.jobpath.joinpath("x")
