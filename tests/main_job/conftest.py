"""A laptop per test, with the session's cluster in reach."""

import shutil
from collections.abc import Iterator

import pytest

from tests.cluster import RunningCluster
from tests.main_job.laptop import Laptop, kill, new_laptop


@pytest.fixture
def laptop(healthy_cluster: RunningCluster) -> Iterator[Laptop]:
    """A fresh laptop; its jobs are ended and its folders removed afterwards."""
    found = new_laptop(healthy_cluster)
    yield found
    for process in found.started:
        kill(process)
    healthy_cluster.repair()
    found.there("scancel --me || true")
    for node in ("login1", "tower"):
        pattern = f"[{found.name[0]}]{found.name[1:]}"  # not the shell that says it
        found.there(f"pkill -KILL -f -- {pattern} || true", node)
        found.there(f"rm -rf $HOME/{found.name}*", node)
    shutil.rmtree(found.home, ignore_errors=True)
