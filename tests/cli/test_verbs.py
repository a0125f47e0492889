"""The verbs over experiments that are over: no connection is needed, all is read from records."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.commands import xpm
from tests.cli.folders import T0, Past, main_folder

GOOD = Past("aa" * 32, tags={"k": 3, "model": "knn"}, stdout="learning\nlearned\n", stderr="warm\n")
BAD = Past(
    "ab" * 32,
    task="demo.evaluate",
    state="failed",
    cause="exit",
    error={"type": "ValueError", "message": "no digits", "traceback": ""},
)


@pytest.fixture
def main(tmp_path: Path) -> Path:
    return main_folder(tmp_path / "main", "demo", [GOOD, BAD]).path


def test_status_shows_every_job_with_state_tags_and_cause(tmp_path: Path, main: Path) -> None:
    told = xpm("status", "--workdir", str(main), home=tmp_path)

    heading, columns, good, bad = told.out.splitlines()
    assert told.code == 0
    assert heading == "demo: failed · 1 failed, 1 done"
    assert columns.split() == ["JOB", "TASK", "STATE", "TAGS", "WHERE", "REMARK"]
    assert good.split() == ["aaaaaaaa", "demo.learn", "done", "k=3", "model=knn", "local", "123_4"]
    assert bad.split()[:3] == ["abababab", "demo.evaluate", "failed"]
    assert "exit; ValueError: no digits" in bad
    assert told.err == (
        "why: `xpm why abababab`, `xpm logs abababab`;"
        " once mended: run the plan again, or `xpm retry demo`\n"
    )


def test_a_filter_that_no_job_passes_is_told_as_that(tmp_path: Path, main: Path) -> None:
    told = xpm("status", "k=7", "--workdir", str(main), home=tmp_path)

    assert (told.code, told.out) == (0, "")
    assert "no job passes 'k=7'" in told.err


def test_a_slip_in_the_name_of_an_experiment_is_told_as_one(tmp_path: Path, main: Path) -> None:
    near = xpm("retry", "dema", "--workdir", str(main), home=tmp_path)
    far = xpm("cancel", "zz", "--workdir", str(main), home=tmp_path)

    assert (near.code, far.code) == (2, 2)
    assert (
        f"no job begins with 'dema' ({main})\n  -> did you mean the experiment 'demo'?" in near.err
    )
    assert "experiments: demo" in far.err


def test_status_for_programs_keeps_its_contract(tmp_path: Path, main: Path) -> None:
    told = xpm("status", "--json", "--workdir", str(main), home=tmp_path)

    content = json.loads(told.out)
    assert list(content) == ["schema", "experiment", "state", "jobs"]
    assert (content["schema"], content["experiment"], content["state"]) == (1, "demo", "failed")
    assert content["jobs"][0] == {
        "id": "aa" * 32,
        "task": "demo.learn",
        "state": "done",
        "cause": None,
        "attempt": 1,
        "generation": 1,
        "batch_id": "123_4",
        "launcher": "local",
        "connector": "local",
        "tags": {"k": 3, "model": "knn"},
        "path": str(main / "jobs" / "demo.learn" / ("aa" * 32)),
        "seen_at": content["jobs"][0]["seen_at"],
        "reason": "",
        "queue": None,
        "message": "",
        "snapshot": None,
        "environment": None,
        "stayed": {"files": 0, "bytes": 0},
    }
    assert content["jobs"][0]["seen_at"].endswith("+00:00")
    assert [job["task"] for job in content["jobs"]] == ["demo.learn", "demo.evaluate"]


def test_status_for_programs_is_of_the_experiment_that_ran_last(tmp_path: Path, main: Path) -> None:
    main_folder(main, "a-later-one", [Past("cc" * 32)], at=T0 + 100)

    told = xpm("status", "--json", "--workdir", str(main), home=tmp_path)

    assert json.loads(told.out)["experiment"] == "a-later-one"


def test_an_experiment_that_is_not_there_is_answered_with_the_nearest(
    tmp_path: Path, main: Path
) -> None:
    told = xpm("status", "dmeo", "--workdir", str(main), home=tmp_path)

    assert told.code == 2
    assert "no experiment 'dmeo'" in told.err
    assert "did you mean 'demo'?" in told.err


def test_a_folder_where_nothing_ran_is_refused(tmp_path: Path) -> None:
    told = xpm("status", "--workdir", str(tmp_path), home=tmp_path)

    assert told.code == 2
    assert "no plan has run in this folder" in told.err
    assert not (tmp_path / ".xpm").exists()


def test_the_main_folder_is_the_variables_or_the_one_around(tmp_path: Path, main: Path) -> None:
    named = xpm("status", home=tmp_path, more={"XPM_WORKDIR": str(main)})
    around = xpm("status", home=tmp_path, cwd=main / "jobs")
    nothing = xpm("status", home=tmp_path / "main" / "..", more={"XDG_STATE_HOME": "/nonexistent"})

    assert named.out == around.out != ""
    assert nothing.code == 2
    assert "no plan has run here" in nothing.err


def test_the_main_folder_used_last_is_known_everywhere(tmp_path: Path, main: Path) -> None:
    first = xpm("status", home=tmp_path, cwd=main)

    assert first.out == xpm("status", home=tmp_path).out != ""


def test_logs_are_what_the_job_printed(tmp_path: Path, main: Path) -> None:
    out = xpm("logs", "aaa", "--workdir", str(main), home=tmp_path)
    err = xpm("logs", "aaa", "--stderr", "--workdir", str(main), home=tmp_path)
    followed = xpm("logs", "-f", "aaa", "--workdir", str(main), home=tmp_path)
    empty = xpm("logs", "ab", "--workdir", str(main), home=tmp_path)

    assert (out.code, out.out, out.err) == (0, "learning\nlearned\n", "")
    assert err.out == "warm\n"
    assert followed.out == out.out
    assert (empty.code, empty.out) == (0, "")
    assert "is empty" in empty.err


def test_of_a_log_the_last_lines_may_be_asked_for(tmp_path: Path, main: Path) -> None:
    asked = [("-n", "1"), ("--tail", "9"), ("--tail", "0"), ("-f", "-n", "1")]

    told = [xpm("logs", "aaa", *each, "--workdir", str(main), home=tmp_path) for each in asked]
    wrong = xpm("logs", "aaa", "--tail", "-1", "--workdir", str(main), home=tmp_path)

    assert ["learned\n", "learning\nlearned\n", "", "learned\n"] == [each.out for each in told]
    assert [0, 0, 0, 0, 2] == [each.code for each in [*told, wrong]]


def test_a_job_that_wrote_errors_only_is_told_with_how_to_see_them(
    tmp_path: Path, main: Path
) -> None:
    (folder,) = main.glob(f"jobs/*/{'ab' * 32}")
    (folder / "stderr").write_text("ValueError: no digits\n")

    told = xpm("logs", "ab", "--workdir", str(main), home=tmp_path)

    assert "is empty; its error output is not: xpm logs abababab --stderr" in told.err


@pytest.mark.parametrize(("prefix", "said"), [("a", "names 2 jobs"), ("f00", "no job begins")])
def test_a_prefix_names_one_job_or_is_refused(
    prefix: str, said: str, tmp_path: Path, main: Path
) -> None:
    told = xpm("logs", prefix, "--workdir", str(main), home=tmp_path)

    assert told.code == 2
    assert said in told.err
    if prefix == "a":
        assert "demo.learn/aaaa" in told.err


def test_a_story_tells_what_happened_oldest_first(tmp_path: Path, main: Path) -> None:
    told = xpm("story", "ab", "--workdir", str(main), home=tmp_path)

    lines = told.out.splitlines()
    assert told.code == 0
    assert lines[0] == f"demo.evaluate {'ab' * 32}"
    wanted, started, ended, now = lines[-4:]
    assert "attempt 1 wanted by demo" in wanted
    assert "started on node-a, process 42, batch job 123_4" in started
    assert "ended failed after 2.5 s (cause exit, exit code 1): ValueError: no digits" in ended
    assert now.startswith("now      failed")
    document = json.loads(xpm("story", "ab", "--json", "--workdir", str(main), home=tmp_path).out)
    assert (document["schema"], document["state"]) == (1, "failed")
    assert document["happened"] == sorted(document["happened"], key=lambda each: str(each["at"]))


def test_the_further_lines_of_a_message_stand_below_the_first_in_a_story(tmp_path: Path) -> None:
    error = {"type": "ValueError", "message": "no digits\nthere are letters", "traceback": ""}
    worse = replace(BAD, error=error)
    main = main_folder(tmp_path / "worse", "demo", [worse]).path

    told = xpm("story", "ab", "--workdir", str(main), home=tmp_path)

    (first,) = [line for line in told.out.splitlines() if "no digits" in line and "ended" in line]
    (second,) = [line for line in told.out.splitlines() if line.endswith("there are letters")][:1]
    assert second == " " * first.index("attempt 1") + "there are letters"


def test_waiting_for_what_is_over_tells_how_it_went(tmp_path: Path, main: Path) -> None:
    good = main_folder(tmp_path / "good", "fine", [GOOD]).path

    failed = xpm("wait", "--workdir", str(main), home=tmp_path)
    done = xpm("wait", "fine", "--workdir", str(good), home=tmp_path)

    assert failed.code == 1
    assert "xpm logs abababab --stderr" in failed.err
    assert (done.code, done.out) == (0, "fine: done · 1 done\n")


def test_cancelling_what_is_over_changes_nothing(tmp_path: Path, main: Path) -> None:
    told = xpm("cancel", "demo", "--workdir", str(main), home=tmp_path)

    assert (told.code, told.out) == (0, "")
    assert "nothing to cancel" in told.err


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("k=3", ["aa"]),
        ("state=failed and task=demo.*", ["ab"]),
        ("not k=3", ["ab"]),
        ("experiment=demo", ["aa", "ab"]),
        ("state=running", []),
    ],
)
def test_status_of_a_filter_has_what_passes_it(
    text: str, ids: list[str], tmp_path: Path, main: Path
) -> None:
    told = xpm("status", text, "--json", "--workdir", str(main), home=tmp_path)

    assert told.code == 0, told.err
    assert [each * 32 for each in ids] == [job["id"] for job in json.loads(told.out)["jobs"]]


def test_a_filter_stands_for_jobs_everywhere(tmp_path: Path, main: Path) -> None:
    def say(*words: str) -> tuple[int, str, str]:
        told = xpm(*words, "--workdir", str(main), home=tmp_path)
        return told.code, told.out, told.err

    assert say("logs", "k=3") == (0, "learning\nlearned\n", "")
    assert "means 2 jobs" in say("logs", "attempt=1")[2]
    assert "nothing to cancel" in say("cancel", "k=3 or state=failed")[2]
    assert "no job has a tag 'kk'" in say("cancel", "not kk=3")[2]
    assert "nothing to try again" in say("retry", "state=done")[2]
    code, _, err = say("cancel", "k=3 k=4")
    assert code == 2
    assert "is missing at 'k=4'" in err


def test_sync_of_what_is_here_opens_nothing(tmp_path: Path, main: Path) -> None:
    told = xpm("sync", "--workdir", str(main), home=tmp_path)

    assert (told.code, told.out) == (0, "demo: failed · 1 failed, 1 done\n")


def test_resuming_a_plan_that_is_gone_goes_on_without_it_and_says_so(
    tmp_path: Path, main: Path
) -> None:
    told = xpm("resume", "--workdir", str(main), home=tmp_path)

    assert told.code == 1
    assert "plan.py is not there any more; going on with what was submitted" in told.err
    assert "callbacks" in told.err
    assert told.out.startswith("demo: failed · 1 failed, 1 done\n")


def test_another_launcher_needs_the_plan(tmp_path: Path, main: Path) -> None:
    told = xpm("resume", "-l", "gpu", "--workdir", str(main), home=tmp_path)

    assert told.code == 2
    assert "another launcher needs the plan" in told.err


def test_resuming_runs_the_script_with_the_arguments_it_had(tmp_path: Path, main: Path) -> None:
    (main / "plan.py").write_text("import sys; print('ran with', sys.argv[1:])\n")

    told = xpm("resume", "demo", "--workdir", str(main), home=tmp_path)

    assert (told.code, told.out) == (0, "ran with ['--fast']\n")
