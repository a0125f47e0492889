"""Big contents go up in pieces: after a cut, what is there is not sent again, and what is damaged is noticed."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xpm.agent.receiving import Receiving
from xpm.connectors.base import Snapshot
from xpm.connectors.link import Link, Place
from xpm.connectors.memory_host import Faults, MemoryHost
from xpm.connectors.remote import AgentConnector
from xpm.connectors.retrying import Patience
from xpm.connectors.uploading import PIECE
from xpm.errors import Defect, PlanProblem
from xpm.wire import workspace

SIZE = 40 * PIECE + 17
RAW = random.Random(7).randbytes(SIZE)
SHA = hashlib.sha256(RAW).hexdigest()


class Far:
    """A workspace in memory's reach, and what was sent there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "far"
        self.host = MemoryHost("far")
        link = Link(
            "far", self.host, Place(str(self.root), "plain"), Patience(), lambda seconds: None
        )
        self.connector = AgentConnector("far", link)
        self.told: list[tuple[int, int]] = []
        self.path = folder / "big"
        self.path.write_bytes(RAW)

    def stage(self) -> None:
        shot = Snapshot("snap", {"big": (SHA, 0o644, str(self.path))})
        self.connector.stage(shot, lambda done, total: self.told.append((done, total)))

    @property
    def arrived(self) -> bytes:
        return (self.root / ".xpm" / "code" / "snap" / "big").read_bytes()

    @property
    def blobs(self) -> list[str]:
        return sorted(each.name for each in (self.root / ".xpm" / "blobs").glob("*/*"))


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    found = Far(tmp_path)
    yield found
    found.connector.close()


def test_a_big_file_goes_up_in_pieces_and_is_whole(far: Far) -> None:
    far.stage()

    assert RAW == far.arrived
    assert [SHA] == far.blobs
    assert (0, SIZE) == far.told[0]
    assert (SIZE, SIZE) == far.told[-1]
    assert len(far.told) > 40


def test_after_cuts_only_what_was_under_way_is_sent_again(far: Far) -> None:
    far.connector.probe()
    far.host.faults = [Faults(sent=15 * PIECE), Faults(sent=15 * PIECE)]
    far.host.cut()

    far.stage()

    assert RAW == far.arrived
    assert [SHA] == far.blobs
    sent = sum(stream.sent for stream in far.host.streams[1:])
    assert sent < SIZE + 2 * 4 * PIECE  # a socket's buffer each time, and not all of it thrice


def test_a_piece_that_is_not_the_next_one_is_asked_for_again(far: Far) -> None:
    layout, _ = workspace.prepare(str(far.root))
    receiving = Receiving()

    first = _part(receiving, layout, 0, RAW[:100])
    behind = _part(receiving, layout, 200, RAW[200:300])
    twice = _part(receiving, layout, 50, RAW[50:150])
    other = _part(Receiving(), layout, 150, RAW[150:200])
    again = _part(receiving, layout, 200, RAW[200:250])

    assert [100, 100, 150, 200, 250] == [
        each["at"] for each in (first, behind, twice, other, again)
    ]


def test_what_arrived_damaged_is_thrown_away_and_sent_anew(far: Far) -> None:
    layout, _ = workspace.prepare(str(far.root))
    _part(Receiving(), layout, 0, b"x" * (30 * PIECE))

    far.stage()

    assert RAW == far.arrived
    assert [SHA] == far.blobs


def test_two_that_send_the_same_at_once_both_get_there(far: Far) -> None:
    layout, _ = workspace.prepare(str(far.root))
    one, other = Receiving(), Receiving()
    at = [0, 0]

    while min(at) < SIZE:
        for index, receiving in enumerate((one, other)):
            piece = RAW[at[index] : at[index] + PIECE]
            if at[index] < SIZE:
                at[index] = int(_part(receiving, layout, at[index], piece)["at"])

    assert [SHA] == far.blobs
    assert RAW == (far.root / ".xpm" / "blobs" / SHA[:2] / SHA).read_bytes()


def test_a_file_that_changes_while_it_is_sent_is_not_taken(far: Far) -> None:
    far.path.write_bytes(RAW[:-1] + b"?")

    with pytest.raises(PlanProblem, match="changed while it was being sent"):
        far.stage()

    assert SHA not in far.blobs


def test_a_place_that_never_stores_a_file_is_not_tried_for_ever(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Receiving, "part", lambda *_: ({"at": 0}, b""))

    with pytest.raises(Defect, match="does not arrive whole"):
        far.stage()


def _part(receiving: Receiving, layout: Any, offset: int, piece: bytes) -> dict[str, Any]:
    request = {"blob": SHA, "size": SIZE, "offset": offset}
    return receiving.part(layout, request, piece)[0]
