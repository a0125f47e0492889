"""A plan of plain classes: pyright sees that they are decorated; mypy needs the base that classic.py has."""

from xpm import Identifier, argument, config, experiment, pathoption, tag, tagspath, task

ns = Identifier("demo")


@argument("layers", type=int, help="number of layers")
@config(ns.model)
class Model: ...


@argument("epochs", type=int, default=100)
@argument("model", type=Model)
@pathoption("parameters", "parameters.pth")
@task(ns.learn)
class Learn:
    def execute(self) -> None: ...


with experiment("main", "plain") as xp:
    learn = Learn(epochs=tag(100))
    learn.model = Model(layers=tag(3))
    learn.submit().on_completed(print)
    (xp.resultspath / tagspath(learn)).symlink_to(learn.jobpath)
