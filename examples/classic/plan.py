"""How wild a curve fits noisy points best? A plan in the classic style that uses all of it.

    python plan.py [--noise 0.1] [--main FOLDER]                  here
    xpm run plan.py --launcher NAME -- [--noise 0.1]              wherever that launcher says

The classes run in the jobs, under any Python 3.9 or newer that has click; what is in ``main`` runs here only.
"""

import json
import random
from enum import Enum
from pathlib import Path

import click

from xpm import (
    Classic,
    Identifier,
    argument,
    config,
    constant,
    experiment,
    option,
    param,
    pathoption,
    stop_tags,
    tag,
    tagspath,
    task,
    type,
)
from xpm.click import arguments, forwardoption

ns = Identifier("curves")


class Pace(Enum):
    """How fast to descend."""

    SLOW = 0.01
    FAST = 0.1


@argument("noise", type=float, default=0.1, help="deviation of the points from the true curve")
@param("count", type=int, default=40)
@option("label", type=str, default="", help="for people only")
@type(ns.points)
class Points(Classic):
    """Points of a curve with noise, made anew wherever they are needed."""

    def make(self, seed):
        rng = random.Random(seed)
        xs = [2 * n / self.count - 1 for n in range(self.count)]
        return [(x, x**3 - x + rng.gauss(0, self.noise)) for x in xs]


@argument("degree", type=int, checker=lambda degree: 0 <= degree < 20)
@argument("pace", type=Pace, default=Pace.FAST)
@constant("version", 1)
@config(ns.polynomial)
class Polynomial(Classic):
    """The family of curves to choose from."""

    def at(self, weights, x):
        return sum(weight * x**power for power, weight in enumerate(weights))


@argument("weights", type=Path, help="where they are")
@argument("family", type=Polynomial)
@config(ns.fitted)
class Fitted(Classic):
    """A curve: what a Fit hands on."""

    def error(self, points):
        weights = json.loads(self.weights.read_text())
        return sum((self.family.at(weights, x) - y) ** 2 for x, y in points) / len(points)


@argument("points", type=Points)
@argument("family", type=Polynomial)
@argument("epochs", type=int, default=100, help="rounds through all points")
@pathoption("weights", "weights.json")
@task(ns.fit)
class Fit(Classic):
    """Finds a curve of the family by gradient descent."""

    def config(self):
        return Fitted(weights=self.weights, family=self.family)

    def execute(self):
        weights = [0.0] * (self.family.degree + 1)
        points = self.points.make(seed=1)
        for _ in range(self.epochs):
            for x, y in points:
                slope = 2 * (self.family.at(weights, x) - y)
                for power in range(len(weights)):
                    weights[power] -= self.family.pace.value * slope * x**power
        self.weights.write_text(json.dumps(weights))


@argument("fitted", type=Fitted)
@argument("points", type=Points)
@pathoption("score", "score.json")
@task(ns.evaluate)
class Evaluate(Classic):
    """The error of a curve on points it has not seen."""

    def execute(self):
        error = self.fitted.error(self.points.make(seed=2))
        self.score.write_text(json.dumps(error))
        print(f"error {error:.4f}")


@argument("scores", type=dict[str, Evaluate])
@argument("order", type=list[str], required=False)
@task()
def report(scores, order, digits=3):
    """A table of all errors, best first."""
    errors = {name: json.loads(each.score.read_text()) for name, each in scores.items()}
    for name in order or sorted(errors, key=errors.__getitem__):
        print(f"{name}\t{errors[name]:.{digits}f}")


@forwardoption(arguments(Points).noise)
@forwardoption.epochs(Fit, "first-epochs")
@click.option("--main", default="workdir", help="The main folder.")
@click.command()
def cli(noise, first_epochs, main):
    """Compare families of curves."""
    points = Points(noise=noise, label="training")
    unseen = Points(noise=noise, count=100)
    with experiment(main, "curves") as xp:
        few = xp.connector.createtoken("few", 2)
        runs = xp.resultspath / "runs"
        runs.mkdir(exist_ok=True, parents=True)
        scores = {}

        def fit(degree, epochs):
            learn = Fit(points=points, epochs=tag(epochs))
            learn.family = Polynomial(degree=tag(degree))
            few(1, learn)  # at most two fits at once
            evaluate = Evaluate(fitted=learn.submit(), points=unseen).tag("set", "unseen")
            evaluate.submit()
            link = runs / tagspath(evaluate)
            if not link.is_symlink():
                link.symlink_to(evaluate.jobpath)  # legal before the job has run
            scores[tagspath(evaluate)] = evaluate
            return evaluate

        def again_if_bad(evaluate):  # called here, when the evaluation is done
            if json.loads(evaluate.score.read_text()) > 0.02:
                fit(evaluate.fitted.family.degree, 10 * first_epochs)

        for degree in (1, 3, 5):
            fit(degree, first_epochs).on_completed(again_if_bad)
        xp.wait()
        table = report(scores=stop_tags(scores))
        table.add_dependencies(few.dependency(2)).submit()
    print(table.stdout().read_text(), end="")


if __name__ == "__main__":
    cli()
