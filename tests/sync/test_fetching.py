import contextlib
import errno
import json
import os
import random
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sync.far_side import REF, Answer, FarSide, tree
from xpm.agent import paths
from xpm.connectors.base import Fetched, JobRef, Paused
from xpm.errors import Defect, HostUnreachable
from xpm.sync import unchanged
from xpm.sync.alone import alone
from xpm.sync.arriving import BYTES
from xpm.sync.blocks import BLOCK
from xpm.sync.fetching import fetch
from xpm.sync.rules import Choice
from xpm.wire import frames, ledger


@pytest.fixture
def far(tmp_path: Path) -> FarSide:
    return FarSide(tmp_path / "far")


@pytest.fixture
def main(tmp_path: Path) -> Path:
    return tmp_path / "main"


def mirror(far: FarSide, main: Path, *refs: JobRef) -> list[Fetched]:
    return fetch(far, refs or (REF,), main, lambda count: None)


def mirrored(main: Path, ref: JobRef = REF) -> Path:
    return Path(ledger.job_folder(str(main), ref.task, ref.job))


def test_a_finished_job_arrives_whole_with_its_records(far: FarSide, main: Path) -> None:
    job = far.job()
    (job / "stdout").write_bytes(b"hello\n")
    (job / "runs" / "1").mkdir(parents=True)
    (job / "runs" / "1" / "model.bin").write_bytes(bytes(range(256)) * 100)
    (job / "empty").touch()
    (job / "tool.sh").write_text("#!/bin/sh\n")
    (job / "tool.sh").chmod(0o755)
    (job / "last").symlink_to("runs/1")
    far.finish()

    [result] = mirror(far, main)

    assert tree(job) == tree(mirrored(main))
    assert (result.files, result.problems) == (6, [])
    assert os.access(mirrored(main) / "tool.sh", os.X_OK)


def test_fetching_again_moves_no_byte(far: FarSide, main: Path) -> None:
    (far.job() / "model.bin").write_bytes(b"x" * 1000)
    far.finish()
    mirror(far, main)
    far.calls.clear()

    [result] = mirror(far, main)

    assert [call["verb"] for call in far.calls] == ["manifest"]
    assert (result.files, result.bytes) == (0, 0)


def test_many_jobs_take_few_exchanges(far: FarSide, main: Path) -> None:
    refs = [JobRef("t", f"{number:064x}") for number in range(150)]
    for ref in refs:
        (far.job(ref) / "stdout").write_text(ref.job)
        far.finish(ref=ref)

    results = mirror(far, main, *refs)

    assert refs == [each.ref for each in results]
    assert all(tree(far.job(ref)) == tree(mirrored(main, ref)) for ref in refs)
    assert len(far.calls) <= 4


def test_a_log_grows_by_its_new_end_only(far: FarSide, main: Path) -> None:
    log = far.job() / "stdout"
    log.write_bytes(b"a" * 1000)
    mirror(far, main)
    with log.open("ab") as file:
        file.write(b"b" * 10)

    [result] = mirror(far, main)

    assert result.bytes == 10
    assert log.read_bytes() == (mirrored(main) / "stdout").read_bytes()


def test_a_file_changed_there_replaces_the_one_here(far: FarSide, main: Path) -> None:
    (far.job() / "state").write_bytes(b"old state")
    mirror(far, main)
    (far.job() / "state").write_bytes(b"new")

    mirror(far, main)

    assert (mirrored(main) / "state").read_bytes() == b"new"


def test_a_file_that_became_a_folder_there_does_so_here(far: FarSide, main: Path) -> None:
    (far.job() / "out").write_bytes(b"file")
    mirror(far, main)
    (far.job() / "out").unlink()
    (far.job() / "out").mkdir()
    (far.job() / "out" / "x").write_bytes(b"in a folder")

    [result] = mirror(far, main)

    assert (mirrored(main) / "out" / "x").read_bytes() == b"in a folder"
    assert result.problems == []


