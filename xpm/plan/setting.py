"""Setting an argument: checked at once, refused in words."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from xpm.plan import places
from xpm.plan.fields import MISSING
from xpm.plan.kinds import Mismatch
from xpm.plan.marks import unmark
from xpm.plan.problems import AlreadySealed, NoValue, UnknownArgument, WrongValue, nearest
from xpm.plan.state import Tagging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from xpm.plan.config import Config
    from xpm.plan.description import Argument
    from xpm.plan.state import State


def assign(config: Config, state: State, name: str, value: object) -> None:
    """Set an argument to the normal form of a value.

    Raises:
        PlanProblem: sealed, no such argument, a constant, or a value of the wrong type.
    """
    argument = type(config).__xpm__.ready().get(name)
    if argument is None:
        raise unknown(type(config), name)
    if state.narrowed is not None:
        argument = state.narrowed.get(name, argument)
    if state.seal is not None:
        refuse_sealed(config, state, name)
    if argument.role == "constant":
        raise WrongValue(
            f"{type(config).__name__}.{name} is a constant",
            hint="declare it as Param to give it values",
            where=places.show(places.caller()),
        )
    plain, mark = unmark(value)
    config.__dict__[name] = check(type(config), argument, plain)
    _mark(state, name, config.__dict__[name], mark)


def check(cls: type, argument: Argument, value: object) -> object:
    """The normal form of a value that has passed the argument's type and checker."""
    try:
        normal = argument.kind.convert(value)
    except Mismatch as error:
        raise mismatch(cls, argument, error) from None
    except RecursionError:
        raise WrongValue(
            f"the value of {cls.__name__}.{argument.name} contains itself, or is nested too deeply",
            hint="make it flatter, or keep it in a file and give its path",
            where=places.show(places.caller()),
        ) from None
    if argument.checker is not None:
        cause = "its checker says no"
        try:
            accepted = argument.checker(normal)
        except ValueError as error:
            accepted, cause = False, str(error)
        if accepted is False:
            from xpm.plan.docstrings import help_of

            raise WrongValue(
                f"{cls.__name__}.{argument.name} cannot be {shown(value)}",
                cause=cause,
                hint=help_of(cls, argument),
                where=places.show(places.caller()),
            )
    return normal


def mismatch(cls: type, argument: Argument, error: Mismatch) -> WrongValue:
    """The refusal of a value of a wrong type."""
    if error.got is None and not error.hint:
        error.hint = f"None is for Optional[{error.expected}] (classic style: required=False)"
    return WrongValue(
        f"{cls.__name__}.{argument.name}{error.path} expects {error.expected},"
        f" got {shown(error.got)} ({type(error.got).__name__})",
        hint=error.hint,
        where=places.show(places.caller()),
    )


def shown(value: object) -> str:
    """A value as a plan would write it, not too long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of too many digits
        text = f"{type(value).__name__}(...)"
    return text if len(text) <= 80 else text[:77] + "..."


def _mark(state: State, name: str, value: object, mark: str) -> None:
    """Let the argument's mark replace the one of its value before."""
    if state.tags and name in state.tags and state.tags[name].of_argument:
        del state.tags[name]
    if state.stopped is not None:
        state.stopped.discard(name)
    if mark == "tag":
        if state.tags is None:
            state.tags = {}
        state.tags[name] = Tagging(value, places.caller(), of_argument=True)
    elif mark == "stop":
        if state.stopped is None:
            state.stopped = set()
        state.stopped.add(name)


def note_place(state: State, name: str) -> None:
    """Remember the line that assigned an argument."""
    if state.places is None:
        state.places = {}
    state.places[name] = places.caller()


_ELSEWHERE = {
    **dict.fromkeys(("run", "start", "launch"), "task.submit() has it run"),
    **dict.fromkeys(
        ("result", "results", "output"),
        "its results are files in its folder, task.jobpath, once task.wait() has returned",
    ),
}
"""What other tools call what a task has under another name."""


def unknown(cls: type, name: str) -> UnknownArgument:
    """The refusal of a name that is no argument."""
    known = list(cls.__xpm__.ready())  # type: ignore[attr-defined]
    methods = [each for each in dir(cls) if not each.startswith("_")]
    hint = nearest(name, known, methods)
    if hasattr(cls, "execute"):
        hint = _ELSEWHERE.get(name, hint)
    annotation = next(
        (notes[name] for notes in map(_annotations, cls.__mro__) if name in notes), None
    )
    if annotation is not None:
        shown_type = getattr(annotation, "__name__", annotation)
        hint = f"declare it as an argument: {name}: Param[{shown_type}]"
    return UnknownArgument(
        f"{cls.__name__} has no argument {name!r}",
        hint=hint,
        where=places.show(places.caller()),
    )


def _annotations(cls: type) -> dict[str, object]:
    return vars(cls).get("__annotations__") or {}


def refuse_sealed(config: Config, state: State, name: str) -> None:
    """Refuse to change a sealed configuration, saying who sealed it and where."""
    seal = state.seal
    if seal is None:
        return
    raise AlreadySealed(
        f"{type(config).__name__}.{name} cannot be changed",
        cause=f"sealed by {seal.task} (job {seal.job[:12]}), submitted at {places.show(seal.place)}",
        hint="take an unsealed copy with copyconfig(...)",
        where=places.show(places.caller()),
    )


def refuse_positional(config: Config, args: Sequence[object]) -> None:
    """Refuse values given without a name."""
    names = list(type(config).__xpm__.ready())
    suggested = ", ".join(f"{name}={value!r}" for name, value in zip(names, args))
    raise UnknownArgument(
        f"{type(config).__name__} takes its values by name",
        hint=f"perhaps {type(config).__name__}({suggested})",
        where=places.show(places.caller()),
    )


def refuse_reading(config: Config, name: str) -> AttributeError:
    """Why an attribute cannot be read."""
    cls = type(config)
    argument = cls.__xpm__.ready().get(name) if not name.startswith("__") else None
    if argument is None:
        if name.startswith("_"):
            return AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")
        return unknown(cls, name)
    cause = "a generated path is known when its task is submitted" if argument.generator else ""
    assert argument.default is MISSING
    return NoValue(
        f"{cls.__name__}.{name} has no value yet",
        cause=cause,
        hint="" if argument.generator else f"give {cls.__name__}({name}=...)",
        where=places.show(places.caller()),
    )
