"""The built-in layer of every profile: the types of GPU that are sold, so that few need to be described."""

from functools import cache

from xpm.launchers.tree import Leaf, Mark, Node, Table

HERE = Mark("built-in", 0, 0)

_NVIDIA = """
t4 16GB 7.5, rtx2080ti 11GB 7.5, rtx3090 24GB 8.6, rtx4090 24GB 8.9, rtx5090 32GB 12.0, rtx6000ada 48GB 8.9,
v100 - 7.0, v100-16 16GB 7.0, v100-32 32GB 7.0, a10 24GB 8.6, a30 24GB 8.0, a40 48GB 8.6, a100 - 8.0,
a100-40 40GB 8.0, a100-80 80GB 8.0, l4 24GB 8.9, l40 48GB 8.9, l40s 48GB 8.9, h100 - 9.0, h100-80 80GB 9.0,
h100-94 94GB 9.0, h100-96 96GB 9.0, h200 141GB 9.0, b200 180GB 10.0
"""
_AMD = "mi100 32GB, mi210 64GB, mi250x 128GB, mi300x 192GB"


@cache
def layer() -> Table:
    """What a profile says that says nothing."""
    types: dict[str, Node] = {}
    for line in _NVIDIA.split(","):
        name, vram, capability = line.split()
        said = {"vendor": "nvidia", "capability": capability}
        types[name] = _table({**said, **({"vram": vram} if vram != "-" else {})})
    for line in _AMD.split(","):
        name, vram = line.split()
        types[name] = _table({"vendor": "amd", "vram": vram})
    return _over({"catalog": _over({"gpus": _over(types)})})


def _table(said: dict[str, str]) -> Table:
    return _over({key: Leaf(value, HERE) for key, value in said.items()})


def _over(items: dict[str, Node]) -> Table:
    return Table(items, dict.fromkeys(items, HERE), HERE)
