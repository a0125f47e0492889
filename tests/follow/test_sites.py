"""What a laptop remembers of its clusters."""

from pathlib import Path

import pytest

from xpm.agent import limits, slurm_site
from xpm.connectors.specs import LocalSpec, SlurmSpec, SshTarget
from xpm.follow import sites

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm" / "22.05" / "site.txt"
SITE = slurm_site.parse(GOLDEN.read_text(), at=1000.0)
CLUSTER = SlurmSpec("c", SshTarget("login"), "~/xpm")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_what_a_site_told_is_known_for_a_day() -> None:
    sites.keep(CLUSTER, limits.dump(SITE))

    assert SITE == sites.known(CLUSTER, now=1000.0 + 86399)
    assert limits.UNKNOWN == sites.known(CLUSTER, now=1000.0 + 86401)


def test_another_name_for_the_same_place_knows_the_same_and_another_place_nothing() -> None:
    sites.keep(CLUSTER, limits.dump(SITE))

    assert SITE == sites.known(SlurmSpec("d", SshTarget("login"), "~/xpm"), now=1000.0)
    assert limits.UNKNOWN == sites.known(SlurmSpec("c", SshTarget("other"), "~/xpm"), now=1000.0)


def test_a_place_without_limits_and_a_damaged_file_are_unknown(tmp_path: Path) -> None:
    sites.keep(LocalSpec(), limits.dump(SITE))
    sites.keep(CLUSTER, limits.dump(SITE))
    [kept] = (tmp_path / "xpm" / "sites").iterdir()
    kept.write_text("{")

    assert limits.UNKNOWN == sites.known(CLUSTER, now=1000.0) == sites.known(LocalSpec(), 1000.0)
