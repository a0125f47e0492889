"""``python -m tests.disks.drive COMMAND ...`` is ``xpm COMMAND ...`` where ssh connectors lead to hosts in memory."""

import sys
from dataclasses import replace
from pathlib import Path

from xpm.connectors import opening
from xpm.connectors.base import Connector
from xpm.connectors.link import Link, Place
from xpm.connectors.marks import Mark
from xpm.connectors.memory_host import MemoryHost
from xpm.connectors.remote import AgentConnector
from xpm.connectors.retrying import Patience
from xpm.connectors.specs import Spec, SshSpec
from xpm.follow import options
from xpm.follow.session import Session
from xpm.follow.world import World

_open = opening.open_connector


def opened(spec: Spec, main: Path) -> Connector:
    """The connector of a place; its host is this process, its disk is what the profile names."""
    if not isinstance(spec, SshSpec):
        return _open(spec, main)
    place = Place(spec.workspace, "plain", sys.executable, capacity=spec.capacity)
    link = Link(
        spec.name, MemoryHost(spec.name), place, Patience(attempts=1), mark=Mark(spec, main)
    )
    return AgentConnector(spec.name, link)


def main() -> int:
    """Do as the command line says."""
    from xpm.cli.main import main as command

    quick = World(open=opened, patience=lambda failures: 0.2)
    setattr(Session, "world", quick)  # noqa: B010  for commands
    plain = options.current
    setattr(options, "current", lambda: replace(plain(), world=quick))  # noqa: B010  for plans
    return command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
