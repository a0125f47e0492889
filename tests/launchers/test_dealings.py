"""How a profile wants a cluster to be dealt with: what the agent there is told."""

from pathlib import Path

import pytest

from tests.launchers.profile import write
from xpm.connectors.specs import SlurmSpec
from xpm.launchers.profiles import examine

PROFILE = """
version: 1
policies:
  default: {policy}
connectors:
  c: {{kind: slurm, ssh: {{host: h}}, workspace: ~/xpm, slurm: {slurm}}}
"""


@pytest.mark.parametrize(
    ("policy", "slurm", "told"),
    [
        ("{}", "{}", {}),
        ("{poll: {lost_after: 10m, active: 2m, after_submit: 8s}}", "{}",
         {"lost_after_s": 600, "squeue_every_s": 120, "first_look_s": 8}),
        ("{commands: {per_minute: 12}}", "{}", {"commands_per_minute": 12}),
        ("{submit: {in_flight: 500}}", "{max_submit: 300}", {"most_jobs": 300}),
        ("{submit: {in_flight: 200, array: never}}", "{max_submit: 300, arrays: {max_size: 100, max_tasks: auto}}",
         {"most_jobs": 200, "array_size": 1}),
        ("{submit: {array: auto}}", "{arrays: {max_size: 100, max_tasks: 50}, accounting: none}",
         {"array_size": 100, "array_tasks": 50, "accounting": False}),
        ("{}", "{accounting: sacct, env: {keep: [SLURM_CONF, 'LAB_*']}, arrays: {max_size: auto}}",
         {"accounting": True, "keep_environ": ("SLURM_CONF", "LAB_*")}),
        ("{on_pending_reason: {Licenses|Priority: alert, BadConstraints: fail}}", "{accounting: auto}",
         {"reasons": {"Licenses": "alert", "Priority": "alert", "BadConstraints": "fail"}}),
    ],
)  # fmt: skip
def test_the_agent_is_told_what_the_profile_says(
    policy: str, slurm: str, told: dict[str, object], tmp_path: Path
) -> None:
    found = examine(write(tmp_path, PROFILE.format(policy=policy, slurm=slurm)))

    assert ([], []) == (list(found.problems), list(found.notes))
    assert found.profiles is not None
    spec = found.profiles.connectors["c"]
    assert isinstance(spec, SlurmSpec)
    assert told == spec.dealings.options


def test_what_would_ask_a_site_too_often_has_no_effect_and_is_told(tmp_path: Path) -> None:
    found = examine(write(tmp_path, PROFILE.format(policy="{poll: {active: 20s}}", slurm="{}")))

    [note] = found.notes
    assert "policies.default.poll.active" == note.path
    assert "once a minute at most" in note.text


@pytest.mark.parametrize(
    ("policy", "slurm", "words"),
    [
        ("{poll: {actve: 2m}}", "{}", "unknown key, did you mean 'active'?"),
        ("{on_pending_reason: {Licenses: die}}", "{}", "unknown value 'die'"),
        ("{}", "{srun: always}", "unknown value 'always'"),
        ("{submit: {in_flight: 0}}", "{}", "expected a whole number, 1 or more"),
    ],
)
def test_what_nothing_would_heed_is_refused(
    policy: str, slurm: str, words: str, tmp_path: Path
) -> None:
    [problem] = examine(write(tmp_path, PROFILE.format(policy=policy, slurm=slurm))).problems

    assert words in problem.text
