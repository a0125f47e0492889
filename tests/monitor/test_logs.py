"""Pieces of logs: they join, they begin with lines, they come as a job prints."""

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpm.connectors.base import JobRef
from xpm.monitor import logs
from xpm.monitor.logs import Piece, Source

REF = JobRef("t", "j")
T = TypeVar("T")


def _source(folder: Path, is_over: bool = False) -> Source:
    return Source(folder, None, "", is_over)


@given(
    text=st.text(alphabet=st.sampled_from("aé\n漢🙂"), max_size=200),
    first=st.integers(4, 60),
    limit=st.integers(8, 50),
)
def test_pieces_before_and_behind_make_the_whole_log(
    tmp_path_factory: pytest.TempPathFactory, text: str, first: int, limit: int
) -> None:
    folder = tmp_path_factory.mktemp("job")
    (folder / "stdout").write_text(text)
    where = _source(folder)

    piece = logs.read(where, REF, "stdout", -first, first)
    found, start = piece.text, piece.offset
    while start > 0:
        begin = max(0, start - limit)
        before = logs.read(where, REF, "stdout", begin, start - begin)
        assert before.next == start
        found, start = before.text + found, before.offset
    while piece.next < piece.size:
        piece = logs.read(where, REF, "stdout", piece.next, limit, is_joined=True)
        found += piece.text

    assert text == found


def test_a_piece_begins_with_a_line_and_ends_with_a_character() -> None:
    raw = "half\nwhole\nné".encode()

    assert Piece("whole\nn", 105, 112, 300) == logs.cut(raw[:-1], 100, 300, is_joined=False)
    assert Piece("half\nwhole\nné", 100, 114, 114) == logs.cut(raw, 100, 114, is_joined=True)


def test_the_last_traceback_is_found_wherever_it_lies(tmp_path: Path) -> None:
    filler = b"x" * 99 + b"\n"
    log = filler * 11_000 + logs.MARK + b":\n  first\n" + filler * 9
    places = [len(log), (3 << 20) - 7, (3 << 20) - len(logs.MARK), 3 << 20]
    for place in places:  # across the borders of what is read at once, too
        whole = log + b"y" * (place - len(log)) + logs.MARK + b":\n" + b"z" * (5 << 20)
        (tmp_path / "stderr").write_bytes(whole)

        assert place == logs.traceback(_source(tmp_path), "stderr")
    (tmp_path / "stderr").write_bytes(filler)
    assert logs.traceback(_source(tmp_path), "stderr") is None
    assert logs.traceback(_source(tmp_path), "stdout") is None


def test_a_log_is_followed_from_its_end_until_the_job_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "NEAR_S", 0.001)
    log = tmp_path / "stdout"
    log.write_bytes(b"before\n" * 20_000 + b"last\n")
    looks = 0

    async def find() -> Source:
        nonlocal looks
        looks += 1
        if looks == 3:
            with log.open("ab") as file:
                file.write(b"more\n")
        if looks == 5:
            log.write_bytes(b"a new attempt\n")
        return _source(tmp_path, is_over=looks > 6)

    async def heard() -> list[tuple[str, Piece]]:
        events = [each async for each in logs.follow(find, REF, "stdout", None)]
        assert "end" == events.pop().partition("\n")[0].removeprefix("event: ")
        return [_read(each) for each in events]

    (first, end), (second, more), (third, anew) = _awaited(heard())

    assert ["anew", "more", "anew"] == [first, second, third]
    assert end.text.endswith("before\nlast\n")
    assert 60_000 < len(end.text) < 66_000
    assert ("more\n", end.next) == (more.text, more.offset)
    assert ("a new attempt\n", 0) == (anew.text, anew.offset)


def test_a_browser_that_comes_back_hears_only_what_it_has_not(tmp_path: Path) -> None:
    (tmp_path / "stdout").write_text("one\ntwo\n")

    async def find() -> Source:
        return _source(tmp_path, is_over=True)

    async def first() -> tuple[str, Piece]:
        return _read(await anext(logs.follow(find, REF, "stdout", 4)))

    kind, piece = _awaited(first())

    assert ("more", "two\n") == (kind, piece.text)


def test_what_is_here_is_not_shown_instead_of_what_was_seen_there(tmp_path: Path) -> None:
    (tmp_path / "stdout").write_text("mirrored\n")
    where = Source(tmp_path, None, "cluster does not answer", False)

    piece = logs.read(where, REF, "stdout", 5_000, 1_000, is_joined=True)

    assert ("", 5_000, 5_000) == (piece.text, piece.offset, piece.next)
    assert "cluster does not answer" == piece.said


def _awaited(answer: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: beside a browser this one has a loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, answer).result()


def _read(event: str) -> tuple[str, Piece]:
    lines = dict(line.split(": ", 1) for line in event.strip().splitlines())
    return lines["event"], Piece(**json.loads(lines["data"]))
