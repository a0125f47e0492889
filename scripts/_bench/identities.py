"""How many identities a second, against the quickest honest rival: sorted JSON, hashed."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from figures import Figure, cpu_of

from xpm import Config, Param, Task, identifier

SLOWEST = 4.0


class Inner(Config):
    """The innermost."""

    __xpmid__ = "bench.inner"
    a: Param[int]
    b: Param[float]
    c: Param[str]


class Middle(Config):
    """Holds the innermost."""

    __xpmid__ = "bench.middle"
    inner: Param[Inner]
    names: Param[list[str]]
    ratio: Param[float]


class Outer(Task):
    """Ten arguments, three deep."""

    __xpmid__ = "bench.outer"
    middle: Param[Middle]
    seed: Param[int]
    label: Param[str]
    flag: Param[bool]

    def execute(self) -> None:
        """Do nothing."""


class Ten(Config):
    """Ten arguments, one of which may hold ten more."""

    __xpmid__ = "bench.ten"
    a: Param[int]
    b: Param[float]
    c: Param[str]
    d: Param[bool]
    e: Param[list[int]]
    f: Param[dict[str, float]]
    g: Param[int] = 3
    h: Param[str] = "x"
    i: Param[float] = 0.5
    below: Param["Ten | None"] = None


def measure(count: int) -> Sequence[Figure]:
    """Identities a second."""
    found = []
    for name, task, rival in (
        ("ten arguments", _task, _dict),
        ("ten at each of three depths", _thirty, _thirty_plain),
    ):
        found += _compared(name, count, task, rival)
    return found


def _compared(
    name: str, count: int, task: Callable[[int], Config], plain: Callable[[int], object]
) -> Sequence[Figure]:
    tasks = [task(seed) for seed in range(count)]
    spent = cpu_of(
        7,
        lambda: [identifier(task(seed)) for seed in range(count)],
        lambda: [identifier(each) for each in tasks],
        lambda: [_json_hash(plain(seed)) for seed in range(count)],
    )
    ours, alone, rival = (count / each for each in spent)
    against, target = "json.dumps + sha256", f">= 1/{SLOWEST:.0f}"
    ratio = ours / rival
    return [
        Figure(f"identity, {name}", alone, "/s", against, rival, alone / rival, "", True),
        Figure(
            f"build + identity, {name}",
            ours,
            "/s",
            against,
            rival,
            ratio,
            target,
            ratio * SLOWEST >= 1,
        ),
    ]


def _task(seed: int) -> Outer:
    inner = Inner(a=seed, b=0.5, c="x")
    return Outer(
        middle=Middle(inner=inner, names=["a", "b"], ratio=0.1), seed=seed, label="l", flag=True
    )


def _dict(seed: int) -> dict[str, object]:
    inner = {"a": seed, "b": 0.5, "c": "x"}
    middle = {"inner": inner, "names": ["a", "b"], "ratio": 0.1}
    return {"middle": middle, "seed": seed, "label": "l", "flag": True}


def _thirty(seed: int) -> Ten:
    return Ten(**_values(seed), below=Ten(**_values(1), below=Ten(**_values(2))))


def _thirty_plain(seed: int) -> dict[str, object]:
    return {**_values(seed), "below": {**_values(1), "below": _values(2)}}


def _values(seed: int) -> dict[str, Any]:
    return {
        "a": seed, "b": 0.25, "c": "text", "d": True, "e": [1, 2, 3], "f": {"x": 0.5, "y": 1.5}, "g": 4, "h": "other",
        "i": 0.75,
    }  # fmt: skip


def _json_hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
