"""The connector to a SLURM cluster, through its login node."""

from dataclasses import asdict

from xpm.connectors.hosts import Host
from xpm.connectors.link import Link, Place
from xpm.connectors.marks import Mark
from xpm.connectors.remote import AgentConnector
from xpm.connectors.specs import SlurmSpec
from xpm.connectors.ssh_host import SshHost


class SlurmConnector(AgentConnector):
    """Jobs run under SLURM."""

    def __init__(self, spec: SlurmSpec, mark: Mark | None = None, host: Host | None = None) -> None:
        wishes = {name: value for name, value in asdict(spec.keeper).items() if value}
        options = {
            **({"keeper": wishes} if wishes else {}),
            **spec.dealings.options,
            **spec.keeping.options,
        }
        place = Place(spec.workspace, "slurm", spec.python, options=options or None)
        way = host or SshHost(spec.ssh, spec.name)
        super().__init__(spec.name, Link(spec.name, way, place, mark=mark))
