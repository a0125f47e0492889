"""What an experiment promises to its plan."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import Cluster, job_id, sealed
from xpm._experiment import Experiment
from xpm.errors import JobsFailed, LoginNeeded, PlanProblem, ProfileProblem
from xpm.follow import followed, outgoing
from xpm.follow.options import RunOptions
from xpm.wire import frames, jobfile

A, B = sealed("a"), sealed("b", sealed("a"))


def test_a_plan_ends_when_all_its_jobs_are_done_and_their_files_are_here(
    laptop: Laptop, cluster: Cluster
) -> None:
    with laptop.experiment() as xp:
        a = xp.accept(A, "a", None)
        assert a.jobpath.is_dir()
        b = xp.accept(B, "b", None)

    assert (a.state, b.state) == ("done", "done")
    assert b.stdout().read_text() == "out\n"
    assert laptop.lines.counts == {"done": 2}
    assert laptop.states() == ["done", "done"]
    assert laptop.seen()["state"] == "done"
    assert [[A.job, B.job]] == cluster.submissions


def test_running_again_opens_no_connection_when_all_is_done(
    laptop: Laptop, cluster: Cluster
) -> None:
    with laptop.experiment() as xp:
        xp.accept(A, "a", None)
    assert cluster.opened == 1
    called: list[object] = []

    with laptop.experiment() as xp:
        xp.accept(A, "a", None).on_completed(called.append)

    assert cluster.opened == 1
    assert called == ["a"]
    assert cluster.ran[A.job] == 1


def test_a_laptop_that_dies_finds_its_jobs_again_and_none_runs_twice(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: None
    dead = laptop.experiment()
    dead.__enter__()
    dead.accept(A, "a", None)
    dead.accept(B, "b", None)
    cluster.wait_until(lambda: B.job in cluster.held)
    abandon(dead)
    called: list[object] = []

    cluster.finish(A.job)
    with laptop.experiment() as xp:
        xp.accept(A, "a", None).on_completed(called.append)
        b = xp.accept(B, "b", None)
        threading.Thread(target=finish_when_running, args=(cluster, B.job)).start()

    assert b.state == "done"
    assert called == ["a"]
    assert {A.job: 1, B.job: 1} == dict(cluster.ran)


def test_callbacks_run_once_in_the_thread_of_the_plan_after_the_files_arrived(
    laptop: Laptop,
) -> None:
    seen: list[tuple[object, bool, int]] = []

    with laptop.experiment() as xp:
        a = xp.accept(A, "a", None)

        def check(task: object) -> None:
            seen.append((task, a.stdout().exists(), threading.get_ident()))
            xp.accept(B, "b", None).on_completed(lambda task: seen.append((task, True, 0)))

        a.on_completed(check)
        xp.wait()

    assert [("a", True, threading.get_ident()), ("b", True, 0)] == seen


def test_a_failed_task_ends_the_plan_in_words_and_skips_what_depends_on_it(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: "failed" if entry["job"] == A.job else "done"
    called: list[object] = []

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)
        xp.accept(B, "b", None).on_completed(called.append)

    with pytest.raises(JobsFailed) as caught:
        laptop.run(plan)

    text = str(caught.value)
    assert "1 of 2 tasks failed, 1 was not run" in text
    assert "ValueError: boom" in text
    assert "| line before" in text
    assert f"{laptop.main}/jobs/demo.task/{A.job}/stderr" in text
    assert f"{B.job[:12]}: skipped, because demo.task {A.job[:12]} did not end well" in text
    assert called == []
    assert laptop.seen()["state"] == "failed"
    assert laptop.states() == ["failed", "skipped"]


def test_what_failed_and_what_was_skipped_gets_a_new_attempt_with_the_next_run(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: "failed" if entry["job"] == A.job else "done"

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)
        xp.accept(B, "b", None)

    with pytest.raises(JobsFailed):
        laptop.run(plan)

    cluster.fate = lambda entry: "done"
    with laptop.experiment() as xp:
        xp.accept(A, "a", None)
        xp.accept(B, "b", None)

    assert {A.job: 2, B.job: 1} == dict(cluster.ran)
    assert [each["attempt"] for each in laptop.seen()["jobs"]] == [2, 2]  # type: ignore[attr-defined]
    assert laptop.states() == ["done", "done"]


def test_a_link_that_breaks_changes_no_state_and_the_run_goes_on_when_it_heals(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: None

    with laptop.experiment() as xp:
        a = xp.accept(A, "a", None)
        pump(xp, lambda: a.state == "running")
        cluster.cut()
        pump(xp, lambda: any("no link to cluster" in each for each in laptop.lines.notes))
        assert a.state == "running"
        cluster.finish(A.job)
        cluster.heal()

    assert a.state == "done"
    assert any("no link to cluster" in each for each in laptop.lines.notes)
    assert any("answers again" in each for each in laptop.lines.notes)


def test_jobs_submitted_while_the_link_is_down_are_sent_when_it_heals(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.down = True
    with laptop.experiment() as xp:
        a = xp.accept(A, "a", None)
        pump(xp, lambda: bool(laptop.lines.notes))
        assert laptop.states() == ["waiting"]
        cluster.heal()

    assert a.state == "done"


def test_a_refused_login_ends_the_run_with_its_error(laptop: Laptop, cluster: Cluster) -> None:
    cluster.failing = LoginNeeded("log in", on="cluster")

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)

    with pytest.raises(LoginNeeded):
        laptop.run(plan)


def test_what_of_an_equal_task_is_not_heeded_is_told(laptop: Laptop) -> None:
    with laptop.experiment() as xp:
        xp.accept(sealed("x", tags={"a": 1}, values={"data": {"path": "d1"}}), "x", None)
        xp.accept(sealed("x", tags={"a": 1}, values={"data": {"path": "d1"}}), "x", None)
        assert not laptop.lines.notes
        xp.accept(sealed("x", tags={"a": 2}, values={"data": {"path": "d2"}}), "x", None)

    told = [each for each in laptop.lines.notes if "first counts" in each]
    assert [each.rpartition(": ")[2] for each in told] == ["of tags, data the first counts"]


def test_it_is_told_once_when_the_laptop_may_be_closed(laptop: Laptop) -> None:
    with laptop.experiment() as xp:
        xp.accept(A, "a", None)
        xp.accept(sealed("x"), "x", None)

    told = [each for each in laptop.lines.notes if "close the laptop" in each]
    assert told == [
        "2 jobs are safe on cluster. You can close the laptop now; come back with `xpm status exp`"
    ]


def test_two_classes_of_one_identifier_are_not_one_job(laptop: Laptop) -> None:
    def plan(xp: Experiment) -> None:
        xp.accept(sealed("x"), "x", None)
        xp.accept(sealed("x", cls="Other"), "x", None)

    with pytest.raises(PlanProblem, match=r"two classes have the identifier demo\.task"):
        laptop.run(plan)


def test_a_finished_job_whose_default_changed_is_refused_with_both_values(
    laptop: Laptop, cluster: Cluster
) -> None:
    with laptop.experiment() as xp:
        xp.accept(sealed("x", values={"hidden": 10, "data": {"path": "d1"}}), "x", None)

    with laptop.experiment() as xp:
        xp.accept(sealed("x", values={"hidden": 10, "data": {"path": "d2"}}), "x", None)

    def plan(xp: Experiment) -> None:
        xp.accept(sealed("x", values={"hidden": 20, "data": {"path": "d1"}}), "x", None)

    with pytest.raises(PlanProblem, match="hidden was 10, and is 20 now"):
        laptop.run(plan)

    assert cluster.ran[job_id("x")] == 1


def test_a_reused_job_whose_path_differs_is_told(laptop: Laptop) -> None:
    with laptop.experiment() as xp:
        xp.accept(sealed("x", values={"data": {"path": "d1"}}), "x", None)

    with laptop.experiment() as xp:
        xp.accept(sealed("x", values={"data": {"path": "d2"}}), "x", None)

    assert any("data was 'd1', and is 'd2' now" in each for each in laptop.lines.notes)


def test_detaching_ends_the_process_once_all_is_safe_on_the_far_side(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: None
    called: list[object] = []

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None).on_completed(called.append)
        xp.accept(B, "b", None)
        xp.wait()

    with pytest.raises(SystemExit) as caught:
        laptop.run(plan, detach=True)

    assert caught.value.code == 0
    assert {A.job, B.job} == set(cluster.held)
    assert any("are safe" in each for each in laptop.lines.notes)
    assert laptop.seen()["state"] == "running"
    assert called == []


def test_an_interrupted_plan_leaves_its_jobs_running_and_tells_the_way_back(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: None

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)
        cluster.wait_until(lambda: cluster.state(A.job) == "running")
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        laptop.run(plan)

    assert caught.value.code == 130
    assert cluster.state(A.job) == "running"
    assert any("Run the plan again" in each for each in laptop.lines.notes)


def test_a_plan_that_raises_still_sends_what_it_has_submitted(
    laptop: Laptop, cluster: Cluster
) -> None:
    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        laptop.run(plan)

    assert A.job in cluster.held


def test_a_job_that_never_got_there_is_sent_by_the_next_run(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.down = True
    dead = laptop.experiment()
    dead.__enter__()
    dead.accept(A, "a", None)
    abandon(dead)
    cluster.heal()

    with laptop.experiment() as xp:
        a = xp.accept(A, "a", None)

    assert a.state == "done"
    assert cluster.ran[A.job] == 1


def test_a_child_elsewhere_than_its_living_parent_is_refused(
    tmp_path: Path, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: None
    laptop = Laptop(tmp_path / "main", cluster, Cluster(name="other"))

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)
        xp.accept(B, "b", "other")

    with pytest.raises(PlanProblem, match="is to run on other"):
        laptop.run(plan)


def test_a_child_here_may_use_a_parent_done_elsewhere(tmp_path: Path, cluster: Cluster) -> None:
    laptop = Laptop(tmp_path / "main", cluster, Cluster(name="local"))
    with laptop.experiment() as xp:
        xp.accept(A, "a", None)

    with laptop.experiment(launcher="local") as xp:
        xp.accept(A, "a", None)
        b = xp.accept(B, "b", None)
        laptop.lab.clusters["local"].held[A.job] = cluster.held[A.job]

    assert b.state == "done"
    assert cluster.ran[A.job] == 1


def test_a_job_alive_elsewhere_is_followed_there(tmp_path: Path, cluster: Cluster) -> None:
    cluster.fate = lambda entry: None
    laptop = Laptop(tmp_path / "main", cluster, Cluster(name="other"))

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)

    with pytest.raises(SystemExit):
        laptop.run(plan, detach=True)

    threading.Thread(target=finish_when_running, args=(cluster, A.job)).start()
    with laptop.experiment(launcher="other") as xp:
        a = xp.accept(A, "a", None)

    assert a.state == "done"
    assert laptop.lab.clusters["other"].held == {}


def test_an_unknown_launcher_is_refused_at_once(laptop: Laptop) -> None:
    with pytest.raises(ProfileProblem), laptop.experiment(launcher="gpuu"):
        pytest.fail("the block must not run")


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    laptop = Laptop(tmp_path / "file" / "main", Cluster())

    with pytest.raises(PlanProblem, match="cannot be written"), laptop.experiment():
        pytest.fail("the block must not run")


def test_two_laptop_processes_running_one_plan_make_each_job_run_once(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: None
    other = Laptop(laptop.main, cluster)

    with other.experiment() as second:
        with laptop.experiment() as first:
            a = first.accept(A, "a", None)
            again = second.accept(A, "a", None)
            cluster.wait_until(lambda: cluster.state(A.job) == "running")
            cluster.finish(A.job)
        second.wait()

    assert (a.state, again.state) == ("done", "done")
    assert cluster.ran[A.job] == 1


def test_a_job_that_was_alive_after_all_is_followed_in_the_attempt_it_has(
    laptop: Laptop, cluster: Cluster
) -> None:
    cluster.fate = lambda entry: "failed" if entry["job"] == A.job else None
    with pytest.raises(JobsFailed):
        laptop.run(submit_both)
    cluster.fate = lambda entry: "done"
    cluster.keeps_attempts = True
    cluster.held[B.job].state = "running"
    before = len(cluster.submissions)

    def finish_when_asked_again() -> None:
        def both_were_asked() -> bool:  # in one piece or two
            return {A.job, B.job} <= {job for each in cluster.submissions[before:] for job in each}

        cluster.wait_until(both_were_asked)
        cluster.finish(B.job)

    threading.Thread(target=finish_when_asked_again).start()
    laptop.run(submit_both)

    assert laptop.states() == ["done", "done"]
    assert cluster.held[B.job].attempt == 1


def test_a_done_job_whose_record_is_seen_late_is_done(
    laptop: Laptop, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.late_looks = 2
    monkeypatch.setattr(followed, "LOOKS_S", (0.0, 0.0, 0.0))

    laptop.run(submit_both)

    assert laptop.states() == ["done", "done"]


def test_a_done_job_whose_record_does_not_arrive_is_not_taken_for_done(
    laptop: Laptop, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.loses_files = True
    monkeypatch.setattr(followed, "LOOKS_S", (0.0, 0.0))

    with pytest.raises(JobsFailed, match="its record is not in its folder"):
        laptop.run(submit_both)


def test_a_page_is_promised_in_one_line_and_the_experiment_goes_on(laptop: Laptop) -> None:
    options = RunOptions(observer=lambda: laptop.lines, world=laptop.lab.world)

    with Experiment(laptop.main, "exp", port=12346, options=options) as xp:
        xp.accept(A, "a", None)

    assert [each for each in laptop.lines.notes if "12346" in each]


def test_a_name_that_cannot_be_a_folder_is_refused(laptop: Laptop) -> None:
    with pytest.raises(PlanProblem, match="cannot name an experiment"):
        Experiment(laptop.main, "../exp")


def test_tokens_come_from_the_connector_of_the_default_launcher(laptop: Laptop) -> None:
    with laptop.experiment() as xp:
        assert xp.connector.name == "cluster"
        assert xp.token("cpu", 3) == xp.connector.createtoken("cpu", 3)
        assert xp.resultspath.is_dir()
        assert xp.resultspath == laptop.main / "xp" / "exp" / "results"


def test_a_plan_that_says_two_totals_of_one_token_is_refused_with_both_lines(
    laptop: Laptop,
) -> None:
    first = replace(A, tokens=(("cpu", 1, 3),), where="plan.py:7")
    second = replace(B, tokens=(("cpu", 1, 4),), where="plan.py:9")

    with laptop.experiment() as xp:
        xp.accept(first, "a", None)
        with pytest.raises(PlanProblem) as caught:
            xp.accept(second, "b", None)

    assert caught.value.what == "token cpu has 4 units here, and 3 at plan.py:7"
    assert caught.value.where == "plan.py:9"


def test_waiting_for_a_task_that_fails_raises(laptop: Laptop, cluster: Cluster) -> None:
    cluster.fate = lambda entry: "failed"

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None).wait()
        pytest.fail("it must not be taken for done")

    with pytest.raises(JobsFailed):
        laptop.run(plan)


def submit_both(xp: Experiment) -> None:
    """The plan of two tasks."""
    xp.accept(A, "a", None)
    xp.accept(B, "b", None)


def pump(experiment: Experiment, until: Callable[[], bool]) -> None:
    """Let the plan's thread hear news until something is true."""
    while not until():
        event = experiment._session.next(10)
        assert event is not None
        experiment._take(event)


