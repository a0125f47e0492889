"""From what a profile says of a place to its connector. Nothing is connected before it is needed."""

from pathlib import Path

from xpm.connectors.base import Connector
from xpm.connectors.hosts import Host
from xpm.connectors.marks import Mark
from xpm.connectors.specs import LocalSpec, Spec, SshSpec, SshTarget


def open_connector(spec: Spec, main: Path, host: Host | None = None) -> Connector:
    """The connector of a place; imports only what this kind needs.

    Args:
        spec: the place.
        main: the main folder.
        host: the way to its machine, when there is one already; the connector's to close.
    """
    if isinstance(spec, LocalSpec):
        from xpm.connectors.local import LocalConnector

        return LocalConnector(spec, main)
    if isinstance(spec, SshSpec):
        from xpm.connectors.ssh import SshConnector

        return SshConnector(spec, Mark(spec, main), host)
    from xpm.connectors.slurm import SlurmConnector

    return SlurmConnector(spec, Mark(spec, main), host)


def open_host(target: SshTarget | None, name: str = "") -> Host:
    """The machine behind a place, to be asked without our agent; None: this one.

    ``name``: of the connector, for messages; default: the host's.
    """
    if target is None:
        from xpm.connectors.local_host import LocalHost

        return LocalHost()
    from xpm.connectors.ssh_host import SshHost

    return SshHost(target, name or target.host)


def target_of(spec: Spec) -> SshTarget | None:
    """How the machine of a place is reached; None: it is this one."""
    return None if isinstance(spec, LocalSpec) else spec.ssh
