"""From what a profile says of a place to its connector. Nothing is connected before it is needed."""

from pathlib import Path

from xpm.connectors.base import Connector
from xpm.connectors.marks import Mark
from xpm.connectors.specs import LocalSpec, Spec, SshSpec


def open_connector(spec: Spec, main: Path) -> Connector:
    """The connector of a place; imports only what this kind needs."""
    if isinstance(spec, LocalSpec):
        from xpm.connectors.local import LocalConnector

        return LocalConnector(spec, main)
    if isinstance(spec, SshSpec):
        from xpm.connectors.ssh import SshConnector

        return SshConnector(spec, Mark(spec, main))
    from xpm.connectors.slurm import SlurmConnector

    return SlurmConnector(spec, Mark(spec, main))