def abandon(experiment: Experiment) -> None:
    """What remains of a plan whose process was killed: nothing but its files."""
    from xpm.plan import context

    context.pop(experiment)
    experiment._session.close()


def finish_when_running(cluster: Cluster, job: str) -> None:
    """End a job as soon as it runs."""
    cluster.wait_until(lambda: cluster.state(job) == "running")
    cluster.finish(job)


def test_jobs_with_many_values_travel_in_messages_of_bounded_size(
    laptop: Laptop, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outgoing.BATCH_BYTES + jobfile.MOST < frames.LIMIT
    monkeypatch.setattr(outgoing, "BATCH_BYTES", 10_000)
    cluster.down = True

    with laptop.experiment() as xp:
        for name in map(str, range(10)):
            xp.accept(sealed(name, values={"text": "x" * 4_000}), name, None)
        cluster.heal()

    assert [3, 3, 3, 1] == [len(each) for each in cluster.submissions]
    assert set(cluster.ran.values()) == {1}


def test_values_too_large_to_travel_are_refused_with_what_to_do(laptop: Laptop) -> None:
    def plan(xp: Experiment) -> None:
        xp.accept(sealed("x", values={"text": "x" * 17_000_000}), "x", None)

    with pytest.raises(PlanProblem, match=r"too large to be submitted.*17 MB") as refused:
        laptop.run(plan)

    assert refused.value.hint == "keep data in files, and give their paths"
    assert refused.value.where == "plan.py:12"


def test_a_task_submitted_in_another_thread_fails_the_plan(laptop: Laptop) -> None:
    def plan(xp: Experiment) -> None:
        def stray() -> None:
            with pytest.raises(PlanProblem, match="in another thread"):
                xp.accept(A, "a", None)

        thread = threading.Thread(target=stray)
        thread.start()
        thread.join()

    with pytest.raises(PlanProblem, match="in another thread"):
        laptop.run(plan)
