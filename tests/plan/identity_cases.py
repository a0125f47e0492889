"""One configuration per type and rule of docs/identity.md, pinned by tests/golden/identity_v1.json.

Runs under every Python that runs jobs: ``python tests/plan/identity_cases.py`` prints the identities as JSON.
"""

# ruff: noqa: E501, I001, RUF012, UP006, UP007, UP035, UP042, UP045
# mypy: disable-error-code="call-arg, arg-type, dict-item, list-item"
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import enum
import json
import os
import sys
from pathlib import Path
from typing import (
    Any,
    Dict,
    FrozenSet,
    Generic,
    List,
    Literal,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
)

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


class Bits(enum.IntFlag):
    __xpmid__ = "t.bits"
    R = 1
    W = 2
    X = 8


class Shade(enum.Enum):
    """Named after its module and itself."""

    DARK = 1


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
    files: Param[Optional[Dict[str, Path]]]
    spot: Param[Optional[Tuple[int, Path]]]
    maybe: Param[List[Optional[Path]]] = []
    number: Param[Union[float, int, None]]
    shade: Param[Optional[Literal[Color.RED, "red", True]]]
    many: Param[Optional[Tuple[int, ...]]]
    deep: Param[Optional[Dict[str, List[Tuple[int, Set[str]]]]]]
    row: Param[Optional[Sequence[float]]]
    raw: Param[Optional[bytes]]


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


class Below(Rules):
    """Another identifier; one default is another, one value is fixed, one argument is new."""

    __xpmid__ = "t.below"
    bare = 11
    counted: Constant[int] = 4
    more: Param[float] = 1


class Nones(Config):
    __xpmid__ = "t.nones"
    counted: Param[Optional[int]] = field(default=None)
    fixed: Constant[Optional[int]] = None
    anything: Param[Any] = None
    place: Constant[Path] = Path("fixed")
    either: Param[Union[str, Path]] = "a"


class Partly(Config):
    __xpmid__ = "t.partly"
    model: Param[Model] = Model(layers=3)
    strong: Param[Model] = field(default=Model(layers=3))


T = TypeVar("T")


class Box(Config, Generic[T]):
    __xpmid__ = "t.box"
    content: Param[T]


class Holder(Config):
    __xpmid__ = "t.holder"
    model: Param[Optional[Config]]
    models: Param[List[Config]] = []
    named: Param[Dict[str, Config]] = {}
    uncounted: Meta[Optional[Config]] = None
    besides: Meta[Optional[Config]] = None
    group: Param[Set[Config]] = set()
    keyed: Param[Dict[Config, int]] = {}


class Learn(Task):
    __xpmid__ = "t.learn"
    epochs: Param[int] = 1

    def execute(self) -> None: ...


class Warm(LightweightTask):
    __xpmid__ = "t.warm"
    seed: Param[int]

    def execute(self) -> None: ...


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

    class Modèle_ÉÀ(Config):
        """Not named in ASCII, and inside another."""

        x: Param[int] = 0


LONG = "L" * 200
Long = type(LONG, (Config,), {"__module__": __name__, "__qualname__": LONG})


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
        "config": Model(layers=3), "flag complement": ~Mode.R, "int flag": Bits.R | Bits.X, "int flag complement": ~Bits.R,
        "int flag of more bits": ~Bits(32), "enum without identifier": Shade.DARK, "float minus one": -1.0,
        "huge float": 1.7976931348623157e308, "float of 2**53": 2.0**53, "int of 2**53": 2**53, "list of true": [True],
        "list of one": [1], "nested empty": [[], (), {}, set()], "two nan keys": {float("nan"): 1, -float("nan"): 2},
        "set of nan": {float("nan")}, "keys of all sorts": {None: 0, False: 1, "a": 2, b"a": 3, 2.5: 4, Color.RED: 5, Path("a"): 6},
        "text of surrogates": ["\ud83d", "\udc0d"], "line ends": "a\r\nb\n", "bom": "\ufeffa", "capital": "A",
        "empty bytes": b"", "bytes like an item": b"s1:a", "text like an item": "s1:a", "list of configs": [Model(layers=3)] * 2,
        "path in a tuple": (1, Path("a")), "path in a dict": {"a": Path("b")}, "path as a key": {Path("a"): 1},
        "nested bool": {"a": [True, {"b": False}]},
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
        "no paths": Typed(paths=[]), "files": Typed(files={"a": "x"}), "other files": Typed(files={"a": Path("y")}),
        "spot": Typed(spot=(1, "x")), "other spot": Typed(spot=(1, "y")), "maybe": Typed(maybe=["x", None]),
        "int or float": Typed(number=3), "float or int": Typed(number=3.0), "literal enum": Typed(shade=Color.RED),
        "literal text": Typed(shade="red"), "literal true": Typed(shade=True), "list to many": Typed(many=[1, 2]),
        "many": Typed(many=(1, 2)), "deep": Typed(deep={"a": [(1, {"b", "c"})], "d": []}),
        "row of ints": Typed(row=[1, 2]), "row": Typed(row=(1.0, 2.0)), "bytearray": Typed(raw=bytearray(b"a")),
        "bytes": Typed(raw=b"a"), "box of int": Box(content=1), "box of declared int": Box[int](content=1),
        "box of text": Box(content="1"), "box of box": Box(content=Box(content=1)),
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
        "below": Below(), "below of bare 10": Below(bare=10), "below of bare 11": Below(bare=11), "below more": Below(more=1.5),
        "below held": Holder(model=Below()), "rules held": Holder(model=Rules()), "nones": Nones(), "nones given":
        Nones(counted=None, anything=None, either="a"), "nones counted": Nones(counted=1), "path for a text": Nones(either=Path("b")),
        "other text": Nones(either="b"), "default part": Partly(), "default part given": Partly(model=Model(layers=3)),
        "other part": Partly(model=Model(layers=4)), "strong part": Partly(strong=Model(layers=4)),
        "equal members": Holder(group={Model(layers=3), Model(layers=3)}), "one member": Holder(group={shared}),
        "two members": Holder(group={shared, Model(layers=4)}), "keyed": Holder(keyed={shared: 1, Model(layers=4): 2}),
        "uncounted key": Holder(keyed={setmeta(Model(layers=3), True): 1}), "forced both":
        Holder(uncounted=setmeta(Model(layers=3), False), besides=setmeta(Model(layers=4), False)), "forced in a list":
        Holder(models=[setmeta(Model(layers=3), False)]), "not forced": Holder(uncounted=setmeta(Model(layers=3), None)),
        "output of an output": produced(Holder(model=produced(Model(layers=3), learn)), longer),
        "task in an output": produced(Holder(model=learn), longer), "two initial": _with_initial(Learn(epochs=2), Warm(seed=1), Warm(seed=2)),
        "two initial, other order": _with_initial(Learn(epochs=2), Warm(seed=2), Warm(seed=1)),
        "unnamed": Unnamed(), "not ascii": Unnamed.Modèle_ÉÀ(), "long": Long(),
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
        "cases": {
            name: {"id": identifier(each), "bytes": canonical(each).hex()}
            for name, each in cases().items()
        },
    }


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "random")
    print(json.dumps(golden(), indent=1))
