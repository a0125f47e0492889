"""docs/identity.md implemented a second time: slowly, and without anything of xpm.

It reads the declarations of the classes it is given from a table written by hand; from the objects it takes their values,
and what marks them (``setmeta``), hands them on (``producer``) and runs before them (``init``).
"""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

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
    """The identity of a configuration or task."""
    return slow_digest(value, classes).hex()


def slow_digest(value: Any, classes: Classes) -> bytes:
    digest = hashlib.sha256(slow_content(value, classes)).digest()
    task = value.__dict__["_xpm"].producer
    if task is None:
        return digest
    return hashlib.sha256(b"xpm1:output:" + digest + slow_digest(task, classes)).digest()


def slow_content(value: Any, classes: Classes) -> bytes:
    identifier, arguments = classes[type(value)]
    content = b"xpm1:config:" + slow_item(identifier, classes)
    for name in sorted(arguments, key=lambda each: [ord(letter) for letter in each]):
        if arguments[name].role != "meta" and counts(
            getattr(value, name), arguments[name], classes
        ):
            content += slow_item(name, classes) + slow_item(getattr(value, name), classes)
    for name in sorted(arguments, key=lambda each: [ord(letter) for letter in each]):
        if arguments[name].role == "meta" and mark(getattr(value, name, None), classes) is False:
            content += slow_item(name, classes) + slow_item(getattr(value, name), classes)
    initial = value.__dict__["_xpm"].init
    if initial:
        content += slow_item("", classes) + slow_item(list(initial), classes)
    return content


def mark(value: object, classes: Classes) -> Any:
    """What ``setmeta`` said of a value; None for what is no configuration."""
    return value.__dict__["_xpm"].meta if type(value) in classes else None


def counts(value: object, said: Said, classes: Classes) -> bool:
    if isinstance(value, PurePath) or mark(value, classes) is True:
        return False
    if value is None and said.default is None:
        return False
    if said.role == "constant" or not said.ignored or said.default is NO_DEFAULT:
        return True
    return slow_item(value, classes) != slow_item(said.default, classes)


def slow_item(value: Any, classes: Classes) -> bytes:
    tag, payload = slow_parts(value, classes)
    return tag.encode() + str(len(payload)).encode() + b":" + payload


def slow_parts(value: Any, classes: Classes) -> tuple[str, bytes]:
    if type(value) in classes:
        return "c", slow_digest(value, classes)
    if isinstance(value, enum.Enum):
        return slow_enum(value, classes)
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


def slow_enum(value: enum.Enum, classes: Classes) -> tuple[str, bytes]:
    head = slow_item(enum_identifier(value), classes)
    if isinstance(value, enum.Flag):
        return "g", head + slow_item(unsigned(value), classes)
    return "e", head + slow_item(value.name, classes)


def enum_identifier(value: enum.Enum) -> str:
    cls = type(value)
    named: str = vars(cls).get("__xpmid__") or f"{cls.__module__}.{cls.__qualname__}"
    return "".join(chr(ord(each) + 32) if "A" <= each <= "Z" else each for each in named)


def unsigned(value: enum.Flag) -> int:
    """The number of a flag; of a negative one the smallest power of two above it and all members is added."""
    number = int(value.value)
    power = 1
    while number < 0 and (power < -number or any(power <= each.value for each in type(value))):
        power *= 2
    return number if number >= 0 else power + number


def slow_container(value: Any, classes: Classes) -> tuple[str, bytes]:
    if isinstance(value, dict):
        pairs = [
            (slow_item(key, classes), slow_item(each, classes))
            for key, each in value.items()
            if mark(key, classes) is not True and mark(each, classes) is not True
        ]
        return "d", b"".join(key + each for key, each in sorted(pairs))
    items = [slow_item(each, classes) for each in value if mark(each, classes) is not True]
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
