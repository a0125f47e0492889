"""What a site has said it can never run is refused here, with the lines of plan and profile."""

from pathlib import Path

import pytest

from tests.launchers.profile import on_cluster
from xpm.agent import limits, slurm_site
from xpm.errors import ProfileProblem

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm" / "22.05" / "site.txt"
SITE = slurm_site.parse(GOLDEN.read_text(), at=0.0)


def test_the_refusal_names_the_plan_the_profile_and_every_reason(tmp_path: Path) -> None:
    it = on_cluster(tmp_path, "partition: short, time: 10m, cpus: 8")

    with pytest.raises(ProfileProblem) as caught:
        it.refuse(it.request({}), SITE, "2h ago", where="plan.py:14")

    line = it.where
    assert str(caught.value) == (
        "plan.py:14: launcher 'it' asks for what c can never give: partition 'short' can never run it: "
        "time 10m, its limit is 5m; 8 cores, its nodes have 4; cpu=8, account 'lab' allows 6\n"
        f"  -> mend time ({line}), cpus ({line}); this is what the site said 2h ago, and"
        " `xpm launchers check --online` asks it again"
    )
    assert 2 == caught.value.exit_code


def test_a_licence_over_its_total_is_refused_at_the_token(tmp_path: Path) -> None:
    it = on_cluster(tmp_path, "", "slurm: {licenses: {matlab: matlab}}")

    with pytest.raises(ProfileProblem, match="3 of licence 'matlab' can never be had, there are 2"):
        it.refuse(it.request({"matlab": 3}), SITE, "2h ago")


def test_what_the_site_may_run_and_what_is_not_known_pass(tmp_path: Path) -> None:
    it = on_cluster(tmp_path, "partition: short, time: 5m")
    other = on_cluster(tmp_path, "partition: nowhere")

    it.refuse(it.request({}), SITE, "2h ago")
    other.refuse(other.request({}), limits.UNKNOWN, "2h ago")
