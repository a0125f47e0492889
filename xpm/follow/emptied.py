"""Of which jobs the results were cleaned away elsewhere: ``<main>/.xpm/emptied.json``, {"format": 1, "jobs": [id, ...]}."""

from collections.abc import Sequence

from xpm.follow.main import MainFolder
from xpm.wire import files

EMPTIED = "emptied.json"


def jobs(main: MainFolder) -> set[str]:
    """The jobs whose results were cleaned away elsewhere, from this main folder."""
    try:
        content = files.load(str(main.own / EMPTIED)) or {}
    except ValueError:  # only what is told of orphans depends on it
        return set()
    return {str(each) for each in content.get("jobs") or ()}


def note(main: MainFolder, more: Sequence[str]) -> None:
    """Note that the results of these jobs were cleaned away elsewhere."""
    known = sorted(jobs(main) | set(more))
    files.write(str(main.own / EMPTIED), files.dump({"format": 1, "jobs": known}))
