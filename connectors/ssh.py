"""The connector to a host without a batch system: a supervisor there starts the jobs."""

from xpm.connectors.link import Link, Place
from xpm.connectors.marks import Mark
from xpm.connectors.remote import AgentConnector
from xpm.connectors.specs import SshSpec
from xpm.connectors.ssh_host import SshHost


class SshConnector(AgentConnector):
    """Jobs run on a host reached by ssh."""

    def __init__(self, spec: SshSpec, mark: Mark | None = None) -> None:
        place = Place(spec.workspace, "plain", spec.python, spec.capacity)
        super().__init__(spec.name, Link(spec.name, SshHost(spec.ssh, spec.name), place, mark=mark))
