"""Two jobs that do nothing, one after the other: plan.py MAIN NUMBER."""

import sys

from xpm import Param, Task, experiment


class First(Task):
    """Does nothing."""

    __xpmid__ = "bench.first"
    number: Param[int]

    def execute(self):
        """Do nothing."""


class Second(Task):
    """Does nothing, afterwards."""

    __xpmid__ = "bench.second"
    first: Param[First]

    def execute(self):
        """Do nothing."""


with experiment(sys.argv[1], "chain") as xp:
    Second(first=First(number=int(sys.argv[2])).submit()).submit()
