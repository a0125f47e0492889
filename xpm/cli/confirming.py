"""A question before something is done to many jobs at once."""

import sys
from collections.abc import Sequence

import click

from xpm.follow.views import JobView
from xpm.words import telling

MANY = 10
"""With more jobs than this nothing is done without a question."""


def is_wanted(verb: str, chosen: Sequence[JobView]) -> bool:
    """Whether this may be done to these jobs: who is at a terminal is asked when they are many."""
    if len(chosen) <= MANY or not sys.stdin.isatty():
        return True
    return click.confirm(f"{verb} {counted(chosen)} ({telling.counts(chosen)})?", err=True)


def counted(jobs: Sequence[JobView]) -> str:
    """``1 job``, ``3 jobs``."""
    return f"{len(jobs)} job{'' if len(jobs) == 1 else 's'}"
