"""What the jobs of an experiment measured, as a plan or a notebook gets it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xpm.follow.session import Session
from xpm.metrics import table
from xpm.metrics.remembering import Remembered
from xpm.metrics.table import Result

if TYPE_CHECKING:
    import pandas as pd


def results(session: Session, experiment: str) -> "pd.DataFrame | Sequence[Result]":
    """The results of an experiment's done jobs: a DataFrame where pandas is there, else rows."""
    look = session.look()
    known = Remembered(session.journal.folder)
    try:
        rows = [row for row in look.rows(experiment) if row.state == "done"]
        found = table.table(look, rows, known)
    finally:
        known.close()
    try:
        import pandas as pd
    except ModuleNotFoundError:
        return found
    return pd.DataFrame([each.cells() for each in found])
