"""What the documentation shows works: plans run, outputs are as shown, profiles load, commands and their options exist."""

import doctest
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.commands import CHECKOUT, environment, xpm
from tests.docs.pages import (
    PAGES,
    Block,
    Typed,
    blocks,
    blocks_of,
    is_run,
    named,
    needs_cluster,
    needs_two_factors,
    typed,
)
from xpm.cli.main import xpm as command
from xpm.launchers.profiles import load_profiles

HARMLESS = (".", "git", "pip", "ls", "cat", "python", "python3", "mkdir", "chgrp", "chmod")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
_WAITING = re.compile(r"^xpm: [\w-]+: \d+ [\w ,]+\n", re.MULTILINE)
_EVALUATED = re.compile(r'eval "\$\((.*)\)"')
COMMANDS = [each for block in blocks("console") for each in typed(block)]
WITH_PYTHON = [
    page
    for page in PAGES
    if not (needs_cluster(page) or needs_two_factors(page))
    and any(each.language in ("python", "pycon") or is_run(each) for each in blocks_of(page))
]
PLACES = {"~/.config/xpm/launchers.yaml": "config", "/etc/xpm/launchers.yaml": "admin"}
"""The folders of a test for the files that pages put outside of a project."""


@pytest.mark.host
@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_a_page_shows_what_happens(page: Path, tmp_path: Path) -> None:
    """Its blocks make files, its commands that show output are run among them, then its sessions."""
    folder = tmp_path / "project"
    folder.mkdir()
    file, ran = "plan.py", ""
    for block in blocks_of(page):
        if block.language == "python":
            file = named(block, before=file)
            with (folder / file).open("a") as written:
                written.write(block.text)
        elif (place := PLACES.get(named(block))) is not None:
            put(tmp_path / place / "launchers.yaml", block.text)
        elif named(block):
            put(folder / named(block), block.text)
        elif is_run(block):
            for each in typed(block):
                ran += each.command + "\n"
                compare(each, run(each.command, tmp_path, folder))

    for script in folder.glob("*.py"):
        if "with experiment(" in script.read_text() and script.name not in ran:
            runs_and_runs_again(script, tmp_path)
    holds_a_session(
        [each for each in blocks_of(page) if each.language == "pycon"], folder, tmp_path
    )


