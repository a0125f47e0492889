"""What is checked when a workspace is opened, and what is told when something lacks."""

import os
import sys
from pathlib import Path

import pytest

from tests.agent.conversation import Message, error, ok, opening, unpacked
from tests.pythons import interpreters
from xpm.agent import opening as opens
from xpm.agent.refusals import Refusal
from xpm.agent.service import Service
from xpm.wire import files


def opened(root: Path, environ: dict[str, str] | None = None, **more: object) -> Message:
    service = Service("0" * 12, str(root), environ=environ or dict(os.environ))
    return service.handle(opening(root, **more), b"")[0]


def executable(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_home_and_variables_are_those_of_the_host() -> None:
    environ = {"HOME": "/home/me", "SCRATCH": "/scratch/me"}

    assert opens.expand("~/xpm", environ) == "/home/me/xpm"
    assert opens.expand("$SCRATCH/x", environ) == "/scratch/me/x"
    assert opens.expand("${SCRATCH}/x", environ) == "/scratch/me/x"
    assert opens.expand("x", environ) == "/home/me/x"


@pytest.mark.parametrize("text", ["$NOSUCH/x", "", None, 3, "a\0b"])
def test_a_folder_that_cannot_be_named_is_refused(text: object) -> None:
    with pytest.raises(Refusal):
        opens.expand(text, {"HOME": "/home/me"})


def test_what_is_found_is_recorded_for_whoever_advances(tmp_path: Path) -> None:
    answer = opened(tmp_path / "ws", capacity={"jobs": 3}, options={"x": 1})

    assert list(sys.version_info[:3]) == answer["ok"]["python"]
    place = files.load(str(tmp_path / "ws" / ".xpm" / "place.json"))
    assert place is not None
    assert tuple(place[key] for key in ("kind", "capacity", "travel", "options")) == (
        "plain",
        {"jobs": 3},
        "0" * 12,
        {"x": 1},
    )


def test_opening_again_keeps_the_workspaces_identity(tmp_path: Path) -> None:
    assert opened(tmp_path)["ok"]["id"] == opened(tmp_path)["ok"]["id"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a file in the way serves as well")
def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    problem = opened(tmp_path / "file" / "ws")["error"]

    assert problem["kind"] == "site"
    assert "cannot write in the workspace" in problem["message"]
    assert "workspace:" in problem["hint"]


def test_a_workspace_of_another_kind_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    path = tmp_path / ".xpm" / "place.json"
    content = files.load(str(path))
    assert content is not None
    path.write_bytes(files.dump({**content, "kind": "slurm"}))

    assert "kind slurm" in opened(tmp_path)["error"]["message"]


def test_a_python_that_is_missing_is_named(tmp_path: Path) -> None:
    problem = opened(tmp_path, python="/no/such/python")["error"]

    assert problem["kind"] == "site"
    assert "/no/such/python does not start" in problem["message"]


@pytest.mark.host
def test_a_python_that_is_too_old_is_named_with_its_version(tmp_path: Path) -> None:
    old = interpreters((3, 6))[0]

    problem = opened(tmp_path, python=old)["error"]

    assert f"{old} is 3.6" in problem["message"]
    assert "3.9 or newer" in problem["message"]


@pytest.mark.host
def test_without_a_word_the_first_python_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(interpreters((3, 6))[0])
    (folder / "python3.9").symlink_to(interpreters((3, 9))[0])

    answer = opened(tmp_path / "ws", environ={"PATH": str(folder), "HOME": "/"}, python=None)

    assert answer["ok"]["python"][:2] == [3, 9]
    assert str(folder / "python3.9") == answer["ok"]["facts"]["python"]


def test_a_cluster_without_slurm_is_told(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}

    with pytest.raises(Refusal, match="no sbatch and squeue"):
        opens.find_slurm(environ, folders=(), login_shell=lambda command: None)


def test_slurm_is_found_where_only_a_login_shell_looks(tmp_path: Path) -> None:
    for name in ("sbatch", "squeue"):
        executable(tmp_path / name)

    found = opens.find_slurm({"PATH": "/"}, login_shell=lambda command: str(tmp_path / command))

    assert str(tmp_path) == found


def test_slurm_is_found_on_the_path(tmp_path: Path) -> None:
    for name in ("sbatch", "squeue"):
        executable(tmp_path / "bin" / name)

    assert str(tmp_path / "bin") == opens.find_slurm({"PATH": str(tmp_path / "bin")})


def test_an_agent_serves_the_workspace_it_was_started_for(tmp_path: Path) -> None:
    service = Service(unpacked(tmp_path), str(tmp_path))

    answer = service.handle(opening(tmp_path / "other"), b"")

    assert "was started for" in error(answer)["message"]
    assert ok(service.handle(opening(tmp_path), b""))


LEFT = ("~h.1.1", "blobs/ab/~h.1.2", "code/~h.1.3/x.py", "tokens/gpu/~h.1.4", "supervisor/~h.1.5")


def test_what_killed_processes_have_left_goes_when_it_is_opened_a_day_later(tmp_path: Path) -> None:
    own = tmp_path / ".xpm"
    left, young = [own / each for each in LEFT], own / "blobs" / "ab" / "~h.2.1"
    for each in (*left, young):
        each.parent.mkdir(parents=True, exist_ok=True)
        each.touch()
    for each in (*left, own / "code" / "~h.1.3"):
        os.utime(each, (1, 1))

    assert "ok" in opened(tmp_path)

    assert [young] == [each for each in (*left, young) if each.exists()]
    (own / "~h.3.1").touch()
    os.utime(own / "~h.3.1", (1, 1))
    assert "ok" in opened(tmp_path)  # the same day
    assert (own / "~h.3.1").exists()
