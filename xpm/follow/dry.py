"""What a run would do, as a dry run finds it out: the jobs, what they ask for, what would be sent. No I/O."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from xpm.agent import entering, environs, slurm_commands
from xpm.connectors.base import JobRef, Snapshot
from xpm.connectors.specs import LocalSpec, SlurmSpec, Spec
from xpm.follow import hours

DONE, ALIVE, NEW, WAITING = "done", "alive", "new", "waiting"
ORDER = (NEW, WAITING, ALIVE, DONE)
ID = "ID"
"""Stands for the name of a submission, which is not known before it is one."""


@dataclass(frozen=True, slots=True)
class DryJob:
    """A job of the plan, and what would become of it."""

    ref: JobRef
    fate: str
    """``done``: reused; ``alive``: followed again; ``new``: sent, and started; ``waiting``: sent, for others come first."""
    why: str
    attempt: int
    spec: Spec
    launcher: str
    request: Mapping[str, object]
    tags: Mapping[str, object]
    parents: Sequence[JobRef]
    where: str
    entry: Mapping[str, object] | None = None
    """What would be sent; None when nothing would."""


@dataclass(slots=True)
class DryRun:
    """All a dry run found out of one experiment; filled by it."""

    experiment: str
    main: str
    project: str = ""
    """The folder of the code."""
    jobs: list[DryJob] = field(default_factory=list[DryJob])
    notes: list[str] = field(default_factory=list[str])
    snapshot: Snapshot | None = None
    """The code, when a job needs it."""
    recipes: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict[str, Mapping[str, object]]
    )
    """Of environments, by their ids (xpm/agent/building.py)."""
    ends_at: str = ""
    """The line where the plan waits for what is not done; empty when it went through."""

    @property
    def files(self) -> Mapping[str, tuple[str, int, str]]:
        """Those of the code: path to (sha256, mode, local path)."""
        return self.snapshot.files if self.snapshot is not None else {}


@dataclass(frozen=True, slots=True)
class Ask:
    """Jobs of one connector that ask for the same."""

    spec: Spec
    launcher: str
    request: Mapping[str, object]
    jobs: Sequence[DryJob]

    @property
    def at_once(self) -> int:
        """How many of them wait for no other job."""
        return sum(job.fate == NEW for job in self.jobs)

    @property
    def hours(self) -> Mapping[str, float]:
        """What all of them take at most, run once each."""
        return hours.total([self.request] * len(self.jobs))


def asks(run: DryRun) -> list[Ask]:
    """What the jobs that would be sent ask for, those of equal requests together, in the order they came."""
    found: dict[str, list[DryJob]] = {}
    for job in run.jobs:
        if job.entry is not None:
            key = json.dumps([job.spec.name, job.request], sort_keys=True, default=str)
            found.setdefault(key, []).append(job)
    return [Ask(jobs[0].spec, jobs[0].launcher, jobs[0].request, jobs) for jobs in found.values()]


def command(ask: Ask) -> list[str]:
    """The command that starts them: the ``sbatch`` line as it will be, or that of a runner."""
    return _command(ask, workspace_of(ask.spec), python_of(ask))


def shown(ask: Ask, recipe: Mapping[str, object] | None = None) -> list[str]:
    """The command and, for ``sbatch``, the lines of its script, for people: what the far side expands is as it is written."""
    lines = [shlex.join(_command(ask, _THERE, _PYTHON))]
    if isinstance(ask.spec, SlurmSpec):
        lines += _script(ask, _THERE, _PYTHON).splitlines()
    if recipe is not None:
        lines.insert(-1 if len(lines) > 1 else 1, "# " + _environment(ask, recipe))
    return [
        line.replace(_THERE, workspace_of(ask.spec)).replace(_PYTHON, python_of(ask))
        for line in lines
    ]


def script(ask: Ask) -> str:
    """The batch script on its standard input."""
    return _script(ask, workspace_of(ask.spec), python_of(ask))


def _environment(ask: Ask, recipe: Mapping[str, object]) -> str:
    """What an environment adds to a script once it is ready, in a line: its last command becomes another one."""
    make = cast("Mapping[str, object]", recipe.get("make") or {})
    use = cast("Mapping[str, object]", recipe.get("use") or {})
    folder = f"{_THERE}/{environs.FOLDER}/{str(ask.request.get('environment'))[: environs.NAME]}"
    if make:
        return (
            f"environment: {make['with']}, built once ({make.get('build')}) in {folder},"
            f" whose bin comes first on PATH and whose Python is used"
        )
    if use.get("image"):
        options = entering.image_options(use, _THERE, str)
        options += ["(--nv where there are GPUs)"] if use.get("nv") == "auto" else []
        python = recipe.get("python") or "python3"
        return f"environment: within apptainer exec {' '.join(options)} {use['image']} {python}"
    if use:
        ((kind, name),) = use.items()
        return f"environment: {kind} {name}, whose bin comes first on PATH and whose Python is used"
    return "environment: modules and packages are looked for there before anything is submitted"


_THERE, _PYTHON = "@THERE@", "@PYTHON@"
"""Words that a shell quotes in no way."""


def _command(ask: Ask, workspace: str, python: str) -> list[str]:
    folder = f"{workspace}/.xpm/submissions/{ID}"
    if not isinstance(ask.spec, SlurmSpec):
        return [python, f"{workspace}/.xpm/travel/{ID}", "run", workspace, ID]
    count = ask.at_once or len(ask.jobs)
    indices = range(count) if count > 1 else ()
    throttle = cast("int | None", ask.request.get("throttle"))
    return slurm_commands.sbatch(ID, folder, workspace, options_of(ask), list(indices), throttle)


def options_of(ask: Ask) -> list[str]:
    """Its sbatch options."""
    return [str(each) for each in cast("Sequence[object]", ask.request.get("options") or ())]


def setup_of(ask: Ask) -> list[str]:
    """The lines of sh that prepare it."""
    return [str(each) for each in cast("Sequence[object]", ask.request.get("setup") or ())]


def _script(ask: Ask, workspace: str, python: str) -> str:
    travel = f"{workspace}/.xpm/travel/{ID}"
    return slurm_commands.script(setup_of(ask), [python, travel, "run", workspace, ID])


def python_of(ask: Ask) -> str:
    """The Python of these jobs, as far as the profile says it."""
    return str(ask.request.get("python") or ask.spec.python or "python3")


def workspace_of(spec: Spec) -> str:
    """Where its jobs lie there, as the profile writes it."""
    return "MAIN" if isinstance(spec, LocalSpec) else spec.workspace


@dataclass(frozen=True, slots=True)
class Parcel:
    """What would be sent to a connector; ``new`` of the code is what was not sent there from here before."""

    spec: Spec
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    jobs_bytes: int
    program_bytes: int


def parcel(
    run: DryRun,
    spec: Spec,
    sent: frozenset[str],
    program: tuple[str, int],
    sizes: Mapping[str, int],
) -> Parcel:
    """What would be sent there.

    Args:
        run: the run.
        spec: the place.
        sent: the hashes of all that was sent there before, as far as is known here.
        program: the name and the size of what travels of ours.
        sizes: the sizes of the code's files.
    """
    files = run.files
    contents = {sha: sizes[path] for path, (sha, _, _) in files.items()}
    fresh = {sha: size for sha, size in contents.items() if sha not in sent}
    entries = [job.entry for job in run.jobs if job.entry is not None and job.spec == spec]
    return Parcel(
        spec,
        len(files),
        sum(contents.values()),
        len(fresh),
        sum(fresh.values()),
        sum(len(json.dumps(entry, separators=(",", ":"), default=str)) for entry in entries),
        0 if program[0] in sent else program[1],
    )


def far_paths(job: DryJob) -> Iterator[str]:
    """The absolute paths among its values: they are to exist where it runs."""
    if job.entry is not None:
        yield from _absolute(job.entry.get("document"))


def _absolute(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        if table.get("base") == "absolute" and isinstance(table.get("path"), str):
            yield str(table["path"])
            return
        for each in table.values():
            yield from _absolute(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from _absolute(each)
