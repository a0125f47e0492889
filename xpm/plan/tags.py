"""Tags: the few values by which a person tells the tasks of a plan apart."""

from __future__ import annotations

import warnings
from typing import Any, Union

from xpm.errors import PlanProblem
from xpm.plan import places, walk
from xpm.plan.state import State, Tagging, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xpm.plan.config import Config
    from xpm.plan.state import Tagged

Tag = Union[str, int, float, bool]
LONGEST = 200
UNTAGGED = "untagged"


class TagConflict(UserWarning):
    """Two tags of one name have different values; the outermost counts."""


def add(config: Config, name: str, value: Any) -> None:
    """Give a configuration a tag."""
    state = state_of(config)
    if state.seal is not None:
        from xpm.plan.setting import refuse_sealed

        refuse_sealed(config, state, f"tag {name!r}")
    from xpm.plan.marks import tag, unmark

    plain, _ = unmark(tag(value))
    if not name:
        raise PlanProblem(f"a tag cannot be called {name!r}", where=places.show(places.caller()))
    if state.tags is None:
        state.tags = {}
    state.tags[name] = Tagging(plain, places.caller(), of_argument=False)


def tags(config: Config) -> dict[str, Tag]:
    """The tags of a configuration and of all it uses, tasks that produce it included.

    Where two disagree the outermost counts, with a warning.
    """
    found: dict[str, Tagging] = {}
    depths: dict[str, int] = {}
    for depth, name, tagging in _outermost_first(config):
        first = found.setdefault(name, tagging)
        depths.setdefault(name, depth)
        if (type(first.value), first.value) != (type(tagging.value), tagging.value):
            warnings.warn(
                f"tag {name!r} is {first.value!r} ({places.show(first.place)}) and"
                f" {tagging.value!r} ({places.show(tagging.place)}): the first counts",
                TagConflict,
                stacklevel=2,
            )
    state = state_of(config)
    if state.seal is not None:
        state.tagged = tuple((depths[name], name, tagging) for name, tagging in found.items())
    return {name: tagging.value for name, tagging in found.items()}


def _outermost_first(config: Config) -> list[Tagged]:
    """All tags of what is used, level by level; what a sealed one has collected already is taken as it is."""
    found: list[Tagged] = []
    level = [config]
    seen = {id(config)}
    depth = 0
    while level:
        below: list[Config] = []
        for each in level:
            state: State = state_of(each)
            if state.tagged is not None and each is not config:
                found += [(depth + more, name, tagging) for more, name, tagging in state.tagged]
                continue
            found += [(depth, name, tagging) for name, tagging in (state.tags or {}).items()]
            for path, child in walk.children(each):
                argument = path.partition("[")[0].partition(".")[0]
                if id(child) in seen or (state.stopped and argument in state.stopped):
                    continue
                seen.add(id(child))
                below.append(child)
        level = below
        depth += 1
    return sorted(found, key=lambda each: each[0])


def tagspath(config: Config) -> str:
    """The tags as a file name, keys in order: ``epochs=100_layers=3``.

    Every value but letters, digits and ``.+-`` is spelled ``%xx``, as is the first letter of a text that looks like
    a number or a truth value, so different tags have different names. Longer names are cut and end in a hash.
    """
    named = sorted(tags(config).items())
    if not named:
        return UNTAGGED
    text = "_".join(f"{_spelled(name, '_')}={_value(value)}" for name, value in named)
    if len(text) <= LONGEST:
        return text
    import hashlib

    cut = f"{text[: LONGEST - 17]}~{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return cut


def parse_tagspath(text: str) -> dict[str, Tag]:
    """The tags a name stands for.

    Raises:
        ValueError: it is no such name, or one that was cut.
    """
    if text == UNTAGGED:
        return {}
    if "=" not in text or "~" in text:
        raise ValueError(f"{text!r} does not tell its tags")
    pieces = text.split("=")
    found: dict[str, Tag] = {}
    name = pieces[0]
    for piece in pieces[1:-1]:
        value, _, following = piece.partition("_")
        found[_unspelled(name)] = _read(value)
        name = following
    found[_unspelled(name)] = _read(pieces[-1])
    return found


def _value(value: Tag) -> str:
    if not isinstance(value, str):
        return _spelled(repr(value), "")
    text = _spelled(value, "")
    if text and text == value and not isinstance(_read(text), str):
        return f"%{ord(text[0]):02x}{text[1:]}"
    return text


def _spelled(text: str, also: str) -> str:
    safe = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-" + also)
    raw = text.encode("utf-8", "surrogatepass")
    return "".join(chr(each) if chr(each) in safe else f"%{each:02x}" for each in raw)


def _unspelled(text: str) -> str:
    head, *rest = text.split("%")
    raw = head.encode()
    for each in rest:
        raw += bytes([int(each[:2], 16)]) + each[2:].encode()
    return raw.decode("utf-8", "surrogatepass")


def _read(text: str) -> Tag:
    if text in ("True", "False"):
        return text == "True"
    for read in (int, float):
        try:
            value = read(text)
        except ValueError:
            continue
        if repr(value) == text:
            return value
    return _unspelled(text)
