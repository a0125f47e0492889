"""Experiments and jobs in words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from xpm.cli import bars, live
from xpm.follow.journal import Place
from xpm.follow.views import ExperimentView, JobView
from xpm.words import telling

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
JOB = JobView(
    id="7f3a" * 16,
    task="demo.learn",
    state="running",
    cause=None,
    attempt=1,
    generation=1,
    batch_id="4211",
    launcher="cpu",
    connector="cluster",
    tags={"lr": 0.1, "k": 3},
    path="/main/jobs/demo.learn/7f3a",
    seen_at=NOW - timedelta(minutes=3),
    reason="",
    message="",
    settled=False,
)


def view(jobs: Sequence[JobView], state: str = "running") -> ExperimentView:
    return ExperimentView("demo", Path("/main"), state, jobs, {}, None, {})


def test_a_heading_tells_states_and_the_age_of_what_is_known() -> None:
    done = replace(JOB, id="0" * 64, state="done", settled=True, seen_at=NOW - timedelta(days=9))

    assert (
        telling.heading(view([done, JOB]), NOW)
        == "demo: running · 1 running, 1 done · as of 3 min ago"
    )


def test_what_is_over_does_not_age() -> None:
    done = replace(JOB, state="done", settled=True, seen_at=NOW - timedelta(days=9))

    assert telling.heading(view([done], "done"), NOW) == "demo: done · 1 done"


def test_a_row_has_tags_place_and_what_is_remarkable() -> None:
    failed = replace(
        JOB, state="failed", cause="oom", message="killed", attempt=2, generation=3, settled=True
    )

    (row,) = telling.rows([failed])

    assert row == [
        "7f3a7f3a", "demo.learn", "failed", "k=3 lr=0.1", "cluster 4211",
        "oom; killed; attempt 2; started 3 times",
    ]  # fmt: skip


def test_a_message_of_several_lines_is_told_in_a_row_as_several_things() -> None:
    failed = replace(JOB, state="failed", cause="oom", message="SLURM killed it\nraise `mem`")

    assert telling.remark(replace(failed, settled=True)) == "oom; SLURM killed it; raise `mem`"


def test_of_a_long_message_a_row_has_the_first_line() -> None:
    failed = replace(JOB, state="failed", cause="refused", message="it cannot be made\na\nb\nc")

    assert telling.remark(replace(failed, settled=True)) == "refused; it cannot be made …"


def test_a_job_that_is_over_there_says_so_until_its_files_are_here() -> None:
    done = replace(JOB, state="done", settled=False)

    assert "its files are not here yet" in telling.remark(done)
    assert "its files are not here yet" not in telling.remark(replace(done, settled=True))


def test_what_to_do_about_a_place_that_does_not_answer_comes_last() -> None:
    place = Place("cluster", None, NOW.timestamp() - 7200, "no python\n  -> name another one")
    silent = replace(view([JOB]), places={"cluster": place})

    assert telling.links(silent, NOW) == [
        "waiting: cluster has not answered: no python; for 2 h now"
        " (its jobs go on; these are their last known states)\n  -> name another one"
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (59, "59 s"), (119, "119 s"), (120, "2 min"), (7300, "2 h"), (200_000, "2 d")],
)
def test_an_age_is_said_in_the_largest_fitting_unit(seconds: float, said: str) -> None:
    assert telling.age(seconds) == said


def test_a_tally_keeps_the_last_state_of_each_job_by_task() -> None:
    tally = live.Tally()

    tally.put([JOB, replace(JOB, id="1" * 64)])
    tally.put([replace(JOB, state="done"), replace(JOB, id="2" * 64, task="demo.eval")])

    assert tally.tasks() == {"demo.learn": {"done": 1, "running": 1}, "demo.eval": {"running": 1}}


def test_a_bar_counts_what_is_over_and_names_the_rest() -> None:
    states = {"done": 6, "failed": 1, "running": 2, "skipped": 0}

    assert (live.over(states), bars.words(states)) == (7, "✓ 6  2 running  ✗ 1")


def test_of_many_jobs_the_most_pressing_are_shown_in_their_order() -> None:
    done = [replace(JOB, id=f"d{number}", state="done") for number in range(300)]
    failed = replace(JOB, id="f", state="failed")
    jobs = [*done[:250], failed, *done[250:], JOB]

    shown = telling.pressing(jobs, most=3)

    assert ["d0", "f", JOB.id] == [job.id for job in shown]
    assert telling.left_out(telling.per_state(jobs), shown).startswith("not shown: 299 done (")


def test_of_few_jobs_all_are_shown() -> None:
    assert [JOB, JOB] == list(telling.pressing([JOB, JOB]))
    assert telling.left_out(telling.per_state([JOB, JOB]), [JOB, JOB]) == ""
