"""Environments of a workspace: made once, told when they cannot be, tried again when asked."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core.yard import Yard, job_id
from tests.sync import wheelhouse
from xpm.agent import contain, entering, environs, modules, place, troubles
from xpm.agent.advance import settle_due
from xpm.agent.building import Builder
from xpm.agent.environs import Environments
from xpm.sync.locks import from_uv_lock

ID = "0123456789abcdef" * 4
MODULES = """\
module() {
    case "$1 $2" in
        "is-avail gcc/12"|"is-avail cuda/12.4") return 0 ;;
        "-t avail") echo /apps:; echo gcc/12; echo "cuda/12.4(default)"; echo cuda/11.8 ;;
        "is-avail "*) return 1 ;;
    esac
}
"""


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    yard = Yard(tmp_path / "work")
    place.record(yard.layout, "plain", "none", {}, sys.executable, dict(os.environ))
    return yard


def recipe(yard: Yard, **more: Any) -> Path:
    folder = Path(yard.layout.code, ID)
    folder.mkdir(parents=True)
    content = {"format": 1, "make": None, "use": None, **more}
    (folder / "recipe.json").write_text(json.dumps(content))
    return folder


def build(yard: Yard) -> bool:
    content = place.read(yard.layout)
    assert content is not None
    return Builder(yard.layout, ID, content).run()


def failure(yard: Yard) -> str:
    content = json.loads(Path(environs.paths(yard.layout, ID).failed).read_text())
    return str(content["message"])


def test_a_lock_is_built_once_and_two_builders_make_one_environment(
    yard: Yard, tmp_path: Path
) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(wheelhouse.make(tmp_path / "index"))
    links = [str(each) for each in (tmp_path / "index").iterdir()]
    make = {
        "with": "pip", "requirements": "r.txt", "hashes": True, "complete": True, "find_links": links,
    }  # fmt: skip
    folder = recipe(yard, make=make, imports=[["tinylib", "plan.py:1"]])
    (folder / "r.txt").write_text(from_uv_lock(lock).text)
    content = place.read(yard.layout)
    assert content is not None
    late = Builder(yard.layout, ID, content)

    assert build(yard)
    first = Path(environs.paths(yard.layout, ID).link).readlink()
    late._folder += ".late"
    Path(late._folder).mkdir()
    late._publish()

    assert first == Path(environs.paths(yard.layout, ID).link).readlink()
    lines, argv = environs.start_of(yard.layout, content, {"environment": ID}, "s")
    assert environs.paths(yard.layout, ID).link + "/bin/python" == argv[0]
    assert f"export XPM_ENVIRONMENT={ID}" in lines


def test_what_a_purge_took_files_from_is_looked_at_each_day_and_built_anew(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheelhouse.make(tmp_path / "index")
    links = [str(each) for each in (tmp_path / "index").iterdir()]
    make = {"with": "pip", "requirements": "r.txt", "find_links": links, "build": "job"}
    folder = recipe(yard, make=make)
    (folder / "r.txt").write_text("tinylib\n")
    content = place.read(yard.layout)
    assert content is not None
    where = environs.paths(yard.layout, ID)
    assert build(yard)
    first = Path(where.link).readlink()
    now = json.loads(Path(where.record).read_text())["at"] + 1
    yard.ask("a", request={"environment": ID})

    fresh = ready(yard, Environments(yard.layout, content), now)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    inside = ready(yard, Environments(yard.layout, content), now + 2 * environs.DAY_S)
    monkeypatch.delenv("SLURM_JOB_ID")
    assert build(yard)
    untouched = Path(where.link).readlink()
    [lost] = Path(where.link).glob("lib/python*/site-packages/tinylib.py")
    lost.unlink()
    assert build(yard)

    assert ([], "ready") == fresh == inside
    assert first == untouched != Path(where.link).readlink()
    assert list(Path(where.link).glob("lib/python*/site-packages/tinylib.py"))
    assert "1 of its files are gone" in Path(where.log).read_text()


def test_what_a_batch_job_built_is_built_by_one_again_when_files_are_gone(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.record(yard.layout, "slurm", "none", {}, sys.executable, dict(os.environ))
    recipe(yard, make={"with": "pip", "requirements": "r.txt", "build": "job"})
    where = environs.paths(yard.layout, ID)
    built = Path(where.folder, "built", "bin")
    built.mkdir(parents=True)
    (built / "python").symlink_to(sys.executable)
    Path(where.link).symlink_to("built")
    known = {"format": 1, "at": 0.0, "python": str(built / "python"), "kept": True, "files": 1}
    Path(where.record).write_text(json.dumps(known))
    monkeypatch.setattr("xpm.agent.advance.advance_workspace", lambda *_: None)

    assert build(yard)
    whole = environs.is_built(where)
    Path(where.record).write_text(json.dumps({**known, "files": 2}))
    assert build(yard)

    assert whole
    assert not environs.is_built(where)


def test_what_cannot_be_built_is_told_with_its_last_lines_and_leaves_nothing(yard: Yard) -> None:
    folder = recipe(yard, make={"with": "pip", "requirements": "r.txt", "find_links": ["/nowhere"]})
    (folder / "r.txt").write_text("tinylib==2.1\n")

    assert not build(yard)

    assert "cannot install the packages" in failure(yard)
    assert "No matching distribution found for tinylib==2.1" in failure(yard)
    assert not list((yard.root / "envs").glob("*~*"))


def test_an_index_that_is_out_of_reach_fails_no_job_and_is_tried_again(yard: Yard) -> None:
    make = {"with": "pip", "requirements": "r.txt", "index": "http://127.0.0.1:9/simple"}
    folder = recipe(yard, make=make, pre=["export PIP_RETRIES=1 UV_HTTP_RETRIES=0"])
    (folder / "r.txt").write_text("no-such-library==2.1\n")
    content = place.read(yard.layout)
    assert content is not None
    where = environs.paths(yard.layout, ID)
    yard.ask("a", request={"environment": ID})

    assert not build(yard)
    environments = Environments(yard.layout, content)
    now = json.loads(Path(where.later).read_text())["at"] + 1
    stands = ready(yard, environments, now)
    told = environments.notes(now)
    begun = Path(where.attempt).exists()
    ready(yard, environments, now + 60)

    assert ([job_id("a")], "ready") == stands
    assert not Path(where.failed).exists()
    assert "the network failed (" in told[0]
    assert "`build: wheels`" in told[0]
    assert not begun
    assert Path(where.attempt).exists()
    environments._running[ID].wait(60)


@pytest.mark.parametrize(
    ("status", "may_heal"), [(503, True), (502, True), (429, True), (404, False)]
)
def test_an_index_that_has_no_time_now_is_not_one_without_the_package(
    yard: Yard, status: int, may_heal: bool
) -> None:
    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    index = f"http://127.0.0.1:{server.server_port}/simple"
    folder = recipe(
        yard,
        make={"with": "pip", "requirements": "r.txt", "index": index},
        pre=["export PIP_RETRIES=1 PATH=/usr/bin:/bin"],  # without uv, which says it by itself
    )
    (folder / "r.txt").write_text("six==1.16.0\n")

    assert not build(yard)
    server.shutdown()
    server.server_close()

    where = environs.paths(yard.layout, ID)
    assert may_heal == Path(where.later).exists()
    assert may_heal != Path(where.failed).exists()
    assert f"{status} " in Path(where.log).read_text()


def test_a_batch_job_that_builds_may_be_lost_twice(yard: Yard) -> None:
    content = place.read(yard.layout)
    assert content is not None
    recipe(yard)
    where = environs.paths(yard.layout, ID)
    Path(where.folder).mkdir()
    environments = Environments(yard.layout, content)

    for _ in range(3):
        assert not Path(where.failed).exists()
        environments._lost(where, "77", time.time())

    assert "batch job 77, which was to make it, is gone without a word" in failure(yard)


@pytest.mark.parametrize(
    "text",
    [
        "after connection broken by 'NewConnectionError('...: Failed to establish a new connection: [Errno -3]",
        "  cause: error sending request for url (https://pypi.org/simple/six/)",
        "  cause: HTTP status server error (503 Service Unavailable) for url (http://h/simple/six/)",
        "CondaHTTPError: HTTP 000 CONNECTION FAILED for url <https://conda.anaconda.org/x>",
        "fatal: unable to access 'https://h/': Could not resolve host: h",
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
    ],
)
def test_trouble_is_told_from_a_wrong_lock(text: str) -> None:
    wrong = (
        "ERROR: No matching distribution found for six==1.16.999\nHash mismatch for `six==1.16.0`"
    )

    assert troubles.found(text)
    assert not troubles.found(wrong)


def test_conda_scripts_of_another_shell_end_no_job(tmp_path: Path) -> None:
    scripts = tmp_path / "etc" / "conda" / "activate.d"
    scripts.mkdir(parents=True)
    (scripts / "a.sh").write_text("export PLAIN='a b'\n")
    (scripts / "b.sh").write_text('names=(x y)\nexport OF_BASH="${names[1]}\'s"\n')
    lines = entering.conda(str(tmp_path))["activate"]

    done = subprocess.run(
        ["dash", "-c", "\n".join([*lines, 'echo "$PLAIN $OF_BASH"'])],
        capture_output=True,
        text=True,
    )

    assert "a b y's\n" == done.stdout, done.stderr


def test_a_plan_whose_imports_are_not_there_is_refused_with_the_line(yard: Yard) -> None:
    recipe(yard, imports=[["json", "plan.py:1"], ["nosuchlib", "plan.py:2"]])

    assert not build(yard)

    assert "cannot import nosuchlib (plan.py:2)" in failure(yard)


def test_a_module_that_is_not_there_is_named_with_those_like_it(yard: Yard) -> None:
    recipe(yard, pre=[MODULES], modules=["gcc/12", "cuda/12.6"])

    assert not build(yard)

    assert "module 'cuda/12.6' is not there; there are cuda/11.8, cuda/12.4" in failure(yard)


def test_modules_that_are_there_are_noted(yard: Yard) -> None:
    recipe(yard, pre=[MODULES], modules=["gcc/12", "cuda/12.4"])

    assert build(yard)

    known = environs.record(yard.layout, ID)
    assert known is not None
    assert ["gcc/12", "cuda/12.4"] == known["modules"]


def test_names_are_read_out_of_a_list_of_modules() -> None:
    text = "/apps/modules:\ngcc/12\ncuda/12.4(default)\nblas/\n"

    assert ["blas", "cuda/12.4", "gcc/12"] == modules.available(text)


def ready(yard: Yard, environments: Environments, now: float) -> "tuple[Sequence[str], str]":
    """Who waits, and how the first job stands."""
    board = yard.board(now)
    waiting = environments.sift(board, now)
    settle_due(board, None, now)
    return sorted(waiting), board.jobs[job_id("a")].word


def test_jobs_wait_are_refused_when_it_fails_and_tried_again_when_asked_later(yard: Yard) -> None:
    recipe(yard)
    content = place.read(yard.layout)
    assert content is not None
    where = environs.paths(yard.layout, ID)
    Path(where.folder).mkdir()
    Path(where.attempt).write_text('{"mode": "login"}')
    yard.ask("a", request={"environment": ID})

    environments = Environments(yard.layout, content)
    assert ([job_id("a")], "ready") == ready(yard, environments, time.time())

    Path(where.attempt).unlink()
    environs.fail(where, "no such thing", time.time() + 1)
    assert "failed" == ready(yard, environments, time.time())[1]

    environs.fail(where, "no such thing", 0.0)
    yard.ask("b", request={"environment": ID})
    assert job_id("b") in ready(yard, environments, time.time())[0]
    assert Path(where.attempt).exists()  # a builder has been started
    environments._running[ID].wait(60)


def test_a_container_gets_the_workspace_and_runs_the_runner(tmp_path: Path) -> None:
    known = {
        "program": "/usr/bin/apptainer", "options": ["--cleanenv", "--bind", "/w"], "python": "python3",
        "image": "/i.sif",
    }  # fmt: skip

    argv = contain.argument_list(known, "/w/.xpm/travel/t", "/w", "s")
    environ = contain.environment(known, {"SLURM_JOB_ID": "7", "HOME": "/h"})

    assert ["--pwd", "/w", "/i.sif", "python3", "/w/.xpm/travel/t", "run", "/w", "s"] == argv[5:]
    assert "7" == environ["APPTAINERENV_SLURM_JOB_ID"]
    assert "1" == environ["APPTAINERENV_XPM_CONTAINED"]
