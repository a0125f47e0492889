"""What must be true once a soak has ended and all plans were run to their end."""

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.main_job.laptop import Laptop
from tests.soak import plans
from tests.soak.far import TASK, Far, Job
from tests.soak.toll import Toll

QUIET_S = 120.0


@dataclass(frozen=True, slots=True)
class Trace:
    """A line that a run has left outside of its job's folder."""

    job: str
    run: str
    word: str
    at: float
    node: str


def read_traces(text: str) -> list[Trace]:
    """The traces of all runs."""
    found = []
    for line in text.splitlines():
        job, run, word, at, node = line.split()
        found.append(Trace(job, run, word, float(at), node))
    return found


def wrong(laptop: Laptop, far: Far, experiments: Sequence[str], toll: Toll) -> list[str]:
    """Every promise that is broken, in words."""
    found = list(_processes(far, laptop))  # first: the others start some
    jobs = far.jobs()
    traces = read_traces((far.home / f"{laptop.name}.traces").read_text())
    by_job: dict[str, list[Trace]] = defaultdict(list)
    for each in traces:
        by_job[each.job].append(each)
    for job in jobs:
        found += [f"job {job.id[:12]}: {words}" for words in wrong_with(job, by_job[job.id], toll)]
    found += _lost(laptop, jobs, by_job)
    found += differences(far.workspace / "jobs", laptop.main / "jobs")
    found += too_many_units(_holders(laptop), by_job)
    found += _journal(laptop, experiments)
    found += _logs(laptop)
    return found


def wrong_with(job: Job, traces: Sequence[Trace], toll: Toll) -> Iterator[str]:
    """Done once, by the run whose result lies there, and no run without a claim, none more than the faults explain."""
    if len(job.done) != 1:
        yield f"{len(job.done)} outcomes say done"
    begun = [each.run for each in traces if each.word == "begin"]
    ended = [each.run for each in traces if each.word == "end"]
    if len(begun) > len(job.claims):
        yield f"{len(begun)} runs began, {len(job.claims)} had a claim"
    if not ended:
        yield "no run came to its end"
    words = (job.folder / "result.txt").read_text().split()
    runs = set(words[::3])
    if len(runs) != 1 or words[-1] != "end" or len(words) != 3 * (int(words[-2]) + 1):
        yield f"its result is mixed, or not whole: of runs {sorted(runs)}"
    elif not runs <= set(ended):
        yield "its result is of a run that did not come to its end"
    planned = sum(each["kind"] == "outcome" and each["cause"] == "exit" for each in _ends(job))
    more = len(job.claims) - 1 - planned
    bad = sum(each["state"] != "done" for each in _ends(job)) - planned
    if max(more, bad) > toll.of(job.id):
        causes = [f"{each['kind']} {each['cause']}: {each['message']}" for each in _ends(job)]
        yield (
            f"{more} runs too many and {bad} bad ends, where faults explain {toll.of(job.id)}: {causes}"
        )


def _ends(job: Job) -> list[dict[str, object]]:
    return [entries[-1] for entries in job.attempts if entries[-1]["kind"] != "claim"]


def _lost(laptop: Laptop, jobs: Sequence[Job], traces: "dict[str, list[Trace]]") -> Iterator[str]:
    """What was submitted is there, and nothing else is."""
    here = {each.name for each in (laptop.main / "jobs" / TASK).glob("*")}
    there = {each.id for each in jobs}
    for job in sorted(here ^ there):
        yield f"job {job[:12]} is {'here' if job in here else 'there'} only"
    for job in sorted(set(traces) - there):
        yield f"job {job[:12]} left traces and no record"


def differences(there: Path, here: Path) -> Iterator[str]:
    """Every file of a job is the same on both sides, but for the note of what was asked for, which each side writes itself."""
    far, near = _files(there), _files(here)
    for name in sorted(far.keys() | near.keys()):
        if name not in near or name not in far:
            yield f"{name} is {'here' if name in near else 'there'} only"
        elif far[name].read_bytes() != near[name].read_bytes():
            yield f"{name} differs"


OWN = ("job.json", "brought.jsonl")
"""What the laptop alone has in a job's folder."""


def _files(root: Path) -> dict[str, Path]:
    return {
        str(each.relative_to(root)): each
        for each in root.rglob("*")
        if each.is_file() and not each.name.startswith("~") and each.name not in OWN
    }


def too_many_units(holders: set[str], traces: "dict[str, list[Trace]]") -> Iterator[str]:
    """Never more units of the token in use than there are."""
    changes = []
    for job in holders & set(traces):
        begun = {each.run: each.at for each in traces[job] if each.word == "begin"}
        for each in traces[job]:
            if each.word == "end":
                changes += [(begun[each.run], 1), (each.at, -1)]
    used = 0
    for at, change in sorted(changes):
        used += change
        if used > plans.UNITS:
            yield f"{used} units of {plans.LANE} were in use at {at}"


def _holders(laptop: Laptop) -> set[str]:
    found = set()
    for path in (laptop.main / "jobs" / TASK).glob("*/.xpm/job.json"):
        if f'"{plans.LANE}"' in path.read_text():
            found.add(path.parent.parent.name)
    return found


def _journal(laptop: Laptop, experiments: Sequence[str]) -> Iterator[str]:
    """All is done, in the words of `xpm status`; a journal built anew says the same."""
    before = {each: _status(laptop, each) for each in experiments}
    for name, jobs in before.items():
        states = Counter(str(job["state"]) for job in jobs)
        if states.keys() != {"done"}:
            yield f"xpm status says of {name}: {dict(states)}"
        if len(jobs) != plans.JOBS_EACH + 2:
            yield f"xpm status knows {len(jobs)} jobs of {name}"
    done = laptop.sh(f"rm -rf {laptop.home}/state/xpm")
    assert done.returncode == 0, done.stderr
    for name, jobs in before.items():
        if _status(laptop, name) != jobs:
            yield f"a journal built anew says something else of {name}"


def _status(laptop: Laptop, name: str) -> list[dict[str, object]]:
    done = laptop.xpm("status", name, "--json")
    assert done.returncode == 0, done.stderr
    jobs = json.loads(done.stdout)["jobs"]
    return [{key: value for key, value in job.items() if key != "seen_at"} for job in jobs]


def _processes(far: Far, laptop: Laptop) -> Iterator[str]:
    """Nothing of ours runs or waits any more, after a while."""
    ends_at = time.monotonic() + QUIET_S
    while (left := [*_left(far, laptop)]) and time.monotonic() < ends_at:
        time.sleep(1)
    yield from left


def _left(far: Far, laptop: Laptop) -> Iterator[str]:
    for line in laptop.there("squeue --me -h -o '%i %j %T %r'").splitlines():
        yield f"left in the queue: {line}"
    for each in far.processes():
        yield f"left on {each.node}: {' '.join(each.words)[:200]}"


def _logs(laptop: Laptop) -> Iterator[str]:
    """No command has come to a defect."""
    for log in laptop.home.glob("run-*.log"):
        text = log.read_text()
        for match in re.finditer(r"Traceback", text):
            yield f"{log}: {text[match.start() : match.start() + 1500]}"
