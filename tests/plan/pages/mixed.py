"""Both styles in one plan: each holds, extends and runs what is written in the other."""

from pathlib import Path

from xpm import (
    Config,
    Meta,
    Param,
    PathGenerator,
    Task,
    argument,
    config,
    experiment,
    identifier,
    option,
    tag,
    tagspath,
    task,
)


@argument("layers", type=int)
@argument("hidden", type=int, default=10)
@option("name", type=str, default="m")
@config("demo.model")
class Model:
    def size(self):
        return self.layers * self.hidden


class Wide(Model):
    __xpmid__ = "demo.wide"
    factor: Param[int] = 2

    def size(self):
        return super().size() * self.factor


class Same(Config):
    __xpmid__ = "demo.model"
    layers: Param[int]
    hidden: Param[int] = 10
    name: Meta[str] = "m"


class Learn(Task):
    model: Param[Model]
    result: Meta[Path] = PathGenerator("result.txt")

    def execute(self):
        self.result.write_text(str(self.model.size()))


@argument("times", type=int, default=3)
@task("demo.repeat")
class Repeat(Learn):
    def execute(self):
        super().execute()
        self.result.write_text(self.result.read_text() * self.times)


@argument("learned", type=Learn)
@task("demo.make")
class Make:
    def execute(self):
        Path("made").write_text(self.learned.result.read_text())

    def config(self):
        return Made(path=self.jobpath / "made")


class Made(Config):
    path: Param[Path]


@task
def show(made: Param[Made], twice: Meta[bool] = False):
    print(made.path.read_text() * (2 if twice else 1))


assert identifier(Same(layers=3)) == identifier(Model(layers=3))

with experiment("main", "mixed") as xp:
    shown = []
    for cls in (Learn, Repeat):
        for model in (Model(layers=tag(1)), Wide(layers=tag(2), factor=tag(5))):
            learned = cls(model=model).submit()
            made = Make(learned=learned).submit()
            assert isinstance(made, Made)
            shown.append(show(made=made, twice=cls is Repeat).submit())
    assert [tagspath(each) for each in shown[:2]] == ["layers=1", "factor=5_layers=2"]

outputs = [each.stdout().read_text().strip() for each in shown]
assert outputs == ["10", "100", "10" * 6, "100" * 6], outputs
print("page", 0)
