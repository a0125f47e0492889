import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.agent_core.yard import TASK, Yard, job_id, word
from xpm.agent.board import Board, View
from xpm.agent.names import Names
from xpm.wire import ledger


def test_a_job_in_the_queue_is_ready_when_it_has_no_parents(yard: Yard) -> None:
    yard.ask("a")

    board = yard.board()

    assert word(board, "a") == "ready"
    assert {job_id("a")} == set(board.ready)
    assert board.has_work()


def test_a_job_waits_for_its_parents_then_is_ready(yard: Yard) -> None:
    yard.ask("a")
    yard.ask("b", parents=["a"])
    board = yard.board()
    assert ("waiting", f"waits for {TASK}/{job_id('a')[:8]}") == (
        word(board, "b"),
        board.views(0.0)[job_id("b")].reason,
    )

    yard.finish("a")
    board.refresh(time.time())

    assert (word(board, "a"), word(board, "b")) == ("done", "ready")


def test_whatever_depends_on_a_failed_job_is_skipped(yard: Yard) -> None:
    yard.ask("a")
    yard.ask("b", parents=["a"])
    yard.ask("c", parents=["b"])

    yard.finish("a", "failed")

    views = yard.board().views(0.0)
    b, c = views[job_id("b")], views[job_id("c")]
    assert [(b.state, b.cause), (c.state, c.cause)] == [("skipped", "dependency")] * 2
    assert f"skipped: {TASK}/{job_id('a')[:8]} is failed" == b.message


def test_a_new_attempt_of_the_parent_undoes_the_skipping(yard: Yard) -> None:
    yard.ask("a")
    yard.ask("b", parents=["a"])
    yard.finish("a", "failed")
    board = yard.board()

    yard.ask("a", attempt=2)
    board.refresh(time.time())
    assert (word(board, "a"), word(board, "b")) == ("ready", "waiting")

    yard.finish("a", attempt=2)
    board.refresh(time.time())
    assert (word(board, "a"), word(board, "b")) == ("done", "ready")


def test_a_parent_that_nobody_asked_for_here_is_read_from_its_own_folder(yard: Yard) -> None:
    yard.finish("old", ring=False)

    yard.ask("b", parents=["old"])
    yard.ask("c", parents=["never heard of"])

    board = yard.board()
    assert (word(board, "b"), word(board, "c")) == ("ready", "waiting")
    assert "which nobody asked for here" in board.views(0.0)[job_id("c")].reason
    assert {job_id("b"), job_id("c")} == set(board.views(0.0))


def test_an_entry_whose_bell_was_never_rung_is_found_and_rung(yard: Yard) -> None:
    yard.ask("a")
    yard.link("a")
    yard.claim("a", ring=False)
    yard.end("a", ring=False)

    board = yard.board()

    assert word(board, "a") == "done"
    assert {ledger.bell_name(job_id("a"), 1, slot) for slot in (1, 2)} == {
        path.name for path in Path(yard.layout.inbox).iterdir()
    }


def test_files_may_be_seen_before_the_bundle_they_belong_to(yard: Yard) -> None:
    yard.finish("a")
    board = yard.board()

    yard.ask("a")
    board.refresh(time.time())

    assert word(board, "a") == "done"


def test_a_board_that_watched_and_one_that_comes_late_say_the_same(yard: Yard) -> None:
    watching = yard.board()
    steps: list[Callable[[], object]] = [
        lambda: yard.ask("a", "b"),
        lambda: yard.ask("c", parents=["a"]),
        lambda: yard.link("a"),
        lambda: yard.claim("a", batch_id="7"),
        lambda: yard.end("a"),
        lambda: yard.finish("b", "failed", message="no"),
        lambda: yard.cancel("c"),
        lambda: yard.ask("b", attempt=2),
        lambda: yard.finish("b", attempt=2),
    ]
    for step in steps:
        step()
        watching.refresh(time.time())

    late = yard.board()

    assert without_time(late) == without_time(watching)


def without_time(board: Board) -> dict[str, View]:
    return {job: view._replace(at=0.0) for job, view in board.views(0.0).items()}


def test_changes_tells_only_what_changed_since(yard: Yard) -> None:
    yard.ask("a", "b")
    board = yard.board()
    seen, views = board.changes(0)
    assert {job_id("a"), job_id("b")} == {view.job for view in views}
    assert (seen, []) == board.changes(seen)

    yard.finish("a")
    board.refresh(time.time())

    _, views = board.changes(seen)
    assert [(job_id("a"), "done", "7")] == [(v.job, v.state, v.batch_id) for v in views]


def test_a_job_that_is_asked_for_again_is_told_again(yard: Yard) -> None:
    """A laptop was told of it before it followed it: it has lost its own records, and sends the plan in two parts."""
    yard.ask("a")
    yard.finish("a")
    board = yard.board()
    seen, _ = board.changes(0)

    board.tell_again([job_id("a"), job_id("unknown")])

    _, views = board.changes(seen)
    assert [(job_id("a"), "done")] == [(view.job, view.state) for view in views]


def test_a_damaged_entry_still_has_its_slot(yard: Yard) -> None:
    yard.ask("a")
    yard.link("a")
    yard.claim("a")
    Path(yard.folder("a"), ".xpm", "a1.1").write_bytes(b"")  # as after a power cut

    board = yard.board()

    assert word(board, "a") == "running"


def test_jobs_are_served_in_the_order_in_which_they_were_asked_for(yard: Yard) -> None:
    for number, name in enumerate("abcdef"):
        yard.ask(name)
        bundle = max(Path(yard.layout.queue).iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(bundle, (number, number))

    assert [job_id(name) for name in "abcdef"] == list(yard.board().ready)


def test_ten_thousand_jobs_are_read_once(yard: Yard) -> None:
    for first in range(0, 10000, 500):
        yard.ask(*(str(n) for n in range(first, first + 500)))
    yard.ask("last", parents=[str(n) for n in range(10000)])
    board = yard.board()
    yard.finish("0")

    before = time.process_time()
    for _ in range(100):
        board.refresh(time.time())
    each = (time.process_time() - before) / 100

    assert word(board, "0") == "done"
    assert len(board.ready) + 1 == 10000
    assert each < 0.005


def test_a_name_that_a_stale_listing_hides_is_found_after_a_change_of_ours(yard: Yard) -> None:
    """NFS clients cache listings until the folder changes; so do we, by its mtime, and then look again."""
    folder = yard.layout.inbox
    names = Names(folder)
    names.new()
    long_ago = Path(folder).stat().st_mtime_ns - 10**9
    os.utime(folder, ns=(long_ago, long_ago))
    names.new()
    Path(folder, "a").write_bytes(b"")
    os.utime(folder, ns=(long_ago, long_ago))  # as if this client had not heard of it

    assert [] == names.new()
    assert ["a"] == names.new(fresh=True)
    assert Path(folder).stat().st_mtime_ns != long_ago
