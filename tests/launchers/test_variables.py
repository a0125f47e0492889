"""The variables of the far side that a profile uses are known to its places."""

from pathlib import Path

from xpm.launchers.profiles import load_profiles

PROFILE = """\
version: 1
connectors:
  cluster:
    kind: slurm
    ssh: {host: mycluster}
    fast: $SCRATCH/fast
    workspace: "{fast}/xpm"
    share: group
    export: {HF_HOME: "${STORE}/hf", N: "$SLURM_CPUS_PER_TASK", H: "$HOME/x", T: "\\\\$NOT"}
launchers:
  cpu: {connector: cluster, python: "$WORK/venv/bin/python", pre: ["for i in 1 2; do echo $i; done"]}
"""


def test_names_are_found_wherever_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "launchers.yaml").write_text(PROFILE)

    spec = load_profiles(tmp_path).connectors["cluster"]

    assert ("SCRATCH", "STORE", "WORK") == spec.keeping.variables
    assert {"variables": ["SCRATCH", "STORE", "WORK"], "share": "group"} == spec.keeping.options
    assert spec == load_profiles(tmp_path).launcher("cpu").connector
