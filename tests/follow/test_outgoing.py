"""What is to be sent survives what may happen before it is."""

import hashlib
from pathlib import Path

import pytest

from tests.follow.fakes import Cluster
from xpm.connectors.base import Snapshot
from xpm.follow.journal import Journal
from xpm.follow.main import MainFolder
from xpm.follow.outbox import Outbox
from xpm.follow.outgoing import NO_CODE, Outgoing


def entry(job: str) -> dict[str, object]:
    return {"job": job, "task": "demo.task", "attempt": 1, "code": {"snapshot": "s1"}}


class Slow(Outbox):
    """A disk on which the plan is killed while its many jobs are synced."""

    def settle(self, connector: str) -> None:
        raise KeyboardInterrupt(connector)


def _nobody(text: str) -> None:
    pass


def test_code_is_kept_before_the_many_jobs_are_synced(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "plan.py").write_bytes(b"print(1)")
    digest = hashlib.sha256(b"print(1)").hexdigest()
    snapshot = Snapshot("s1", {"plan.py": (digest, 0o644, str(tmp_path / "plan.py"))})
    outgoing = Outgoing("cluster", Slow(tmp_path / "own"), lambda: 0.0, _nobody)
    outgoing.add(entry("a"), snapshot)

    with pytest.raises(KeyboardInterrupt):
        outgoing.make_safe()

    assert Outbox(tmp_path / "own").kept("s1") is not None


def test_that_code_is_missing_is_told_once_for_all_jobs(main_path: Path) -> None:
    main = MainFolder(main_path)
    main.prepare()
    for job in ("a", "b", "c"):
        main.outbox.put("cluster", entry(job))
    told: list[str] = []
    outgoing = Outgoing("cluster", main.outbox, lambda: 0.0, told.append)

    journal = Journal(main)
    list(outgoing.send(Cluster().open(), journal))
    journal.close()

    assert [NO_CODE] == told


def test_code_that_is_there_already_need_not_be_here(main_path: Path) -> None:
    """A laptop is killed in the middle of sending many jobs, and the plan is gone when it is back."""
    main = MainFolder(main_path)
    main.prepare()
    for job in ("a", "b"):
        main.outbox.put("cluster", {**entry(job), "experiment": "exp", "parents": []})
    cluster = Cluster()
    cluster.staged.add("s1")
    outgoing = Outgoing("cluster", main.outbox, lambda: 0.0, _nobody)

    journal = Journal(main)
    list(outgoing.send(cluster.open(), journal))
    journal.close()

    assert [["a", "b"]] == cluster.submissions
    assert [] == list(main.outbox.entries("cluster"))
