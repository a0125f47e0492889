"""A profile written for one test."""

from pathlib import Path
from typing import cast

from xpm.launchers.profiles import FILE, Launcher, load_profiles

CLUSTER = """
version: 1
connectors:
  c:
    kind: slurm
    ssh: {host: h}
    workspace: "~/xpm"
    %s
tokens:
  cpu: {kind: cpu}
  gpu: {kind: gpu}
  alone: {kind: exclusive}
  matlab: {kind: license}
  lane: {kind: slots, total: 8}
launchers:
  it: {connector: c%s}
"""


def write(folder: Path, text: str) -> Path:
    """The folder, now with this profile."""
    (folder / FILE).write_text(text, "utf-8")
    return folder


def launcher(folder: Path, text: str, name: str = "it") -> Launcher:
    """One launcher of a profile."""
    return load_profiles(write(folder, text)).launcher(name)


def on_cluster(folder: Path, keys: str = "", connector: str = "") -> Launcher:
    """A launcher with these keys on a Slurm connector with those."""
    return launcher(folder, CLUSTER % (connector, f", {keys}" if keys else ""))


def options(found: dict[str, object]) -> list[str]:
    """The sbatch flags of a request, without the two that every job of one node has."""
    flags = cast("list[str]", found["options"])
    return [flag for flag in flags if flag not in ("--nodes=1", "--ntasks=1")]
