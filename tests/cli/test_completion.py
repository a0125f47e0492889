"""Completion as the shells themselves do it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.commands import environment, xpm
from tests.cli.folders import Past, main_folder
from tests.terminal import spawn

pytestmark = pytest.mark.host
JOB = "7f3a" * 16


@pytest.fixture
def variables(tmp_path: Path) -> Mapping[str, str]:
    """A person with ``xpm`` on the path, and a past."""
    command = tmp_path / "bin" / "xpm"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m xpm "$@"\n')
    command.chmod(0o755)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "launchers.yaml").write_text(
        "version: 1\nconnectors: {tower: {kind: ssh, ssh: {host: tower}, workspace: /w}}\n"
        "launchers: {quick: {connector: tower}}\n"
    )
    (tmp_path / ".ssh").mkdir()
    hosts = "Host login2 login1\n  User ann\nHost *.far !no\nMatch host login9\n"
    (tmp_path / ".ssh" / "config").write_text(hosts)
    main = main_folder(tmp_path / "main", "digits", [Past(JOB, tags={"k": 3})])
    found = environment(tmp_path, {"XPM_WORKDIR": str(main.path)})
    return {**found, "PATH": f"{command.parent}:{found['PATH']}"}


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed (scripts/system-packages)")


def run(command: Sequence[str], variables: Mapping[str, str]) -> Sequence[str]:
    done = subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def in_bash(words: str, variables: Mapping[str, str]) -> Sequence[str]:
    """What bash offers for the last word of a line."""
    needs("bash")
    count = len(words.split(" ")) - 1
    script = (
        'eval "$(xpm completion bash)"; complete -p xpm >/dev/null || exit 9\n'
        f"COMP_WORDS=({words}); [ ${{#COMP_WORDS[@]}} -gt {count} ] || COMP_WORDS+=('')\n"
        f'COMP_CWORD={count}; _xpm_completion xpm; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    return run(["bash", "--norc", "-c", script], variables)


def in_fish(words: str, variables: Mapping[str, str]) -> Sequence[str]:
    """What fish offers for the last word of a line, without what it tells of it."""
    needs("fish")
    script = f"xpm completion fish | source; complete -C '{words}' | string replace -r '\\t.*' ''"
    return run(["fish", "--no-config", "-c", script], variables)


@pytest.mark.parametrize("offered", [in_bash, in_fish], ids=["bash", "fish"])
def test_words_are_completed(
    offered: Callable[[str, Mapping[str, str]], Sequence[str]], variables: Mapping[str, str]
) -> None:
    assert {"results", "resume", "retry"} == set(offered("xpm re", variables))
    assert ["--watch"] == offered("xpm status --wa", variables)
    assert ["digits"] == offered("xpm wait dig", variables)
    assert [JOB[:8]] == offered("xpm why 7f", variables)
    assert ["quick"] == offered("xpm run --launcher q", variables)
    assert ["tower"] == offered("xpm doctor to", variables)
    assert ["tower"] == offered("xpm launchers discover to", variables)
    assert ["tower"] == offered("xpm launchers show to", variables)
    assert ["quick"] == offered("xpm launchers explain -l q", variables)
    assert ["digits"] == offered("xpm clean dig", variables)
    assert [JOB[:8]] == offered("xpm pull 7f", variables)
    assert {"login1", "login2"} == set(offered("xpm connect lo", variables))


def test_zsh_completes_at_its_prompt(tmp_path: Path, variables: Mapping[str, str]) -> None:
    needs("zsh")
    (tmp_path / ".zshrc").write_text(
        'autoload -U compinit; compinit -u -D; eval "$(xpm completion zsh)"; PS1="ready> "\n'
    )
    _, person = spawn(["zsh", "-i"], cwd=tmp_path, **{**variables, "ZDOTDIR": str(tmp_path)})
    person.until(lambda shown: "ready> " in shown)

    os.write(person.terminal, b"xpm wait dig\t")
    person.until(lambda shown: "digits" in shown)
    os.write(person.terminal, b"\x15xpm why 7f\t")
    person.until(lambda shown: JOB[:8] in shown)
    os.write(person.terminal, b"\x15exit\n")
    person.until(lambda shown: False)


def test_where_nothing_is_known_nothing_is_offered_nor_said(tmp_path: Path) -> None:
    ended = xpm(
        home=tmp_path,
        more={"_XPM_COMPLETE": "bash_complete", "COMP_WORDS": "xpm why ", "COMP_CWORD": "2"},
    )

    assert (0, "", "") == (ended.code, ended.out.strip(), ended.err)
