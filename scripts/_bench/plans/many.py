"""Many jobs that do nothing: many.py MAIN COUNT FIRST."""

import sys

from xpm import Param, Task, experiment


class Nothing(Task):
    """Does nothing."""

    __xpmid__ = "bench.nothing"
    number: Param[int]

    def execute(self):
        """Do nothing."""


with experiment(sys.argv[1], "many") as xp:
    for number in range(int(sys.argv[2])):
        Nothing(number=int(sys.argv[3]) + number).submit()
