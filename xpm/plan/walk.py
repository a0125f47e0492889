"""The graph that configurations form, in an order where parts come before what holds them."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from xpm.errors import PlanProblem
from xpm.plan import places
from xpm.plan.state import is_config, state_of, wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from typing import Any

    from xpm.plan.config import Config

    Found = tuple[str, Config]


def inside(value: Any, path: str) -> Iterator[Found]:
    """The configurations in a value, with the path that leads to each; not those inside them."""
    if is_config(value):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from inside(key, f"{path}.keys")
            yield from inside(each, f"{path}[{key!r}]")
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, each in enumerate(value):
            yield from inside(each, f"{path}[{index}]")


def children(config: Config) -> Iterator[Found]:
    """The configurations in the arguments of a configuration, then its producer and initial tasks."""
    wake(config)
    own = config.__dict__
    for argument in type(config).__xpm__.ready().values():
        if argument.kind.holds and argument.name in own:
            yield from inside(own[argument.name], argument.name)
    state = state_of(config)
    if state.producer is not None:
        yield "(its task)", state.producer
    for each in state.init:
        yield "(initial task)", each


def order(root: Config, known: Container[int], skip: Any | None = None) -> list[Found]:
    """Every configuration reachable from the root, parts first, each once, the root last.

    Args:
        root: where to begin.
        known: ``id()`` of configurations to leave out, with what is below them.
        skip: called with a configuration, True to leave it out likewise.

    Raises:
        PlanProblem: a configuration contains itself.
    """
    done: dict[int, Found] = {}
    active: dict[int, str] = {id(root): ""}
    stack = [("", root, children(root))]
    while stack:
        path, config, rest = stack[-1]
        step = next(rest, None)
        if step is None:
            stack.pop()
            del active[id(config)]
            done[id(config)] = (path, config)
            continue
        name, child = step
        if id(child) in done or id(child) in known or (skip is not None and skip(child)):
            continue
        below = f"{path}.{name}" if path else name
        if id(child) in active:
            start = active[id(child)] or type(root).__name__
            raise PlanProblem(
                f"a {type(child).__name__} contains itself: {start} is again {below}",
                hint="a configuration may be used in several places, but not inside itself",
                where=places.show(places.caller()),
            )
        active[id(child)] = below
        stack.append((below, child, children(child)))
    return list(done.values())
