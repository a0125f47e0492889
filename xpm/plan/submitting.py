"""Submitting a task: what ``submit()`` does and what it hands on."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from weakref import WeakKeyDictionary

from xpm.errors import PlanProblem
from xpm.plan import context, places, sealing
from xpm.plan.names import identifier_of
from xpm.plan.problems import a
from xpm.plan.state import State, is_config, state_of
from xpm.plan.tokens import TokenDependency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from xpm.plan.config import Config
    from xpm.plan.context import Submitter
    from xpm.plan.requirements import Req
    from xpm.plan.tasks import Task


def submit(
    task: Task,
    launcher: str | None,
    init_tasks: Sequence[Task],
    require: Req | str | None = None,
) -> Any:
    """Seal a task and give it to the open experiment; what it hands on."""
    state = state_of(task)
    where = places.show(places.caller())
    if context.in_job():
        raise PlanProblem("a job cannot submit tasks", where=where, hint="submit in the plan")
    if state.live:
        raise PlanProblem(
            f"this {type(task).__name__} is an instance, which cannot be submitted",
            where=where,
            hint="submit the task it was made of",
        )
    submitter = context.current()
    if state.handle is not None and submitter in (None, state.handle.owner):
        return state.result
    if submitter is None:
        raise PlanProblem(
            f"{type(task).__name__} is submitted outside an experiment",
            hint="with experiment(folder, name): ...; or, in a notebook, experiment(folder, name).start()",
            where=where,
        )
    if state.handle is not None:
        _require_same_folder(task, state.handle.owner.main, submitter.main, where)
    if init_tasks:
        _initial(task, state, init_tasks, where)
    _require_one_class(submitter, type(task))
    needed = _needed(task, require)
    seals: list[Config] = []
    try:
        sealed = sealing.seal_into(task, seals)
        state.handle = submitter.accept(sealed, task, launcher, needed)
    except BaseException:
        sealing.unseal(seals)
        raise
    if state.result is None:
        state.result = _outputs(task)
    return state.result


def _needed(task: Task, require: Req | str | None) -> Req | None:
    """What the task needs of its place: what ``submit`` was told, over what its class says."""
    own = getattr(type(task), "__require__", None)
    if own is None and require is None:
        return None
    from xpm.plan.requirements import Req

    name = f"{type(task).__name__}.__require__"
    said = Req.of(own, name) if own is not None else None
    return Req.of(require).over(said) if require is not None else said


def _require_one_class(submitter: Submitter, cls: type[Task]) -> None:
    """Tasks of two classes must not be taken for one job because the classes have one identifier."""
    known = _classes.setdefault(submitter, {}).setdefault(identifier_of(cls.__xpm__), cls)
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise sealing.namesakes(known, cls)


_classes: WeakKeyDictionary[Submitter, dict[str, type[Task]]] = WeakKeyDictionary()


def _require_same_folder(task: Task, before: Path, now: Path, where: str) -> None:
    """A task sealed in one main folder has its paths there: another experiment must use the same."""
    if before != now:
        raise PlanProblem(
            f"this {type(task).__name__} was submitted to another main folder",
            on=f"{before}, not {now}",
            hint="submit a copy: copyconfig(task)",
            where=where,
        )


def _initial(task: Task, state: State, init_tasks: Sequence[Task], where: str) -> None:
    from xpm.plan.tasks import LightweightTask

    for each in init_tasks:
        if not isinstance(each, LightweightTask):
            raise PlanProblem(
                f"{a(each)} cannot be an initial task of {type(task).__name__}",
                hint="initial tasks are LightweightTask",
                where=where,
            )
    if state.seal is None:
        state.init = tuple(init_tasks)


def _outputs(task: Task) -> Any:
    """What ``task_outputs`` returns, or a classic ``config``; configurations in it depend on the task."""

    def dep(value: Any) -> Any:
        return produced(value, task)

    classic = getattr(type(task), "config", None)
    return dep(classic(task)) if callable(classic) else task.task_outputs(dep)


def produced(value: Any, task: Task) -> Any:
    """The value, with each configuration in it marked as an output of the task; sealed ones are copied."""
    if is_config(value):
        return _produced(value, task)
    if isinstance(value, dict):
        return {key: produced(each, task) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)([produced(each, task) for each in value])
    raise PlanProblem(
        f"{type(task).__name__} hands on {a(value)}",
        hint="dep() takes configurations, and containers of them",
        where=places.show(places.caller()),
    )


def _produced(config: Config, task: Task) -> Config:
    state = state_of(config)
    if config is task or state.producer is task:
        return config
    if state.seal is not None or state.producer is not None:
        from xpm.plan.copying import shallow

        config = shallow(config)
        state = state_of(config)
    own = state_of(task)
    state.producer = task
    state.ref = own.ref
    sealing.seal_output(config, task)
    return config


def add_dependencies(task: Task, dependencies: Iterable[Any]) -> None:
    """Note what a task must wait for or hold."""
    state = state_of(task)
    if state.seal is not None:
        from xpm.plan.setting import refuse_sealed

        refuse_sealed(task, state, "add_dependencies")
    for each in dependencies:
        if isinstance(each, (list, tuple)):
            add_dependencies(task, each)
        elif isinstance(each, TokenDependency):
            each.token.hold(each.count, task)
        elif is_config(each):
            state.parents = [*(state.parents or ()), each]
        else:
            raise PlanProblem(
                f"{type(task).__name__} cannot depend on {a(each)}",
                hint="give submitted tasks, their outputs, or token.dependency(n)",
                where=places.show(places.caller()),
            )
