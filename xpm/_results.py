"""What the jobs of an experiment measured, as a plan or a notebook gets it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xpm.connectors.base import JobRef
from xpm.follow.conditions import Condition
from xpm.follow.session import Session
from xpm.metrics import scalars, table
from xpm.metrics.remembering import Remembered
from xpm.metrics.table import Result

if TYPE_CHECKING:
    import pandas as pd


def results(session: Session, experiment: str) -> "pd.DataFrame | Sequence[Result]":
    """The results of an experiment's done jobs: a DataFrame where pandas is there, else rows."""
    look = session.look()
    known = Remembered(session.journal.folder)
    try:
        rows = list(look.briefly(experiment, Condition("state = 'done'")))
        found = table.table(look, rows, known)
    finally:
        known.close()
    return framed(found)


def of_folder(ref: JobRef, state: str, tags: Mapping[str, object], folder: str) -> Result:
    """What one job measured, by its folder alone."""
    return Result(ref.job, ref.task, state, tags, scalars(folder), folder)


def framed(found: Sequence[Result]) -> "pd.DataFrame | Sequence[Result]":
    """These as a DataFrame, where pandas is there."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        return found
    rows = [each.cells() for each in found]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["task", "job", "state"])
