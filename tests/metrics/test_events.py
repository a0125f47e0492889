"""TensorBoard's files, whole, cut and damaged."""

import struct
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xpm.metrics import events

WHOLE = (Path(__file__).parents[1] / "golden" / "events" / "tensorboardX.tfevents.1").read_bytes()


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    checksums = [struct.pack("<I", events.masked_crc(each)) for each in (length, data)]
    return length + checksums[0] + data + checksums[1]


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def event(*values: bytes, step: int = 3) -> bytes:
    return record(bytes([2 << 3, step]) + field(5, b"".join(field(1, each) for each in values)))


def test_the_checksum_is_the_one_of_its_specification() -> None:
    crc = 0xE3069283  # of b"123456789", by RFC 3720
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF

    assert masked == events.masked_crc(b"123456789")


@given(cut=st.integers(0, len(WHOLE)))
def test_what_comes_before_a_cut_counts(cut: int) -> None:
    whole = list(events.scalars(WHOLE))

    found = list(events.scalars(WHOLE[:cut]))

    assert whole[: len(found)] == found


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
@example(at=111, bit=1)  # the tag becomes a number
def test_a_damaged_record_is_left_out_and_nothing_made_up(at: int, bit: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= 1 << bit

    found = list(events.scalars(bytes(damaged)))

    assert set(found) <= set(events.scalars(WHOLE))


@given(st.binary(max_size=60))
def test_anything_in_a_record_is_survived(data: bytes) -> None:
    good = event(field(1, b"a") + bytes([2 << 3 | 5]) + struct.pack("<f", 0.5))

    found = list(events.scalars(record(data) + good))

    assert events.Scalar("a", 3, 0.5) == found[-1]


def tensor(kind: int, *fields: bytes) -> bytes:
    named = field(9, field(1, field(1, b"scalars")))
    return field(1, b"a") + named + field(8, bytes([1 << 3, kind]) + b"".join(fields))


@pytest.mark.parametrize(
    ("kind", "content", "value"),
    [
        (1, field(4, struct.pack("<f", 1.5)), 1.5),
        (2, field(4, struct.pack("<d", 1.25)), 1.25),
        (2, field(6, struct.pack("<d", 1.25)), 1.25),
        (3, field(4, struct.pack("<i", -7)), -7.0),
        (9, field(10, b"\x96\x01"), 150.0),
        (9, bytes([10 << 3]) + b"\x96\x01", 150.0),
        (1, field(4, struct.pack("<ff", 1, 2)), None),
        (7, field(8, b"text"), None),
    ],
)
def test_a_tensor_of_one_number(kind: int, content: bytes, value: float | None) -> None:
    found = [each.value for each in events.scalars(event(tensor(kind, content)))]

    assert ([] if value is None else [value]) == found


def test_tensors_of_other_plugins_are_no_scalars() -> None:
    named = tensor(1, field(4, struct.pack("<f", 1.5))).replace(b"scalars", b"figures")

    assert [] == list(events.scalars(event(named)))
