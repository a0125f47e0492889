"""``xpm run --dry-run --online``: whether what a run would do would work at its places; nothing is left there.

Each place is asked once, over one connection: SLURM by ``sbatch --test-only`` about every request, the file system about
the paths among the values and the room for what would be sent, the environments of the jobs whether they are there.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from xpm.cli import dry_environments
from xpm.cli.diagnosis import QUOTA, of_quota
from xpm.cli.findings import Finding
from xpm.connectors import questions
from xpm.connectors.hosts import Host
from xpm.connectors.opening import open_host, target_of
from xpm.connectors.questions import Answer, Answers, Question, lines_of
from xpm.connectors.specs import LocalSpec, SlurmSpec, Spec
from xpm.follow import dry
from xpm.follow.dry import Ask, DryRun, Parcel
from xpm.launchers.placeholders import quoted
from xpm.launchers.surveying import SLURM_PATH, with_variables
from xpm.wire import hints

MOST_PATHS = 200
TEST_S = 60
_START = re.compile(r"to start at (\S+).*?(?: in partition (\S+))?\s*$", re.MULTILINE)
Recipes = Mapping[str, Mapping[str, object]]
"""Of environments, by their ids."""
_NONE: Recipes = {}


def check(
    runs: Sequence[DryRun], opened: Callable[[Spec], Host] | None = None
) -> dict[str, list[Finding]]:
    """What the places say, those that would be sent something; by connector.

    Raises:
        HostProblem: one of them is out of reach.
    """
    from xpm.cli.dry_run import parcels

    found: dict[str, list[Finding]] = {}
    for run in runs:
        sizes = {each.spec: each for each in parcels(run)}
        for spec in dict.fromkeys(job.spec for job in run.jobs if job.entry is not None):
            if isinstance(spec, LocalSpec):
                continue
            host = opened(spec) if opened is not None else open_host(target_of(spec), spec.name)
            try:
                said = _check_one(run, spec, host, sizes[spec])
            finally:
                host.close()
            found.setdefault(spec.name, []).extend(said)
    return found


def _check_one(run: DryRun, spec: Spec, host: Host, parcel: Parcel) -> list[Finding]:
    asks = [each for each in dry.asks(run) if each.spec == spec]
    paths = list(
        dict.fromkeys(path for ask in asks for job in ask.jobs for path in dry.far_paths(job))
    )
    answers = questions.ask(host, ask_for(spec, asks, paths, run.recipes))
    return list(judged(spec, asks, paths, parcel, answers, run.recipes))


def ask_for(
    spec: Spec, asks: Sequence[Ask], paths: Sequence[str], recipes: Recipes = _NONE
) -> list[Question]:
    """The questions for a place."""
    found = [
        Question(
            "room",
            with_variables(_ROOM.format(workspace=quoted(dry.workspace_of(spec)), quota=QUOTA)),
        )
    ]
    for number, ask in enumerate(asks):
        found += dry_environments.questions_for(number, ask, _recipe(ask, recipes))
        if isinstance(spec, SlurmSpec):
            argv = ["sbatch", "--test-only", *dry.options_of(ask)]
            line = f"{SLURM_PATH}\nprintf '#!/bin/sh\\n' | {shlex.join(argv)} 2>&1"
            found.append(Question(f"test{number}", line, TEST_S))
    if paths:
        lines = [
            f"[ -e {shlex.quote(path)} ] || echo {shlex.quote(path)}" for path in paths[:MOST_PATHS]
        ]
        found.append(Question("paths", "\n".join([*lines, "true"])))
    return found


_ROOM = """
w={workspace}; echo "$w"; d=$w
while [ ! -d "$d" ] && [ "$d" != / ] && [ "$d" != . ]; do d=$(dirname "$d"); done
[ -w "$d" ] && echo yes || echo no
df -Pk "$d" 2>/dev/null | awk 'NR>1{{print $(NF-2)}}' | tail -n 1
df -Pi "$d" 2>/dev/null | awk 'NR>1{{print $(NF-2)}}' | tail -n 1
cd "$d" 2>/dev/null; {quota}
"""


# ----------------------------------------------------------------------------- judging


def judged(
    spec: Spec,
    asks: Sequence[Ask],
    paths: Sequence[str],
    parcel: Parcel,
    answers: Answers,
    recipes: Recipes = _NONE,
) -> Iterator[Finding]:
    """What the answers mean."""
    yield from _of_room(answers.found.get("room"), parcel)
    for number, ask in enumerate(asks):
        yield from dry_environments.judged(number, ask, _recipe(ask, recipes), answers)
        if isinstance(spec, SlurmSpec):
            yield _of_test(ask, answers.found.get(f"test{number}"))
    if paths:
        yield _of_paths(paths, answers.found.get("paths"))


def _recipe(ask: Ask, recipes: Recipes) -> Mapping[str, object]:
    return recipes.get(str(ask.request.get("environment"))) or {}


def _of_room(answer: Answer | None, parcel: Parcel) -> Iterator[Finding]:
    lines = lines_of(answer)
    if answer is not None and answer.status and lines:
        said = re.sub(r"^.*?(?=[A-Z_]\w*: )", "", lines[-1])
        yield Finding("workspace", "bad", said, "mend `workspace:` of the connector")
        return
    if len(lines) < 2:
        yield Finding("workspace", "warn", "nobody tells whether it can be written")
        return
    workspace, is_writable = lines[0], lines[1] == "yes"
    if not is_writable:
        yield Finding(
            "workspace", "bad", f"{workspace} cannot be written", "name another `workspace:`"
        )
        return
    rest = [line for line in lines[2:] if not line.startswith("quota ")]
    free = [int(each) if each.isdigit() else None for each in [*rest, "", ""]]
    kib, inodes = free[0], free[1]
    needed = parcel.new_bytes + parcel.jobs_bytes + parcel.program_bytes
    told = f"{workspace}: " + ("room unknown" if kib is None else f"{hints.size(kib)} free")
    if kib is not None and needed > kib * 1024:
        yield Finding(
            "workspace", "bad", f"{told}, {hints.size(needed / 1024)} would be sent", "make room"
        )
    elif inodes is not None and 0 < inodes < parcel.new_files + 1000:
        yield Finding(
            "workspace", "warn", f"{told}, but only {inodes} more files", "remove old files"
        )
    else:
        yield Finding("workspace", "ok", told)
    for line in lines:
        if line.startswith("quota "):
            yield from of_quota(line.split()[1:])


def _of_test(ask: Ask, answer: Answer | None) -> Finding:
    text = answer.text if answer is not None else ""
    start = _START.search(text)
    if answer is not None and answer.status == 0 and start is not None:
        when = f"would start about {start[1].replace('T', ' ')} (SLURM's guess, its clock)"
        return Finding("sbatch", "ok", f"launcher {ask.launcher}: {when}")
    lines = [re.sub(r"^sbatch: (error: )?", "", line) for line in lines_of(answer)]
    if answer is not None and answer.status == 0:
        return Finding("sbatch", "ok", f"launcher {ask.launcher}: accepted")
    if answer is None or answer.status == 124 or _is_away(text):
        do = "try again later; this says nothing of the request"
        return Finding("sbatch", "warn", f"SLURM does not answer: {'; '.join(lines[-1:])}", do)
    words = "; ".join(lines[-2:]) or "refused without a word"
    return Finding(
        "sbatch", "bad", f"launcher {ask.launcher}: {words}", "mend the launcher in the profile"
    )


def _is_away(text: str) -> bool:
    words = ("Unable to contact", "Socket timed out", "Connection refused", "temporarily unable")
    return any(each in text for each in words)


def _of_paths(paths: Sequence[str], answer: Answer | None) -> Finding:
    if answer is None or answer.status:
        return Finding("paths", "warn", "nobody tells whether the paths among the values exist")
    missing = list(answer.lines)
    asked = min(len(paths), MOST_PATHS)
    rest = f" (the first {asked} of {len(paths)})" if asked < len(paths) else ""
    if not missing:
        count = (
            f"the path among the values exists: {paths[0]}"
            if asked == 1
            else f"all {asked} paths among the values exist"
        )
        return Finding("paths", "ok", f"{count}{rest}")
    shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    do = "paths outside the project are taken as of the far side: put the data there, or mend the plan"
    return Finding("paths", "bad", f"not there: {shown}", do)
