"""Where a secret could end up: it is refused in a profile, and what jobs start with is in no list of processes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.disks.desk import eventually
from tests.launchers.profile import on_cluster
from xpm.agent import place, starting
from xpm.errors import ProfileProblem
from xpm.launchers import secrets
from xpm.launchers.report import Report
from xpm.launchers.tree import Mark
from xpm.wire import workspace

MARK = Mark("p.yaml", 1, 1)
SECRET = "hf_abcdefghijkl"


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "PGPASSWORD_SECRET", "token", "GITHUB_TOKEN",
        "KEY_PASSPHRASE", "API_KEY_ID",
    ],
)  # fmt: skip
def test_a_literal_in_a_variable_called_like_a_secret_is_one(name: str) -> None:
    assert secrets.is_secret(name, SECRET)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENIZERS_PARALLELISM", "false-ish-value"), ("KEYBOARD", "qwertz-layout"), ("HF_HUB_DISABLE_TOKEN", "1"),
        ("HF_TOKEN", "$HF_TOKEN_OF_THE_LAB"), ("HF_TOKEN", "$(cat ~/.hf_token)"), ("SSH_KEY", "~/.ssh/id_ed25519"),
        ("SSH_KEY", "/home/me/.ssh/id"), ("CACHE_KEY", "{workspace}"), ("CACHE_KEY", "short"), ("MAX_TOKENS", "1000000000"),
        ("OMP_NUM_THREADS", "something long"), ("USE_TOKEN", "true"),
    ],
)  # fmt: skip
def test_references_paths_numbers_switches_and_other_names_are_no_secrets(
    name: str, value: str
) -> None:
    assert not secrets.is_secret(name, value)


@pytest.mark.parametrize(
    "line",
    [
        f"export HF_TOKEN={SECRET}", f"HF_TOKEN='{SECRET}' wandb login", f'cd /x; export A=1 HF_TOKEN="{SECRET}"',
    ],
)  # fmt: skip
def test_a_line_of_shell_that_sets_one_is_refused_without_telling_it(line: str) -> None:
    report = Report()

    secrets.check_lines([line], MARK, "launchers.gpu.pre", report)

    (problem,) = report.problems
    assert "HF_TOKEN looks like a secret" in str(problem)
    assert SECRET not in str(problem)


def test_a_file_on_the_far_side_is_the_way(tmp_path: Path) -> None:
    report = Report()
    way = secrets.words("HF_TOKEN").partition("pre: ['")[2].partition("']")[0]

    secrets.check_lines([way], MARK, "launchers.gpu.pre", report)

    assert way == 'export HF_TOKEN="$(cat ~/.hf_token)"'
    assert report.problems == []


def test_lines_before_a_job_are_in_no_list_of_processes(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    layout, _ = workspace.prepare(str(root))
    content = place.record(layout, "plain", "none", python=sys.executable)
    Path(layout.submission("s1")).mkdir()
    starter = starting.Starter(layout, content)
    request = {"setup": ["# seen-only-in-the-file", "exec sleep 30"], "resources": {}}

    process = starter.start("s1", request)
    assert isinstance(process, subprocess.Popen)

    try:
        cmdline = Path(f"/proc/{process.pid}/cmdline")
        eventually(lambda: b"sleep" in cmdline.read_bytes())
        assert b"seen-only" not in cmdline.read_bytes()
        script = Path(layout.submission("s1")) / "setup"
        assert "seen-only-in-the-file" in script.read_text()
    finally:
        process.kill()
        process.wait()
        starter.close()


def test_what_jobs_start_with_on_a_cluster_holds_no_secret_of_the_login() -> None:
    environ = {"PATH": "/bin", "HOME": "/home/me", "HF_TOKEN": SECRET, "AWS_SECRET_ACCESS_KEY": "x"}

    assert {"PATH": "/bin", "HOME": "/home/me"} == place.clean_environ(environ)


@pytest.mark.parametrize(
    "keys", [f"export: {{HF_TOKEN: {SECRET}}}", f"pre: ['export HF_TOKEN={SECRET}']"]
)
@pytest.mark.parametrize("on", ["launcher", "connector"])
def test_a_profile_with_a_secret_is_refused_where_it_stands(
    keys: str, on: str, tmp_path: Path
) -> None:
    with pytest.raises(ProfileProblem) as caught:
        on_cluster(tmp_path, **{"keys" if on == "launcher" else "connector": keys})

    assert re.search(r"launchers\.yaml:\d+: .*HF_TOKEN looks like a secret", str(caught.value))
    assert SECRET not in str(caught.value)
