"""Which classifier reads handwritten digits best? A plan of 20 small tasks.

    python plan.py [MAIN FOLDER]                     here
    xpm run plan.py --launcher NAME                  wherever that launcher says

Prepare splits the data; a grid of models learns; each is evaluated; a summary collects the scores.
The classes below run in the jobs (Python 3.9 or newer with scikit-learn); what follows
``with experiment(...)`` runs here only.
"""

import csv
import json
import pickle
import shutil
import sys
from pathlib import Path

from xpm import (
    Config,
    Meta,
    Param,
    PathGenerator,
    Task,
    experiment,
    field,
    progress,
    stop_tags,
    tag,
    tagspath,
)


class Prepare(Task):
    """The digits, split into a part to learn from and a part to test on."""

    __xpmid__ = "digits.prepare"

    seed: Param[int] = 0
    """Of the shuffle"""
    test_share: Param[float] = field(default=0.3)
    """Share of the images kept for testing"""
    splits: Meta[Path] = field(default_factory=PathGenerator("splits.npz"))

    def execute(self):
        import numpy
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, labels = load_digits(return_X_y=True)
        parts = train_test_split(
            images / 16, labels, test_size=self.test_share, random_state=self.seed, stratify=labels
        )
        names = ["learn_images", "test_images", "learn_labels", "test_labels"]
        numpy.savez_compressed(self.splits, **dict(zip(names, parts)))
        print(f"{len(parts[0])} images to learn from, {len(parts[1])} to test on")


class Model(Config):
    """A classifier; each kind below has its own parameters."""

    __xpmid__ = "digits.model"


class Neighbours(Model):
    """The label of the nearest images."""

    __xpmid__ = "digits.neighbours"

    k: Param[int]
    """How many neighbours vote"""

    def build(self):
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=self.k)


class Vectors(Model):
    """A support vector machine."""

    __xpmid__ = "digits.vectors"

    c: Param[float] = 1.0
    """How much an error costs"""
    kernel: Param[str] = "rbf"

    def build(self):
        from sklearn.svm import SVC

        return SVC(C=self.c, kernel=self.kernel)


class Forest(Model):
    """Many decision trees."""

    __xpmid__ = "digits.forest"

    trees: Param[int] = 100
    depth: Param[int] = 20

    def build(self):
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(n_estimators=self.trees, max_depth=self.depth, random_state=0)


class Learn(Task):
    """A model, learned from more and more of the images."""

    __xpmid__ = "digits.learn"

    model: Param[Model]
    data: Param[Prepare]
    steps: Param[int] = 4
    """Points of the learning curve"""
    learned: Meta[Path] = field(default_factory=PathGenerator("model.pickle"))
    runs: Meta[Path] = field(default_factory=PathGenerator("runs"))
    """Folder of the learning curve"""

    def execute(self):
        import numpy

        data = numpy.load(self.data.splits)
        images, labels = data["learn_images"], data["learn_labels"]
        self.runs.mkdir(parents=True, exist_ok=True)
        curve = []
        for step in progress(range(1, self.steps + 1)):
            count = len(images) * step // self.steps
            classifier = self.model.build().fit(images[:count], labels[:count])
            score = classifier.score(data["test_images"], data["test_labels"])
            curve.append({"images": count, "accuracy": round(score, 4)})
            print(f"{count} images: accuracy {score:.4f}", flush=True)
        (self.runs / "curve.json").write_text(json.dumps(curve, indent=1))
        self.learned.write_bytes(pickle.dumps(classifier))


class Evaluate(Task):
    """How often a learned model is right, and what it confuses most."""

    __xpmid__ = "digits.evaluate"

    learn: Param[Learn]
    data: Param[Prepare]
    metrics: Meta[Path] = field(default_factory=PathGenerator("metrics.json"))

    def execute(self):
        import numpy

        data = numpy.load(self.data.splits)
        classifier = pickle.loads(self.learn.learned.read_bytes())
        said, labels = classifier.predict(data["test_images"]), data["test_labels"]
        wrong = [f"{label} read as {digit}" for label, digit in zip(labels, said) if label != digit]
        content = {
            "accuracy": round(float((said == labels).mean()), 4),
            "errors": len(wrong),
            "worst": max(sorted(set(wrong)), key=wrong.count, default=""),
        }
        self.metrics.write_text(json.dumps(content, indent=1))
        print(f"accuracy {content['accuracy']}, {len(wrong)} errors")


class Summarise(Task):
    """All scores in one table, best first."""

    __xpmid__ = "digits.summarise"

    evaluations: Param[list[Evaluate]]
    names: Param[list[str]]
    """What to call each evaluation"""
    table: Meta[Path] = field(default_factory=PathGenerator("summary.csv"))

    def execute(self):
        rows = []
        for name, evaluation in zip(self.names, self.evaluations):
            metrics = json.loads(evaluation.metrics.read_text())
            rows.append([name, metrics["accuracy"], metrics["errors"], metrics["worst"]])
        with self.table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["model", "accuracy", "errors", "worst confusion"])
            writer.writerows(sorted(rows, key=lambda row: (-row[1], row[0])))


MAIN = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent / "workdir"

with experiment(MAIN, "digits") as xp:
    data = Prepare(seed=1).submit()

    grid = [Neighbours(k=tag(k)).tag("model", "neighbours") for k in (1, 3, 9)]
    grid += [Vectors(c=tag(c)).tag("model", "vectors") for c in (0.1, 1.0, 10.0)]
    grid += [Forest(trees=tag(trees)).tag("model", "forest") for trees in (10, 50, 100)]

    runs = xp.resultspath / "runs"
    runs.mkdir(exist_ok=True, parents=True)
    cpu = xp.connector.createtoken("cpu", 4)

    evaluations = []
    for model in grid:
        learn = Learn(model=model)
        learn.data = data
        cpu(2, learn).submit()  # two of four: never more than two learn at once
        link = runs / tagspath(learn)
        if not link.is_symlink():
            link.symlink_to(learn.jobpath / "runs")  # filled when the job has run
        evaluations.append(Evaluate(learn=learn, data=data).submit())

    def keep(summary):
        """Called here, when the summary's files have arrived."""
        shutil.copy(summary.jobpath / "summary.csv", xp.resultspath / "summary.csv")
        print(f"summary: {xp.resultspath / 'summary.csv'}")

    names = [tagspath(evaluation) for evaluation in evaluations]
    summary = Summarise(evaluations=stop_tags(evaluations), names=names)  # it has no tags itself
    summary.submit().on_completed(keep)
