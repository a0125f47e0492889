"""Main folders with a past and a present, made of records and journal alone."""

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from xpm.connectors.base import Change, JobRef
from xpm.follow.journal import Happened, Journal
from xpm.follow.main import MainFolder
from xpm.follow.records import Line
from xpm.wire import files, ledger

TRACEBACK = """Traceback (most recent call last):
  File "/scratch/ada/xpm/code/learn.py", line 58, in execute
    loss = step(model, batch)
  File "/scratch/ada/xpm/code/learn.py", line 31, in step
    raise FloatingPointError(f"loss is {loss}")
FloatingPointError: loss is nan
"""


def job_id(name: str) -> str:
    """The id of a job of this name."""
    return hashlib.sha256(name.encode()).hexdigest()


class Scene:
    """Writes a main folder as runs and connectors would."""

    def __init__(self, path: Path, at: float | None = None) -> None:
        self.main = MainFolder(path)
        self.main.prepare()
        self.at = time.time() if at is None else at
        self.journal = Journal(self.main)

    def submit(
        self,
        experiment: str,
        jobs: Sequence[tuple[str, str, Mapping[str, object], Sequence[JobRef]]],
        connector: str = "local",
        ended: bool = False,
    ) -> list[JobRef]:
        """Have an experiment want jobs: name, task, tags, parents."""
        record = self.main.experiment(experiment)
        run = record.start(self.at - 3600, str(self.main.path / "plan.py"), [])
        refs = []
        for name, task, tags, parents in jobs:
            ref = JobRef(task, job_id(f"{experiment} {name}"))
            pairs = tuple((each.task, each.job) for each in parents)
            launcher = "gpu" if connector != "local" else "local"
            record.append(
                Line(
                    ref.job, task, 1, connector, launcher, tags, pairs, str(self.main.path),
                    self.at - 3600, run,
                )
            )  # fmt: skip
            refs.append(ref)
        record.close()
        if ended:
            record.end(run, self.at - 60, "done")
        self.journal.catch_up()
        return refs

    def note(
        self,
        ref: JobRef,
        tags: Mapping[str, object],
        connector: str,
        parents: Sequence[JobRef] = (),
        tokens: Sequence[Sequence[object]] = (),
    ) -> None:
        """Write what was submitted of a job."""
        document = {
            "format": 2, "root": 0, "types": [{"id": ref.task, "module": "plan", "name": "Learn"}],
            "nodes": [{"type": 0, "values": {**tags, "epochs": 20, "optimizer": "adamw"}}],
        }  # fmt: skip
        options = ["--partition=gpu", "--gpus-per-node=1"] if connector != "local" else []
        entry = {
            "job": ref.job, "task": ref.task, "attempt": 1, "experiment": "digits",
            "parents": [[each.task, each.job] for each in parents], "tokens": tokens,
            "request": {
                "launcher": "gpu" if connector != "local" else "local", "connector": connector,
                "kind": "slurm" if connector != "local" else "plain", "options": options,
                "resources": {"cpus": 4, "mem_mib": 16384, "gpus": 1, "time_s": 14400},
            },
            "document": document, "code": {"snapshot": "c0de" * 16}, "tags": tags,
        }  # fmt: skip
        self.main.note_job(connector, "plan.py:42", self.at - 3600, entry)

    def tell(
        self,
        refs: Sequence[JobRef],
        state: str,
        connector: str = "local",
        *,
        cause: str | None = None,
        reason: str = "",
        message: str = "",
        arrived: bool = True,
        batch: bool = False,
        ago_s: float = 0.0,
    ) -> None:
        """Have a connector say how jobs are."""
        changes = [
            Change(
                ref, state, cause, 1, 1, str(4_300_000 + int(ref.job[:4], 16)) if batch else None,
                reason, message, self.at - 300,
            )
            for ref in refs
        ]  # fmt: skip
        self.journal.record(connector, changes, self.at - ago_s)
        if arrived and state in ("done", "failed", "cancelled"):
            self.journal.arrived(connector, changes, self.at)

    def ran(
        self,
        ref: JobRef,
        state: str | None,
        *,
        cause: str | None = None,
        took_s: float = 900.0,
        error: str = "",
    ) -> None:
        """Write the records of a job's run; None: it has not ended."""
        folder = self.main.job_folder(ref)
        (folder / ledger.FOLDER).mkdir(parents=True, exist_ok=True)
        began = self.at - 1500
        common = {"format": 1, "task": ref.task, "job": ref.job, "attempt": 1}
        claim = {
            **common, "kind": "claim", "slot": 1, "at": began, "submission": "s1",
            "batch_id": None, "restart": 0, "generation": 1, "host": "node-17", "pid": 42,
            "started": 1, "boot": "b", "python": "/usr/bin/python3 3.12.4", "snapshot": "c0de" * 16,
            "node": "node-17", "environment": None, "modules": [], "image": None,
        }  # fmt: skip
        ledger.append(str(folder), claim, None)
        if state is None:
            return
        kind, _, text = error.partition(": ")
        outcome = {
            **common, "kind": "outcome", "slot": 2, "at": began + took_s, "state": state,
            "cause": cause, "exit_code": 0 if state == "done" else 1, "signal": None,
            "error": {"type": kind, "message": text, "traceback": TRACEBACK} if error else None,
            "hint": "", "started_at": began, "ended_at": began + took_s, "generation": 1,
            "max_rss_kib": 3_400_000, "progress": None, "message": error,
            "details": {"cpu_s": took_s * 3.2, "peak_kib": 3_600_000},
        }  # fmt: skip
        ledger.append(str(folder), outcome, None)

    def log(self, ref: JobRef, stdout: str, stderr: str = "") -> None:
        """Write what a job printed."""
        folder = self.main.job_folder(ref)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stdout").write_text(stdout)
        (folder / "stderr").write_text(stderr)

    def progress(self, ref: JobRef, fraction: float, description: str) -> None:
        """Have a job that runs say how far it is."""
        folder = self.main.job_folder(ref) / ledger.FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        content = {"at": self.at, "fraction": fraction, "description": description}
        files.write(str(folder / ledger.PROGRESS), files.dump(content))

    def close(self) -> None:
        """End it."""
        self.journal.close()


