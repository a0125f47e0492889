"""Sealing: a task's values fixed for ever, checked as a whole, with identity and document."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xpm.errors import PlanProblem
from xpm.plan import identity, locate, places, walk
from xpm.plan.config import Config
from xpm.plan.fields import MISSING
from xpm.plan.freezing import frozen
from xpm.plan.generated import generated
from xpm.plan.names import identifier_of
from xpm.plan.problems import a
from xpm.plan.setting import check
from xpm.plan.state import Seal, state_of
from xpm.plan.tasks import LightweightTask, ResumableTask, Task, why_not_runnable


@dataclass(frozen=True)
class Sealed:
    """A task as it travels. ``parents`` are (task, job); ``tokens`` are (name, count, total)."""

    task: str
    job: str
    document: dict[str, Any]
    parents: tuple[tuple[str, str], ...]
    tokens: tuple[tuple[str, int, int], ...]
    tags: dict[str, str | int | float | bool]
    where: str
    is_resumable: bool = False
    """Whether it goes on from what it finds in its folder."""


def seal(task: Task) -> Sealed:
    """Fix the values of a task and of all it holds.

    Raises:
        PlanProblem: a value is missing or wrong, a task in an argument is not submitted, or the class cannot be found
            again inside a job. Nothing is sealed then.
    """
    seals: list[Config] = []
    try:
        return seal_into(task, seals)
    except BaseException:
        unseal(seals)
        raise


def seal_into(task: Config, seals: list[Config]) -> Sealed:
    """Seal, listing what was newly sealed."""
    from xpm.plan.documents import document
    from xpm.plan.tags import tags

    place = places.caller()
    state = state_of(task)
    if not isinstance(task, Task) or isinstance(task, LightweightTask):
        hint = "submit(init_tasks=[...]) runs it inside another job"
        raise PlanProblem(
            f"{a(task)} cannot be submitted",
            hint=hint if isinstance(task, LightweightTask) else "only tasks can",
            where=places.show(place),
        )
    found = walk.order(task, (), lambda each: state_of(each).seal is not None)
    _check(task, found, place)
    digest = identity.digest(task)
    name = identifier_of(type(task).__xpm__)
    job = digest.hex()
    if state.seal is None:
        _fix(task, found, Seal(name, job, place, ""), seals)
    return Sealed(
        task=name,
        job=job,
        document=document(task),
        parents=_parents(task),
        tokens=_tokens(task),
        tags=tags(task),
        where=places.show(place),
        is_resumable=isinstance(task, ResumableTask),
    )


def unseal(seals: list[Config]) -> None:
    """Undo a sealing of which nothing came."""
    for config in seals:
        state = state_of(config)
        seal, state.seal, state.digest, state.ref = state.seal, None, None, None
        state.tagged = state.classes = None
        for name, argument in type(config).__xpm__.ready().items():
            if argument.generator and config.__dict__.get(name) == generated(seal, argument):
                del config.__dict__[name]


def seal_output(config: Config, task: Task) -> None:
    """Seal what a task hands on, as its output."""
    state = state_of(task)
    assert state.seal is not None
    found = walk.order(config, (id(task),), lambda each: state_of(each).seal is not None)
    _check(task, found, state.seal.place)
    for path, each in found:
        state_of(each).digest = identity.digest(each)
        state_of(each).seal = Seal(state.seal.task, state.seal.job, state.seal.place, path)
        _freeze(each)


def _check(task: Task, found: list[walk.Found], place: places.Place) -> None:
    """Refuse what cannot become a job, all reasons at once."""
    problems: list[PlanProblem] = []
    named: dict[str, type] = {}
    for path, config in found:
        cls = type(config)
        same = named.setdefault(identifier_of(cls.__xpm__), cls)
        if same is not cls:
            problems.append(namesakes(same, cls))
        try:
            locate.check_reachable(cls)
        except PlanProblem as problem:
            problems.append(problem)
            continue
        state = state_of(config)
        if config is not task and isinstance(config, Task) and state.ref is None and (
            not isinstance(config, LightweightTask)
        ):  # fmt: skip
            problems.append(_unsubmitted(task, path, config))
        if isinstance(config, Task) and state.ref is None:
            problems.extend(why_not_runnable(type(config)))
        problems.extend(_complete(path, config))
    if not problems:
        for _, config in found:
            problems.extend(_validate(config))
    _refuse(task, problems, place)


def require_values(config: Config, found: list[walk.Found]) -> None:
    """Refuse, all reasons at once, what lacks values or is not valid; sealed parts have been checked before."""
    unsealed = [(path, each) for path, each in found if state_of(each).seal is None]
    problems = [problem for path, each in unsealed for problem in _complete(path, each)]
    if not problems:
        problems = [problem for _, each in unsealed for problem in _validate(each)]
    _refuse(config, problems, places.caller())


def _refuse(config: Config, problems: list[PlanProblem], place: places.Place) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise PlanProblem(
            f"{type(config).__name__} cannot be run: {len(problems)} problems",
            cause="\n" + "\n".join(f"- {each}" for each in problems),
            where=places.show(place),
        )


def namesakes(one: type[Config], other: type[Config]) -> PlanProblem:
    """The refusal of two classes of one identifier."""
    return PlanProblem(
        f"two classes have the identifier {identifier_of(one.__xpm__)}",
        on=f"{one.__qualname__} at {places.show(one.__xpm__.place)}"
        f" and {other.__qualname__} at {places.show(other.__xpm__.place)}",
        hint="give one of them another __xpmid__",
        where=places.show(places.caller()),
    )


def _unsubmitted(task: Task, path: str, config: Config) -> PlanProblem:
    cls = type(task).__name__
    what = f"{cls}.{path}" if path else f"what {cls}.add_dependencies() was given"
    return PlanProblem(
        f"{what} is a task that has not been submitted",
        on=f"{type(config).__name__} made at {places.show(config.__dict__['_xpm'].place)}",
        hint="submit() it first, and give what submit() returns",
        where=places.show(places.caller()),
    )


def _complete(path: str, config: Config) -> list[PlanProblem]:
    """The arguments that lack a value, or whose container has been filled with something else."""
    problems: list[PlanProblem] = []
    cls = type(config)
    state = state_of(config)
    for name, argument in cls.__xpm__.ready().items():
        value = config.__dict__.get(name, MISSING)
        if value is MISSING:
            if argument.required:
                inside = f" (at {path})" if path else ""
                problems.append(
                    PlanProblem(
                        f"{cls.__name__}.{name} has no value{inside}",
                        hint=f"give {cls.__name__}({name}=...), or a default in the class",
                        where=places.show(state.place),
                    )
                )
        elif argument.kind.mutable:
            try:
                config.__dict__[name] = check(cls, argument, value)
            except PlanProblem as problem:
                problems.append(problem)
    return problems


def _validate(config: Config) -> list[PlanProblem]:
    """What the class's own ``__validate__`` refuses."""
    validate = getattr(type(config), "__validate__", None)
    if validate is None:
        return []
    try:
        validate(config)
    except PlanProblem as refusal:
        return [refusal]
    except (ValueError, TypeError, AssertionError) as error:
        problem = PlanProblem(
            f"{type(config).__name__} is not valid",
            cause=str(error) or _raising_line(error),
            where=places.show(state_of(config).place),
        )
        problem.__cause__ = error
        return [problem]
    return []


