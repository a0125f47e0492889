"""``xpm run --dry-run``: what a run of a plan would do, told and not done."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from xpm import _dry
from xpm.agent import slurm_room
from xpm.agent.limits import SiteLimits
from xpm.cli import findings, render, script
from xpm.cli.findings import Finding
from xpm.connectors.specs import LocalSpec, SlurmSpec, Spec
from xpm.errors import PlanProblem
from xpm.follow import dry, hours, sent, sites
from xpm.follow.dry import Ask, DryJob, DryRun, Parcel
from xpm.follow.options import RunOptions, using
from xpm.sync import uncommitted
from xpm.wire import hints, travel
from xpm.words import telling

SCHEMA = 1
MOST_ROWS = 40


def command(
    plan: Path,
    arguments: Sequence[str],
    options: RunOptions,
    online: bool,
    as_json: bool,
    typed: str,
) -> int:
    """Find out what a run would do and tell it, and what to type to do it; the exit code."""
    runs = rehearse(plan, arguments, options)
    if not runs:
        render.note(f"{plan} opened no experiment, so nothing would be submitted")
        return 0
    if not as_json:
        tell(runs)
    found = _asked(runs) if online else {}
    if as_json:
        render.document(document(runs, found))
    else:
        tell_online(found)
        render.note(f"nothing was started. To run it: {typed}")
    return 2 if any(map(findings.is_bad, found.values())) else 0


def _asked(runs: Sequence[DryRun]) -> dict[str, list[Finding]]:
    from xpm.cli import dry_online

    return dry_online.check(runs)


def rehearse(plan: Path, arguments: Sequence[str], options: RunOptions) -> list[DryRun]:
    """What the experiments of a plan script would do.

    Raises:
        PlanProblem: the script raised something of its own.
    """
    assert options.dry is not None
    try:
        with using(options):
            script.run_script(plan, arguments)
    except _dry.Waits:
        pass
    except script.PlanCrash as crash:
        raise PlanProblem(
            f"the plan does not run\n{crash.told}",
            hint="mend it where it raised; nothing was submitted or written",
        ) from crash
    finally:
        _dry.tidy(options.dry)
    return options.dry.found


def parcels(run: DryRun) -> list[Parcel]:
    """What would be sent, place by place; nothing is to this machine."""
    specs = list(dict.fromkeys(job.spec for job in run.jobs if job.entry is not None))
    sizes = {path: Path(local).stat().st_size for path, (_, _, local) in run.files.items()}
    name, raw = travel.archive()
    return [
        dry.parcel(run, spec, sent.known(spec), (name, len(raw)), sizes)
        for spec in specs
        if not isinstance(spec, LocalSpec)
    ]


# ---------------------------------------------------------------------------- for people


def tell(runs: Sequence[DryRun]) -> None:
    """What is known here, in lines."""
    for run in runs:
        _tell_one(run)


def tell_online(found: Mapping[str, Sequence[Finding]]) -> None:
    """What the places say."""
    for connector, said in found.items():
        render.line(f"\nasked {connector}:")
        findings.show(said)


def _tell_one(run: DryRun) -> None:
    counts = Counter(job.fate for job in run.jobs)
    told = ", ".join(f"{counts[fate]} {fate}" for fate in dry.ORDER if counts[fate])
    render.line(
        f"{run.experiment} · {_jobs(len(run.jobs))}: {told or 'nothing to do'} · {run.main}"
    )
    render.table(("TASK", "FATE", "JOBS", "TAGS", "WHY"), _rows(run.jobs))
    found = dry.asks(run)
    for ask in found:
        render.line("")
        recipe = run.recipes.get(str(ask.request.get("environment")))
        for line in _ask_lines(ask, recipe):
            render.line(line)
    if len(found) > 1 and (most := hours.in_words(_all_hours(run))):
        render.line(f"\nall of them: at most {most}, run once each")
    to = parcels(run)
    name = _code_name(run) if to else ""
    for parcel in to:
        render.line(f"\nto {parcel.spec.name}: {_parcel_words(parcel, name)}")
    for note in run.notes:
        render.note(note)
    if run.ends_at:
        render.note(f"the plan waits at {run.ends_at}: what it submits later is not known yet")


def _rows(jobs: Sequence[DryJob]) -> list[list[str]]:
    """A row for all jobs of one task that meet the same fate for the same reason."""
    grouped: dict[tuple[str, str, str], list[DryJob]] = {}
    for job in sorted(jobs, key=lambda job: dry.ORDER.index(job.fate)):
        grouped.setdefault((job.ref.task, job.fate, job.why), []).append(job)
    rows = [
        [task, fate, str(len(alike)), _tags(alike), why]
        for (task, fate, why), alike in grouped.items()
    ]
    if len(rows) > MOST_ROWS:
        rows = [*rows[:MOST_ROWS], ["...", "", "", "", f"and {len(rows) - MOST_ROWS} more rows"]]
    return rows


def _tags(jobs: Sequence[DryJob]) -> str:
    """The values each tag has: ``lr=[0.1 0.01] seed=1``."""
    values: dict[str, dict[str, None]] = {}
    for job in jobs:
        for name, value in job.tags.items():
            values.setdefault(name, {})[str(value)] = None
    told: list[str] = []
    for name, found in sorted(values.items()):
        shown = [*list(found)[:6], *(["..."] if len(found) > 6 else [])]
        told.append(f"{name}={shown[0]}" if len(found) == 1 else f"{name}=[{' '.join(shown)}]")
    return " ".join(told)


def _ask_lines(ask: Ask, recipe: Mapping[str, object] | None) -> Iterator[str]:
    later = len(ask.jobs) - ask.at_once
    parts = [f"{_jobs(ask.at_once)} at once{_arrays(ask)}"] if ask.at_once else []
    parts += [f"{_jobs(later)} after others"] if later else []
    wants = resources(ask.request)
    each = f", each {wants}" if wants else ""
    most = hours.in_words(ask.hours)
    cost = f"; at most {most}" if most else ""
    yield f"launcher {ask.launcher} on {ask.spec.name}: {', '.join(parts)}{each}{cost}"
    line, *lines = dry.shown(ask, recipe)
    yield f"  $ {line}"
    yield from (f"    | {each}" for each in lines[1:])


def _arrays(ask: Ask) -> str:
    """As how many batch jobs they go, where a batch system takes many as one."""
    if not isinstance(ask.spec, SlurmSpec) or ask.at_once < 2:
        return ""
    site = _known(ask.spec)
    most = slurm_room.together(slurm_room.NOTHING, site.max_array_size, site.max_array_tasks)
    if most < 2:
        return ", each by itself (the site takes no arrays)"
    count = -(-ask.at_once // most)
    return " as 1 array" if count == 1 else f" as {count} arrays of at most {most}"


def _all_hours(run: DryRun) -> Mapping[str, float]:
    return hours.total(job.request for job in run.jobs if job.entry is not None)


def _known(spec: Spec) -> SiteLimits:
    from xpm.agent import limits

    return (
        sites.known(spec, telling.now().timestamp())
        if isinstance(spec, SlurmSpec)
        else limits.UNKNOWN
    )


def resources(request: Mapping[str, object]) -> str:
    """What a job asks for, in words."""
    wants = cast("Mapping[str, object]", request.get("resources") or {})
    cpus, mem, gpus, time_s = (wants.get(key) for key in ("cpus", "mem_mib", "gpus", "time_s"))
    told = [f"{cpus} core{'s' if cpus != 1 else ''}"] if cpus else []
    told += [hints.size(float(mem) * 1024)] if isinstance(mem, int) else []
    told += [f"{gpus} GPU{'s' if gpus != 1 else ''}"] if gpus else []
    told += [hints.duration(float(time_s))] if isinstance(time_s, int) else []
    told += ["a whole host"] if wants.get("exclusive") else []
    return ", ".join(told)


def _code_name(run: DryRun) -> str:
    """Its id, and how far it is from what git has."""
    if run.snapshot is None:
        return ""
    count = uncommitted.count(Path(run.project), run.files)
    told = f" ({_files(count)} not committed)" if count else ""
    return f" {run.snapshot.id[: telling.ID_SHOWN]}{told}"


def _parcel_words(parcel: Parcel, name: str) -> str:
    if not parcel.files:
        code = "no code"
    elif not parcel.new_files:
        code = f"code{name} that is there since earlier ({_files(parcel.files)}, {_size(parcel.bytes)})"
    else:
        code = (
            f"code{name}: {_size(parcel.new_bytes)} in {_files(parcel.new_files)} not sent there from here before"
            f" (of {parcel.files}, {_size(parcel.bytes)})"
        )
    program = f", xpm itself {_size(parcel.program_bytes)} (once)" if parcel.program_bytes else ""
    return f"{code}, jobs {_size(parcel.jobs_bytes)}{program}; before compression"


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _size(count: int) -> str:
    return hints.size(count / 1024) if count >= 1000 else f"{count} B"


# -------------------------------------------------------------------------- for programs


def document(runs: Sequence[DryRun], found: Mapping[str, Sequence[Finding]]) -> dict[str, object]:
    """All of it, schema 1."""
    content: dict[str, object] = {
        "schema": SCHEMA,
        "experiments": [_experiment(run) for run in runs],
    }
    if found:
        content["online"] = {name: findings.rows(said) for name, said in found.items()}
    return content


def _experiment(run: DryRun) -> dict[str, object]:
    return {
        "experiment": run.experiment,
        "main": run.main,
        "jobs": [_job(job) for job in run.jobs],
        "requests": [_request(ask) for ask in dry.asks(run)],
        "send": [_parcel(each) for each in parcels(run)],
        "snapshot": run.snapshot.id if run.snapshot else None,
        "notes": run.notes,
        "ends_at": run.ends_at or None,
    }


def _job(job: DryJob) -> dict[str, object]:
    return {
        "id": job.ref.job, "task": job.ref.task, "fate": job.fate, "why": job.why,
        "attempt": job.attempt, "connector": job.spec.name, "launcher": job.launcher,
        "tags": dict(job.tags), "parents": [[each.task, each.job] for each in job.parents],
        "where": job.where,
    }  # fmt: skip


def _request(ask: Ask) -> dict[str, object]:
    is_slurm = isinstance(ask.spec, SlurmSpec)
    return {
        "connector": ask.spec.name, "launcher": ask.launcher, "jobs": len(ask.jobs),
        "at_once": ask.at_once, "resources": ask.request.get("resources"), "hours": dict(ask.hours),
        "command": dry.command(ask), "script": dry.script(ask) if is_slurm else None,
    }  # fmt: skip


def _parcel(parcel: Parcel) -> dict[str, object]:
    return {
        "connector": parcel.spec.name, "files": parcel.files, "bytes": parcel.bytes,
        "new_files": parcel.new_files, "new_bytes": parcel.new_bytes,
        "jobs_bytes": parcel.jobs_bytes, "program_bytes": parcel.program_bytes,
    }  # fmt: skip
