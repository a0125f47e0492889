"""Where the last lines of a log begin."""

import pytest

from xpm.cli import log_ends
from xpm.connectors.base import Printed


def reading(text: bytes) -> log_ends.Read:
    """A log somewhere, read as a connector does."""

    def read(offset: int, limit: int) -> Printed:
        start = max(0, len(text) + offset) if offset < 0 else offset
        return Printed(text[start : start + limit], (), start, len(text))

    return read


@pytest.mark.parametrize("piece", [1, 2, 3, 1 << 16])
@pytest.mark.parametrize("lines", [0, 1, 2, 3, 9])
@pytest.mark.parametrize(
    "text", [b"", b"\n", b"a", b"a\n", b"a\nbb\n", b"a\nbb", b"\n\na\nbb\n\nccc"]
)
def test_the_last_lines_are_those_of_tail_however_it_is_read(
    text: bytes, lines: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_ends, "PIECE", piece)

    at = log_ends.last_lines(reading(text), lines)

    assert b"".join(text.splitlines(keepends=True)[-lines:] if lines else []) == text[at:]