def test_a_file_that_makes_room_for_a_folder_stays_under_another_name(
    far: FarSide, main: Path
) -> None:
    mirrored(main).mkdir(parents=True)
    (mirrored(main) / "out").write_text("mine, never fetched")
    (mirrored(main) / "out~").write_text("mine too")
    (far.job() / "out").mkdir()
    (far.job() / "out" / "x").write_bytes(b"theirs")

    [result] = mirror(far, main)

    assert tree(mirrored(main)) == {
        "out/x": b"theirs", "out~": b"mine too", "out~~": b"mine, never fetched",
    }  # fmt: skip
    assert result.problems == []


def test_what_is_only_here_stays(far: FarSide, main: Path) -> None:
    mirrored(main).mkdir(parents=True)
    (mirrored(main) / "notes.txt").write_text("mine")
    (mirrored(main) / ".xpm").mkdir()
    (mirrored(main) / ".xpm" / "job.json").write_text("{}")
    far.finish()

    mirror(far, main)

    assert (mirrored(main) / "notes.txt").read_text() == "mine"
    assert (mirrored(main) / ".xpm" / "job.json").read_text() == "{}"


def test_a_big_file_comes_in_pieces(far: FarSide, main: Path) -> None:
    raw = random.Random(1).randbytes(BYTES * 2 + 77)
    (far.job() / "big").write_bytes(raw)
    seen: list[int] = []

    fetch(far, [REF], main, seen.append)

    assert raw == (mirrored(main) / "big").read_bytes()
    assert len(raw) == sum(seen)


class Cut(Exception):
    """The link ends."""


def test_after_a_cut_at_any_answer_nothing_is_final_too_early_and_all_arrives(
    far: FarSide, tmp_path: Path
) -> None:
    job = far.job()
    (job / "stdout").write_bytes(b"log" * 100)
    (job / "big").write_bytes(b"z" * (BYTES * 2 + 5))
    (job / "runs").mkdir()
    (job / "runs" / "x").write_bytes(b"x")
    far.finish()
    whole = tree(job)

    for count in range(8):
        main = tmp_path / f"main{count}"
        far.calls.clear()

        def cut(request: frames.Message, last: int = count) -> None:
            if len(far.calls) > last:
                raise HostUnreachable("cut")

        far.before = cut
        try:
            mirror(far, main)
        except HostUnreachable:
            assert not (mirrored(main) / ".xpm" / "a1.2").exists()
        far.before = lambda request: None
        mirror(far, main)
        assert whole == tree(mirrored(main))


def test_after_a_cut_a_big_file_goes_on_where_it_was(far: FarSide, main: Path) -> None:
    (far.job() / "big").write_bytes(b"z" * (BYTES + 1000))

    def cut(request: frames.Message) -> None:
        if len(far.calls) >= 3:
            raise HostUnreachable("cut")

    far.before = cut
    with pytest.raises(HostUnreachable):
        mirror(far, main)
    far.before = lambda request: None

    [result] = mirror(far, main)

    assert result.bytes == 1000


def test_a_file_that_moves_while_it_is_fetched_is_asked_for_again_before_the_record(
    far: FarSide, main: Path
) -> None:
    state = far.job() / "state"
    state.write_bytes(b"1")
    far.finish()

    def change(request: frames.Message) -> None:
        if request["verb"] == "pull" and len(far.calls) < 4:
            state.write_bytes(b"now something else")
            assert not (mirrored(main) / ".xpm" / "a1.2").exists()

    far.before = change

    [result] = mirror(far, main)

    assert tree(far.job()) == tree(mirrored(main))
    assert result.problems == []


