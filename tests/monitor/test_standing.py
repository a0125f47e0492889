"""The place in the queue on the page: it comes and goes without anything else being news."""

from pathlib import Path

from tests.monitor.folders import Scene
from xpm.connectors.base import Stands
from xpm.follow import standing
from xpm.monitor import jobs, tables
from xpm.monitor.board import Board


def test_a_place_that_changes_is_pushed_with_its_job_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "main")
    rows = [(name, "demo.learn", {"name": name}, ()) for name in ("a", "b")]
    refs = scene.submit("pair", rows, "cluster")
    for ref in refs:
        scene.note(ref, {}, "cluster")
        scene.tell([ref], "pending", "cluster", reason="others come first (Priority)", batch=True)
    board = Board(scene.main)
    key = ("pair", refs[0].task, refs[0].job)
    batch_id = str(board.entries[key].row.batch_id)
    assert "others come first (Priority)" == tables.row(board, board.entries[key])["remark"]
    assert not board.refresh()

    standing.keep(scene.journal.folder, "cluster", [Stands(batch_id, "", "gpu", 12, 340)])
    news = board.refresh()

    assert [key] == [each.key for each in news.changed]
    told = "others come first (Priority); about 12th of 340 waiting in gpu"
    assert told == tables.row(board, board.entries[key])["remark"]
    page = jobs.page(board, refs[0])
    assert page is not None
    assert [told] == [each["text"] for each in page["why"] if each["topic"] == "waits"]  # type: ignore[attr-defined]
    assert not board.refresh()

    standing.keep(scene.journal.folder, "cluster", [])
    assert [key] == [each.key for each in board.refresh().changed]
    assert "others come first (Priority)" == tables.row(board, board.entries[key])["remark"]
    board.close()
    scene.close()
