"""The plan that is run while the terminal is recorded: a small sweep, and a report of it."""

import json
import time

from xpm import Param, Task, experiment, progress, stop_tags, tag


class Train(Task):
    """Stands for some learning."""

    __xpmid__ = "sweep.train"
    rate: Param[float]
    seed: Param[int]

    def execute(self):  # noqa: D102
        for _ in progress(range(8)):
            time.sleep(0.15 + self.seed / 10 + self.rate)
        score = {"accuracy": round(0.9 - self.rate + self.seed / 100, 3)}
        (self.jobpath / "metrics.json").write_text(json.dumps(score))


def accuracy(run):
    """What a training has reached."""
    return json.loads((run.jobpath / "metrics.json").read_text())["accuracy"]


class Report(Task):
    """The best of all."""

    __xpmid__ = "sweep.report"
    runs: Param[list[Train]]

    def execute(self):  # noqa: D102
        best = max(self.runs, key=accuracy)
        print("best: rate", best.rate, "seed", best.seed)


with experiment("results", "sweep"):
    runs = [
        Train(rate=tag(rate), seed=tag(seed)).submit()
        for rate in (0.1, 0.01, 0.001)
        for seed in (0, 1)
    ]
    report = Report(runs=stop_tags(runs)).submit()

print(report.stdout().read_text().strip())
