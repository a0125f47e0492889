"""A plan of the classic style that mypy and pyright accept: its classes have a base for checkers."""

# mypy: allow-subclassing-any

from pathlib import Path
from typing import Any

from xpm import (
    Classic,
    Identifier,
    argument,
    config,
    constant,
    copyconfig,
    experiment,
    identifier,
    option,
    origin,
    param,
    pathoption,
    save,
    setmeta,
    stop_tags,
    tag,
    tags,
    tagspath,
    task,
    type,
)

ns = Identifier("demo")


@argument("layers", type=int, help="number of layers")
@option("name", type=str, default="m")
@constant("version", 2)
@config(ns.model)
class Model(Classic):
    def size(self) -> int:
        return int(self.layers)


@param("size", default=1)
@type()
class Shape(Classic): ...


@argument("epochs", type=int, default=100)
@argument("model", type=Model)
@pathoption("parameters", "parameters.pth")
@task(ns.learn)
class Learn(Classic):
    def execute(self) -> None:
        self.parameters.write_text(str(self.model.size()))


@argument("strings", type=list[Learn])
@task()
def concat(strings: list[Learn]) -> None:
    print(strings)


with experiment("main", "classic", port=12346) as xp:
    model = Model(layers=tag(3))
    learn = Learn(epochs=tag(100))
    learn.model = model
    learn.submit()
    assert learn.tags() == tags(learn)
    token = xp.connector.createtoken("cpu", 3)
    a = token(2, Learn(epochs=1, model=stop_tags(model)))
    a.submit()
    c = (
        Learn(epochs=3, model=setmeta(copyconfig(model)))
        .add_dependencies(token.dependency(1))
        .submit()
    )

    def check_results(done: Any) -> None:
        copyconfig(a, epochs=200).submit()

    c.on_completed(check_results)
    (xp.resultspath / tagspath(a)).symlink_to(a.jobpath / "runs")
    concat(strings=[a, c]).submit()
    print(identifier(learn), origin(learn, "epochs"), Shape(size=2).size)
    save(model, Path("model.json"))
    xp.wait()