def test_a_file_that_never_rests_keeps_the_final_record_away(far: FarSide, main: Path) -> None:
    state = far.job() / "state"
    state.write_bytes(b"")
    far.finish()

    def change(request: frames.Message) -> None:
        if request["verb"] == "pull":
            with state.open("ab") as file:
                file.write(b"more")

    far.before = change

    [result] = mirror(far, main)

    assert not (mirrored(main) / ".xpm" / "a1.2").exists()
    assert (mirrored(main) / ".xpm" / "a1.1").exists()
    assert result.problems == ["state: it changed while it was fetched"]


def test_the_end_of_an_earlier_attempt_does_not_wait_for_the_running_one(
    far: FarSide, main: Path
) -> None:
    far.finish(attempt=1, state="failed")
    far.record("claim", 2, 1)
    state = far.job() / "state"
    state.write_bytes(b"")

    def change(request: frames.Message) -> None:
        if request["verb"] == "pull":
            with state.open("ab") as file:
                file.write(b"more")

    far.before = change

    mirror(far, main)

    assert {"a1.1", "a1.2", "a2.1"} <= {p.name for p in (mirrored(main) / ".xpm").iterdir()}


def test_a_record_of_another_job_is_not_believed(far: FarSide, main: Path) -> None:
    far.record("claim", 1, 1)
    entry = json.dumps(
        {"kind": "outcome", "task": REF.task, "job": "b" * 64, "attempt": 1, "slot": 2}
    )
    (far.job() / ".xpm" / "a1.2").write_text(entry)

    [result] = mirror(far, main)

    assert not (mirrored(main) / ".xpm" / "a1.2").exists()
    assert result.problems == [".xpm/a1.2: not a record of this job"]


def test_nothing_is_written_through_a_link_that_is_here(
    far: FarSide, main: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "keys").write_text("mine")
    mirrored(main).mkdir(parents=True)
    (mirrored(main) / "out").symlink_to(precious)
    (mirrored(main) / "stdout").symlink_to(precious / "keys")
    (far.job() / "out").mkdir()
    (far.job() / "out" / "keys").write_text("theirs")
    (far.job() / "stdout").write_text("theirs, and longer")
    far.finish()

    [result] = mirror(far, main)

    assert tree(precious) == {"keys": b"mine"}
    assert len(result.problems) == 2
    assert (mirrored(main) / ".xpm" / "a1.2").exists()


def test_a_file_of_another_place_is_not_followed_there_either(far: FarSide, main: Path) -> None:
    (far.job() / "leak").symlink_to("/etc/passwd")
    far.finish()

    [result] = mirror(far, main)

    assert not (mirrored(main) / "leak").is_symlink()
    assert result.problems == ["leak: a link out of the jobs, to /etc/passwd"]


