"""What a cluster was asked to be, kept in its root."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .base import Cluster, Fail
from .pythons import Python


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of one `up`."""

    accounting: bool
    proctrack: str
    settings: tuple[str, ...]
    packages: str | None
    network: int
    pythons: tuple[Python, ...]
    complete: bool = False

    def address(self, last: int) -> str:
        """Return an address of this cluster's own /24, out of the range meant for benchmarks."""
        return f"198.{18 + self.network // 256}.{self.network % 256}.{last}"

    def door(self) -> str:
        """Return the loopback address at which the proxy listens."""
        return f"127.{118 + self.network // 256}.{self.network % 256}.1"


def save(cluster: Cluster, options: Options) -> None:
    """Write the options down, all at once."""
    beside = cluster.state_file.with_suffix(".new")
    beside.write_text(json.dumps(asdict(options), default=str))
    beside.replace(cluster.state_file)


def load(cluster: Cluster) -> Options | None:
    """Read the options back; None when nothing is there."""
    try:
        raw = json.loads(cluster.state_file.read_text())
    except FileNotFoundError:
        return None
    found = tuple(Python(each["series"], Path(each["prefix"])) for each in raw["pythons"])
    return Options(**{**raw, "settings": tuple(raw["settings"]), "pythons": found})


def completed(cluster: Cluster) -> Options:
    """Return the options of a cluster that is up, or fail."""
    options = load(cluster)
    if options is None or not options.complete:
        raise Fail(f"no cluster is up at {cluster.root}: `testcluster up` starts one")
    return options


def with_accounting(options: Options, on: bool) -> Options:
    """Return the options after `accounting on` or `off`."""
    return replace(options, accounting=on)


def with_settings(options: Options, settings: list[str]) -> Options:
    """Return the options after `set`: the latest word on a key counts."""
    return replace(options, settings=(*options.settings, *settings))