def crowd(path: Path, count: int) -> Scene:
    """So many jobs, most of them done, some that run, wait or failed; without folders."""
    scene = Scene(path)
    jobs = [
        (
            str(number),
            "bench.learn",
            {
                "lr": round(0.001 * (1 + number % 20), 3),
                "model": f"m{number // 20 % 5}",
                "seed": number // 100,
            },
            (),
        )
        for number in range(count)
    ]
    refs = scene.submit("crowd", jobs)
    by_state: dict[str, list[JobRef]] = {}
    for number, ref in enumerate(refs):
        by_state.setdefault(_state(number, count), []).append(ref)
    done = by_state.pop("done")
    scene.journal.arrived(
        "local", [Change(ref, "done", None, 1, 1, None, "", "", scene.at) for ref in done], scene.at
    )  # without an event each
    for state, some in by_state.items():
        scene.tell(some, state, cause="exit" if state == "failed" else None)
    return scene


def _state(number: int, count: int) -> str:
    if number >= count - 200:
        return "running" if number < count - 100 else "waiting"
    return "failed" if number % 400 == 7 else "cancelled" if number % 1000 == 3 else "done"


def digits(path: Path) -> Scene:
    """A sweep as a researcher has it: data made, models learnt on a cluster and here, some evaluated, some failed."""
    scene = Scene(path)
    at = scene.at
    data = scene.submit("baseline", [("data", "digits.prepare", {}, ())], ended=True)
    scene.note(data[0], {}, "local")
    scene.ran(data[0], "done", took_s=8)
    scene.tell(data, "done")
    sweep = [
        ({"model": model, "lr": lr, "seed": seed}, f"{model} {lr} {seed}")
        for model in ("mlp", "cnn", "vit")
        for lr in (0.1, 0.03, 0.01, 0.003)
        for seed in range(3)
    ]
    prepare = JobRef("digits.prepare", job_id("digits data"))
    wanted: list[tuple[str, str, Mapping[str, object], Sequence[JobRef]]] = [
        ("data", "digits.prepare", {}, ())
    ]
    for tags, name in sweep:
        learn = JobRef("digits.learn", job_id(f"digits learn {name}"))
        wanted.append((f"learn {name}", "digits.learn", tags, [prepare]))
        wanted.append((f"evaluate {name}", "digits.evaluate", tags, [learn]))
    refs = scene.submit("digits", wanted, "cluster")
    scene.note(refs[0], {}, "cluster")
    scene.ran(refs[0], "done", took_s=31)
    scene.tell(refs[:1], "done", "cluster", batch=True)
    for place, (tags, _) in enumerate(sweep):
        _learn(scene, refs[1 + 2 * place], refs[2 + 2 * place], tags, place, prepare)
    extra = scene.submit(
        "ablation",
        [(f"a{n}", "digits.learn", {"model": "vit", "depth": n}, ()) for n in (2, 4, 6)],
        "tower",
    )
    scene.tell(extra[:2], "running", "tower", ago_s=1290)
    scene.journal.down(
        "tower", at - 1260, "waiting: no link to tower: open a connection: timed out after 10 s; tried 14:02:11,"
        " next 14:02:31\n  -> check the VPN, then `xpm doctor tower`",
    )  # fmt: skip
    for ref in extra:
        scene.note(ref, {"model": "vit"}, "tower")
    return scene


