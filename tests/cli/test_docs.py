"""What the documentation shows works: plans run, profiles load, commands and their options exist."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from tests.cli.commands import CHECKOUT, xpm
from xpm.cli.main import xpm as command
from xpm.launchers.profiles import load_profiles

PAGES = sorted([CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *CHECKOUT.glob("docs/*.md")])
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(CHECKOUT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of all pages in these languages."""
    found: list[Block] = []
    for page in PAGES:
        content = page.read_text()
        for match in _FENCE.finditer(content):
            if match.group(1) in languages:
                line = content.count("\n", 0, match.start()) + 1
                found.append(Block(page, line, match.group(1), match.group(2)))
    return found


def typed() -> list[tuple[str, str]]:
    """Every command a page types, with where it stands."""
    return [
        (str(block), line[2:].split("#")[0].strip())
        for block in blocks("console")
        for line in block.text.splitlines()
        if line.startswith("$ ")
    ]


PLANS = [block for block in blocks("python") if "with experiment(" in block.text]


@pytest.mark.host
@pytest.mark.parametrize("block", PLANS, ids=str)
def test_a_plan_of_the_pages_runs_and_runs_again(block: Block, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "plan.py").write_text(block.text)

    first = xpm("run", "plan.py", home=tmp_path, cwd=tmp_path / "project")
    again = xpm("run", "plan.py", home=tmp_path, cwd=tmp_path / "project")

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert sorted(first.out.splitlines()) == sorted(again.out.splitlines())


def test_every_python_block_is_a_plan() -> None:
    assert [str(block) for block in blocks("python")] == [str(block) for block in PLANS]


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_profile_of_the_pages_loads(block: Block, tmp_path: Path) -> None:
    (tmp_path / "launchers.yaml").write_text(block.text)

    assert "cpu" in load_profiles(tmp_path).names


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_of_the_pages_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize(("where", "line"), typed())
def test_a_command_of_the_pages_exists_with_its_options(
    where: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plan.py").touch()
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)

    if words[0] == "xpm":
        parsed(words[1:])
    elif words[0].startswith("scripts/"):
        assert (CHECKOUT / words[0]).is_file(), where
    else:
        assert words[0] in ("pip", "ls", "python"), where


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
    missing = [
        link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()
    ]

    assert missing == []
