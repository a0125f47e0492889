"""The pages of the documentation, as what they show: files, commands with their output, Python sessions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cli.commands import CHECKOUT

PAGES = sorted([CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *CHECKOUT.glob("docs/*.md")])
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([\w./~-]+\.(?:py|yaml|txt|toml))\n")
_CLUSTER = "<!-- runs on: cluster -->"
_TWO_FACTORS = "<!-- runs on: two factors -->"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(CHECKOUT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Typed:
    """A command a page types, with the output it shows, which may be none."""

    where: Block
    command: str
    output: str


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in reading order."""
    content = page.read_text()
    return [
        Block(page, content.count("\n", 0, match.start()) + 1, match.group(1), match.group(2))
        for match in _FENCE.finditer(content)
    ]


def needs_cluster(page: Path) -> bool:
    """Whether what a page shows is seen beside a cluster only: its first line says so."""
    return page.read_text().startswith(_CLUSTER)


def needs_two_factors(page: Path) -> bool:
    """Whether what a page shows is seen beside a host that asks for a code only: its first line says so."""
    return page.read_text().startswith(_TWO_FACTORS)


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of all pages in these languages."""
    return [each for page in PAGES for each in blocks_of(page) if each.language in languages]


def typed(block: Block) -> Iterator[Typed]:
    """The commands of a console block: a line after ``$``, then the lines of its output."""
    for piece in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = piece.partition("\n")
        yield Typed(block, line.partition(" #")[0].strip(), output)


def named(block: Block, before: str = "") -> str:
    """The file a block belongs to: the one its first line names, else the one before it."""
    found = _NAME.match(block.text)
    return found.group(1) if found else before


def is_run(block: Block) -> bool:
    """Whether a console block is typed: it shows what comes out."""
    return block.language == "console" and any(each.output for each in typed(block))
