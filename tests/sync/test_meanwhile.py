"""Files of jobs that run: what is news comes, of all jobs together, and never the end of a job before its files."""

from pathlib import Path

import pytest

from tests.sync.far_side import REF, FarSide, tree
from xpm.connectors.base import Fetched, JobRef
from xpm.sync.fetching import fetch
from xpm.sync.rules import Choice
from xpm.wire import frames, ledger


@pytest.fixture
def far(tmp_path: Path) -> FarSide:
    return FarSide(tmp_path / "far")


@pytest.fixture
def main(tmp_path: Path) -> Path:
    return tmp_path / "main"


def mirrored(main: Path) -> Path:
    return Path(ledger.job_folder(str(main), REF.task, REF.job))


def running(far: FarSide, main: Path, since: dict[JobRef, int] | None = None) -> Fetched:
    choice = Choice(live=("*.csv", "state", "events.tfevents.1")).meanwhile
    [found] = fetch(far, [REF], main, lambda count: None, choice, since)
    return found


def test_while_a_job_runs_only_what_is_news_travels(far: FarSide, main: Path) -> None:
    job, since = far.job(), {}  # type: Path, dict[JobRef, int]
    (job / "stdout").write_bytes(b"log\n" * 100)
    (job / "table.csv").write_bytes(b"1,2\n" * 100)
    (job / "events.tfevents.1").write_bytes(b"e" * 5000)
    (job / "model.bin").write_bytes(b"m" * 1000)
    far.record("claim", 1, 1)

    first = running(far, main, since)
    for name in ("stdout", "events.tfevents.1"):
        with (job / name).open("ab") as file:
            file.write(b"0123456789")
    second = running(far, main, since)
    third = running(far, main, since)

    assert (first.files, second.bytes, third.bytes) == (4, 20, 0)
    assert {"stdout", "table.csv", "events.tfevents.1", ".xpm/a1.1"} <= tree(mirrored(main)).keys()
    assert not (mirrored(main) / "model.bin").exists()
    assert not (mirrored(main) / ".xpm" / "stayed.json").exists()


def test_however_many_jobs_run_a_look_at_their_files_is_two_exchanges(
    far: FarSide, main: Path
) -> None:
    refs = [JobRef("t", f"{number:064x}") for number in range(80)]
    choice, since = Choice(live=("*.tfevents.*",)).meanwhile, {}  # type: Choice, dict[JobRef, int]
    for ref in refs:
        (far.job(ref) / "stdout").write_bytes(b"begun\n")
        (far.job(ref) / "a.tfevents.1").write_bytes(b"e" * 100)
    fetch(far, refs, main, lambda count: None, choice, since)
    far.calls.clear()
    for ref in refs:
        with (far.job(ref) / "a.tfevents.1").open("ab") as file:
            file.write(b"more")

    found = fetch(far, refs, main, lambda count: None, choice, since)

    assert [call["verb"] for call in far.calls] == ["manifest", "pull"]
    assert [each.bytes for each in found] == [4] * 80


def test_of_a_job_that_runs_files_long_at_rest_are_not_even_listed(
    far: FarSide, main: Path
) -> None:
    job, since = far.job(), {}  # type: Path, dict[JobRef, int]
    (job / "old.csv").write_text("1")
    running(far, main, since)
    since[REF] += 3600 * 10**9  # so much later

    listed: list[object] = []
    far.after = lambda request, answer: listed.append(answer[0]) or answer  # type: ignore[func-returns-value]
    running(far, main, since)

    assert [answer["jobs"][0]["files"] for answer in listed] == [[]]  # type: ignore[index]


def test_the_end_of_a_job_is_not_known_here_before_all_its_files_are(
    far: FarSide, main: Path
) -> None:
    (far.job() / "model.bin").write_bytes(b"m")
    far.finish()

    running(far, main)  # it ended just now; nobody here knows yet

    assert (mirrored(main) / ".xpm" / "a1.1").exists()
    assert not (mirrored(main) / ".xpm" / "a1.2").exists()
    fetch(far, [REF], main, lambda count: None)
    assert (mirrored(main) / ".xpm" / "a1.2").exists()
    assert (mirrored(main) / "model.bin").exists()


def test_a_live_file_that_changes_all_the_time_leaves_no_copies_behind(
    far: FarSide, main: Path
) -> None:
    state = far.job() / "state"
    state.write_bytes(b"0" * 100)

    def change(request: frames.Message) -> None:
        if request["verb"] == "pull":
            state.write_bytes(b"0" * (101 + len(far.calls)))

    far.before = change
    for _ in range(3):
        running(far, main)

    assert [each for each in tree(mirrored(main)) if "partial" in each] == []
    far.before = lambda request: None
    running(far, main)
    assert state.read_bytes() == (mirrored(main) / "state").read_bytes()