def _learn(
    scene: Scene,
    learn: JobRef,
    evaluate: JobRef,
    tags: Mapping[str, object],
    place: int,
    prepare: JobRef,
) -> None:
    scene.note(learn, tags, "cluster", [prepare], [["scratch", 1, 16]])
    scene.note(evaluate, tags, "cluster", [learn])
    lines = "".join(f"epoch {n:3d}  loss {2.1 * math.exp(-n / 9):.4f}\n" for n in range(1, 21))
    if place in (4, 13):
        error = "FloatingPointError: loss is nan"
        scene.ran(learn, "failed", cause="exit", took_s=312, error=error)
        scene.log(learn, lines[:200], f"warning: large gradients at step 812\n{TRACEBACK}")
        scene.tell([learn], "failed", "cluster", cause="exit", message=error, batch=True)
        scene.tell([evaluate], "skipped", "cluster", cause="dependency")
    elif place < 22:
        scene.ran(learn, "done", took_s=900 + 17 * place)
        scene.log(learn, lines)
        _metrics(scene, learn, tags, place)
        scene.tell([learn], "done", "cluster", batch=True)
        scene.ran(evaluate, "done", took_s=40)
        scene.tell([evaluate], "done", "cluster", batch=True)
    elif place < 29:
        scene.ran(learn, None)
        scene.log(learn, lines[: 24 * (place - 20)])
        scene.progress(learn, (place - 20) / 12, f"epoch {2 * (place - 20)} of 20")
        scene.tell([learn], "running", "cluster", batch=True)
        scene.journal.happened([Happened(scene.at - 400, learn.job, "heard", {})])
    elif place < 33:
        reason = "Priority: other jobs come first, expected to start at 16:40"
        scene.tell([learn], "pending", "cluster", reason=reason, batch=True)


def _metrics(scene: Scene, ref: JobRef, tags: Mapping[str, object], place: int) -> None:
    lr = float(str(tags["lr"]))
    best = {"mlp": 0.93, "cnn": 0.97, "vit": 0.955}[str(tags["model"])] - abs(
        math.log10(lr) + 1.8
    ) * 0.03
    best += (place * 37 % 11 - 5) / 1500
    folder = scene.main.job_folder(ref)
    rows = ["step,loss,accuracy"]
    for step in range(1, 61):
        noise = (step * 7919 % 13 - 6) / 250
        accuracy = best * (1 - math.exp(-step / 12)) + noise / 4
        rows.append(f"{step * 50},{2.2 * math.exp(-step / 14) + 0.06 + noise:.4f},{accuracy:.4f}")
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    (folder / "metrics.json").write_text(
        json.dumps({"test": {"accuracy": round(best, 4)}, "minutes": round(15 + place / 3, 1)})
    )
