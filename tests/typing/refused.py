"""Mistakes that mypy --strict and pyright both report: each line's ignore comment is refused where it is not needed."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from pathlib import Path

from xpm import Config, Meta, Param, PathGenerator, Req, Task, field


class Model(Config):
    layers: Param[int]
    hidden: Param[int] = 10
    note: Meta[str] = ""


class Learn(Task):
    model: Param[Model]
    parameters: Meta[Path] = field(default_factory=PathGenerator("parameters.pth"))


Model()  # type: ignore[call-arg]
Model(layers="3")  # type: ignore[arg-type]
Model(layers=3, layrs=4)  # type: ignore[call-arg]
Model(3)  # type: ignore[call-arg]
Learn(model=3)  # type: ignore[arg-type]
Learn(model=Model(layers=3), parameters="x")  # type: ignore[arg-type]

model = Model(layers=3)
model.layers = "3"  # type: ignore[assignment]
model.layrs = 3  # type: ignore[attr-defined]
print(model.layrs)  # type: ignore[attr-defined]
Learn(model=model).submit("gpu")  # type: ignore[call-arg]
Learn(model=model).submit(require=4)  # type: ignore[arg-type]
Req(mem=60)  # type: ignore[arg-type]


class Wrong(Config):
    layers: Param[int] = field(default="3")  # type: ignore[assignment]
