"""Kind to the site: few scheduler commands a minute, of all our processes together."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent_core.site import Site
from tests.agent_core.yard import Yard
from xpm.agent.advance import advance
from xpm.agent.slurm_budget import Budget

NOW = 1_800_000_000.0


@pytest.fixture
def budget_of(tmp_path: Path) -> Callable[..., Budget]:
    def budget(workspace: str, cluster: str = "c", **environ: str) -> Budget:
        layout = Yard(tmp_path / workspace).layout
        return Budget(layout, {"HOME": str(tmp_path), **environ}, lambda: cluster, 3)

    return budget


def test_all_workspaces_of_a_user_share_a_site_s_budget(budget_of: Callable[..., Budget]) -> None:
    one, other, elsewhere = budget_of("a"), budget_of("b"), budget_of("a", "d")

    assert [True, True, True] == [each.spend(NOW) for each in (one, other, one)]
    assert (False, False, True) == (one.spend(NOW), other.spend(NOW + 1), elsewhere.spend(NOW))
    assert "3 scheduler commands" in other.words(NOW + 1)
    assert other.spend(NOW + 60)
    assert "" == other.words(NOW + 70)


def test_what_somebody_waits_for_is_counted_and_never_held_back(
    budget_of: Callable[..., Budget],
) -> None:
    budget = budget_of("a")

    for _ in range(4):
        budget.record(NOW)

    assert not budget.spend(NOW)


def test_without_a_folder_of_the_user_s_own_the_workspace_keeps_the_count(
    budget_of: Callable[..., Budget], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    budget = budget_of("a", XDG_STATE_HOME=str(tmp_path / "file"))

    assert [True, True, True, False] == [budget.spend(NOW) for _ in range(4)]


def test_counts_of_minutes_that_are_over_are_removed(
    budget_of: Callable[..., Budget], tmp_path: Path
) -> None:
    budget = budget_of("a")
    for minute in range(5):
        budget.spend(NOW + 60 * minute)

    assert 1 == len(list((tmp_path / ".local/state/xpm/commands/c").iterdir()))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, commands_per_minute=2)
    yield site
    site.rest()


@pytest.mark.host
def test_submissions_over_the_budget_wait_for_the_next_minute(site: Site) -> None:
    for number in range(5):
        site.yard.ask(f"job{number}", request={"options": [f"--mem={number + 1}M"]})

    site.advance()
    assert 2 == len(site.calls("sbatch"))
    report = advance(site.board, site.place, site.now, 0.0)
    assert ["holding back: 2 scheduler commands"] == [each[:34] for each in report.notes]

    for _ in range(3):
        site.advance(61)
    assert 5 == len(site.queue)


@pytest.mark.host
def test_every_command_counts_those_of_keepers_and_of_limits_too(tmp_path: Path) -> None:
    site = Site(tmp_path, keeper={})
    Path(site.yard.layout.limits).unlink()
    site.ahead = 60 - site.now % 60  # all of it within one minute, the counts of others are removed
    site.come()
    site.yard.ask("a", "b")
    site.yard.ask("c", parents=["a", "b"])
    for _ in range(4):
        site.advance(6)
    site.yard.cancel("c")
    site.yard.cancel("a")
    site.advance(1)
    site.rest()

    asked = {name: len(site.calls(name)) for name in ("sbatch", "squeue", "scancel", "scontrol")}
    assert {"sbatch": 2, "scontrol": 3} == {name: asked[name] for name in ("sbatch", "scontrol")}
    total = sum(asked.values()) + len(site.calls("sinfo")) + len(site.calls("sacctmgr"))
    counted = (tmp_path / ".local/state/xpm/commands").glob("*/*")
    assert total == sum(each.stat().st_size for each in counted)
