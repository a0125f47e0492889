"""The classic style, as the contract of the plan language shows it, with what its comments say asserted."""

import sys
import warnings
from pathlib import Path
from typing import List

from xpm import (
    Config,
    Identifier,
    Task,
    argument,
    config,
    experiment,
    identifier,
    option,
    param,
    pathoption,
    stop_tags,
    tag,
    tags,
    tagspath,
    task,
    type,
)

ns = Identifier("demo")


@argument("layers", type=int, help="number of layers")
@argument("hidden", type=int, default=10)
@option("name", type=str, default="m")
@config(ns.model)
class Model: ...


@argument("epochs", type=int, default=100, help="Number of learning epochs")
@argument("model", type=Model)
@pathoption("parameters", "parameters.pth")
@task(ns.learn)
class Learn:
    def execute(self):
        self.parameters.write_text(str(self.model.layers))
        assert Path.cwd() == self.jobpath
        Path("score").write_text(str(self.epochs))
        Path("runs").mkdir()
        print("learned", self.epochs)


@argument("strings", type=List[Learn])
@task()
def concat(strings):
    print("+".join(each.parameters.read_text() for each in strings))


@param("size", default=1)
@type()
class Shape: ...


def refused(what, action, kind=Exception):
    try:
        action()
    except kind as error:
        for each in [what] if isinstance(what, str) else what:
            assert each in str(error), str(error)
    else:
        raise AssertionError(f"not refused: {what}")


def line():
    return sys._getframe(1).f_lineno


def score(jobpath):
    return int((jobpath / "score").read_text()) / 5


called = []

with experiment("main/folder", "experiment-id", port=12346) as xp:
    model = Model(layers=tag(3))
    learn = Learn(epochs=tag(100))
    learn.model = model
    submitted = learn.submit()
    where = f"plan.py:{line() - 1}"
    assert submitted is learn
    refused(["Learn.epochs", "sealed by demo.learn", where], lambda: setattr(learn, "epochs", 3))
    refused("sealed by demo.learn", lambda: setattr(model, "layers", 4))
    assert learn.tags() == {"epochs": 100, "layers": 3} == tags(learn)
    assert tagspath(learn) == "epochs=100_layers=3"
    main = Path.cwd() / "main" / "folder"
    assert learn.jobpath == main / "jobs" / "demo.learn" / identifier(learn)
    assert learn.jobpath.is_dir()
    assert isinstance(learn.jobpath, Path)
    assert learn.submit().jobpath.jobpath == learn.jobpath.jobpath.jobpath
    assert learn.parameters == learn.jobpath / "parameters.pth"

    token = xp.connector.createtoken("cpu", 3)
    a = token(2, Learn(epochs=1, model=model))
    b = token(2, Learn(epochs=2, model=model))
    assert isinstance(a, Learn)
    a.submit()
    b.submit()
    refused("it has 3", lambda: token(4, Learn(epochs=9, model=model)))
    refused("it has 3", lambda: token.dependency(4))
    c = Learn(epochs=3, model=model).add_dependencies(token.dependency(1)).submit()

    def check_results(task):
        called.append(task)
        assert task.state == "done"
        if score(task.jobpath) > 0.5:
            Learn(epochs=200, model=model).submit().on_completed(called.append)

    assert c.on_completed(check_results) is c

    joined = concat(strings=[a, b])
    joined.submit()

    runpath = xp.resultspath / "runs"
    assert xp.resultspath == main / "xp" / "experiment-id" / "results"
    assert xp.resultspath.is_dir()
    runpath.mkdir(exist_ok=True, parents=True)
    (runpath / tagspath(learn)).symlink_to(learn.jobpath / "runs")
    xp.wait()
    assert called[0] is c
    assert [each.epochs for each in called] == [3, 200]
    assert (runpath / "epochs=100_layers=3").is_dir()
    assert (a.state, a.stdout().read_text(), a.stderr().read_text()) == ("done", "learned 1\n", "")
    a.wait()
    assert joined.stdout().read_text() == "3+3\n"
    assert a.parameters.read_text() == "3"

# names
assert identifier(Model(layers=3)) == identifier(model)
assert Model.__xpm__.identifier == "demo.model"
assert identifier(Model(layers=3, hidden=10, name="other")) == identifier(model)
assert len(identifier(model)) == 64
assert set(identifier(model)) <= set("0123456789abcdef")
assert joined.jobpath.parent.name == "plan.concat"
assert issubclass(Model, Config)
assert issubclass(Learn, Task)
assert issubclass(concat, Task)
assert Shape().size == 1

# tags
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    both = Learn(epochs=1, model=Model(layers=tag(3))).tag("layers", 5)
    conflict = line() - 1
    assert both.tags() == {"layers": 5}
assert f"5 (plan.py:{conflict}) and 3 (plan.py:{conflict})" in str(said[0].message), said[0]
assert Learn(epochs=tag(1), model=stop_tags(model)).tags() == {"epochs": 1}
assert joined.tags() == {"layers": 3}
assert Model(layers=1).tag("a", "x").tag("b", True).tag("c", 1.5).tag("d", 2).tags() == {
    "a": "x",
    "b": True,
    "c": 1.5,
    "d": 2,
}
print("page")
