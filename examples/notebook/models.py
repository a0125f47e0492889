"""What the notebook runs: classes live in a module, so that jobs find them."""

import json

from xpm import Config, Param, Task, progress


class Model(Config):
    """What is learned."""

    __xpmid__ = "notebook.model"
    layers: Param[int]
    dropout: Param[float] = 0.1


class Learn(Task):
    """Learns a model, or so it says."""

    __xpmid__ = "notebook.learn"
    model: Param[Model]
    epochs: Param[int] = 10

    def execute(self):
        for _ in progress(range(self.epochs)):
            pass
        score = {"accuracy": round(1 - self.model.dropout / self.model.layers, 3)}
        (self.jobpath / "metrics.json").write_text(json.dumps(score))
