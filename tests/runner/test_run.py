"""What one run of a job does, seen from its folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pythons import interpreters
from tests.runner.workshop import TASK, WORK, Workshop, is_alive, job_id, read_json

pytestmark = pytest.mark.host


def run(workshop: Workshop, name: str, code: str, **more: object) -> int:
    submission = workshop.submit(workshop.entry(job_id(name), code, **more))  # type: ignore[arg-type]
    return workshop.run(submission).code


def test_a_task_runs_in_its_own_folder_and_its_end_is_recorded(workshop: Workshop) -> None:
    code = run(workshop, "a", "print('hé', os.getcwd()); print('oh', file=sys.stderr)")

    assert code == 0
    assert f"hé {workshop.folder('a')}\n" == (workshop.folder("a") / "stdout").read_text()
    assert (workshop.folder("a") / "stderr").read_text() == "oh\n"
    claim, outcome = workshop.ledger("a")
    assert tuple(claim[key] for key in ("kind", "generation", "batch_id", "restart")) == (
        "claim",
        1,
        None,
        0,
    )
    assert tuple(outcome[key] for key in ("kind", "state", "cause", "exit_code", "signal")) == (
        "outcome",
        "done",
        None,
        0,
        None,
    )
    assert outcome["max_rss_kib"] > 1000
    bells = sorted(path.name for path in Path(workshop.layout.inbox).iterdir())
    assert [f"{job_id('a')}.a1.1", f"{job_id('a')}.a1.2"] == bells


def test_at_most_six_small_files_of_ours_are_left(workshop: Workshop) -> None:
    run(workshop, "a", "progress(0.5)")

    found = sorted(path.name for path in workshop.folder("a").rglob("*") if path.is_file())
    found.remove("effects")  # the task's own
    assert found == ["a1.1", "a1.2", "job.json", "progress.json", "stderr", "stdout"]


@pytest.mark.parametrize(
    ("code", "status", "cause", "exit_code", "signum", "message"),
    [
        ("1/0", 1, "exit", 1, None, "ZeroDivisionError: division by zero"),
        ("sys.exit(3)", 3, "exit", 3, None, "exit code 3"),
        ("sys.exit('no')", 1, "exit", 1, None, "exit code 1"),
        ("os._exit(0)", 1, "exit", 0, None, "before execute() returned"),
        ("os.kill(os.getpid(), 11)", 139, "signal", None, 11, "SIGSEGV"),
        ("raise MemoryError", 1, "oom", 1, None, "out of memory"),
        ("import atexit; atexit.register(os.abort)", 134, "signal", None, 6, "execute() returned"),
    ],
)
def test_a_failure_is_recorded_with_its_cause(
    workshop: Workshop,
    code: str,
    status: int,
    cause: str,
    exit_code: int | None,
    signum: int | None,
    message: str,
) -> None:
    assert status == run(workshop, "a", code)

    outcome = workshop.outcome("a")
    assert ("failed", cause, exit_code, signum) == tuple(
        outcome[key] for key in ("state", "cause", "exit_code", "signal")
    )
    assert message in outcome["message"]


def test_sys_exit_with_zero_is_success(workshop: Workshop) -> None:
    assert run(workshop, "a", "sys.exit(0)") == 0
    assert workshop.outcome("a")["state"] == "done"


def test_a_traceback_starts_at_the_users_own_code(workshop: Workshop) -> None:
    run(workshop, "a", "1/0")

    error = workshop.outcome("a")["error"]
    assert error["type"] == "ZeroDivisionError"
    assert "work.py" in error["traceback"].splitlines()[1]
    assert "xpm/runner" not in error["traceback"]
    assert error["traceback"] == (workshop.folder("a") / "stderr").read_text()


@pytest.mark.parametrize("python", interpreters((3, 9)))
def test_an_import_that_the_jobs_python_lacks_is_named_with_its_line(
    tmp_path: Path, python: str
) -> None:
    workshop = Workshop(tmp_path / "ws", code="import os\nimport nosuchmodule\n" + WORK)
    submission = workshop.submit(workshop.entry(job_id("a"), "pass"))

    ran = workshop.run(submission, python=python)

    outcome = workshop.outcome("a")
    assert ran.code == 1
    assert (outcome["state"], outcome["cause"]) == ("failed", "launch")
    assert "work.py:2" in outcome["message"]
    assert "nosuchmodule" in outcome["message"]
    assert python in outcome["message"]
    assert workshop.effects("a") == []


def test_a_class_that_is_gone_is_a_launch_failure(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "ws", code="x = 1\n")

    run(workshop, "a", "pass")

    assert workshop.outcome("a")["cause"] == "launch"
    assert "no class Code" in workshop.outcome("a")["message"]


def test_a_plan_script_stops_where_it_opens_its_experiment(tmp_path: Path) -> None:
    plan = WORK + "\nfrom xpm import experiment\nwith experiment('x', 'y'):\n    os._exit(9)\n"
    workshop = Workshop(tmp_path / "ws", code=plan)
    entry = workshop.entry(job_id("a"), "print(sys.argv)")
    entry["document"]["types"][0]["script"] = "work.py"
    entry["code"].update(script="work.py", argv=["--fast"])

    workshop.run(workshop.submit(entry))

    assert workshop.outcome("a")["state"] == "done"
    script = str(Path(workshop.layout.code, "snap", "work.py"))
    assert f"{[script, '--fast']}\n" == (workshop.folder("a") / "stdout").read_text()


def test_output_is_appended_over_attempts(workshop: Workshop) -> None:
    run(workshop, "a", "print('one')")
    run(workshop, "a", "print('two')", attempt=2)

    assert (workshop.folder("a") / "stdout").read_text() == "one\ntwo\n"
    assert workshop.outcome("a", attempt=2)["state"] == "done"


def test_processes_the_task_leaves_behind_are_killed(workshop: Workshop) -> None:
    run(workshop, "a", "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)")

    assert not is_alive(int((workshop.folder("a") / "stdout").read_text()))


def test_an_error_in_a_fork_of_the_task_is_not_the_tasks(workshop: Workshop) -> None:
    code = "pid = os.fork()\nif pid == 0: raise ValueError('in the fork')\nos.waitpid(pid, 0)"

    assert run(workshop, "a", code) == 0
    assert workshop.outcome("a")["state"] == "done"


def test_a_job_folder_that_cannot_be_made_is_told_in_the_submissions_log(
    workshop: Workshop,
) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), "pass"))
    Path(workshop.layout.root, "jobs").write_text("in the way")

    ran = workshop.run(submission)

    assert ran.code == 73
    assert "cannot use the job's folder" in workshop.log(submission)


def test_a_missing_submission_is_told(workshop: Workshop) -> None:
    ran = workshop.run("nosuch")

    assert ran.code == 70
    assert "nosuch/intent.json is missing" in ran.err


def test_progress_is_written_once_a_second_at_most_and_at_the_end(workshop: Workshop) -> None:
    run(workshop, "a", "for i in range(1000): progress(i / 2000, 'half')")

    content = read_json(workshop.folder("a") / ".xpm" / "progress.json")
    assert content["fraction"] == 0.0

    run(workshop, "b", "for i in progress(range(1000), description='all'): pass")

    content = read_json(workshop.folder("b") / ".xpm" / "progress.json")
    assert (content["fraction"], content["description"]) == (1.0, "all")


def test_the_elements_of_an_array_find_their_jobs(workshop: Workshop) -> None:
    entries = [workshop.entry(job_id(name), f"print({name!r})") for name in "abc"]
    submission = workshop.submit(*entries)

    workshop.run(submission, index=2)

    assert (workshop.folder("c") / "stdout").read_text() == "c\n"
    assert not workshop.folder("a").exists()


@pytest.mark.parametrize("python", interpreters((3, 9)))
def test_every_python_from_3_9_runs_tasks(workshop: Workshop, python: str) -> None:
    submission = workshop.submit(
        workshop.entry(job_id("a"), "print(self.remaining_time(), sys.version_info[:2])")
    )

    assert workshop.run(submission, python=python).code == 0
    assert (workshop.folder("a") / "stdout").read_text().startswith("None (3, ")


def test_the_remaining_time_counts_down_from_what_was_asked(workshop: Workshop) -> None:
    request = {"kind": "plain", "resources": {"time_s": 100}}
    run(workshop, "a", "print(self.remaining_time())", request=request)

    assert 90 < float((workshop.folder("a") / "stdout").read_text()) <= 100


def test_a_run_imports_neither_the_agent_nor_the_decider_nor_what_is_slow(
    workshop: Workshop,
) -> None:
    code = "print(sorted(sys.modules))"
    submission = workshop.submit(workshop.entry(job_id("a"), code))
    argv = [sys.executable, "-S", workshop.travel, "run", workshop.layout.root, submission]
    subprocess.run(argv, check=True)

    found = (workshop.folder("a") / "stdout").read_text()
    slow = "typing dataclasses inspect socket hashlib uuid traceback subprocess threading"
    for name in ("xpm.decide", "xpm.agent.board", *slow.split()):
        assert f"'{name}'" not in found


def test_the_task_is_named_by_its_folder(workshop: Workshop) -> None:
    run(workshop, "a", "pass")

    assert Path(workshop.layout.root, "jobs", TASK, job_id("a")) == workshop.folder("a")


def test_a_task_reads_the_values_of_another_in_its_folder(workshop: Workshop) -> None:
    run(workshop, "a", "self.mark = 1")
    entry = workshop.entry(job_id("b"), "print(self.before.code)", parents=[[TASK, job_id("a")]])
    own = entry["document"]["nodes"][0]
    own["values"]["before"] = {"node": 0}
    other = {"type": 0, "job": [TASK, job_id("a")]}
    entry["document"].update(format=2, root=1, nodes=[other, own])

    assert workshop.run(workshop.submit(entry)).code == 0
    assert (workshop.folder("b") / "stdout").read_text() == "self.mark = 1\n"


def test_the_folder_tells_what_was_submitted_last(workshop: Workshop) -> None:
    first = workshop.entry(job_id("a"), "1/0")
    again = workshop.entry(job_id("a"), "pass", attempt=2)

    for each in (first, again):
        workshop.run(workshop.submit(each))

        assert {"format": 1, **each} == read_json(workshop.folder("a") / ".xpm" / "job.json")
