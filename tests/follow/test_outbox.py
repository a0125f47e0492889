"""What is owed to a connector stays until it is accepted."""

import hashlib
from pathlib import Path

from xpm.connectors.base import JobRef, Snapshot
from xpm.follow.outbox import Outbox, Owed


def entry(job: str, attempt: int = 1) -> dict[str, object]:
    return {"job": job, "task": "demo.task", "attempt": attempt}


def test_a_job_stays_until_it_is_accepted(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)

    outbox.put("cluster", entry("a"))
    again = Outbox(tmp_path)

    assert [entry("a")] == list(again.entries("cluster"))
    assert {"cluster"} == again.connectors()
    again.remove("cluster", [entry("a")])
    assert list(again.entries("cluster")) == []
    assert set() == again.connectors()


def test_accepting_an_attempt_does_not_forget_a_later_one(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put("cluster", entry("a", 2))

    outbox.remove("cluster", [entry("a", 1)])

    assert outbox.holds("cluster", "a")


def test_a_torn_entry_is_as_if_it_had_never_been(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put("cluster", entry("a"))
    (tmp_path / "outbox" / "cluster" / "a.json").write_bytes(b'{"job"')

    assert list(outbox.entries("cluster")) == []


def test_a_cancel_is_owed_until_it_is_paid(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    owed = Owed(JobRef("demo.task", "a"), 2, 1.0)

    outbox.owe("cluster", owed.ref, 2, 1.0)

    assert [owed] == list(outbox.owed("cluster"))
    outbox.paid("cluster", [owed])
    assert list(outbox.owed("cluster")) == []


def test_code_that_cannot_be_sent_is_kept_as_it_is_now(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    outbox = Outbox(tmp_path / "own")
    source = tmp_path / "plan.py"
    source.write_bytes(b"print(1)")
    digest = hashlib.sha256(b"print(1)").hexdigest()

    outbox.keep(Snapshot("s1", {"plan.py": (digest, 0o644, str(source))}))
    source.write_bytes(b"print(2)")

    kept = outbox.kept("s1")
    assert kept is not None
    assert Path(kept.files["plan.py"][2]).read_bytes() == b"print(1)"
    outbox.forget("s1")
    assert outbox.kept("s1") is None


def test_code_that_was_edited_before_it_was_kept_is_not(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "own")
    source = tmp_path / "plan.py"
    source.write_bytes(b"print(2)")

    outbox.keep(Snapshot("s1", {"plan.py": ("0" * 64, 0o644, str(source))}))

    assert outbox.kept("s1") is None
