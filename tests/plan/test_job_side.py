"""What the plan language does inside a job, and what it costs to load."""

import subprocess
import sys
from pathlib import Path

import pytest

import xpm
from tests.pythons import interpreters
from xpm import GracefulTimeout, TaskCancelled, experiment, progress
from xpm.plan import context

HEAVY = ("typing", "dataclasses", "inspect", "pathlib", "re", "json", "hashlib", "enum")


@pytest.fixture
def reports() -> "list[tuple[float, str]]":
    return []


@pytest.fixture
def job(reports: "list[tuple[float, str]]") -> "object":
    context.enter_job(
        context.JobContext(
            "/ws", "/code", "t", "j", report=lambda fraction, text: reports.append((fraction, text))
        )
    )
    yield
    context.leave_job()


@pytest.mark.usefixtures("job")
def test_progress_is_reported_around_a_loop(reports: "list[tuple[float, str]]") -> None:
    assert list(progress(range(4), description="epochs")) == [0, 1, 2, 3]
    assert [fraction for fraction, _ in reports] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert {"epochs"} == {text for _, text in reports}


@pytest.mark.usefixtures("job")
def test_progress_of_what_has_no_length_needs_a_total(
    reports: "list[tuple[float, str]]",
) -> None:
    list(progress(iter("ab")))
    assert reports == []

    list(progress(iter("ab"), total=2))
    assert [fraction for fraction, _ in reports] == [0.0, 0.5, 1.0]


@pytest.mark.usefixtures("job")
def test_progress_takes_a_fraction(reports: "list[tuple[float, str]]") -> None:
    progress(0.5, description="half")
    progress(0.6, "more")
    progress(7)

    assert reports == [(0.5, "half"), (0.6, "more"), (1.0, "")]


def test_progress_outside_a_job_is_silent() -> None:
    assert list(progress([1, 2])) == [1, 2]
    progress(0.5)


@pytest.mark.usefixtures("job")
def test_entering_an_experiment_in_a_job_stops_the_plan(tmp_path: Path) -> None:
    opening = experiment(tmp_path, "id", port=12346)

    with pytest.raises(context.PlanStops), opening:
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("job")
def test_a_process_started_by_a_job_does_not_run_the_plan_either() -> None:
    code = "import xpm\nwith xpm.experiment('/nowhere', 'id'): print('opened')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == ""
    assert "a job does not open experiments" in done.stderr


def test_what_stops_a_plan_is_not_caught_as_an_error() -> None:
    assert not issubclass(context.PlanStops, Exception)


def test_the_exceptions_of_tasks_need_no_words() -> None:
    assert "checkpoint" in str(GracefulTimeout())
    assert "cancelled" in str(TaskCancelled())
    assert str(GracefulTimeout("saved at 7")) == "saved at 7"


@pytest.mark.host
@pytest.mark.parametrize("python", interpreters((3, 9)))
def test_what_a_job_loads_of_the_plan_language_loads_nothing_heavy(python: str) -> None:
    code = (
        "import sys; sys.path.insert(0, '.');"
        "before = set(sys.modules);"
        "import xpm.plan.tasks, xpm.plan.restoring, xpm.plan.locate, xpm.plan.progress;"
        "print(*sorted(set(sys.modules) - before))"
    )

    done = subprocess.run(
        [python, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )

    assert not set(HEAVY) & set(done.stdout.split())


@pytest.mark.host
@pytest.mark.parametrize("python", interpreters((3, 9)))
def test_every_public_name_is_imported_by_every_python(python: str) -> None:
    code = (
        "import sys; sys.path.insert(0, '.'); import xpm;"
        "assert not [name for name in sys.modules if name.startswith('xpm.')];"
        "print(*[name for name in xpm.__all__ if getattr(xpm, name) is not None])"
    )

    done = subprocess.run(
        [python, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == xpm.__all__


def test_a_name_xpm_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        print(xpm.nothing)
    assert set(xpm.__all__) <= set(dir(xpm))


def test_importing_xpm_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import xpm; print(*set(sys.modules) - before)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "xpm"
