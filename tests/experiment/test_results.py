"""What a plan gets of the results of its jobs."""

import json
import sys

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import sealed
from xpm._experiment import Experiment

A, B = sealed("a"), sealed("b")


def measured(xp: Experiment) -> None:
    """Two jobs, of which one has measured something."""
    job = xp.accept(A, "a", None)
    xp.accept(B, "b", None)
    xp.wait()
    (job.jobpath / "metrics.json").write_text(json.dumps({"accuracy": 0.5}))


def test_results_are_a_frame_where_pandas_is_there(laptop: Laptop) -> None:
    pandas = pytest.importorskip("pandas")

    with laptop.experiment() as xp:
        measured(xp)
        found = xp.results()

    assert isinstance(found, pandas.DataFrame)
    assert [(A.job, "done", 0.5)] == list(
        found[["job", "state", "accuracy"]].itertuples(index=False, name=None)
    )


def test_a_frame_without_results_has_its_first_columns(laptop: Laptop) -> None:
    pytest.importorskip("pandas")

    with laptop.experiment() as xp:
        xp.accept(A, "a", None)
        xp.wait()
        found = xp.results()

    assert ["task", "job", "state"] == list(found)


def test_results_are_rows_without_pandas(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with laptop.experiment() as xp:
        measured(xp)
        found = xp.results()

    assert [(A.job, {"accuracy": 0.5})] == [(each.job, each.metrics) for each in found]
