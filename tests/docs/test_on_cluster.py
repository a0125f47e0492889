"""What the pages show of a cluster is seen: their plans run on one, over ssh, with the profile they show."""

import doctest
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.cli.commands import CHECKOUT
from tests.cluster import RunningCluster
from tests.docs.pages import PAGES, Block, Typed, blocks_of, is_run, named, needs_cluster, typed

pytestmark = pytest.mark.cluster

PROFILE = "~/.config/xpm/launchers.yaml"
_COUNTS = re.compile(
    r"^xpm: [\w-]+: (\d+ [\w ,]+(?:; .* expected to start .*)?|mycluster took [\w ,]+|mycluster took .* as array .*"
    r"|mycluster: environment \w+ is being made on .*: (?!begins$).*)\n",
    re.MULTILINE,
)


class Person:
    """Somebody who reads a page at a laptop, beside a cluster called ``mycluster``."""

    def __init__(self, cluster: RunningCluster, home: Path) -> None:
        self.cluster = cluster
        self.home = home
        python = cluster.status()["python"]
        self.python, self.series = python["available"][python["laptop"]], python["laptop"]
        self.workspace = f"$HOME/pages-{uuid.uuid4().hex[:8]}"
        assert self.sh("mkdir -p project") == ""
        config = home / ".ssh" / "config"
        config.write_text(re.sub(r"\btestcluster\b", "testcluster mycluster", config.read_text()))

    def sh(self, line: str) -> str:
        """What is seen after a line is typed at home."""
        env = [f"PYTHONPATH={CHECKOUT}", "PYTHONDONTWRITEBYTECODE=1", f"HOME={self.home}"]
        done = subprocess.run(
            self.cluster.laptop_argv(
                self.home, "env", "-C", str(self.home), *env, "sh", "-c", line
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        return _COUNTS.sub("", done.stdout)

    def types(self, line: str) -> str:
        """The same in the project, ``xpm`` being installed."""
        first, _, rest = line.partition(" ")
        word = {"xpm": f"{sys.executable} -u -m xpm"}.get(first, first)
        return self.sh(f"cd project; {word} {rest}")

    def writes(self, block: Block) -> None:
        """Put a file of the page where the page says, with the Python and a workspace of this cluster."""
        text = block.text.replace("/opt/python/3.12/bin/python3", self.python)
        text = text.replace('"3.12"', f'"{self.series}"')
        text = text.replace("$HOME/xpm", self.workspace)
        file = self.home / named(block).replace("~/", "")
        if named(block) != PROFILE:
            file = self.home / "project" / named(block)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if needs_cluster(page)], ids=lambda page: page.name
)
def test_a_page_shows_what_happens_on_a_cluster(
    page: Path, cluster: RunningCluster, tmp_path: Path
) -> None:
    person = Person(cluster, tmp_path / "home")

    for block in blocks_of(page):
        if is_run(block):
            for each in typed(block):
                _compare(each, person.types(each.command))
        elif named(block):
            person.writes(block)


def _compare(shown: Typed, seen: str) -> None:
    wanted = _COUNTS.sub(
        "", shown.output
    )  # when these are told, and how many together, is a matter of time
    alike = doctest.OutputChecker().check_output(wanted, seen, doctest.ELLIPSIS)
    assert alike, f"{shown.where}: $ {shown.command}\n{seen}"