def _raising_line(error: BaseException) -> str:
    """What stands where a wordless error was raised: ``assert self.x > 0 (plan.py:12)``."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.line or type(error).__name__} ({places.show((last.filename, last.lineno or 0))})"


def _fix(task: Task, found: list[walk.Found], own: Seal, seals: list[Config]) -> None:
    """Write the seals, the digests and the generated paths."""
    for path, config in found:
        state = state_of(config)
        state.digest = identity.digest(config)
        state.seal = Seal(own.task, own.job, own.place, path)
        seals.append(config)
        if config is task:
            state.ref = (own.task, own.job)
            state.result = None
        _freeze(config)
        for name, argument in type(config).__xpm__.ready().items():
            if argument.generator is not None and name not in config.__dict__:
                config.__dict__[name] = generated(state.seal, argument)


def _freeze(config: Config) -> None:
    for name, argument in type(config).__xpm__.ready().items():
        if argument.kind.mutable and name in config.__dict__:
            config.__dict__[name] = frozen(config.__dict__[name], config, name)


def _parents(task: Task) -> tuple[tuple[str, str], ...]:
    """The jobs that must be done first: the nearest tasks below each argument, and those named."""
    seen: dict[tuple[str, str], None] = {}

    def note(config: Config) -> None:
        ref = state_of(config).ref
        if ref is not None:
            seen[ref] = None

    def stop(config: Config) -> bool:
        note(config)
        return isinstance(config, Task) and not isinstance(config, LightweightTask)

    state = state_of(task)
    walk.order(task, (), stop)
    for each in state.parents or ():
        if state_of(each).ref is None:
            raise _unsubmitted(task, "", each)
        note(each)
    if state.ref is not None:
        seen.pop(state.ref, None)
    return tuple(seen)


def _tokens(task: Task) -> tuple[tuple[str, int, int], ...]:
    held: dict[str, tuple[int, int]] = {}
    for each in state_of(task).tokens or ():
        count, total = held.get(each.token.name, (0, each.token.total))
        held[each.token.name] = (count + each.count, min(total, each.token.total))
    return tuple((name, count, total) for name, (count, total) in sorted(held.items()))
