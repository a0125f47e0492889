"""Which jobs pass a filter, asked of a journal: what SQL leaves out would not have passed."""

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpm.connectors.base import Change, JobRef
from xpm.errors import UsageProblem
from xpm.follow import choosing, filters, narrowing
from xpm.follow.journal import Journal
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.records import Line

VALUES = [
    0.1, 1e-1 + 1e-17, 0.30000000000000004, 3, 3.0, "3", "3.0", -0.0, 0, True, False, "true", "cnn",
    "CNN", 'a "k": 3, b', "é", 2**60, 2**60 + 1, 1e300, "inf", float("inf"), "[x]", "a*b", "a?b",
]  # fmt: skip
STATES = ("done", "failed", "running", "cancelled")
NAMES = ["k", "lr", "tag.k", "tag.state", "m-1", "é", *filters.FIELDS]
ASKED = [
    "0.1", "3", "3.0", "0", "-0", "true", "True", "cnn", "c*", "*", "'3'", "'cnn'", "é", "1e300",
    "1152921504606846976", "inf", "nan", "a?b", "[x]", "'a*b'", "a*b", "0.3", "0.30000000000000004",
    "demo.*", "demo.learn", "here", "0", "00", "A", "1", "2", "done", "fail*", "exit", "oom", "x",
]  # fmt: skip


def comparison() -> st.SearchStrategy[str]:
    def fit(parts: tuple[str, str, str]) -> str:
        name, operator, value = parts
        known = {"state": STATES, "cause": ("exit", "oom")}.get(name)
        return f"{name}{operator}{known[len(value) % len(known)] if known else value}"

    operators = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    return st.tuples(st.sampled_from(NAMES), operators, st.sampled_from(ASKED)).map(fit)


TEXTS = st.recursive(
    comparison(),
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) and ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) or ({two[1]})"),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """A look at two experiments whose jobs have every kind of tag."""
    folder = tmp_path_factory.mktemp("choosing")
    main = MainFolder(folder / "main")
    main.prepare()
    journal = Journal(main, folder / "journal")
    for name in ("one", "here"):
        changes = _write(main, name)
        journal.catch_up()
        journal.record("here", changes, 5.0)
    yield Look(main, journal)
    journal.close()


def _write(main: MainFolder, experiment: str) -> list[Change]:
    record = main.experiment(experiment)
    run = record.start(1.0, None, [])
    changes = []
    for place, value in enumerate(VALUES):
        job = hashlib.sha256(f"{experiment} {place}".encode()).hexdigest()
        tags = {"k": value, "lr": place / 10, "m-1": str(place), "é": place, "state": "odd"}
        where = ("local", "here")[place % 2]
        task = ("demo.learn", "demo.test")[place % 2]
        line = Line(job, task, 1 + place % 2, where, "l", tags, (), "/w", 2.0, run)
        record.append(line)
        state = STATES[place % 4]
        cause = "exit" if state == "failed" else None
        change = Change(_ref(line), state, cause, line.attempt, 1, None, "", "", 3.0)
        if place % 5:
            changes.append(change)
    record.close()
    return changes


def _ref(line: Line) -> JobRef:
    return JobRef(line.task, line.job)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXTS)
def test_what_is_narrowed_by_sql_is_what_python_chooses(look: Look, text: str) -> None:
    wanted = filters.parse(text)
    everything = [row for name in look.experiments() for row in look.rows(name)]

    found = choosing.passing(look, text)

    expected = [row for row in everything if filters.passes(wanted, row, row.experiment)]
    assert expected == found
    exact = choosing.in_sql(look, text)
    if exact is not None:
        assert expected == [row for name in look.experiments() for row in look.rows(name, exact)]


def test_one_experiment_may_be_asked_for(look: Look) -> None:
    assert {"one"} == {row.experiment for row in choosing.passing(look, "lr>=0", "one")}


@pytest.mark.parametrize(
    ("text", "kept"), [("state=failed and lr<0.5", 3), ("tag.k='cnn'", 8), ("lr=0.5", 2)]
)
def test_few_rows_are_looked_at_in_python(look: Look, text: str, kept: int) -> None:
    condition = narrowing.condition(filters.parse(text))

    rows = [row for name in look.experiments() for row in look.rows(name, condition)]
    assert len(rows) <= kept < 2 * len(VALUES)


def test_a_tag_that_no_job_has_is_refused_with_the_nearest(look: Look) -> None:
    with pytest.raises(UsageProblem, match="no job has a tag 'lrr'"):
        choosing.passing(look, "not lrr=3")
