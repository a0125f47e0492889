"""Requirements as plans write them: ``Req(cpus=8, mem="60GB", gpus=2, gpu={"vram": ">=24GB"}, time="12h")``."""

# What users give is checked at run time too.
# pyright: reportUnnecessaryIsInstance=false

from __future__ import annotations

import re

from xpm.errors import PlanProblem
from xpm.plan import places
from xpm.plan.needs import GpuNeed, Need
from xpm.plan.problems import a
from xpm.plan.requirement_text import (
    MOST,
    Unreadable,
    count_of,
    number_of,
    parse,
    size_of,
    time_of,
    version_of,
)
from xpm.plan.units import Comparison

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Callable, NoReturn

GPU_KEYS = ("vram", "type", "vendor", "capability")


class Req:
    """What a task needs of the place that runs it: never part of its identity.

    ``a | b`` is a, or where that cannot be had b; ``a & b`` is both. Cores, memory and GPUs are those of each node.

    Args:
        text: a requirement as text: ``"time=4h & cuda(mem=24G)*2 | cpu(cores=32)"``; what else is given is needed besides.
        cpus: cores.
        mem: memory, with its unit: ``"60GB"``.
        gpus: how many GPUs; where only ``gpu`` is said, as many as a further word says, or one.
        gpu: what each must be like: ``vram`` and ``capability`` (``">=24GB"``, ``">=8.0"``), ``type`` (of the profile's
            catalog), ``vendor``.
        time: the longest it may take, with its unit: ``"12h"``.
        nodes: nodes, each with all of that.
        tokens: tokens it holds while it runs, name to units, besides those the plan gives it.
        tags: words that the place must have.

    Raises:
        PlanProblem: a value is not what it should be, naming the line and, in text, the column.
    """

    __slots__ = ("_alternatives", "_place")
    _alternatives: tuple[Need, ...]
    _place: places.Place

    def __init__(
        self,
        text: str = "",
        *,
        cpus: int | None = None,
        mem: str | None = None,
        gpus: int | None = None,
        gpu: Mapping[str, str] | None = None,
        time: str | None = None,
        nodes: int | None = None,
        tokens: Mapping[str, int] | None = None,
        tags: Iterable[str] = (),
    ) -> None:
        place = places.caller()
        said = _gpu(gpu) if gpu is not None else GpuNeed()
        need = Need(
            cpus=_read("cpus", cpus, int, count_of, "8"),
            mem=_read("mem", mem, str, size_of, "'60GB'"),
            time_s=_read("time", time, str, time_of, "'12h'"),
            nodes=_read("nodes", nodes, int, count_of, "2"),
            gpus=_read("gpus", gpus, int, number_of, "2"),
            gpu=said,
            tokens=tuple(sorted(_tokens(tokens or {}))),
            tags=_tags(tags),
        )
        found: tuple[Need, ...] = (need,)
        if text:
            try:
                found = parse(text)
            except Unreadable as problem:
                raise PlanProblem(
                    f"this requirement cannot be read: {problem}",
                    hint=problem.hint,
                    where=places.show(place),
                ) from None
        self._set(_both(found, (need,), place) if text else found, place)

    def _set(self, alternatives: tuple[Need, ...], place: places.Place) -> None:
        object.__setattr__(self, "_alternatives", alternatives)
        object.__setattr__(self, "_place", place)

    @classmethod
    def of(cls, value: object, name: str = "require") -> Req:
        """A requirement from what a plan gave as one: a Req or its text.

        Raises:
            PlanProblem: it is neither.
        """
        if isinstance(value, Req):
            return value
        if isinstance(value, str) and value.strip():
            return cls(value)
        raise PlanProblem(
            f"{name} takes a requirement, got {a(value) if value != '' else 'empty text'}",
            hint='Req(cpus=8, time="12h") or "time=12h & cpu(cores=8)"',
            where=places.show(places.caller()),
        )

    @property
    def alternatives(self) -> tuple[Need, ...]:
        """What is needed, best first."""
        return self._alternatives

    @property
    def where(self) -> str:
        """The line of the plan that says so."""
        return places.show(self._place)

    def over(self, base: Req | None) -> Req:
        """This one, and what only the base says: nearer words win."""
        if base is None:
            return self
        pairs = [near.over(far) for near in self._alternatives for far in base._alternatives]
        return _made(tuple(dict.fromkeys(pairs))[:MOST], self._place)

    def __or__(self, other: Req | str) -> Req:
        second = Req.of(other, "'|'")
        found = tuple(dict.fromkeys(self._alternatives + second._alternatives))
        return _made(found, places.caller())

    def __and__(self, other: Req | str) -> Req:
        place = places.caller()
        return _made(_both(self._alternatives, Req.of(other, "'&'")._alternatives, place), place)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a requirement does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Req) and self._alternatives == other._alternatives

    def __hash__(self) -> int:
        return hash(self._alternatives)

    def __reduce__(self) -> tuple[Callable[..., Req], tuple[Any, ...]]:
        return _made, (self._alternatives, self._place)

    def __str__(self) -> str:
        return " | ".join(str(need) or "anything" for need in self._alternatives)

    def __repr__(self) -> str:
        return f"Req({str(self)!r})"


