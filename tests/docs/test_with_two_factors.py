"""What the pages show of a host that asks for a code is seen: a real sshd asks for it, and somebody types it.

The host has no SLURM: the profile's cluster is taken for a plain host, which is logged in to alike.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import CHECKOUT, environment
from tests.connectors.two_factor import IS_POSSIBLE, PASSWORD, REASON, TwoFactor, two_factor
from tests.docs.pages import PAGES, Block, blocks_of, is_run, named, needs_two_factors, typed
from tests.terminal import on_terminal

pytestmark = [pytest.mark.host, pytest.mark.skipif(not IS_POSSIBLE, reason=REASON)]
_COUNTS = re.compile(r"^xpm: [\w-]+: \d+ [\w ,]+(?:; .* expected to start .*)?\n", re.MULTILINE)
PROFILE = "~/.config/xpm/launchers.yaml"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TwoFactor]:
    with two_factor(tmp_path / "site") as found:
        config = found.sshd.folder / "config"
        config.write_text(config.read_text().replace("Host box", "Host mycluster"))
        yield found


class Person:
    """Somebody at a terminal, who knows the password and holds the token."""

    def __init__(self, site: TwoFactor, home: Path) -> None:
        self.site = site
        self.home = home
        self.variables = {**environment(home), "PYTHONPATH": str(CHECKOUT)}
        (home / "config").mkdir(exist_ok=True)
        (home / "project").mkdir()

    def writes(self, block: Block) -> None:
        """Put a file of the page in its place."""
        if named(block) != PROFILE:
            (self.home / "project" / named(block)).write_text(block.text)
            return
        text = block.text.replace("kind: slurm", "kind: ssh")
        target = f"{{host: mycluster, config: {self.site.sshd.folder / 'config'}}}"
        text = text.replace("{host: mycluster}", target).replace("$HOME/xpm", f"{self.home}/far")
        text = text.replace("/opt/python/3.12/bin/python3", sys.executable)
        (self.home / "config" / "launchers.yaml").write_text(text)

    def types(self, line: str) -> str:
        """What is seen; who logs in is asked."""
        argv = [sys.executable, "-u", "-m", "xpm", *shlex.split(line)[1:]]
        project = self.home / "project"
        if line.startswith("xpm login mycluster"):
            ended = on_terminal(argv, [PASSWORD, self.site.code()], project, **self.variables)
            return ended.shown.replace("\r\n", "\n")
        done = subprocess.run(
            argv,
            env={**os.environ, **self.variables},
            cwd=project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout


@pytest.mark.parametrize(
    "page", [page for page in PAGES if needs_two_factors(page)], ids=lambda page: page.name
)
def test_a_page_shows_what_happens_with_two_factors(
    page: Path, site: TwoFactor, tmp_path: Path
) -> None:
    person = Person(site, tmp_path)

    for block in blocks_of(page):
        if is_run(block):
            for each in typed(block):
                seen = person.types(each.command)
                flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
                wanted, seen = _COUNTS.sub("", each.output), _COUNTS.sub("", seen)
                alike = doctest.OutputChecker().check_output(wanted, seen, flags)
                assert alike, f"{each.where}: $ {each.command}\n{seen}"
        elif named(block):
            person.writes(block)

    assert 1 == site.logins
