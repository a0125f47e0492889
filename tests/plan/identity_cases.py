"""One configuration per type and rule of docs/identity.md, pinned by tests/golden/identity_v1_draft.json.

Runs under every Python that runs jobs: ``python tests/plan/identity_cases.py`` prints the identities as JSON.
"""

# ruff: noqa: E501, I001, RUF012, UP006, UP007, UP035, UP042, UP045
# mypy: disable-error-code="call-arg, arg-type, list-item"
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import enum
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Literal, Optional, Set, Tuple, Union

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xpm import (
    Config, Constant, LightweightTask, Meta, Option, Param, PathGenerator, Task, argument, config, constant, field,
    identifier, option, pathoption, setmeta, tag, task,
)  # fmt: skip
from xpm.plan.identity import canonical
from xpm.plan.sealing import seal
from xpm.plan.submitting import produced


class Color(enum.Enum):
    __xpmid__ = "t.color"
    RED = 1
    GREEN = 2
    ROUGE = 1


class Level(enum.IntEnum):
    __xpmid__ = "t.level"
    LOW = 1


class Word(str, enum.Enum):
    __xpmid__ = "t.word"
    A = "a"


class Mode(enum.Flag):
    __xpmid__ = "t.mode"
    R = 1
    W = 2


class Anything(Config):
    __xpmid__ = "t.any"
    x: Param[Any]


class Typed(Config):
    __xpmid__ = "t.typed"
    boolean: Param[Optional[bool]]
    floating: Param[Optional[float]]
    integer: Param[Optional[int]]
    text: Param[Optional[str]]
    path: Param[Optional[Path]]
    color: Param[Optional[Color]]
    level: Param[Optional[Level]]
    names: Param[Optional[List[str]]]
    pair: Param[Optional[Tuple[int, float]]]
    tags_: Param[Optional[Set[str]]]
    frozen: Param[Optional[FrozenSet[int]]]
    table: Param[Optional[Dict[str, float]]]
    either: Param[Union[int, str, Word, None]]
    choice: Param[Optional[Literal["a", 1]]]
    paths: Param[Optional[List[Path]]]


class Model(Config):
    __xpmid__ = "demo.model"
    layers: Param[int]
    rate: Param[float] = field(default=0.5)


class Rules(Config):
    __xpmid__ = "t.Rules"
    bare: Param[int] = 10
    counted: Param[int] = field(default=10)
    ignored: Param[int] = field(default=10, ignore_default=True)
    optional: Param[Optional[int]] = None
    other: Param[Optional[int]] = 3
    fixed: Constant[int] = 2
    meta: Meta[str] = ""
    option: Option[int] = 0
    made: Param[List[int]] = field(default_factory=lambda: [1])
    where: Param[Path] = Path("somewhere")
    out: Meta[Path] = field(default_factory=PathGenerator("out.txt"))


class Holder(Config):
    __xpmid__ = "t.holder"
    model: Param[Optional[Config]]
    models: Param[List[Config]] = []
    named: Param[Dict[str, Config]] = {}
    uncounted: Meta[Optional[Config]] = None


class Learn(Task):
    __xpmid__ = "t.learn"
    epochs: Param[int] = 1


class Warm(LightweightTask):
    __xpmid__ = "t.warm"
    seed: Param[int]


@argument("layers", type=int)
@argument("hidden", type=int, default=10)
@constant("version", 1)
@option("name", type=str, default="m")
@config("t.Classic")
class Classic:
    """In the classic style."""


@argument("epochs", type=int, default=100)
@argument("model", type=Classic)
@pathoption("parameters", "parameters.pth")
@task("t.classictask")
class ClassicTask:
    """In the classic style."""


@task("t.function")
def function(strings: List[str], k: int = 3) -> None:
    """A function."""


class Unnamed(Config):
    """Named after its module and itself."""

    x: Param[int] = 0


def values() -> dict[str, Any]:
    """One value of an argument of any type per type of value."""
    return {
        "none": None, "true": True, "false": False, "one": 1, "zero": 0, "minus": -255, "2**64": 2**64,
        "-(10**40)": -(10**40), "1.0": 1.0, "0.1": 0.1, "0.0": 0.0, "-0.0": -0.0, "nan": float("nan"),
        "-nan": -float("nan"), "inf": float("inf"), "-inf": -float("inf"), "denormal": 5e-324, "text": "a", "empty": "",
        "e acute": "\xe9", "e combining": "e\u0301", "snake": "\U0001f40d", "lone surrogate": "\ud800",
        "two surrogates": "\ud83d\udc0d", "digit": "1", "nul": "a\0b", "bytes": b"a", "path": Path("a"), "enum": Color.RED,
        "enum alias": Color.ROUGE, "int enum": Level.LOW, "str enum": Word.A, "flag": Mode.R | Mode.W, "no flag": Mode(0),
        "list": [1, "a", [2.0]], "empty list": [], "tuple": (1, "a", (2.0,)), "empty tuple": (), "list of none": [None],
        "set": {"b", "a", 3}, "frozenset": frozenset(["a", "b", 3]), "empty set": set(), "dict": {"a": "b", "c": "d"},
        "dict, other order": {"c": "d", "a": "b"}, "dict hole": {"a": "b\x03c\x03d"}, "dict of many": {1: True, "1": [], (1,): {}},
        "dict of 1.0": {1.0: None}, "empty dict": {}, "list of paths": [Path("a"), Path("b")], "other paths": [Path("c"), Path("d")],
        "one path": [Path("a")], "nested": {"a": [{"b": (1, {"c"})}]}, "split": [["a"], "b"], "split elsewhere": ["a", ["b"]],
        "config": Model(layers=3),
    }  # fmt: skip