HOSTILE = st.one_of(
    st.sampled_from(
        [
            "../x", "/tmp/x", "..", ".xpm/job.json", ".xpm/../../x", ".xpm/partial/x", ".XPM/a1.1", "a", "a/b", "a/b/c", "b",
            "stdout", ".xpm/a1.1", ".xpm/a1.2", "\x1b[31m", "a//b", "", "link", "link/x", "link/y/z",
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip
TARGETS = st.sampled_from(
    ["..", "../..", "../../../..", "/etc", "a", "b/../..", ".", "link", "../../other", "/", ".xpm"]
)
NUMBERS = st.one_of(st.integers(-1, 9), st.just(2**70), st.just("x"))
MANIFESTS = st.fixed_dictionaries(
    {
        "files": st.lists(
            st.one_of(st.tuples(HOSTILE, st.integers(0, 9), st.integers(0, 9), st.just(0o644)),
                      st.tuples(HOSTILE, NUMBERS, NUMBERS, NUMBERS)).map(list), max_size=8),
        "links": st.lists(st.tuples(HOSTILE, TARGETS).map(list), max_size=6),
        "problems": st.lists(st.text(max_size=5), max_size=2),
    }
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(manifests=st.lists(MANIFESTS, min_size=1, max_size=3), data=st.data())
def test_whatever_a_hostile_far_side_says_nothing_changes_outside_the_job(
    manifests: list[dict[str, object]],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    base = tmp_path_factory.mktemp("hostile")
    main = base / "deep" / "main"
    (main / "jobs" / REF.task / REF.job / ".xpm").mkdir(parents=True)
    (main / "jobs" / REF.task / REF.job / ".xpm" / "job.json").write_text("mine")
    (base / "precious").write_text("mine")
    (main / ".xpm").mkdir()

    for manifest in manifests:
        with contextlib.suppress(Defect):
            fetch(Liar(manifest), [REF], main, lambda count: None)

    outside = {
        path
        for path in tree(base)
        if not path.startswith(f"deep/main/jobs/{REF.task}/{REF.job}/")
        and not path.startswith("deep/main/.xpm/mirror.")
    }
    assert {"precious"} == outside
    assert (base / "precious").read_text() == "mine"
    assert (mirrored(main) / ".xpm" / "job.json").read_text() == "mine"


class Liar:
    """Says a manifest, and sends what it says."""

    workspace = "/far"

    def __init__(self, manifest: dict[str, object]) -> None:
        self.manifest = manifest

    def call(self, content: frames.Message, payload: bytes = b"") -> Answer:
        if content["verb"] == "manifest":
            return {"jobs": [json.loads(json.dumps(self.manifest))]}, b""
        said = {tuple(map(str, row)): row for row in self.manifest["files"]}  # type: ignore[attr-defined]
        rows, out = [], b""
        for index, (_, _, path, offset, length) in enumerate(content["items"]):
            row = next(r for r in said.values() if r[0] == path and type(r[1]) is int)
            piece = b"theirs---"[offset : row[1]][:length]
            rows.append([index, offset, len(piece), row[1], row[2], zlib.crc32(piece)])
            out += piece
        return {"pieces": rows}, out

    def stream(
        self, contents: Iterable[frames.Message]
    ) -> Iterator[tuple[frames.Message, Iterator[bytes]]]:
        for content in contents:
            answer, payload = self.call(content)
            yield answer, iter([payload])


@pytest.mark.parametrize(
    "pieces",
    [
        [], [[0, 0, 5, 5, 1, 7], [0, 0, 5, 5, 1, 7]], [[7, 0, 5, 5, 1, 7]], [[-1, 0, 5, 5, 1, 7]], [[0, 3, 5, 5, 1, 7]],
        [[0, 0, 999, 999, 1, 7]], [[0, 0]], ["x"], [[0, 0, -5, 5, 1, 7]], [[0.0, 0, 5, 5, 1, 7]], [[0, 0, 5, 5, 1]],
    ],
)  # fmt: skip
def test_pieces_that_were_not_asked_for_end_the_exchange(
    far: FarSide, main: Path, pieces: list[object]
) -> None:
    (far.job() / "x").write_bytes(b"12345")
    far.after = lambda request, answer: (
        ({"pieces": pieces}, answer[1]) if request["verb"] == "pull" else answer
    )

    with pytest.raises(Defect):
        mirror(far, main)


def test_a_piece_that_was_damaged_on_its_way_is_not_kept(far: FarSide, main: Path) -> None:
    (far.job() / "x").write_bytes(b"12345")
    far.after = lambda request, answer: (
        (answer[0], b"12x45") if request["verb"] == "pull" else answer
    )

    with pytest.raises(Defect, match="damaged"):
        mirror(far, main)

    assert not any((mirrored(main) / ".xpm" / "partial").iterdir())


def test_of_a_file_that_changed_only_the_blocks_that_differ_travel(
    far: FarSide, main: Path
) -> None:
    raw = bytearray(random.Random(1).randbytes(20 * BLOCK + 77))
    path = far.job() / "state"
    path.write_bytes(raw)
    mirror(far, main)
    raw[5 * BLOCK + 3] ^= 1
    raw[11 * BLOCK : 13 * BLOCK] = random.Random(2).randbytes(2 * BLOCK)
    path.write_bytes(raw)

    [result] = mirror(far, main)

    assert (mirrored(main) / "state").read_bytes() == raw
    assert result.bytes == 3 * BLOCK


@pytest.mark.parametrize("change", [-BLOCK - 5, -1, 1, BLOCK, 3 * BLOCK + 9])
def test_a_file_that_grew_or_shrank_brings_little_more_than_its_end(
    far: FarSide, main: Path, change: int
) -> None:
    raw = random.Random(1).randbytes(20 * BLOCK + 77)
    path = far.job() / "state"
    path.write_bytes(raw)
    mirror(far, main)
    wanted = raw[:change] if change < 0 else raw + random.Random(2).randbytes(change)
    path.write_bytes(wanted)

    [result] = mirror(far, main)

    assert (mirrored(main) / "state").read_bytes() == wanted
    assert result.bytes <= max(change, 0) + BLOCK


def test_a_file_whose_time_alone_changed_does_not_travel(far: FarSide, main: Path) -> None:
    path = far.job() / "state"
    path.write_bytes(b"z" * (8 * BLOCK))
    mirror(far, main)
    os.utime(path, (1, 1))

    [result] = mirror(far, main)

    assert result.bytes == 0
    assert (mirrored(main) / "state").stat().st_mtime == 1


def test_what_a_power_cut_left_hollow_is_fetched_again(far: FarSide, main: Path) -> None:
    raw = random.Random(1).randbytes(2 * BYTES)
    (far.job() / "big").write_bytes(raw)

    def cut(request: frames.Message) -> None:
        if len(far.calls) >= 3:
            raise HostUnreachable("cut")

    far.before = cut
    with pytest.raises(HostUnreachable):
        mirror(far, main)
    far.before = lambda request: None
    [partial] = (mirrored(main) / ".xpm" / "partial").iterdir()
    with partial.open("r+b") as file:
        file.seek(BYTES // 2)
        file.write(bytes(BLOCK))

    mirror(far, main)

    assert (mirrored(main) / "big").read_bytes() == raw


def test_what_is_half_here_is_gone_on_with_whatever_else_comes_meanwhile(
    far: FarSide, main: Path
) -> None:
    raw = random.Random(3).randbytes(BYTES + 12_345)
    (far.job() / "big").write_bytes(raw)
    (far.job() / "small").write_bytes(b"s")
    far.finish()
    arrived: list[int] = []

    class Off(Exception):
        """This machine is switched off."""

    def off(count: int) -> None:
        arrived.append(count)
        if len(arrived) > 1:
            raise Off

    with contextlib.suppress(Off):
        fetch(Slowly(far), [REF], main, off)
    half = sum(arrived) - arrived[-1]

    fetch(far, [REF], main, lambda count: None, Choice(skip=("big",)))
    [rest] = fetch(far, [REF], main, lambda count: None, Choice(skip=("big",)).and_also(["big"]))

    assert 0 < half < len(raw)
    assert rest.bytes == len(raw) - half
    assert (mirrored(main) / "big").read_bytes() == raw


class Slowly:
    """The far side over a link that gives a few bytes at a time."""

    def __init__(self, far: FarSide) -> None:
        self.call = far.call
        self.workspace = far.workspace

    def stream(
        self, contents: Iterable[frames.Message]
    ) -> Iterator[tuple[frames.Message, Iterator[bytes]]]:
        for content in contents:
            answer, payload = self.call(content)
            yield (
                answer,
                iter([payload[at : at + 100_001] for at in range(0, len(payload), 100_001)]),
            )


def test_what_came_before_does_not_stay_there_whatever_the_rules_say(
    far: FarSide, main: Path
) -> None:
    for name in ("one.pt", "two.pt"):
        (far.job() / name).write_bytes(b"model")
    far.finish()
    rules = Choice(skip=("*.pt",))
    fetch(far, [REF], main, lambda count: None, rules)

    [first] = fetch(far, [REF], main, lambda count: None, rules.and_also(["one.pt"]))
    [second] = fetch(far, [REF], main, lambda count: None, rules.and_also(["two.pt"]))

    assert [each.path for each in first.stayed] == ["two.pt"]
    assert second.stayed == []
    assert not (mirrored(main) / ".xpm" / "stayed.json").exists()


def test_a_file_nobody_may_read_there_is_told_and_holds_nothing_up(
    far: FarSide, main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (far.job() / "secret").write_bytes(b"s" * 10)
    (far.job() / "secret").chmod(0)
    (far.job() / "open").write_bytes(b"o")
    far.finish()
    refuse(monkeypatch, "secret")

    [found] = mirror(far, main)

    assert found.problems == []
    assert [(each.path, each.size, each.why) for each in found.stayed] == [
        ("secret", 10, "unreadable")
    ]
    assert (mirrored(main) / "open").exists()
    assert (mirrored(main) / ".xpm" / "a1.2").exists()


def test_a_refusal_that_is_not_the_files_own_ends_the_exchange_and_comes_again(
    far: FarSide, main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (far.job() / "file").write_bytes(b"f")  # its mode lets us: a ticket has expired
    far.finish()
    with monkeypatch.context() as expired:
        refuse(expired, "file")
        with pytest.raises(PermissionError):
            mirror(far, main)
    assert not (mirrored(main) / ".xpm" / "a1.2").exists()

    [found] = mirror(far, main)

    assert found.problems == []
    assert (mirrored(main) / "file").exists()


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The far side may not open a file, whoever runs this."""
    usual = paths.open_below

    def open_below(folder: int, relative: object) -> int:
        if relative == name:
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return usual(folder, relative)

    monkeypatch.setattr(paths, "open_below", open_below)


@pytest.mark.parametrize("becomes", ["gone", "folder", "link", "shorter", "longer"])
def test_whatever_becomes_of_a_file_while_it_is_fetched_the_end_is_as_there(
    far: FarSide, main: Path, becomes: str
) -> None:
    job = far.job()
    (job / "out").write_bytes(b"x" * 300_000)
    (job / "other").write_bytes(b"y")
    far.finish()
    mirrored(main).mkdir(parents=True)
    (mirrored(main) / "mine.txt").write_text("kept")

    def change(request: frames.Message) -> None:
        if request["verb"] == "pull" and not (job / "changed").exists():
            (job / "changed").touch()
            (job / "out").unlink()
            if becomes == "folder":
                (job / "out").mkdir()
                (job / "out" / "inner").write_bytes(b"i")
            elif becomes == "link":
                (job / "out").symlink_to("other")
            elif becomes != "gone":
                (job / "out").write_bytes(b"z" * (5 if becomes == "shorter" else 400_000))

    far.before = change

    [found] = mirror(far, main)

    here = tree(mirrored(main))
    assert here.pop("mine.txt") == b"kept"
    assert tree(job) == here
    assert found.problems == []


def test_a_job_that_somebody_else_brings_now_is_waited_for_or_left_out(
    far: FarSide, main: Path
) -> None:
    (far.job() / "stdout").write_bytes(b"x")
    other = JobRef("t", "b" * 64)
    (far.job(other) / "stdout").write_bytes(b"y")
    script = (
        "import sys; from pathlib import Path; from xpm.sync.alone import alone;"
        "from xpm.connectors.base import JobRef\n"
        f"with alone(Path({str(main)!r}), {far.workspace!r}, [JobRef(*{(REF.task, REF.job)!r})], True) as held:\n"
        "    print(len(held), flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"1\n"

        live = fetch(far, [REF, other], main, lambda count: None, Choice(live=()).meanwhile)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(mirror, far, main)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            holder.stdin.close()
            [found] = waiting.result(60)

    assert [each.ref for each in live] == [other]
    assert (found.ref, found.files) == (REF, 1)


def test_threads_of_one_process_keep_apart_too(main: Path) -> None:
    refs = [JobRef("t", digit * 64) for digit in "abc"]
    with (
        alone(main, "/far", refs[:2], True) as mine,
        ThreadPoolExecutor(1) as pool,
    ):

        def tried() -> list[JobRef]:
            with alone(main, "/far", refs, False) as held:
                return list(held)

        theirs = pool.submit(tried).result(60)

    assert (list(mine), theirs) == (refs[:2], refs[2:])


def test_who_brings_files_hears_before_how_much_will_come(far: FarSide, main: Path) -> None:
    (far.job() / "big").write_bytes(b"z" * 1000)
    (far.job() / "stays").write_bytes(b"z" * 5000)

    class Told:
        """Bytes to come, and come."""

        expected = arrived = 0

        def expect(self, count: int) -> None:
            self.expected += count

        def __call__(self, count: int) -> None:
            self.arrived += count

    told = Told()
    fetch(far, [REF], main, told, Choice(skip=("stays",)))

    assert (told.expected, told.arrived) == (1000, 1000)


def test_who_has_something_more_urgent_to_do_gets_what_was_asked_for_and_the_rest_later(
    far: FarSide, main: Path
) -> None:
    raw = random.Random(5).randbytes(BYTES * 3)
    (far.job() / "big").write_bytes(raw)
    far.finish()

    class Busy:
        """Has something to do once a first piece is there."""

        arrived = 0

        def __call__(self, count: int) -> None:
            self.arrived += count

        def pauses(self) -> bool:
            return self.arrived > 0

    busy = Busy()
    with pytest.raises(Paused):
        fetch(far, [REF], main, busy)
    assert not (mirrored(main) / ".xpm" / "a1.2").exists()

    [rest] = mirror(far, main)

    assert 0 < busy.arrived < len(raw)
    assert rest.bytes - size_of_records(far) == len(raw) - busy.arrived
    assert raw == (mirrored(main) / "big").read_bytes()


def size_of_records(far: FarSide) -> int:
    return sum((far.job() / ".xpm" / name).stat().st_size for name in ("a1.1", "a1.2"))


def _many(far: FarSide) -> None:
    for number in range(unchanged.LEAST + 5):
        (far.job() / f"f{number}").write_text(str(number))
    far.finish()


def test_of_many_files_that_are_all_the_same_no_list_travels(far: FarSide, main: Path) -> None:
    _many(far)
    fetch(far, [REF], main, lambda count: None)
    far.calls.clear()
    answers: list[object] = []
    far.after = lambda request, answer: answers.append(answer[0]["jobs"]) or answer  # type: ignore[func-returns-value]

    [found] = fetch(far, [REF], main, lambda count: None)

    assert (["manifest"], [["same"]]) == ([each["verb"] for each in far.calls], answers)
    assert (0, 0, []) == (found.files, found.bytes, list(found.problems))


@pytest.mark.parametrize("where", ["here", "there"])
@pytest.mark.parametrize("what", ["removed", "edited", "new"])
def test_what_is_not_the_same_among_many_files_is_noticed_on_either_side(
    far: FarSide, main: Path, where: str, what: str
) -> None:
    _many(far)
    fetch(far, [REF], main, lambda count: None)
    folder = far.job() if where == "there" else main / "jobs" / REF.task / REF.job
    if what == "removed":
        (folder / "f7").unlink()
    else:
        (folder / ("f7" if what == "edited" else "new")).write_text("more than it was")

    fetch(far, [REF], main, lambda count: None)

    here = tree(main / "jobs" / REF.task / REF.job)
    there = tree(far.job())
    assert {path: here.get(path) for path in there if not path.startswith(".xpm")} == {
        path: raw for path, raw in there.items() if not path.startswith(".xpm")
    }
