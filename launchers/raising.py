"""More memory or time for a job's next attempt, said by hand: its request, with these words in the place of what it asked for.

All else stays as it was sealed: where it goes, its tokens, its cores and GPUs. Those are chosen together
(xpm/launchers/matching.py), and said in the plan or the profile.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from xpm.decide.retry import patched
from xpm.errors import UsageProblem
from xpm.launchers import units

Wishes = Mapping[str, int]
"""``mem`` in bytes, ``time`` in seconds."""
_READ = {
    "mem": (units.parse_size, units.SIZE_EXAMPLE),
    "time": (units.parse_duration, units.DURATION_EXAMPLE),
}
_NAMES = {"mem": "mem_mib", "time": "time_s"}


def read(words: Sequence[str]) -> Wishes:
    """What is wished for, from words like ``mem=32GB``.

    Raises:
        UsageProblem: one of them cannot be read.
    """
    found: dict[str, int] = {}
    for word in words:
        key, _, text = word.partition("=")
        if key not in _READ:
            raise UsageProblem(
                f"a new attempt cannot be given {word!r}", cause="only mem and time",
                hint="--set mem=32GB or --set time=8h; for all else run the plan:"
                " `xpm run PLAN.py --set launchers.NAME.cpus=8`",
            )  # fmt: skip
        parse, example = _READ[key]
        try:
            found[key] = parse(text)
        except units.NotAUnit as problem:
            hint = f"with its unit, like {key}={example}"
            raise UsageProblem(f"{word!r} cannot be read", cause=str(problem), hint=hint) from None
    return found


def raised(request: Mapping[str, Any], wishes: Wishes) -> dict[str, Any]:
    """The request with what is wished for, and of its retry table the steps that ask for more yet.

    Raises:
        UsageProblem: its memory cannot be said there.
    """
    wants = request.get("resources") or {}
    asked = {_NAMES[key]: _as_resource(key, value) for key, value in wishes.items()}
    options = [_option(request, wants, key, value) for key, value in wishes.items()]
    is_slurm = request.get("kind") == "slurm"
    step = {"resources": asked, "options": options if is_slurm else []}
    table = cast("Mapping[str, Mapping[str, Any]]", request.get("retry") or {})
    rules = {cause: _trimmed(rule, asked) for cause, rule in table.items()}
    return {**patched(dict(request), step), "retry": rules}


def _as_resource(key: str, value: int) -> int:
    return units.mib(value) if key == "mem" else value


def _option(request: Mapping[str, Any], wants: Mapping[str, Any], key: str, value: int) -> str:
    """The sbatch flag, as its launcher writes it."""
    if key == "time":
        return f"--time={units.minutes(value)}"
    names = {str(each).partition("=")[0] for each in request.get("options") or ()}
    shares = {"--mem-per-cpu": wants.get("cpus") or 1, "--mem-per-gpu": wants.get("gpus") or 1}
    for name, share in shares.items():
        if name in names:
            return f"{name}={units.mib(-(-value // share))}M"
    if wants.get("mem_mib") and "--mem" not in names and request.get("kind") == "slurm":
        raise UsageProblem(
            "its memory cannot be said", on=str(request.get("launcher")),
            cause="at this place memory comes with the cores",
            hint="ask for more cores: `cpus` in the launcher, or cpu(cores=...) in the plan",
        )  # fmt: skip
    return f"--mem={units.mib(value)}M"


def _trimmed(rule: Mapping[str, Any], asked: Mapping[str, int]) -> dict[str, Any]:
    steps = [each for each in rule.get("steps") or () if _is_more(each, asked)]
    kept = {key: value for key, value in rule.items() if key != "steps"}
    return {**kept, "steps": steps} if steps else kept


def _is_more(step: Mapping[str, Any], asked: Mapping[str, int]) -> bool:
    """Whether a step asks for more than is asked for now; what it says of other things does not matter."""
    resources = step.get("resources") or {}
    said = [name for name in asked if name in resources]
    return all((resources[name] or 0) > asked[name] for name in said)
