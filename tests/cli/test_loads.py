"""What commands that only read import: who asks how jobs stand waits for no connector, lane or profile."""

from pathlib import Path

import pytest

from tests.cli.commands import python
from tests.cli.folders import Past, main_folder

HEAVY = {
    "apprise", "asyncio", "fabric", "http.client", "logging", "multiprocessing", "pandas", "paramiko", "random", "rich",
    "shutil", "socket", "starlette", "subprocess", "tempfile", "tenacity", "traceback", "uvicorn", "yaml",
    "xpm._experiment", "xpm._jobs", "xpm.agent.never", "xpm.agent.serve", "xpm.cli.live", "xpm.connectors.link",
    "xpm.connectors.opening", "xpm.connectors.specs", "xpm.decide.step", "xpm.follow.lane", "xpm.follow.retrying",
    "xpm.follow.world", "xpm.launchers.profiles", "xpm.launchers.schema", "xpm.plan.sealing",
}  # fmt: skip
FOR_FOLLOWING = {"xpm.connectors.base", "xpm.follow.events", "xpm.follow.observer"}
FOR_FILTERS = {"difflib", "xpm.follow.choosing", "xpm.follow.filters", "xpm.follow.narrowing"}
FAILED = "ab" * 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an experiment is over, with a job that failed."""
    home = tmp_path_factory.mktemp("loads")
    past = [
        Past("cd" * 32, tags={"lr": 0.1}),
        Past(FAILED, state="failed", cause="exit", tags={"lr": 0.2}, stderr="ValueError: no\n"),
    ]
    main = main_folder(home / "main", "sweep", past)
    (main.path / "jobs/demo.learn" / ("cd" * 32) / "metrics.json").write_text('{"loss": 1}')
    assert python(["-m", "xpm", "status"], main.path, main.path).code == 0  # the journal is made
    return main.path


@pytest.mark.parametrize(
    ("arguments", "nor"),
    [
        (["status"], FOR_FILTERS | FOR_FOLLOWING),
        (["status", "--json"], FOR_FILTERS | FOR_FOLLOWING),
        (["status", "state=failed"], FOR_FOLLOWING | {"difflib"}),
        (["status", "lr=0.1 and state=done"], FOR_FOLLOWING),
        (["results"], FOR_FILTERS | FOR_FOLLOWING),
        (["results", "--csv"], FOR_FILTERS | FOR_FOLLOWING),
        (["graph"], FOR_FILTERS | FOR_FOLLOWING),
        (["why", FAILED[:8]], FOR_FILTERS | FOR_FOLLOWING),
        (["story", FAILED[:8]], FOR_FILTERS | {"xpm.follow.observer"}),
        (["logs", FAILED[:8]], FOR_FILTERS),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_who_only_reads_loads_nothing_that_connects(
    home: Path, arguments: list[str], nor: set[str]
) -> None:
    program = (
        f"import sys; from xpm.cli.main import main; code = main({arguments!r});"
        " print('\\nLOADED', code, *sys.modules)"
    )

    ended = python(["-c", program], home, home)

    assert ended.code == 0, ended
    _, code, *modules = ended.out.splitlines()[-1].split()
    assert (code, set()) == ("0", (HEAVY | nor).intersection(modules))
