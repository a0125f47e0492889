"""Instances: objects that can be run here and now, made of configurations without submitting anything."""

# Values of any type pass here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os

from xpm.plan import walk
from xpm.plan.fields import MISSING
from xpm.plan.generated import generated, name_below
from xpm.plan.sealing import require_values
from xpm.plan.state import State, is_config, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from xpm.plan.config import Config

    C = TypeVar("C", bound=Config)


def instance(config: C, folder: str | os.PathLike[str] | None = None) -> C:
    """An object with the values of a configuration that runs as it would inside a job.

    Args:
        config: a configuration or task, sealed or not; it stays as it is.
        folder: where generated paths are; by default the folder of its job, without one the current folder.

    Raises:
        PlanProblem: values are missing or wrong.
    """
    found = walk.order(config, ())
    require_values(config, found)
    seal = state_of(config).seal
    if folder is None and seal is not None:
        from xpm.plan.generated import main_folder

        folder = os.path.join(main_folder(), "jobs", seal.task, seal.job)
    foreign = {state_of(each).ref for _, each in found} - {None, _job(config)}
    made: dict[int, Any] = {}
    for path, each in found:
        is_foreign = _job(each) in foreign
        made[id(each)] = _instance(path, each, os.path.abspath(folder or "."), is_foreign, made)
    for each in made.values():
        prepare = getattr(type(each), "__post_init__", None)
        if prepare is not None:
            prepare(each)
    return made[id(config)]  # type: ignore[no-any-return]


def _job(config: Config) -> tuple[str, str] | None:
    """The job that has sealed a configuration."""
    seal = state_of(config).seal
    return None if seal is None else (seal.task, seal.job)


def _instance(
    path: str, config: Config, folder: str, is_foreign: bool, made: dict[int, Any]
) -> Any:
    """One object, those it holds being made; what is foreign has its paths in the folder of another job."""
    from pathlib import Path

    cls: Any = type(config)
    own: Any = object.__new__(cls)
    before = state_of(config)
    state = own.__dict__["_xpm"] = State(before.place, live=True)
    state.ref, state.meta = before.ref, before.meta
    state.handle = before.handle
    state.folder = folder if not path and before.handle is None else None
    if before.producer is not None:
        state.producer = made[id(before.producer)]
    state.init = tuple(made[id(each)] for each in before.init)
    initialise = getattr(cls, "__xpm_init__", None)
    if initialise is not None:
        initialise(own)
    for name, argument in cls.__xpm__.ready().items():
        value = config.__dict__.get(name, argument.default)
        if (
            argument.generator is not None
            and not is_foreign
            and (value is MISSING or value == generated(before.seal, argument))
        ):
            value = Path(folder, name_below(path, argument.generator.path))
        if value is not MISSING:
            own.__dict__[name] = _value(value, made)
    return own


def _value(value: Any, made: dict[int, Any]) -> Any:
    """A value whose configurations are replaced by their instances, and whose containers may change."""
    if is_config(value):
        return made[id(value)]
    if isinstance(value, dict):
        return {_value(key, made): _value(each, made) for key, each in value.items()}
    for make in (list, tuple, set, frozenset):
        if isinstance(value, make):
            return make([_value(each, made) for each in value])
    return value
