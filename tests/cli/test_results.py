"""``xpm results``: tags against metrics, from the files of jobs."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli import commands
from tests.cli.folders import Past, main_folder
from xpm.cli.main import main as run
from xpm.follow.main import MainFolder


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MainFolder:
    """Four learned, one of them in vain, and one report."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path / "main"))
    jobs = [
        Past(f"{n}a" * 32, tags={"lr": lr, "seed": seed})
        for n, (lr, seed) in enumerate([(0.1, 0), (0.1, 1), (1, 0)])
    ]
    jobs.append(Past("ff" * 32, state="failed", cause="oom", tags={"lr": 1, "seed": 1}))
    found = main_folder(tmp_path / "main", "demo", jobs)
    for past, accuracy in zip(jobs, (0.5, 0.75, 0.25, 0.1), strict=True):
        folder = found.path / "jobs" / past.task / past.job
        (folder / "metrics.json").write_text(
            json.dumps({"accuracy": accuracy, "loss": {"test": 2}})
        )
    return found


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Sequence[str]:
    assert 0 == run(["results", *arguments])
    return capsys.readouterr().out.splitlines()


def test_jobs_that_are_done_with_their_tags_and_metrics(
    main: MainFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [
        "JOB       lr   seed  accuracy  loss.test",
        "0a0a0a0a  0.1  0     0.5       2",
        "1a1a1a1a  0.1  1     0.75      2",
        "2a2a2a2a  1    0     0.25      2",
    ] == told(capsys)


def test_the_mean_over_seeds(main: MainFolder, capsys: pytest.CaptureFixture[str]) -> None:
    expected = [
        "JOBS  lr   accuracy      loss.test",
        "2     0.1  0.625 ± 0.18  2 ± 0",
        "1     1    0.25          2",
    ]

    assert expected == told(capsys, "--over", "seed")
    assert expected == told(capsys, "--by", "lr")


def test_a_filter_chosen_metrics_and_an_order(
    main: MainFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [
        "JOB       lr   seed  accuracy",
        "1a1a1a1a  0.1  1     0.75",
        "0a0a0a0a  0.1  0     0.5",
    ] == told(capsys, "demo", "lr<1", "-m", "acc*", "--sort=-accuracy")
    assert "ffffffff" in told(capsys, "state=failed", "--all")[1]


def test_csv_and_json_have_every_digit(
    main: MainFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(capsys, "--csv", "--by", "lr", "-m", "accuracy")
    assert [
        "task,jobs,lr,accuracy,accuracy.sd",
        "demo.learn,2,0.1,0.625,0.1767766952966369",
    ] == lines[:2]
    assert "demo.learn,1,1,0.25," == lines[2]

    found = json.loads("\n".join(told(capsys, "--json")))
    assert (1, "demo", 3) == (found["schema"], found["experiment"], len(found["results"]))
    assert {"accuracy": 0.5, "loss.test": 2.0} == found["results"][0]["metrics"]
    assert {"lr": 0.1, "seed": 0} == found["results"][0]["tags"]

    grouped = json.loads("\n".join(told(capsys, "--json", "--by", "lr")))["groups"]
    assert {"mean": 0.25, "sd": None, "jobs": 1} == grouped[1]["metrics"]["accuracy"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demmo"], "did you mean 'demo'?"),
        (["sed=1"], "did you mean 'seed'?"),
        (["--by", "sed"], "did you mean 'seed'?"),
        (["-m", "acuracy"], "did you mean 'accuracy'?"),
        (["--sort", "acuracy"], "did you mean 'accuracy'?"),
        (["demo", "other"], "of one experiment"),
        (["--by", "lr", "--over", "seed"], "give one of them"),
        (["--json", "--csv"], "exclude each other"),
    ],
)
def test_a_slip_of_the_pen_is_told(
    arguments: list[str], words: str, main: MainFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == run(["results", *arguments])
    assert words in capsys.readouterr().err


def test_where_nothing_is_measured_it_is_said_what_would_be_read(
    main: MainFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in main.path.rglob("metrics.json"):
        path.unlink()

    assert 0 == run(["results"])

    assert "a task writes metrics.json" in capsys.readouterr().err


@pytest.mark.host
def test_a_plan_has_its_results_in_a_real_a_debugged_and_a_dry_run(tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(
        "from pathlib import Path\n"
        "from xpm import Param, Task, experiment\n"
        "class Work(Task):\n"
        "    __xpmid__ = 'shown.work'\n"
        "    n: Param[int]\n"
        "    def execute(self): Path('metrics.json').write_text('{\"half\": 0.5}')\n"
        "with experiment('main', 'shown') as xp:\n"
        "    Work(n=1).submit()\n"
        "    xp.wait()\n"
        "    found = xp.results()\n"
        "    print('half is', list(found['half']) if hasattr(found, 'columns') else found[0].metrics)\n"
    )

    for more in (["--debug"], [], ["--dry-run"]):
        ended = commands.xpm("run", "plan.py", *more, home=tmp_path)
        assert (0, True) == (ended.code, "half is [0.5]" in ended.out), ended


def test_of_many_jobs_the_first_are_read_and_the_others_counted(
    main: MainFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == run(["results", "--rows", "2"])
    said = capsys.readouterr()
    assert ["0a0a0a0a", "1a1a1a1a"] == [line.split()[0] for line in said.out.splitlines()[1:]]
    assert "not shown: 1 more" in said.err
    assert 0 == run(["results", "--rows", "1", "--sort", "-accuracy"])
    said = capsys.readouterr()
    assert said.out.splitlines()[1].startswith("1a1a1a1a")
    assert "not shown: 2 more" in said.err
    assert 4 == len(told(capsys, "--rows", "1", "--csv"))
    assert 4 == len(told(capsys, "--rows", "0"))
    assert 0 == run(["results", "lr>0 and seed=0", "--rows", "1"])
    said = capsys.readouterr()
    assert said.out.splitlines()[1].startswith("0a0a0a0a")
    assert "not shown: 1 more" in said.err
    (main.path / "jobs" / "demo.learn" / ("0a" * 32) / "metrics.json").unlink()
    assert 0 == run(["results", "--rows", "1"])
    said = capsys.readouterr()
    assert said.out.splitlines()[1].startswith("1a1a1a1a")
    assert "not shown: 1 more" in said.err
