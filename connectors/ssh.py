"""The connector to a host without a batch system: a supervisor there starts the jobs."""

from xpm.connectors.hosts import Host
from xpm.connectors.link import Link, Place
from xpm.connectors.marks import Mark
from xpm.connectors.remote import AgentConnector
from xpm.connectors.specs import SshSpec
from xpm.connectors.ssh_host import SshHost


class SshConnector(AgentConnector):
    """Jobs run on a host reached by ssh."""

    def __init__(self, spec: SshSpec, mark: Mark | None = None, host: Host | None = None) -> None:
        place = Place(spec.workspace, "plain", spec.python, spec.capacity, spec.keeping.options)
        way = host or SshHost(spec.ssh, spec.name)
        super().__init__(spec.name, Link(spec.name, way, place, mark=mark))
