"""Unsealed copies, and configurations that do not count."""

# Values of any type pass here.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from typing import Any, TypeVar

from xpm.plan.config import Config
from xpm.plan.problems import require_config
from xpm.plan.setting import assign
from xpm.plan.state import State, is_config, state_of, wake

C = TypeVar("C", bound=Config)


def copyconfig(config: C, **changes: object) -> C:
    """An unsealed copy, with some values changed.

    Values and tags are copied, and so are all configurations and containers below, of which the copy shares none with the
    original; a configuration that was used in two places is one in the copy too. Submitted tasks and their outputs
    below stay what they are, as dependencies. Generated paths are generated anew. Tokens, dependencies without an
    argument and initial tasks are given to a task, not to its values: the copy has none.

    Args:
        config: a configuration or task, sealed or not.
        changes: new values of its arguments, which lose their tags.

    Raises:
        PlanProblem: it is no configuration, or a change is refused.
    """
    require_config(config, "copyconfig")
    copied: C = _copy(config, {}, root=True)
    state = state_of(copied)
    for name, value in changes.items():
        assign(copied, state, name, value)
    return copied


def copyvalue(value: Any) -> Any:
    """A value that shares no container and no unsubmitted configuration with the given one."""
    return _copy(value, {}, root=False)


def shallow(config: C) -> C:
    """Another object of the same values and tags, unsealed."""
    return _shell(config, state_of(config))


def _shell(config: C, state: State) -> C:
    wake(config)
    copied = type(config).__new__(type(config))
    fresh = State(state.place)
    fresh.places = dict(state.places) if state.places else None
    fresh.tags = dict(state.tags) if state.tags else None
    fresh.stopped = set(state.stopped) if state.stopped else None
    fresh.unset = state.unset
    fresh.narrowed = state.narrowed
    fresh.meta = state.meta
    if state.producer is not None:
        fresh.producer, fresh.ref = state.producer, state.ref
    copied.__dict__.update(config.__dict__)
    copied.__dict__["_xpm"] = fresh
    return copied


def _copy(value: Any, done: dict[int, Any], root: bool) -> Any:
    if is_config(value):
        return _copy_config(value, done, root)
    if isinstance(value, dict):
        return {_copy(k, done, False): _copy(v, done, False) for k, v in value.items()}
    if isinstance(value, list):
        return [_copy(each, done, False) for each in value]
    if isinstance(value, tuple):
        return tuple(_copy(each, done, False) for each in value)
    if isinstance(value, (set, frozenset)):
        make = set if isinstance(value, set) else frozenset
        return make(_copy(each, done, False) for each in value)
    return value


def _copy_config(config: Config, done: dict[int, Any], root: bool) -> Any:
    state = state_of(config)
    if not root and state.ref is not None:
        return config
    if id(config) in done:
        return done[id(config)]
    copied = done[id(config)] = _shell(config, state)
    table = type(config).__xpm__.ready()
    for name, value in config.__dict__.items():
        if name in table and (table[name].kind.mutable or table[name].kind.holds):
            copied.__dict__[name] = _copy(value, done, False)
    _forget_generated(copied, state)
    return copied


def _forget_generated(copied: Config, state: State) -> None:
    from xpm.plan.generated import generated

    for name, argument in type(copied).__xpm__.ready().items():
        given = copied.__dict__.get(name)
        if argument.generator and given is not None and given == generated(state.seal, argument):
            del copied.__dict__[name]


def setmeta(config: C, force: bool | None = True) -> C:
    """Say that a configuration never counts for identities (True), always does (False), or as declared (None).

    Returns:
        the configuration itself.

    Raises:
        PlanProblem: it is no configuration, or is sealed.
    """
    require_config(config, "setmeta")
    state = state_of(config)
    if state.seal is not None:
        from xpm.plan.setting import refuse_sealed

        refuse_sealed(config, state, "setmeta")
    state.meta = force
    return config
