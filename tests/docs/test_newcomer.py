"""The README alone leads from a clone to a run on a cluster that has ended."""

import os
import subprocess
import sys

import pytest

from tests.cli.commands import CHECKOUT
from tests.cluster import RunningCluster


@pytest.mark.cluster
def test_a_newcomer_with_the_readme_alone_gets_to_results_from_a_cluster(
    cluster: RunningCluster,
) -> None:
    done = subprocess.run(
        [sys.executable, CHECKOUT / "scripts" / "newcomer"],
        env={**os.environ, "XPM_TESTCLUSTER_ROOT": str(cluster.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "$ xpm run plan.py --launcher cpu" in done.stdout
    assert "/roots.txt" in done.stdout
    assert "newcomer: got there after" in done.stdout
