"""Measures xpm against bare processes and plain sbatch, as ratios within one run.

Exit code 1 when a target is missed.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from figures import Figure, Missing, as_json, as_table

sys.path.insert(0, str(Path(__file__).parents[2]))

WHAT = {
    "startup": ("startup", 15),
    "identity": ("identities", 3000),
    "sealing": ("sealing", 100_000),
    "plan": ("plan_many", 100_000),
    "local": ("local_jobs", 300),
    "slurm": ("slurm_chain", 3),
    "many": ("slurm_many", 1000),
    "sync": ("sync_files", 200),
    "answers": ("answers", 20_000),
}


def main() -> int:
    """Measure, show, judge."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*WHAT, []], help="default: everything")
    parser.add_argument("--json", action="store_true", help="for programs")
    chosen = parser.parse_args()
    found: list[Figure | Missing] = []
    for name in chosen.what or WHAT:
        module, times = WHAT[name]
        measured: Sequence[Figure | Missing] = importlib.import_module(module).measure(times)
        found += measured
    print(as_json(found) if chosen.json else as_table(found))
    return any(isinstance(each, Figure) and not each.met for each in found)


if __name__ == "__main__":
    sys.exit(main())
