"""``python -m tests.faults.drive PLAN`` runs a plan whose ssh connectors lead to an agent at a pipe; ``drive status`` tells."""

import os
import runpy
import sys
from pathlib import Path

from tests.contract.places import in_memory
from tests.faults.pipes import HookedHost
from xpm.connectors.base import Connector
from xpm.connectors.opening import open_connector
from xpm.connectors.retrying import Patience
from xpm.connectors.specs import LocalSpec, Spec
from xpm.follow.options import RunOptions, using
from xpm.follow.world import World


def _open(spec: Spec, main: Path) -> Connector:
    if isinstance(spec, LocalSpec):
        return open_connector(spec, main)
    far = Path(os.environ["XPM_FAULTS_FAR"])
    return in_memory(HookedHost(spec.name), far, Patience(attempts=3))


def main() -> None:
    """Do as the command line says."""
    from xpm.errors import XpmError

    if sys.argv[1] == "status":
        from xpm.cli.main import main as command

        sys.argv[:] = ["xpm", "status", "faults", "--json"]
        command()
        return
    plan = sys.argv[1]
    sys.path.insert(0, str(Path(plan).parent))
    sys.argv[:] = [plan]
    with using(RunOptions(world=World(open=_open, patience=lambda failures: 0.05))):
        try:
            runpy.run_path(plan, run_name="__main__")
        except XpmError as problem:
            sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
