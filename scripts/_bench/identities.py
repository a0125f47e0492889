"""How many identities a second, against the quickest honest rival: sorted JSON, hashed."""

import hashlib
import json
from collections.abc import Sequence

from figures import Figure, median_of

from xpm import Config, Param, Task, identifier


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


def measure(count: int) -> Sequence[Figure]:
    """Identities a second."""
    tasks = [_task(seed) for seed in range(count)]
    dicts = [_dict(seed) for seed in range(count)]
    ours = count / median_of(3, lambda: [identifier(_task(seed)) for seed in range(count)])
    alone = count / median_of(1, lambda: [identifier(task) for task in tasks])
    rival = count / median_of(3, lambda: [_json_hash(each) for each in dicts])
    against = "json.dumps + sha256"
    return [
        Figure("identity", alone, "/s", against, rival, alone / rival, "", True),
        Figure("build + identity", ours, "/s", against, rival, ours / rival, "", True),
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


def _json_hash(content: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Chain(Task):
    """After another."""

    __xpmid__ = "bench.chain"
    seed: Param[int]
    before: Param["Chain | None"] = None

    def execute(self) -> None:
        """Do nothing."""