def _made(alternatives: tuple[Need, ...], place: places.Place) -> Req:
    made = Req.__new__(Req)
    made._set(alternatives, place)  # pyright: ignore[reportPrivateUsage]
    return made


def _both(one: tuple[Need, ...], two: tuple[Need, ...], place: places.Place) -> tuple[Need, ...]:
    found: list[Need] = []
    for first in one:
        for second in two:
            need, twice = first.beside(second)
            if twice:
                raise PlanProblem(
                    f"a requirement says {twice} twice, differently",
                    hint=f"say {twice} once, or offer both with |",
                    where=places.show(place),
                )
            found.append(need)
    return tuple(dict.fromkeys(found))


def _read(
    name: str, value: object, kind: type, read: Callable[[str], int], example: str
) -> int | None:
    if value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        _refuse(f"{name} is to be like {example}, got {value!r}", example)
    try:
        return read(str(value))
    except ValueError as problem:
        _refuse(f"{name}: {problem}", "")


def _refuse(words: str, example: str) -> NoReturn:
    unit = example.startswith("'")
    hint = "units are obligatory" if unit else ""
    raise PlanProblem(words, hint=hint, where=places.show(places.caller()))


def _gpu(gpu: Mapping[str, str]) -> GpuNeed:
    for key in gpu:
        if key not in GPU_KEYS:
            import difflib

            close = difflib.get_close_matches(key, GPU_KEYS, 1)
            known = ", ".join(GPU_KEYS)
            _refuse(
                f"nothing is known of a GPU's {key!r}"
                + (f", did you mean {close[0]!r}?" if close else f" (known: {known})"),
                "",
            )
        if not isinstance(gpu[key], str):
            _refuse(f"gpu {key} is to be like '>=24GB', got {gpu[key]!r}", "'")
    return GpuNeed(
        type=gpu.get("type"),
        vendor=gpu.get("vendor"),
        vram=tuple(Comparison(sign, size) for sign, size in _bounds(gpu, "vram", size_of)),
        capability=tuple(sign + text for sign, text in _bounds(gpu, "capability", version_of)),
    )


def _bounds(gpu: Mapping[str, str], key: str, read: Callable[[str], Any]) -> list[tuple[str, Any]]:
    """The demands of text such as ``>=24GB, <80GB``; without a sign, at least that."""
    found: list[tuple[str, Any]] = []
    for part in gpu[key].split(",") if key in gpu else ():
        match = re.fullmatch(r"\s*(>=|<=|==|=|>|<)?\s*(.*?)\s*", part)
        assert match is not None
        try:
            found.append((match[1] if match[1] not in (None, "=") else ">=", read(match[2])))
        except ValueError as problem:
            _refuse(f"gpu {key}: {problem}", "")
    return found


def _tokens(tokens: Mapping[str, int]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for name, count in tokens.items():
        if not isinstance(name, str) or not isinstance(count, int) or count is True or count < 1:
            _refuse(f"tokens are like {{'matlab': 1}}, got {name!r}: {count!r}", "")
        found.append((name, count))
    return found


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    if isinstance(tags, str):
        _refuse(f"tags are like ['eu'], got {tags!r}", "")
    return tuple(tags)
