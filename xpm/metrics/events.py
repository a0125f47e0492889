"""Scalars in TensorBoard's event files.

A file is a sequence of records: their length (8 bytes), its checksum (4), the data, its checksum (4), all little-endian.
Checksums are CRC-32C, rotated, plus a constant. A record is a protocol buffer ``Event``: step = field 2, summary = 5. A summary
is a list (1) of values: tag = 1, simple_value = 2, tensor = 8, metadata = 9, whose plugin data (1) begins with the plugin's
name (1). TensorFlow 2 writes scalars as tensors of one number, and names their plugin only where a tag is first used.

A file ends where its task was killed, maybe in the middle of a record; what comes before counts. A record whose data is damaged
is left out; behind a damaged length nothing can be found.
"""

import struct
from collections import ChainMap
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import NamedTuple

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_SCALARS = b"scalars"
_MASK = 0xA282EAD8
_FLOAT, _DOUBLE, _INT32, _INT64 = 1, 2, 3, 9
_CONTENT = {_FLOAT: "<f", _DOUBLE: "<d", _INT32: "<i", _INT64: "<q"}
"""How one number of a type is written in ``tensor_content``."""
_VALUES = {_FLOAT: 5, _DOUBLE: 6, _INT32: 7, _INT64: 10}
"""The field in which numbers of a type are listed."""

Field = tuple[int, int, "int | bytes"]
"""The number of a field, how it is written, its content."""


class Scalar(NamedTuple):
    """One point of a curve."""

    tag: str
    step: int
    value: float


class Damaged(ValueError):
    """Bytes that are no protocol buffer."""


def curves(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Each scalar of a file, as it was written."""
    found: dict[str, list[tuple[float, float]]] = {}
    for tag, step, value in scalars(path.read_bytes()):
        found.setdefault(tag, []).append((float(step), value))
    return found


def scalars(content: bytes) -> Iterator[Scalar]:
    """The scalars in the bytes of an event file."""
    plugins: dict[bytes, bytes] = {}
    for data, checksum in records(content):
        learned: dict[bytes, bytes] = {}
        try:
            found = list(_of_event(data, ChainMap(learned, plugins)))
        except (Damaged, struct.error):
            continue
        is_telling = bool(found or learned.items() - plugins.items())
        if (
            is_telling and masked_crc(data) == checksum
        ):  # only here: it is slow, and images are large
            plugins.update(learned)
            yield from found


def records(content: bytes) -> Iterator[tuple[bytes, int]]:
    """The data of each whole record, and the checksum that it should have."""
    at = 0
    while at + 12 <= len(content):
        length, checksum = struct.unpack_from("<QI", content, at)
        end = at + 12 + length
        if masked_crc(content[at : at + 8]) != checksum or end + 4 > len(content):
            return
        yield content[at + 12 : end], struct.unpack_from("<I", content, end)[0]
        at = end + 4


def masked_crc(data: bytes) -> int:
    """The checksum of some bytes, as TFRecord files have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def _of_event(data: bytes, plugins: MutableMapping[bytes, bytes]) -> Iterator[Scalar]:
    step = 0
    summaries: list[bytes] = []
    for number, kind, content in _fields(data):
        if number == 2 and kind == _VARINT:
            assert isinstance(content, int)
            step = content if content < 1 << 63 else content - (1 << 64)
        elif number == 5 and isinstance(content, bytes):
            summaries.append(content)
    for summary in summaries:
        for number, _, content in _fields(summary):
            if number == 1 and isinstance(content, bytes):
                tag, value = _of_value(content, plugins)
                if value is not None:
                    yield Scalar(tag.decode("utf-8", "replace"), step, value)


def _of_value(data: bytes, plugins: MutableMapping[bytes, bytes]) -> tuple[bytes, float | None]:
    """The tag of a value, and the number if it is one."""
    fields = {number: content for number, _, content in _fields(data)}
    tag = fields.get(1, b"")
    if not isinstance(tag, bytes):
        raise Damaged("a tag that is a number")
    simple, tensor, metadata = fields.get(2), fields.get(8), fields.get(9)
    if isinstance(metadata, bytes):
        plugins[tag] = _plugin(metadata)
    if isinstance(simple, bytes):
        return tag, float(struct.unpack("<f", simple)[0])
    if isinstance(tensor, bytes) and plugins.get(tag) == _SCALARS:
        return tag, _of_tensor(tensor)
    return tag, None


def _plugin(metadata: bytes) -> bytes:
    for number, _, data in _fields(metadata):
        if number == 1 and isinstance(data, bytes):
            return next(
                (name for n, _, name in _fields(data) if n == 1 and isinstance(name, bytes)), b""
            )
    return b""


def _of_tensor(data: bytes) -> float | None:
    """The one number of a tensor; None when it has another type, or several."""
    fields = {number: content for number, _, content in _fields(data)}
    kind, content = fields.get(1), fields.get(4)
    if not isinstance(kind, int) or kind not in _CONTENT:
        return None
    form = _CONTENT[kind]
    listed = content if isinstance(content, bytes) and content else fields.get(_VALUES[kind])
    if isinstance(listed, int):
        return float(listed)
    if isinstance(listed, bytes) and len(listed) == struct.calcsize(form):
        return float(struct.unpack(form, listed)[0])
    if isinstance(listed, bytes) and kind in (_INT32, _INT64):
        value, end = _varint(listed, 0)
        return float(value) if end == len(listed) else None
    return None


def _fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, kind, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise Damaged(f"a field of kind {kind}")
        if at + size > len(data):
            raise Damaged("a field goes on behind the end")
        yield number, kind, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins here, and where it ends."""
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise Damaged("a number without an end")


def _made_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _made_table()
