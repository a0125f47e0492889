"""Jobs that do nothing: plan.py MAIN COUNT."""

import sys

from xpm import Param, Task, experiment


class Nothing(Task):
    """Does nothing."""

    __xpmid__ = "bench.nothing"
    number: Param[int]

    def execute(self):
        """Do nothing."""


with experiment(sys.argv[1], "noop") as xp:
    for number in range(int(sys.argv[2])):
        Nothing(number=number).submit()
