"""Code in, results out, and nothing beside the folders they belong to."""

import errno
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agent.conversation import Message, blob, error, ok, opening, unpacked
from tests.runner.workshop import TASK, job_id
from xpm.agent.service import Service

JOB = job_id("a")


class Agent:
    """A service with an open workspace, and a job's folder in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._service = Service(unpacked(root), str(root))
        ok(self.call(opening(root)))
        self.folder = root / "jobs" / TASK / JOB
        (self.folder / ".xpm").mkdir(parents=True)

    def call(self, content: Message, payload: bytes = b"") -> tuple[Message, bytes]:
        return self._service.handle(content, payload)

    def put(self, *texts: str) -> list[str]:
        blobs = [blob(text) for text in texts]
        sizes = [[sha, len(raw)] for sha, raw in blobs]
        ok(self.call({"verb": "put", "blobs": sizes}, b"".join(raw for _, raw in blobs)))
        return [sha for sha, _ in blobs]

    def tree(self, *files: list[Any], snapshot: str = "snap") -> tuple[Message, bytes]:
        return self.call({"verb": "tree", "snapshot": snapshot, "files": list(files)})

    def manifest(self) -> Message:
        found: Message = ok(self.call({"verb": "manifest", "jobs": [[TASK, JOB]]}))["jobs"][0]
        return found

    def manifest_call(self) -> Message:
        return self.call({"verb": "manifest", "jobs": [[TASK, JOB]]})[0]

    def pull(self, *items: tuple[str, int], limit: int = 1000) -> tuple[list[list[int]], bytes]:
        listed = [[TASK, JOB, path, offset] for path, offset in items]
        answer, payload = self.call({"verb": "pull", "items": listed, "limit": limit})
        return ok((answer, payload))["pieces"], payload


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path / "ws")


def test_only_what_is_missing_is_asked_for(agent: Agent) -> None:
    [sha] = agent.put("one")
    other, _ = blob("other")

    request = {"verb": "missing", "blobs": [sha, other]}

    assert [other] == ok(agent.call(request))["missing"]


def test_a_damaged_blob_is_refused(agent: Agent) -> None:
    sha, _ = blob("one")

    answer = agent.call({"verb": "put", "blobs": [[sha, 3]]}, b"two")

    assert "arrived damaged" in error(answer)["message"]
    assert [sha] == ok(agent.call({"verb": "missing", "blobs": [sha]}))["missing"]


def test_a_tree_says_what_it_lacks_and_is_whole_or_absent(agent: Agent) -> None:
    sha, _ = blob("one")

    assert [sha] == ok(agent.tree(["a/b.py", sha, 0o644]))["missing"]

    assert list((agent.root / ".xpm" / "code").iterdir()) == []


def test_a_tree_holds_its_files_with_their_modes(agent: Agent) -> None:
    [sha] = agent.put("one")

    assert ok(agent.tree(["a/b.py", sha, 0o644], ["run", sha, 0o755]))["missing"] == []

    tree = agent.root / ".xpm" / "code" / "snap"
    assert "one" == (tree / "a" / "b.py").read_text() == (tree / "run").read_text()
    assert [(tree / name).stat().st_mode & 0o777 for name in ("a/b.py", "run")] == [0o444, 0o555]
    assert ok(agent.tree(["a/b.py", sha, 0o644], ["run", sha, 0o755]))["missing"] == []


def test_a_program_whose_mode_a_kill_has_kept_away_gets_it_from_the_next(agent: Agent) -> None:
    [sha] = agent.put("one")
    twin = agent.root / ".xpm" / "blobs" / sha[:2] / f"{sha}.x"
    twin.write_text("one")
    twin.chmod(0o644)

    ok(agent.tree(["run", sha, 0o755]))

    assert 0o555 == (agent.root / ".xpm" / "code" / "snap" / "run").stat().st_mode & 0o777


def test_a_tree_that_a_kill_has_left_half_made_goes_when_the_next_one_comes(agent: Agent) -> None:
    [sha] = agent.put("one")
    half = agent.root / ".xpm" / "code" / "~host.1.1"
    (half / "a").mkdir(parents=True)
    os.utime(half, (0, 0))

    ok(agent.tree(["a", sha, 0o644]))

    assert ["snap", "snap.json"] == sorted(each.name for each in half.parent.iterdir())


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "a/../../x", "a//b", "", ".", "a/./b", "a\0b", 7, None]
)
def test_a_tree_with_an_unsafe_path_is_refused(agent: Agent, path: object) -> None:
    [sha] = agent.put("one")

    assert error(agent.tree([path, sha, 0o644]))["kind"] == "usage"

    assert list((agent.root / ".xpm" / "code").iterdir()) == []


def test_a_file_that_is_also_a_folder_is_refused(agent: Agent) -> None:
    [sha] = agent.put("one")

    answer = agent.tree(["a", sha, 0o644], ["a/b", sha, 0o644])

    assert error(answer)["kind"] == "usage"
    assert list((agent.root / ".xpm" / "code").iterdir()) == []


@pytest.mark.parametrize("snapshot", ["..", "a/b", "", ".hidden", None, "x\n"])
def test_a_snapshot_with_an_unsafe_name_is_refused(agent: Agent, snapshot: str) -> None:
    assert error(agent.tree(snapshot=snapshot))["kind"] == "usage"


def test_a_manifest_tells_links_and_never_follows_them(agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    (agent.folder / "out").symlink_to(tmp_path / "secret")
    (agent.folder / "sub").mkdir()
    (agent.folder / "sub" / "file").write_text("1234")
    os.mkfifo(agent.folder / "pipe")
    (agent.folder / os.fsdecode(b"bad\xff")).write_text("")

    found = agent.manifest()

    assert [each[:2] for each in found["files"]] == [["sub/file", 4]]
    assert [["out", str(tmp_path / "secret")]] == found["links"]
    assert len(found["problems"]) == 2


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES])
@pytest.mark.parametrize("below", ["", ".xpm"])
def test_a_folder_that_cannot_be_listed_now_is_not_taken_for_an_empty_one(
    agent: Agent, code: int, below: str
) -> None:
    (agent.folder / "result").write_text("x")

    answer = while_a_listing_fails(str(agent.folder / below), code, agent.manifest_call)

    assert error((answer, b""))["kind"] == "disk"


def test_a_folder_that_a_task_has_made_unreadable_is_a_problem_of_its_own(agent: Agent) -> None:
    (agent.folder / "result").write_text("x")
    (agent.folder / "locked").mkdir()
    locked = str(agent.folder / "locked")

    answer = while_a_listing_fails(locked, errno.EACCES, agent.manifest_call)

    [found] = ok((answer, b""))["jobs"]
    assert ["result"] == [row[0] for row in found["files"]]
    assert ["locked/: Permission denied"] == found["problems"]


def while_a_listing_fails(folder: str, code: int, work: Callable[[], Message]) -> Message:
    """What some work answers in a fork where this folder cannot be listed."""
    reading, writing = os.pipe()

    def hook(event: str, args: tuple[object, ...]) -> None:
        here = folder.rstrip("/")  # below the first one, folders are opened by their name alone
        if event == "open" and str(args[0]).rstrip("/") in (here, here.rpartition("/")[2]):
            raise OSError(code, os.strerror(code), folder)

    pid = os.fork()
    if pid == 0:
        try:
            sys.addaudithook(hook)
            os.write(writing, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading) as file:
        answer: Message = json.loads(file.read())
    return answer


def test_a_job_that_has_no_folder_has_an_empty_manifest(agent: Agent) -> None:
    request = {"verb": "manifest", "jobs": [[TASK, job_id("other")]]}

    found = ok(agent.call(request))["jobs"][0]

    assert (found["files"], found["links"], found["problems"]) == ([], [], [])


def test_files_are_pulled_in_pieces_that_fit(agent: Agent) -> None:
    (agent.folder / "a").write_bytes(b"0123456789")
    (agent.folder / "b").write_bytes(b"xyz")
    (agent.folder / "empty").write_bytes(b"")

    pieces, payload = agent.pull(("a", 2), ("empty", 0), ("b", 0), ("b", 0), limit=11)

    assert [each[:4] for each in pieces] == [[0, 2, 8, 10], [1, 0, 0, 0], [2, 0, 2, 3]]
    assert payload == b"23456789xy"


@pytest.mark.parametrize("path", ["gone", "link", "linked/key", "folder", "pipe"])
def test_what_is_no_file_of_the_job_has_no_bytes(agent: Agent, tmp_path: Path, path: str) -> None:
    (tmp_path / "key").write_text("secret")
    (agent.folder / "link").symlink_to(tmp_path / "key")
    (agent.folder / "linked").symlink_to(tmp_path)
    (agent.folder / "folder").mkdir()
    os.mkfifo(agent.folder / "pipe")

    pieces, payload = agent.pull((path, 0))

    assert (pieces[0][:4], payload) == ([0, 0, 0, -1], b"")


@pytest.mark.parametrize("path", ["../../../x", "/etc/passwd", "a/../../b"])
def test_a_path_out_of_the_job_is_refused(agent: Agent, path: str) -> None:
    request = {"verb": "pull", "items": [[TASK, JOB, path, 0]], "limit": 10}

    assert error(agent.call(request))["kind"] == "usage"


@pytest.mark.parametrize(
    ("task", "job"), [("..", JOB), ("a/b", JOB), (TASK, "../x"), (TASK, JOB.upper()), (None, JOB)]
)
def test_a_name_that_is_no_jobs_is_refused(agent: Agent, task: str, job: str) -> None:
    tail = {"verb": "tail", "task": task, "job": job, "stream": "stdout", "offset": 0, "limit": 9}

    assert error(agent.call(tail))["kind"] == "usage"
    assert error(agent.call({"verb": "manifest", "jobs": [[task, job]]}))["kind"] == "usage"
    assert error(agent.call({"verb": "cancel", "jobs": [[task, job, 1]]}))["kind"] == "usage"


def test_the_tail_of_a_log_starts_at_an_offset(agent: Agent) -> None:
    tail = {"verb": "tail", "task": TASK, "job": JOB, "stream": "stderr"}
    assert _tail(agent, {**tail, "offset": 0, "limit": 9}) == (
        {"size": 0, "offset": 0, "begins": []},
        b"",
    )
    (agent.folder / "stderr").write_text("hello")

    assert _tail(agent, {**tail, "offset": 2, "limit": 2}) == (
        {"size": 5, "offset": 2, "begins": []},
        b"ll",
    )
    assert _tail(agent, {**tail, "offset": 9, "limit": 2}) == (
        {"size": 5, "offset": 9, "begins": []},
        b"",
    )
    assert error(agent.call({**tail, "stream": "x", "offset": 0, "limit": 1}))["kind"] == "usage"


def _tail(agent: Agent, request: Message) -> tuple[Message, bytes]:
    answer, payload = agent.call(request)
    return ok((answer, payload)), payload


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"verb": None},
        {"verb": "put"},
        {"verb": "put", "blobs": [["x"]]},
        {"verb": "tree", "snapshot": "s", "files": [["a", "b"]]},
        {"verb": "queue", "jobs": [{}]},
        {"verb": "queue", "jobs": None},
        {"verb": "cancel", "jobs": [[TASK, JOB, 0]]},
        {"verb": "cancel", "jobs": [[TASK, JOB, True]]},
        {"verb": "pull", "items": [[1]], "limit": "x"},
        {"verb": "manifest", "jobs": 3},
        {"verb": "observe", "cursor": 3, "jobs": None, "wait_s": 0},
    ],
)
def test_a_request_that_makes_no_sense_is_answered_in_words(
    agent: Agent, request_: Message
) -> None:
    assert error(agent.call(request_))["kind"] == "usage"


def test_a_job_outside_the_queue_is_known_by_its_folder(agent: Agent) -> None:
    request = {"verb": "observe", "cursor": None, "jobs": [[TASK, JOB]], "wait_s": 0}

    [change] = ok(agent.call(request))["changes"]

    assert (change["state"], change["attempt"]) == ("unknown", 0)


def test_what_a_site_has_deleted_of_a_tree_is_put_back_before_it_is_used(agent: Agent) -> None:
    one, other = agent.put("one", "other")
    files = [["a/one.py", one, 0o644], ["other", other, 0o755]]
    ok(agent.tree(*files))
    tree, old = agent.root / ".xpm" / "code" / "snap", time.time() - 2 * 86400
    (tree / "a" / "one.py").unlink()
    (tree / "other").unlink()
    (tree / "a").rmdir()
    os.utime(agent.root / ".xpm" / "code" / "snap.json", (old, old))

    assert ok(agent.call({"verb": "holds", "snapshot": "snap"}))["holds"]

    assert "one" == (tree / "a" / "one.py").read_text()
    assert 0o555 == (tree / "other").stat().st_mode & 0o777


def test_a_tree_whose_contents_are_deleted_too_is_asked_for_again(agent: Agent) -> None:
    one, other = agent.put("one", "other")
    files = [["one.py", one, 0o644], ["other.py", other, 0o644]]
    ok(agent.tree(*files))
    tree, old = agent.root / ".xpm" / "code" / "snap", time.time() - 2 * 86400
    (tree / "one.py").unlink()
    (agent.root / ".xpm" / "blobs" / one[:2] / one).unlink()
    os.utime(agent.root / ".xpm" / "code" / "snap.json", (old, old))

    assert not ok(agent.call({"verb": "holds", "snapshot": "snap"}))["holds"]
    assert [one] == ok(agent.tree(*files))["missing"]
    agent.put("one")
    assert [] == ok(agent.tree(*files))["missing"]

    assert "one" == (tree / "one.py").read_text()


def test_the_files_of_a_tree_that_is_used_are_touched_once_a_day(agent: Agent) -> None:
    [sha] = agent.put("one")
    ok(agent.tree(["one.py", sha, 0o644]))
    file = agent.root / ".xpm" / "code" / "snap" / "one.py"
    old = time.time() - 40 * 86400
    os.utime(file, (old, old))

    ok(agent.call({"verb": "holds", "snapshot": "snap"}))
    assert old == pytest.approx(file.stat().st_mtime)  # somebody has looked today
    os.utime(agent.root / ".xpm" / "code" / "snap.json", (old, old))
    ok(agent.call({"verb": "holds", "snapshot": "snap"}))

    assert file.stat().st_mtime > old + 86400
    assert (agent.root / ".xpm" / "blobs" / sha[:2] / sha).stat().st_mtime > old + 86400
