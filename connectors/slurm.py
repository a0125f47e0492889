"""The connector to a SLURM cluster, through its login node."""

from dataclasses import asdict

from xpm.connectors.link import Link, Place
from xpm.connectors.remote import AgentConnector
from xpm.connectors.specs import SlurmSpec
from xpm.connectors.ssh_host import SshHost


class SlurmConnector(AgentConnector):
    """Jobs run under SLURM."""

    def __init__(self, spec: SlurmSpec) -> None:
        wishes = {name: value for name, value in asdict(spec.keeper).items() if value}
        options = {"keeper": wishes} if wishes else None
        place = Place(spec.workspace, "slurm", spec.python, options=options)
        super().__init__(spec.name, Link(spec.name, SshHost(spec.ssh, spec.name), place))
