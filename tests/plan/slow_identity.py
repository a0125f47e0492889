"""docs/identity.md implemented a second time: slowly, and apart from xpm's own encoder.

It reads the declarations of the classes it is given from a table written by hand, and only values from the objects.
"""

import enum
import hashlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

NO_DEFAULT = object()


class Said(NamedTuple):
    """What a class declares of one argument."""

    role: str  # "param", "meta", "constant"
    default: object = NO_DEFAULT
    ignored: bool = True


class Class(NamedTuple):
    """A class: its identifier and its arguments."""

    identifier: str
    arguments: Mapping[str, Said]


Classes = Mapping[type, Class]


def slow_identity(value: Any, classes: Classes) -> str:
    """The identity of a configuration without tasks."""
    return slow_digest(value, classes).hex()


def slow_digest(value: Any, classes: Classes) -> bytes:
    identifier, arguments = classes[type(value)]
    content = b"xpm1:config:" + slow_item(identifier, classes)
    for name in sorted(arguments, key=lambda each: [ord(letter) for letter in each]):
        said = arguments[name]
        given = getattr(value, name)
        if said.role == "meta" or isinstance(given, PurePath):
            continue
        if given is None and said.default is None:
            continue
        item = slow_item(given, classes)
        ignored = said.role == "param" and said.ignored and said.default is not NO_DEFAULT
        if ignored and item == slow_item(said.default, classes):
            continue
        content += slow_item(name, classes) + item
    return hashlib.sha256(content).digest()


def slow_item(value: Any, classes: Classes) -> bytes:
    tag, payload = slow_parts(value, classes)
    return tag.encode() + str(len(payload)).encode() + b":" + payload


def slow_parts(value: Any, classes: Classes) -> tuple[str, bytes]:
    if type(value) in classes:
        return "c", slow_digest(value, classes)
    if isinstance(value, enum.Enum):
        name = slow_item(value.__class__.__xpmid__, classes)  # type: ignore[attr-defined]
        return "e", name + slow_item(value.name, classes)
    if isinstance(value, PurePath):
        return "p", b""
    if value is None:
        return "n", b""
    if isinstance(value, bool):
        return "b", b"1" if value else b"0"
    if isinstance(value, int):
        return "i", slow_integer(value)
    if isinstance(value, float):
        return "f", slow_float(value)
    if isinstance(value, str):
        return "s", b"".join(slow_character(ord(each)) for each in value)
    if isinstance(value, bytes):
        return "y", value
    return slow_container(value, classes)


def slow_container(value: Any, classes: Classes) -> tuple[str, bytes]:
    if isinstance(value, dict):
        pairs = [(slow_item(key, classes), slow_item(each, classes)) for key, each in value.items()]
        return "d", b"".join(key + each for key, each in sorted(pairs))
    items = [slow_item(each, classes) for each in value]
    if isinstance(value, list):
        return "l", b"".join(items)
    if isinstance(value, tuple):
        return "t", b"".join(items)
    assert isinstance(value, (set, frozenset))
    return "u", b"".join(sorted(items))


def slow_integer(value: int) -> bytes:
    digits = ""
    rest = abs(value)
    while rest or not digits:
        digits = "0123456789abcdef"[rest % 16] + digits
        rest //= 16
    return ("-" + digits if value < 0 else digits).encode()


def slow_float(value: float) -> bytes:
    """IEEE 754 binary64 by arithmetic."""
    if value != value:
        return bytes.fromhex("7ff8000000000000")
    sign = 1 if str(value).startswith("-") else 0
    if value in (float("inf"), -float("inf")):
        exponent, fraction = 0x7FF, 0
    elif value == 0:
        exponent, fraction = 0, 0
    else:
        numerator, denominator = abs(value).as_integer_ratio()
        power = 0
        while numerator >= 2 * denominator:
            denominator *= 2
            power += 1
        while numerator < denominator and power > -1022:
            numerator *= 2
            power -= 1
        scaled = numerator * 2**52 // denominator
        exponent, fraction = (power + 1023, scaled - 2**52) if scaled >= 2**52 else (0, scaled)
    return (sign << 63 | exponent << 52 | fraction).to_bytes(8, "big")


def slow_character(point: int) -> bytes:
    """UTF-8 of one code point, surrogates included."""
    if point < 0x80:
        return bytes([point])
    if point < 0x800:
        return bytes([0xC0 | point >> 6, 0x80 | point & 0x3F])
    if point < 0x10000:
        return bytes([0xE0 | point >> 12, 0x80 | point >> 6 & 0x3F, 0x80 | point & 0x3F])
    return bytes(
        [
            0xF0 | point >> 18,
            0x80 | point >> 12 & 0x3F,
            0x80 | point >> 6 & 0x3F,
            0x80 | point & 0x3F,
        ]
    )
