"""What sbatch options ask for, as numbers."""

import re
from typing import Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

Ask = NamedTuple(
    "Ask",
    [
        ("partitions", Tuple[str, ...]),  # (): the site's default
        ("account", str),
        ("qos", str),
        ("time_s", Optional[int]),
        ("nodes", int),
        ("cpus", int),  # these three on each node
        ("mem_mib", int),
        ("gpus", Dict[str, int]),  # by type; "" for any
        ("licenses", Dict[str, int]),
    ],
)
"""What a job asks for, out of its sbatch options."""

_MIB = {"K": 1.0 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}


def asked(options: Iterable[str]) -> Ask:
    """What sbatch options ask for."""
    said: Dict[str, str] = {}
    for option in options:
        flag, _, value = option.partition("=")
        said[flag.lstrip("-")] = value
    nodes = _count(said.get("nodes")) or 1
    cpus = (_count(said.get("cpus-per-task")) or 1) * (_count(said.get("ntasks-per-node")) or 1)
    gpus = _gpus(said, nodes)
    mem = _mib(said.get("mem")) or cpus * _mib(said.get("mem-per-cpu"))
    mem = mem or sum(gpus.values()) * _mib(said.get("mem-per-gpu"))
    return Ask(
        partitions=tuple(each for each in said.get("partition", "").split(",") if each),
        account=said.get("account", ""),
        qos=said.get("qos", ""),
        time_s=_time_s(said.get("time")),
        nodes=nodes,
        cpus=cpus,
        mem_mib=int(mem),
        gpus=gpus,
        licenses=_licenses(said.get("licenses", "")),
    )


def _gpus(said: Mapping[str, str], nodes: int) -> Dict[str, int]:
    """GPUs on each node, by type."""
    texts = [said.get("gpus-per-node", "")]
    texts += [each[4:] for each in said.get("gres", "").split(",") if each.startswith("gpu:")]
    found: Dict[str, int] = {}
    for text in filter(None, texts):
        kind, _, count = text.rpartition(":")
        if not count.isdigit():
            kind, count = text, "1"
        found[kind] = found.get(kind, 0) + int(count)
    kind, _, count = said.get("gpus", "").rpartition(":")
    if count.isdigit():
        found[kind] = -(-int(count) // nodes)
    return found


def _licenses(text: str) -> Dict[str, int]:
    if "|" in text:  # any of them
        return {}
    found = {}
    for each in filter(None, text.split(",")):
        name, _, count = each.replace("*", ":").partition(":")
        found[name] = int(count) if count.isdigit() else 1
    return found


def _time_s(text: Optional[str]) -> Optional[int]:
    """Seconds of sbatch's ``--time``: minutes, m:s, h:m:s, d-h, d-h:m, d-h:m:s."""
    match = re.match(r"^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$", text or "")
    if match is None:
        return None
    days = match.group(1)
    first, second, third = (int(each or 0) for each in match.groups()[1:])
    if days is not None:
        return int(days) * 86400 + first * 3600 + second * 60 + third
    if match.group(4) is not None:
        return first * 3600 + second * 60 + third
    return first * 60 + second


def _mib(text: Optional[str]) -> float:
    match = re.match(r"^(\d+)([KMGT]?)", text or "")
    return int(match.group(1)) * _MIB[match.group(2) or "M"] if match else 0.0


def _count(text: Optional[str]) -> Optional[int]:
    return int(text) if text and text.isdigit() else None