def put(file: Path, text: str) -> None:
    """A file of a page, in its place."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def run(line: str, home: Path, folder: Path) -> str:
    """What a person sees who types this, without the counts that show the passing of time."""
    words = {"python": f"{sys.executable} -u", "xpm": f"{sys.executable} -u -m xpm"}
    first, _, rest = line.partition(" ")
    done = subprocess.run(
        ["sh", "-c", f"{words.get(first, first)} {rest}"],
        env={
            **environment(home),
            "PYTHONPATH": f"{CHECKOUT}:{folder}",
            "XPM_ADMIN_DIR": f"{home}/admin",
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return _WAITING.sub("", done.stdout)


def compare(shown: Typed, seen: str) -> None:
    """Hold the page to what was seen; ``...`` stands for anything."""
    alike = doctest.OutputChecker().check_output(shown.output, seen, doctest.ELLIPSIS)
    assert alike, f"{shown.where}: $ {shown.command}\n{seen}"


def runs_and_runs_again(script: Path, home: Path) -> None:
    """A plan ends well, and ends alike when nothing is left to do."""
    first = xpm("run", script.name, home=home, cwd=script.parent)
    again = xpm("run", script.name, home=home, cwd=script.parent)

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert sorted(first.out.splitlines()) == sorted(again.out.splitlines())


SESSION = """
import doctest, sys
parser = doctest.DocTestParser()
test = parser.get_doctest(sys.stdin.read(), {}, sys.argv[1], sys.argv[1], 0)
runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
runner.run(test)
sys.exit(runner.summarize(verbose=False).failed)
"""


def holds_a_session(sessions: list[Block], folder: Path, home: Path) -> None:
    """One interpreter, in the folder of the page's files, answers as all sessions of the page show."""
    text = "\n".join(each.text for each in sessions)
    done = subprocess.run(
        [sys.executable, "-c", SESSION, sessions[0].page.name if sessions else ""],
        env={**environment(home), "PYTHONPATH": f"{CHECKOUT}:{folder}"},
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


REST = {
    "version": "1",
    "connectors": "{cluster: {kind: slurm, ssh: {host: c}, workspace: /w, python: /p}}",
    "launchers": "{cpu: {connector: cluster, partition: cpu, time: 10m}}",
}
"""What a page may leave out of a profile to show a part of it."""


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_profile_of_the_pages_loads(block: Block, tmp_path: Path) -> None:
    lacking = [each for each in REST if f"{each}:" not in block.text]
    text = "".join(f"{each}: {REST[each]}\n" for each in lacking) + block.text
    if named(block) == "xpm-launchers.yaml":  # a layer over another file
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "xpm-launchers.yaml").write_text(block.text)
        text = "".join(f"{each}: {said}\n" for each, said in REST.items())
    (tmp_path / "launchers.yaml").write_text(text)

    assert "cpu" in load_profiles(tmp_path, start=tmp_path / "project").names


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_of_the_pages_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("typed", COMMANDS, ids=lambda each: str(each.where))
def test_a_command_of_the_pages_exists_with_its_options(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluated = _EVALUATED.fullmatch(typed.command)
    line = evaluated.group(1) if evaluated else typed.command.partition(" > ")[0]
    words = shlex.split(line)
    for each in words:
        if each.endswith(".py"):
            (tmp_path / each).touch()

    if words[0] == "xpm":
        parsed(words[1:])
    elif words[0].startswith("scripts/"):
        assert (CHECKOUT / words[0]).is_file(), typed.where
    else:
        assert words[0] in HARMLESS, typed.where


def parsed(words: list[str]) -> None:
    """Parse a command line as click would, without running it."""
    found: click.Command = command
    while isinstance(found, click.Group) and words:
        inner = found.get_command(click.Context(found), words.pop(0))
        assert inner is not None
        found = inner
    found.make_context("xpm", words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", page.read_text())

    missing = [link for link in _LINK.findall(text) if not (page.parent / link).exists()]

    assert missing == []


def commands(group: click.Group, before: str = "xpm") -> Iterator[tuple[str, click.Command]]:
    """All commands with their full names."""
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        if isinstance(found, click.Group):
            yield from commands(found, f"{before} {name}")
        elif found is not None and not found.hidden:
            yield f"{before} {name}", found


def test_every_command_and_option_is_in_the_page_of_commands() -> None:
    page = (CHECKOUT / "docs" / "commands.md").read_text()
    rows = set(re.findall(r"^\| `(xpm[a-z ]*)", page, re.MULTILINE))

    found = dict(commands(command))
    options = {
        (name, max(each.opts, key=len))
        for name, known in found.items()
        for each in known.params
        if isinstance(each, click.Option) and not each.hidden
    }

    assert set(found) == {row.strip() for row in rows}
    assert [] == sorted((name, said) for name, said in options if f"{said}" not in page)


_NAMED = re.compile(r"`(tests/[\w/]+\.py)`(?: \(([^)]*)\))?")


def test_the_tests_that_guarantees_name_are_there() -> None:
    page = (CHECKOUT / "docs" / "guarantees.md").read_text()

    named = _NAMED.findall(page)

    assert len(named) > 20
    assert [] == [path for path, _ in named if not (CHECKOUT / path).exists()]
    words = [(path, word) for path, text in named for word in re.findall(r"`…?_?(\w+?)_?…?`", text)]
    assert [] == [(path, word) for path, word in words if word not in (CHECKOUT / path).read_text()]
