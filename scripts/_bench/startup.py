"""How long it takes until something happens: the command's help and the bare import."""

import subprocess
import sys
from collections.abc import Sequence

from figures import Figure, best_of

HELP_MS = 150.0
IMPORT_MS = 60.0


def measure(times: int) -> Sequence[Figure]:
    """Milliseconds of ``xpm --help`` and of ``import xpm``, whole processes both."""
    bare = _process(times, "-c", "pass")
    told = _process(times, "-m", "xpm", "--help")
    imported = _process(times, "-c", "import xpm")
    return [
        _figure("xpm --help", told, bare, HELP_MS),
        _figure("python -c 'import xpm'", imported, bare, IMPORT_MS),
    ]


def _figure(name: str, measured: float, bare: float, limit: float) -> Figure:
    return Figure(
        name,
        measured,
        "ms",
        "python -c pass",
        bare,
        measured / bare,
        f"< {limit:.0f} ms",
        measured < limit,
    )


def _process(times: int, *arguments: str) -> float:
    command = [sys.executable, *arguments]

    def run() -> object:
        return subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    run()  # compiles what is not compiled yet
    return 1000 * best_of(times, run)
