"""A command line made of arguments, as the contract of the plan language shows it."""

import enum

import click

from xpm import argument, config, experiment, task
from xpm.click import arguments, forwardoption


class Way(enum.Enum):
    UP = 1
    DOWN = 2


@argument("layers", type=int, default=2, help="number of layers")
@argument("way", type=Way, default=Way.UP)
@config("demo.model")
class Model: ...


@argument("epochs", type=int, default=100, help="Number of learning epochs")
@argument("model", type=Model)
@task("demo.learn")
class Learn:
    def execute(self):
        print(self.epochs, self.model.layers, self.model.way.name)


@forwardoption(arguments(Learn).epochs)
@forwardoption.layers(Model, "my-layers")
@click.command()
@forwardoption.way(Model)
def cli(epochs, my_layers, way):
    with experiment("main", "options"):
        learn = Learn(epochs=epochs, model=Model(layers=my_layers, way=way)).submit()
    assert learn.stdout().read_text() == "7 3 DOWN\n"
    print("page")


assert [each.name for each in cli.params] == ["epochs", "my_layers", "way"]
assert cli.params[0].help == "Number of learning epochs"

if __name__ == "__main__":
    cli(["--epochs", "7", "--my-layers", "3", "--way", "down"], standalone_mode=False)
