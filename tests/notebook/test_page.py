"""The page of an experiment in cells, as HTML."""

import re
from dataclasses import replace

import pytest

from tests.cli.test_telling import JOB
from tests.notebook.test_standing import Shell
from xpm import _notebook
from xpm.follow.observer import ORDER
from xpm.follow.views import JobView


def jobs(*groups: tuple[str, int]) -> list[JobView]:
    """So many jobs of these states, in this order."""
    return [replace(JOB, state=state) for state, count in groups for _ in range(count)]


def test_jobs_that_run_are_shown_though_many_wait() -> None:
    found = _notebook.shown(jobs(("waiting", 100), ("skipped", 100), ("done", 100), ("running", 2)))

    assert ["running", "running", "waiting"] == [job.state for job in found[:3]]
    assert _notebook.MOST == len(found)


def test_what_failed_is_shown_before_all_that_was_skipped_for_it() -> None:
    found = _notebook.shown(jobs(("skipped", 100), ("failed", 1)))

    assert "failed" == found[0].state


def test_every_state_has_its_place() -> None:
    assert {*ORDER} == {*_notebook.FIRST}


def test_the_page_of_the_experiment_is_a_link_and_nothing_else_is() -> None:
    notes = ["page: http://127.0.0.1:8123/?t=a-B_9", "local: see https://example.org/<b>"]

    html = _notebook.experiment_html("exp", "/main", [], notes)

    assert 1 == html.count("<a ")
    assert 'href="http://127.0.0.1:8123/?t=a-B_9"' in html
    assert "https://example.org/&lt;b&gt;" in html


def test_the_page_stays_said_until_the_experiment_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(_notebook, "_display", lambda: shell)
    observer = _notebook.NotebookObserver(shell)

    observer.note("page: http://127.0.0.1:8123/?t=a")
    for n in range(20):
        observer.note(f"note {n}")
    assert "?t=a" in shell.shown[-1]
    assert "note 19" in shell.shown[-1]
    assert "note 14<" not in shell.shown[-1]

    observer.ended({})
    assert "?t=a" not in shell.shown[-1]


def test_a_notebook_opened_later_tells_the_day_of_what_it_shows() -> None:
    html = _notebook.experiment_html("exp", "/main", [])

    assert re.search(r"at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d<", html)


def test_a_traceback_keeps_its_columns() -> None:
    notes = ["local: up", "raised:\n  1/0\n  ~^~"]

    html = _notebook.experiment_html("exp", "/main", [], notes)

    assert 1 == html.count("monospace")
    assert html.index("local: up") < html.index("monospace") < html.index("raised:")
