"""Tags: the few values by which a person tells the tasks of a plan apart."""

# What users give is checked at run time too.
# pyright: reportUnnecessaryIsInstance=false

from __future__ import annotations

import warnings
from typing import Any

from xpm.errors import PlanProblem
from xpm.plan import places, walk
from xpm.plan.problems import require_config
from xpm.plan.state import State, Tagging, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xpm.plan.config import Config
    from xpm.plan.state import Tagged
    from xpm.plan.tagnames import Tag


_said: dict[Any, Any] = {}  # what Python remembers so as to warn once per line


class TagConflict(UserWarning):
    """The warning that two tags of one name have different values: the outermost counts."""


def add(config: Config, name: str, value: Any) -> None:
    """Give a configuration a tag."""
    state = state_of(config)
    if state.seal is not None:
        from xpm.plan.setting import refuse_sealed

        refuse_sealed(config, state, f"tag {name!r}")
    from xpm.plan.marks import tag, unmark

    plain, _ = unmark(tag(value))
    if not isinstance(name, str) or not name:
        raise PlanProblem(
            f"a tag cannot be called {name!r}",
            hint='.tag("name", value)',
            where=places.show(places.caller()),
        )
    if state.tags is None:
        state.tags = {}
    state.tags[name] = Tagging(plain, places.caller(), of_argument=False)


def tags(config: Config) -> dict[str, Tag]:
    """The tags of a configuration and of all it uses, tasks that produce it included.

    Where two disagree the outermost counts, with a TagConflict warning that names both lines.

    Raises:
        PlanProblem: it is no configuration.
    """
    require_config(config, "tags")
    found: dict[str, Tagging] = {}
    depths: dict[str, int] = {}
    told: set[str] = set()
    for depth, name, tagging in _outermost_first(config):
        first = found.setdefault(name, tagging)
        depths.setdefault(name, depth)
        is_same = (type(first.value), first.value) == (type(tagging.value), tagging.value)
        if not is_same and name not in told:  # a report on a sweep has one of each: once will do
            told.add(name)
            file, line = places.caller()
            warnings.warn_explicit(
                f"tag {name!r} is {first.value!r} ({places.show(first.place)}) and"
                f" {tagging.value!r} ({places.show(tagging.place)}): the first counts"
                " (stop_tags(...) around an argument's value leaves its tags out)",
                TagConflict,
                file,
                line,
                registry=_said,
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

    Different tags have different names, on every file system: letters (also capital ones), digits and ``.+-`` stay, all
    else is spelled ``%xx``, and where letters are capital the name ends in ``@`` and which, for file systems that make no
    difference. At most 200 characters: longer names are cut, and end in ``~`` and a hash.
    ``parse_tagspath`` reads them back. Without tags: ``untagged``.
    """
    from xpm.plan.tagnames import spell

    require_config(config, "tagspath")
    return spell(tags(config))
