"""Durations and memory sizes: text with obligatory units into seconds and bytes, and back.

A duration is ``90s``, ``10m``, ``12h``, ``2d``, ``1w`` or a sum such as ``1h30m``; Slurm's ``12:00:00`` (hours, minutes,
seconds) and ``1-00:00:00`` (days first) are understood too. A size is ``1GB`` (decimal) or ``1GiB`` (binary). A bare number
is refused: nobody knows whether ``10`` is minutes or hours.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from decimal import Decimal

SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
BYTES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "PB": 10**15,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "PiB": 2**50,
}
MIB = 2**20

DURATION = r"(?:[0-9]+(?:\.[0-9]+)?[wdhms])+"
CLOCK = r"(?:([0-9]+)-)?([0-9]+):([0-5][0-9]):([0-5][0-9])"
SIZE = r"([0-9]+(?:\.[0-9]+)?) ?([KMGTP]i?B|B)"

DURATION_EXAMPLE = "90s, 10m, 12h, 2d or 1h30m"
SIZE_EXAMPLE = "4GB or 512MiB"


COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "=": operator.eq,
}


@dataclass(frozen=True)
class Comparison:
    """A demand on a number, such as ``>=24GB``."""

    sign: str
    value: int

    def holds(self, number: int) -> bool:
        """Whether the number meets it."""
        return bool(COMPARE[self.sign](number, self.value))


class NotAUnit(ValueError):
    """The text is no duration or size; the message says what to write."""


def parse_duration(text: str) -> int:
    """Seconds of a duration, a fraction of a second rounded up.

    Raises:
        NotAUnit: it has no unit or is none of the forms.
    """
    squeezed = text.replace(" ", "")
    clock = re.fullmatch(CLOCK, squeezed)
    if clock:
        days, hours, minutes, seconds = (int(group or 0) for group in clock.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    if re.fullmatch(DURATION, squeezed):
        parts = re.findall(r"([0-9.]+)([wdhms])", squeezed)
        units = [unit for _, unit in parts]
        if len(set(units)) == len(units):
            return _up(sum(Decimal(number) * SECONDS[unit] for number, unit in parts))
        raise NotAUnit(f"{text!r} names a unit twice")
    raise NotAUnit(_no_duration(text, squeezed))


def _no_duration(text: str, squeezed: str) -> str:
    if re.fullmatch(r"[0-9]+:[0-9]+", squeezed):
        first = squeezed.split(":")[0]
        return f"{text!r} may be minutes or hours, write '{first}m' or '{first}h'"
    if re.fullmatch(r"-?[0-9.]+", squeezed):
        return f"{text} has no unit"
    words = re.fullmatch(r"([0-9.]+)(sec|min|hour|hr|day|week)[a-z]*", squeezed.lower())
    if words:
        return f"{text!r} is not a duration, did you mean '{words[1]}{words[2][0]}'?"
    if re.fullmatch(DURATION, squeezed.lower()):
        return f"{text!r} is not a duration, did you mean '{squeezed.lower()}'?"
    return f"{text!r} is not a duration"


def parse_size(text: str) -> int:
    """Bytes of a size, a fraction of a byte rounded up.

    Raises:
        NotAUnit: it has no unit or is none of the forms.
    """
    match = re.fullmatch(SIZE, text)
    if match:
        return _up(Decimal(match[1]) * BYTES[match[2]])
    if re.fullmatch(r"-?[0-9.]+", text):
        raise NotAUnit(f"{text} has no unit")
    loose = re.fullmatch(r"([0-9.]+) ?([kmgtp])(i?)b?", text.lower())
    if loose:
        meant = f"{loose[1]}{loose[2].upper()}{loose[3]}B"
        other = "" if loose[3] else f" (decimal) or '{meant[:-1]}iB' (binary)"
        raise NotAUnit(f"{text!r} is not a size, did you mean '{meant}'{other}?")
    raise NotAUnit(f"{text!r} is not a size")


def _up(number: Decimal | int) -> int:
    whole = int(number)
    return whole if whole == number else whole + 1


def mib(size: int) -> int:
    """Bytes as MiB, rounded up: what Slurm's ``M`` means."""
    return -(-size // MIB)


def minutes(seconds: int) -> int:
    """Seconds as minutes, rounded up, one at least: what Slurm's ``--time`` takes."""
    return max(1, -(-seconds // 60))


def say_duration(seconds: int) -> str:
    """A duration as a person writes it; ``parse_duration`` reads it back."""
    text = ""
    for unit, size in SECONDS.items():
        count, seconds = divmod(seconds, size)
        if count and unit != "w":
            text += f"{count}{unit}"
        elif count:
            seconds += count * size
    return text or "0s"


def say_size(size: int) -> str:
    """A size as a person writes it; ``parse_size`` reads it back."""
    for unit in ("PiB", "PB", "TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "KB"):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}"
    return f"{size}B"
