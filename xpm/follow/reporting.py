"""How far jobs elsewhere say they are, kept in their mirrors: where whoever shows progress looks for it."""

import json
from collections.abc import Iterable
from pathlib import Path

from xpm.connectors.base import Reported
from xpm.sync.folder import InTheWay, JobFolder
from xpm.sync.mirror import PROGRESS
from xpm.wire import disks, ledger


def keep(main: Path, found: Iterable[Reported]) -> None:
    """Write each job's last words into its mirror; what cannot be written now is told again by what follows."""
    if not (main / ledger.FOLDER).is_dir():
        return  # its disk is away
    for each in found:
        content = {"at": each.at, "fraction": each.fraction, "description": each.description}
        try:
            with JobFolder(
                Path(ledger.job_folder(str(main), each.ref.task, each.ref.job))
            ) as folder:
                folder.replace(PROGRESS, json.dumps(content).encode())
        except InTheWay:
            continue
        except OSError as error:
            if not disks.heals(error):
                raise
