"""The canonical bytes of values: injective, every value with its type and length. docs/identity.md is the definition.

An *item* is ``<tag><length in decimal>:<payload>``.
"""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import struct
import sys

from xpm.plan.kinds import is_enum, is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    Digest = Callable[[Any], Optional[bytes]]
    """The digest of a configuration; None when it does not count."""

NONE = b"n0:"
TRUE = b"b1:1"
FALSE = b"b1:0"
PATH = b"p0:"
NAN = b"f8:\x7f\xf8\x00\x00\x00\x00\x00\x00"
SKIPPED = b""
"""In place of a configuration that does not count: no item at all."""


def encode(value: Any, digest: Digest) -> bytes:
    """The item of a value in normal form.

    Raises:
        TypeError: a value no identity is defined for.
    """
    kind = type(value)
    encoder = ENCODERS.get(kind)
    if encoder is not None:
        return encoder(value, digest)
    if hasattr(kind, "__xpm__"):
        found = digest(value)
        return SKIPPED if found is None else b"c32:" + found
    if is_path(value):
        return PATH
    if is_enum(value):
        return _enum(value)
    for base in (list, tuple, dict, set, frozenset):
        if isinstance(value, base):
            return ENCODERS[base](value, digest)
    raise TypeError(f"no identity is defined for a {type(value).__name__}")


def item(tag: bytes, payload: bytes) -> bytes:
    """One item."""
    return b"%s%d:%s" % (tag, len(payload), payload)


def text(value: str) -> bytes:
    """The item of a text: UTF-8, lone surrogates as if they were characters."""
    raw = value.encode("utf-8", "surrogatepass")
    return b"s%d:%s" % (len(raw), raw)


def _text(value: str, digest: Digest) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"s%d:%s" % (len(raw), raw)


def _integer(value: int, digest: Digest) -> bytes:
    raw = b"%x" % value
    return b"i%d:%s" % (len(raw), raw)


def _float(value: float, digest: Digest) -> bytes:
    return NAN if value != value else b"f8:" + _DOUBLE(value)


def _enum(value: Any) -> bytes:
    from xpm.plan.names import enum_identifier

    cls = type(value)
    head = text(enum_identifier(cls))
    if isinstance(value, sys.modules["enum"].Flag):
        return item(b"g", head + _integer(flag_number(value), _none))
    return item(b"e", head + text(value.name))


def flag_number(value: Any) -> int:
    """The integer of a Flag, never negative: before 3.11 Python says -2 for ``~IntFlag(1)`` and 14 since then."""
    number = int(value.value)
    if number >= 0:
        return number
    known = 0
    for each in type(value).__members__.values():
        known |= int(each.value)
    return max(1 << known.bit_length(), 1 << number.bit_length()) + number


def _sequence(tag: bytes) -> Callable[[Any, Digest], bytes]:
    def encoder(value: Any, digest: Digest) -> bytes:
        return item(tag, b"".join([encode(each, digest) for each in value]))

    return encoder


def _set(value: Any, digest: Digest) -> bytes:
    return item(b"u", b"".join(sorted(encode(each, digest) for each in value)))


def _dict(value: Any, digest: Digest) -> bytes:
    pairs = []
    for key, each in value.items():
        left, right = encode(key, digest), encode(each, digest)
        if left and right:
            pairs.append((left, right))
    return item(b"d", b"".join([left + right for left, right in sorted(pairs)]))


def _none(config: Any) -> bytes | None:
    return None


_DOUBLE = struct.Struct(">d").pack
ENCODERS: dict[type, Callable[[Any, Digest], bytes]] = {
    type(None): lambda value, digest: NONE,
    bool: lambda value, digest: TRUE if value else FALSE,
    int: _integer,
    float: _float,
    str: _text,
    bytes: lambda value, digest: item(b"y", value),
    list: _sequence(b"l"),
    tuple: _sequence(b"t"),
    dict: _dict,
    set: _set,
    frozenset: _set,
}
