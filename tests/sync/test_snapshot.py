import hashlib
import io
import json
import logging
import os
import subprocess
import time
from pathlib import Path

import pytest

from xpm.errors import PlanProblem
from xpm.sync.contents import YOUNG_NS, Contents
from xpm.sync.sizes import Limits
from xpm.sync.snapshot import project_of, take

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "plan.py").write_text("print(1)\n")
    return folder


def fill(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)


def test_a_snapshot_names_contents_and_whether_they_run(project: Path) -> None:
    fill(project, "lib/model.py")
    (project / "tool.sh").write_text("#!/bin/sh\n")
    (project / "tool.sh").chmod(0o700)

    files = take(project).files

    assert {"plan.py", "lib/model.py", "tool.sh"} == set(files)
    sha, mode, source = files["plan.py"]
    assert (hashlib.sha256(b"print(1)\n").hexdigest(), 0o644) == (sha, mode)
    assert str(project / "plan.py") == source
    assert files["tool.sh"][1] == 0o755


def test_its_id_follows_names_contents_and_modes_and_nothing_else(
    project: Path, tmp_path: Path
) -> None:
    fill(project, "a.py")
    twin = tmp_path / "elsewhere"
    twin.mkdir()
    fill(twin, "a.py")
    (twin / "plan.py").write_text("print(1)\n")
    first = take(project).id

    assert first == take(project).id == take(twin).id
    (project / "a.py").write_text("other")
    second = take(project).id
    (project / "a.py").chmod(0o755)
    third = take(project).id
    assert len({first, second, third}) == 3


def test_caches_environments_and_results_stay_at_home(project: Path) -> None:
    fill(
        project, ".git/config", "__pycache__/x.pyc", ".venv/bin/python", "env/pyvenv.cfg", "env/lib/x.py",
        "node_modules/x/y.js", ".mypy_cache/a", "results/.xpm/workspace.json", "results/jobs/t/j/out",
    )  # fmt: skip

    assert {"plan.py"} == set(take(project).files)


@pytest.mark.parametrize("repository", [False, True])
def test_a_folder_we_write_ourselves_stays_at_home_wherever_it_lies(
    project: Path, repository: bool
) -> None:
    fill(project, "home [1]/state/xpm/journal", "home [1]/state/mine", "other/state/xpm/a")
    if repository:
        git(project, "init", "--quiet")

    files = take(project, ours=[project / "home [1]" / "state" / "xpm", Path("/elsewhere")]).files

    assert {"plan.py", "home [1]/state/mine", "other/state/xpm/a"} == set(files)


def test_a_project_that_is_its_own_main_folder_keeps_its_results(project: Path) -> None:
    fill(project, ".xpm/workspace.json", "jobs/t/j/out", "xp/e/jobs.jsonl", "src/jobs/a.py")

    assert {"plan.py", "src/jobs/a.py"} == set(take(project).files)


def test_ignore_files_count_in_a_plain_folder(project: Path) -> None:
    fill(project, "data/big", "a.ckpt", "sub/b.txt", "sub/c.py", "keep.ckpt")
    (project / ".gitignore").write_text("data/\n*.ckpt\n!keep.ckpt\n")
    (project / "sub" / ".xpmignore").write_text("*.txt\n")

    found = set(take(project).files)

    assert {"plan.py", "keep.ckpt", "sub/c.py", ".gitignore", "sub/.xpmignore"} == found


def test_in_a_repository_git_says_what_travels(project: Path) -> None:
    git(project, "init", "-q")
    fill(project, "tracked.py", "ignored.log", "forced.log", "gone.py", "sub/local.bin")
    (project / ".gitignore").write_text("*.log\n")
    git(project, "add", "plan.py", "tracked.py", "gone.py")
    git(project, "add", "-f", "forced.log")
    (project / "gone.py").unlink()
    (project / "tracked.py").write_text("edited, not committed")
    (project / ".xpmignore").write_text("*.bin\n")

    files = take(project).files

    assert {"plan.py", "tracked.py", "forced.log", ".gitignore", ".xpmignore"} == set(files)
    assert hashlib.sha256(b"edited, not committed").hexdigest() == files["tracked.py"][0]