def typed() -> dict[str, Any]:
    """Values that their declared type brings into normal form."""
    return {
        "int to float": Typed(floating=3), "float": Typed(floating=3.0), "bool": Typed(boolean=True),
        "int": Typed(integer=1), "int enum to int": Typed(integer=Level.LOW), "str enum to str": Typed(text=Word.A),
        "str": Typed(text="a"), "path": Typed(path="anywhere"), "nothing": Typed(), "color": Typed(color=Color.GREEN),
        "level": Typed(level=Level.LOW), "tuple to list": Typed(names=("a", "b")), "list": Typed(names=["a", "b"]),
        "pair": Typed(pair=(1, 2)), "set": Typed(tags_={"b", "a"}), "frozenset": Typed(frozen={2, 1}),
        "dict": Typed(table={"a": 1, "b": 2.5}), "either int": Typed(either=1), "either str": Typed(either="1"),
        "either enum": Typed(either=Word.A), "choice": Typed(choice=1), "paths": Typed(paths=["a", "b"]),
        "no paths": Typed(paths=[]),
    }  # fmt: skip


def rules() -> dict[str, Any]:
    """What counts and what does not."""
    shared = Model(layers=3)
    learn, longer = Learn(epochs=2), Learn(epochs=3)
    seal(learn)
    seal(longer)
    return {
        "defaults": Rules(), "bare default": Rules(bare=10), "bare other": Rules(bare=11), "counted": Rules(counted=10),
        "counted other": Rules(counted=11), "ignored": Rules(ignored=10), "ignored other": Rules(ignored=11),
        "optional": Rules(optional=None), "optional other": Rules(optional=3), "none for another default": Rules(other=None),
        "meta": Rules(meta="x", option=3), "factory": Rules(made=[1]), "factory other": Rules(made=[2]),
        "path": Rules(where="elsewhere"), "generated": Rules(out="given"), "tagged": Rules(bare=tag(11)),
        "shared": Holder(model=shared, models=[shared, shared]), "equal": Holder(model=Model(layers=3), models=[shared, Model(layers=3)]),
        "named": Holder(named={"a": shared}), "uncounted": Holder(uncounted=shared),
        "forced": Holder(uncounted=setmeta(Model(layers=3), False)), "meta part": Holder(model=setmeta(Model(layers=3), True)),
        "meta parts": Holder(models=[setmeta(Model(layers=3), True), shared], named={"a": setmeta(Model(layers=3), True)}),
        "nothing held": Holder(), "deep": Holder(model=Holder(model=Holder(models=[shared]))), "task": learn,
        "task held": Holder(model=learn), "output": produced(Model(layers=3), learn),
        "output held": Holder(models=[produced(Model(layers=3), learn)]), "other output": produced(Model(layers=3), longer),
        "initial": _with_initial(Learn(epochs=2), Warm(seed=1)), "classic": Classic(layers=3),
        "classic default": Classic(layers=3, hidden=10, name="other"), "classic other": Classic(layers=3, hidden=11),
        "classic task": ClassicTask(model=Classic(layers=3)), "function": function(strings=["a"], k=3),
        "function other": function(strings=["a"], k=4),
    }  # fmt: skip


def _with_initial(learn: Any, *initial: Any) -> Any:
    learn.__dict__["_xpm"].init = initial
    return learn


def cases() -> dict[str, Any]:
    """All of them, by name."""
    found = {f"value: {name}": Anything(x=value) for name, value in values().items()}
    found.update((f"typed: {name}", each) for name, each in typed().items())
    found.update((f"rule: {name}", each) for name, each in rules().items())
    return found


def golden() -> dict[str, Any]:
    """What the golden file holds."""
    return {
        "version": 1,
        "status": "draft",
        "cases": {
            name: {"id": identifier(each), "bytes": canonical(each).hex()}
            for name, each in cases().items()
        },
    }


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "random")
    print(json.dumps(golden(), indent=1))
