"""What is known of types of GPU by the names that sites give them: maker, memory, compute capability."""

import re

from xpm.launchers.model import GpuType

GB = 10**9

_NVIDIA: tuple[tuple[str, int | None, str], ...] = (
    # pattern in the squeezed lower-case name, GB of memory (None: several), capability; the first that fits counts
    (r"gh200", 96, "9.0"), (r"gb200|b200", 192, "10.0"), (r"b300", 288, "10.3"),
    (r"h200", 141, "9.0"), (r"h100nvl", 94, "9.0"), (r"h100", 80, "9.0"), (r"h20(?!0)", 96, "9.0"),
    (r"a100.*80g", 80, "8.0"), (r"a100.*40g", 40, "8.0"), (r"a100", None, "8.0"),
    (r"a800", 80, "8.0"), (r"a30(?!0)", 24, "8.0"), (r"a40(?!0)", 48, "8.6"), (r"a10(?!0)", 24, "8.6"),
    (r"a16", 16, "8.6"), (r"a2(?!\d)", 16, "8.6"), (r"l40", 48, "8.9"), (r"l4(?!\d)", 24, "8.9"),
    (r"v100.*32g", 32, "7.0"), (r"v100.*16g", 16, "7.0"), (r"v100", None, "7.0"),
    (r"p100", 16, "6.0"), (r"p40", 24, "6.1"), (r"p4(?!\d)", 8, "6.1"), (r"t4(?!\d)", 16, "7.5"),
    (r"k80", 12, "3.7"), (r"rtx6000ada", 48, "8.9"), (r"rtxa6000|a6000", 48, "8.6"),
    (r"rtxa5000|a5000", 24, "8.6"), (r"rtxa4500|a4500", 20, "8.6"), (r"rtxa4000|a4000", 16, "8.6"),
    (r"rtx8000", 48, "7.5"), (r"rtx6000", 24, "7.5"), (r"rtx5000", 16, "7.5"),
    (r"5090", 32, "12.0"), (r"5080", 16, "12.0"), (r"4090", 24, "8.9"), (r"4080", 16, "8.9"),
    (r"3090", 24, "8.6"), (r"3080", 10, "8.6"), (r"2080ti", 11, "7.5"), (r"2080", 8, "7.5"),
    (r"1080ti", 11, "6.1"), (r"1080", 8, "6.1"), (r"titanrtx", 24, "7.5"), (r"titanv", 12, "7.0"),
    (r"titanx", 12, "6.1"),
)  # fmt: skip
_AMD = ((r"mi355", 288), (r"mi325", 256), (r"mi300a", 128), (r"mi300", 192), (r"mi250x?", 64), (r"mi210", 64),
        (r"mi100", 32), (r"mi50", 16))  # fmt: skip
_MIG = re.compile(r"\d+g\.(\d+)gb")


def known(name: str) -> GpuType | None:
    """What a site's name for a type of GPU means; None when nobody knows."""
    lower = name.lower()
    slice_ = _MIG.search(lower)
    if slice_:
        return GpuType(int(slice_[1]) * GB, "nvidia")
    squeezed = re.sub(r"[^a-z0-9]", "", lower)
    for pattern, gb, capability in _NVIDIA:
        if re.search(pattern, squeezed):
            return GpuType(None if gb is None else gb * GB, "nvidia", capability)
    for pattern, gb in _AMD:
        if re.search(pattern, squeezed):
            return GpuType(gb * GB, "amd")
    return None