def test_a_project_below_a_repository_is_only_its_own_folder(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    fill(tmp_path, "other/x.py", "mine/plan.py", "mine/lib/a.py")

    assert {"plan.py", "lib/a.py"} == set(take(tmp_path / "mine").files)


def test_a_repository_within_travels_too(project: Path) -> None:
    git(project, "init", "-q")
    (project / "lib").mkdir()
    git(project / "lib", "init", "-q")
    fill(project, "lib/a.py")

    assert {"plan.py", "lib/a.py"} == set(take(project).files)


@pytest.mark.parametrize("repository", [False, True])
def test_links_inside_travel_as_what_they_show(project: Path, repository: bool) -> None:
    if repository:
        git(project, "init", "-q")
    fill(project, "lib/a.py")
    (project / "b.py").symlink_to("lib/a.py")
    (project / "again").symlink_to("lib")
    (project / "lib" / "loop").symlink_to("..")
    (project / "broken").symlink_to("nowhere")

    files = take(project).files

    assert files["b.py"][0] == files["lib/a.py"][0] == files["again/a.py"][0]
    assert {"plan.py", "lib/a.py", "b.py", "again/a.py"} <= set(files)
    assert "broken" not in files
    assert len(files) < 20


@pytest.mark.parametrize("repository", [False, True])
def test_what_a_link_finds_outside_stays_at_home_with_a_note(
    project: Path, tmp_path: Path, repository: bool, caplog: pytest.LogCaptureFixture
) -> None:
    if repository:
        git(project, "init", "-q")
    fill(tmp_path, "datasets/mnist", "secret.txt")
    (project / "data").symlink_to(tmp_path / "datasets")
    (project / "secret.txt").symlink_to(tmp_path / "secret.txt")

    with caplog.at_level(logging.WARNING):
        files = take(project).files

    assert {"plan.py"} == set(files)
    assert "secret.txt" in caplog.text


@pytest.mark.parametrize(
    "path", ["id_rsa", "deploy/id_ed25519", "server.pem", ".env", "conf/.env.prod", ".netrc"]
)
def test_files_called_like_keys_are_refused(project: Path, path: str) -> None:
    fill(project, path)

    with pytest.raises(PlanProblem) as caught:
        take(project)

    assert path in caught.value.cause
    assert ".xpmignore" in caught.value.hint


def test_the_key_of_a_service_account_is_refused_whatever_its_name(project: Path) -> None:
    account = {"type": "service_account", "private_key_id": "9f", "private_key": KEY}
    (project / "my-project-9f.json").write_text(json.dumps(account, indent=2))

    with pytest.raises(PlanProblem) as caught:
        take(project)

    assert caught.value.cause == "my-project-9f.json (it holds a private key)"


def test_a_private_key_is_refused_whatever_its_name(project: Path) -> None:
    (project / "notes.txt").write_text(KEY)

    with pytest.raises(PlanProblem) as caught:
        take(project)

    assert caught.value.cause == "notes.txt (it holds a private key)"


def test_a_named_key_may_stay_at_home(project: Path) -> None:
    (project / "notes.txt").write_text(KEY)
    (project / ".xpmignore").write_text("notes.txt\n")

    assert {"plan.py", ".xpmignore"} == set(take(project).files)


@pytest.mark.parametrize("path", ["id_rsa.pub", ".env.example", "environment.py", "pem.py"])
def test_harmless_neighbours_of_keys_travel(project: Path, path: str) -> None:
    fill(project, path)

    assert path in take(project).files


def test_certificates_are_public(project: Path) -> None:
    (project / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nabc\n")

    assert "ca.pem" in take(project).files


@pytest.mark.parametrize("limits", [Limits(bytes=100), Limits(files=2)])
def test_a_project_too_big_to_be_code_is_refused_with_its_largest_files(
    project: Path, limits: Limits
) -> None:
    fill(project, "small.py")
    (project / "weights.bin").write_bytes(b"x" * 1000)

    with pytest.raises(PlanProblem) as caught:
        take(project, limits)

    assert "the largest: weights.bin" in caught.value.cause


def test_the_project_of_a_script_is_the_nearest_folder_that_says_so(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "a/pyproject.toml",
        "a/b/c/plan.py",
        "d/plan.py",
        "a/x/.xpmignore",
        "a/x/y/plan.py",
    )

    assert tmp_path / "a" == project_of(tmp_path / "a" / "b" / "c" / "plan.py")
    assert tmp_path / "a" / "x" == project_of(tmp_path / "a" / "x" / "y" / "plan.py")
    assert tmp_path / "d" == project_of(tmp_path / "d" / "plan.py")


def test_an_unchanged_project_is_not_read_again(project: Path, tmp_path: Path) -> None:
    fill(project, *(f"lib/m{number}.py" for number in range(50)))
    for each in [project / "plan.py", *(project / "lib").iterdir()]:
        os.utime(each, (1e9, 1e9))
    now = time.time_ns() + YOUNG_NS

    def contents() -> Contents:
        return Contents(project, tmp_path / "cache", clock_ns=lambda: now)

    first = contents()
    shot = take(project, contents=first)
    again = contents()
    (project / "lib" / "m7.py").write_text("x" * 4)
    changed = take(project, contents=again)

    assert (51, 1) == (first.read, again.read)
    assert shot.files["plan.py"] == changed.files["plan.py"]
    assert shot.files["lib/m7.py"] != changed.files["lib/m7.py"]


def test_what_was_written_a_moment_ago_is_read_again(project: Path, tmp_path: Path) -> None:
    take(project, contents=Contents(project, tmp_path / "cache"))
    again = Contents(project, tmp_path / "cache")

    take(project, contents=again)

    assert 1 == again.read


@pytest.mark.parametrize("content", ["", "{", '{"format": 1, "files": {"plan.py": [1]}}', "[]"])
def test_a_torn_cache_is_no_trouble(project: Path, tmp_path: Path, content: str) -> None:
    take(project, contents=Contents(project, tmp_path / "cache"))
    for each in (tmp_path / "cache" / "hashes").iterdir():
        each.write_text(content)

    assert {"plan.py"} == set(take(project, contents=Contents(project, tmp_path / "cache")).files)


def test_a_file_that_changes_while_it_is_read_is_read_until_it_is_whole(
    project: Path, tmp_path: Path
) -> None:
    path = project / "plan.py"
    writes = iter([b"half", b"whole now"])

    def read(file: "io.BufferedReader") -> bytes:
        raw = file.read()
        more = next(writes, None)
        if more is not None:
            path.write_bytes(more)
        return raw

    files = take(project, contents=Contents(project, reader=read)).files

    assert hashlib.sha256(b"whole now").hexdigest() == files["plan.py"][0]


def test_a_file_that_is_written_all_the_time_is_told(project: Path) -> None:
    def read(file: "io.BufferedReader") -> bytes:
        raw = file.read()
        (project / "plan.py").write_bytes(raw + b"\n")
        return raw

    with pytest.raises(PlanProblem, match="being written all the time"):
        take(project, contents=Contents(project, reader=read))


def test_a_file_that_nobody_may_read_is_told(project: Path) -> None:
    fill(project, "secret.py")

    def read(file: "io.BufferedReader") -> bytes:
        if str(file.name).endswith("secret.py"):
            raise PermissionError(13, "Permission denied")
        return file.read()

    with pytest.raises(PlanProblem, match=r"cannot be read .*secret\.py\): Permission denied"):
        take(project, contents=Contents(project, reader=read))


@pytest.mark.parametrize(
    "path",
    ["tokenizer.py", "tokens.json", "my_token.txt", "secrets.py", "password.py", "keys.py", "credentials.py", "pem/__init__.py"],
)  # fmt: skip
def test_names_that_only_sound_like_secrets_travel(project: Path, path: str) -> None:
    fill(project, path)

    assert path in take(project).files


def test_what_looks_like_a_key_and_is_none_travels_when_xpmignore_says_so(project: Path) -> None:
    fill(project, "tests/server.pem", "tests/other.pem")
    (project / ".xpmignore").write_text("!tests/server.pem\n")

    with pytest.raises(PlanProblem) as caught:
        take(project)
    (project / "tests" / ".xpmignore").write_text("!*.pem\n")

    assert "tests/other.pem (it is called other.pem)" == caught.value.cause
    assert "!other.pem" in caught.value.hint
    assert "tests/server.pem" in take(project).files


def test_public_keys_are_public(project: Path) -> None:
    (project / "sign.pem").write_text("-----BEGIN PUBLIC KEY-----\nabc\n")

    assert "sign.pem" in take(project).files


def test_a_big_project_is_told_once_with_what_makes_it_big(
    project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(project, *(f"runs/old/{number}.txt" for number in range(20)), "src/a.py")
    limits = Limits(many=10)

    take(project, limits, contents=Contents(project, tmp_path / "cache"))
    said = caplog.text
    caplog.clear()
    take(project, limits, contents=Contents(project, tmp_path / "cache"))

    assert "22 files" in said
    assert "runs/old/ (20 files" in said
    assert "" == caplog.text


def test_a_file_too_large_to_be_code_is_named(project: Path) -> None:
    (project / "weights.bin").write_bytes(b"x" * 1000)

    with pytest.raises(PlanProblem, match="too large to be code") as caught:
        take(project, Limits(each=100))

    assert "weights.bin (1.0 kB) (at most 0.1 kB)" == caught.value.cause
    assert "max_file" in caught.value.hint


def test_patterns_of_the_profile_stay_at_home(project: Path) -> None:
    fill(project, "data/a", "x.ckpt")

    assert {"plan.py"} == set(take(project, Limits(exclude=("data/", "*.ckpt"))).files)


def test_submodules_travel_and_an_empty_one_is_told(
    project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    fill(other, "inner.py")
    git(other, "init", "-q")
    git(other, "add", ".")
    git(other, "commit", "-qm", "one")
    git(project, "init", "-q")
    for name in ("full", "empty"):
        git(project, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), name)  # fmt: skip
    git(project, "submodule", "--quiet", "deinit", "-f", "empty")
    (project / "full" / "new.py").write_text("not committed")

    files = set(take(project).files)

    assert {"plan.py", ".gitmodules", "full/inner.py", "full/new.py"} == files
    assert "'empty' (a submodule that is not there: `git submodule update --init`)" in caplog.text


def test_names_that_differ_in_case_only_are_told(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(project, "Model.py", "model.py")

    assert {"plan.py", "Model.py", "model.py"} == set(take(project).files)
    assert "Model.py and model.py differ only in case" in caplog.text


def test_what_a_folder_that_became_a_link_shows_outside_stays_at_home(
    project: Path, tmp_path: Path
) -> None:
    fill(project, "data/x.txt")
    git(project, "init", "-q")
    git(project, "add", ".")
    (project / "data").rename(tmp_path / "moved")
    (project / "data").symlink_to(tmp_path / "moved")

    assert {"plan.py"} == set(take(project).files)


def test_folders_beside_travel_below_their_names(project: Path, tmp_path: Path) -> None:
    fill(tmp_path, "lib/src/lib/__init__.py", "lib/.venv/bin/python", "lib/big.ckpt", "lib/id_rsa")
    (tmp_path / "lib" / ".xpmignore").write_text("*.ckpt\n")

    with pytest.raises(PlanProblem) as caught:
        take(project, beside={".beside/lib": tmp_path / "lib"})
    (tmp_path / "lib" / "id_rsa").unlink()
    files = take(project, beside={".beside/lib": tmp_path / "lib"}).files

    assert {"plan.py", ".beside/lib/src/lib/__init__.py", ".beside/lib/.xpmignore"} == set(files)
    assert str(tmp_path / "lib" / ".xpmignore") in caught.value.hint
