"""The files of a new project."""

import re

from xpm.launchers import editors, schemas

_PLAN = '''"""Two kinds of tasks: a sweep over learning rates and seeds, and a report on it."""

import json
from pathlib import Path

from xpm import Meta, Param, PathGenerator, Task, experiment, field, progress, stop_tags, tag


class Train(Task):
    """Walks down a parabola from a start that depends on the seed."""

    __xpmid__ = "NAME.train"

    lr: Param[float]
    seed: Param[int]
    steps: Param[int] = 100
    metrics: Meta[Path] = field(default_factory=PathGenerator("metrics.json"))

    def execute(self):  # runs in the job, in the job's own folder
        x = 1.0 + self.seed
        for _ in progress(range(self.steps)):
            x -= self.lr * 2 * x
        self.metrics.write_text(json.dumps({"loss": x * x}))  # what `xpm results` shows


class Report(Task):
    """Writes a table of the runs, the one that came lowest first."""

    __xpmid__ = "NAME.report"

    runs: Param[list[Train]]
    text: Meta[Path] = field(default_factory=PathGenerator("report.txt"))

    def execute(self):
        found = [(json.loads(run.metrics.read_text())["loss"], run.lr, run.seed) for run in self.runs]
        lines = ["lr     seed  loss"]
        lines += [f"{lr:<6} {seed:<5} {loss:.3g}" for loss, lr, seed in sorted(found)]
        lines[1] += "   <- best"
        self.text.write_text("\\n".join([*lines, ""]))


if __name__ == "__main__":
    with experiment("workdir", "NAME") as xp:  # runs here: submits, follows, collects
        runs = [
            Train(lr=tag(lr), seed=tag(seed)).submit() for lr in (0.1, 0.01, 0.001) for seed in (0, 1)
        ]
        report = Report(runs=stop_tags(runs)).submit()  # it has no tags itself
        xp.wait()
        print(report.text.read_text(), end="")
'''
_PROFILES = f"""\
{editors.HIDDEN_LINE}
# Where jobs run. `xpm launchers check` reads this file and tells every mistake with its line.
version: 1

connectors:
  here: {{kind: local, capacity: {{jobs: 4}}}}
  # A cluster that you reach with `ssh mycluster`; `xpm connect mycluster` asks it, and writes all this for you.
  # cluster: {{kind: slurm, ssh: {{host: mycluster}}, workspace: "$HOME/xpm", python: /usr/bin/python3}}

launchers:
  local: {{connector: here}}
  # gpu: {{connector: cluster, partition: gpu, gpus: 1, cpus: 4, mem: 16GB, time: 1h}}

default: local              # xpm run plan.py --launcher gpu goes elsewhere
"""
_IGNORE = f"""\
# What does not travel with the code, in the language of .gitignore (which counts too).
workdir/
data/
*.ipynb
{editors.HIDDEN_FILE}
"""
_README = """\
# NAME

```console
$ xpm run plan.py --dry-run     # what would run, where, and why
$ xpm run plan.py               # again: only what is not done
$ xpm results --over seed       # tags against metrics
$ xpm status                    # how it stands; `xpm why JOB` explains one
```

`plan.py` is the plan, `xpm-launchers.yaml` says where its tasks run, `workdir/jobs/` has a folder for each.
"""


def project(name: str) -> dict[str, tuple[str, str]]:
    """The files of a project of this name, each with what is said of it."""
    word = fit(name)
    return {
        "plan.py": (_PLAN.replace("NAME", word), "a sweep of 6 tasks and a report on them"),
        "xpm-launchers.yaml": (_PROFILES, "where they run: here, or on a cluster"),
        editors.HIDDEN_FILE: (
            schemas.marked(),
            "lets an editor complete and check it (`xpm launchers schema`)",
        ),
        ".xpmignore": (_IGNORE, "what stays here when the code travels"),
        "README.md": (_README.replace("NAME", name), "what to type"),
    }


def fit(name: str) -> str:
    """A name that can be an experiment's and begin a task's identifier."""
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return word if word[:1].isalpha() else f"x{word}" if word else "demo"
