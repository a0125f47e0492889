"""The annotated style, as the contract of the plan language shows it, with what its comments say asserted."""

import enum
from pathlib import Path
from typing import Literal, Optional, Union

from xpm import (
    Config,
    Constant,
    GracefulTimeout,
    LightweightTask,
    Meta,
    Option,
    Param,
    PathGenerator,
    ResumableTask,
    Task,
    arguments,
    copyconfig,
    experiment,
    field,
    identifier,
    progress,
    setmeta,
)


class Data(Config):
    path: Param[Path]


class Model(Config):
    __xpmid__ = "demo.model"
    layers: Param[int]
    """Number of layers"""
    hidden: Param[int] = 10
    dropout: Param[float] = field(default=0.1)
    heads: Param[int] = field(default=1, ignore_default=True)
    version: Constant[int] = 2
    note: Meta[str] = ""


class Loaded(Config):
    path: Param[Path]


class Learn(ResumableTask):
    model: Param[Model]
    data: Param[list[Data]]
    parameters: Meta[Path] = field(default_factory=PathGenerator("parameters.pth"))

    def __validate__(self):
        if self.model.layers > 1000:
            raise ValueError("too deep")

    def task_outputs(self, dep):
        return dep(Loaded(path=self.parameters))

    def execute(self):
        for epoch in progress(range(100)):
            if (self.remaining_time() or 1e9) < 60:
                raise GracefulTimeout()
        self.parameters.write_text(f"{epoch} {self.model.layers}")


class Prepare(LightweightTask):
    text: Param[str]

    def execute(self):
        Path("prepared").write_text(self.text)


class Use(Task):
    loaded: Param[Loaded]
    after: Param[list[Task]] = []

    def execute(self):
        print(Path("prepared").read_text(), self.loaded.path.read_text())


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Everything(Config):
    a: Param[int]
    b: Param[float]
    c: Param[str]
    d: Param[bool]
    e: Param[Path]
    f: Param[Color]
    g: Param[list[int]]
    h: Param[tuple[int, str]]
    i: Param[set[int]]
    j: Param[dict[str, float]]
    k: Param[Optional[int]]
    m: Param[Union[int, str]]
    n: Param[Literal["x", "y"]]
    o: Param[Model]
    p: Option[int] = 0


def refused(what, action):
    try:
        action()
    except Exception as error:
        for each in [what] if isinstance(what, str) else what:
            assert each in str(error), str(error)
    else:
        raise AssertionError(f"not refused: {what}")


def same(**changes):
    return identifier(Model(layers=3, **changes)) == identifier(Model(layers=3))


Learn.__xpm__.ready()
assert Model.C is Model
assert identifier(Model.C(layers=3)) == identifier(Model(layers=3))
assert same(hidden=10)
assert not same(hidden=11)
assert same(dropout=0.1)
assert not same(dropout=0.2)
assert same(heads=1)
assert same(note="x")
assert Model(layers=3).version == 2
refused("is a constant", lambda: Model(layers=3, version=3))
refused(["Model.layers expects int, got '3' (str)", "plan.py:"], lambda: Model(layers="3"))


class Undecided(Config):
    __xpmid__ = "demo.model"
    layers: Param[int]
    hidden: Param[int] = 10
    heads: Param[int] = field(default=1, ignore_default=True)
    version: Constant[int] = 2
    note: Meta[str] = ""


assert identifier(Undecided(layers=3)) != identifier(Model(layers=3)), "dropout always counts"


class Unversioned(Config):
    __xpmid__ = "demo.model"
    layers: Param[int]
    dropout: Param[float] = field(default=0.1)


assert identifier(Unversioned(layers=3)) != identifier(Model(layers=3)), "version always counts"

everything = Everything(
    a=1, b=2, c="c", d=True, e="e", f=Color.RED, g=(1, 2), h=(1, "h"), i={1}, j={"j": 1},
    m="m", n="x", o=Model(layers=1),
)  # fmt: skip
assert (everything.b, everything.e, everything.g, everything.k) == (2.0, Path("e"), [1, 2], None)
for name, wrong in {
    "a": "1", "b": "1", "c": 1, "d": 1, "e": 1, "f": "RED", "g": "12", "h": (1,), "i": [1],
    "j": {"j": "x"}, "k": "1", "m": 1.5, "n": "z", "o": 1, "p": None,
}.items():  # fmt: skip
    refused(f"Everything.{name}", lambda name=name, wrong=wrong: setattr(everything, name, wrong))

with experiment("main", "annotated") as xp:
    model = Model(layers=3)
    learn = Learn(model=model, data=[Data(path="plan.py")])
    loaded = learn.submit()
    assert isinstance(loaded, Loaded)
    assert loaded.path == learn.jobpath / "parameters.pth"
    assert loaded.jobpath == learn.jobpath
    assert identifier(loaded) != identifier(Loaded(path=loaded.path)), "it carries its task"
    refused("too deep", lambda: Learn(model=Model(layers=2000), data=[]).submit())
    unsubmitted = Learn(model=Model(layers=4), data=[])
    refused("not been submitted", lambda: Use(loaded=loaded, after=[unsubmitted]).submit())

    use = Use(loaded=loaded)
    use.submit(init_tasks=[Prepare(text="ready")])
    again = Use(loaded=loaded)
    again.add_dependencies(learn)
    assert identifier(again) != identifier(use), "initial tasks count"
    again.submit(init_tasks=[Prepare(text="set")])

    copied = copyconfig(learn, model=setmeta(Model(layers=9)))
    copied.data = []
    assert copied.model.layers == 9
    xp.wait()
    assert use.stdout().read_text() == "ready 99 3\n"
    assert again.stdout().read_text() == "set 99 3\n"

assert arguments(Model).layers.help == "Number of layers"
print("page", 0)
