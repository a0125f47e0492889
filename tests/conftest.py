"""Fixtures every test may use."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import browser, page
from tests.cluster import cluster, healthy_cluster

__all__ = ["browser", "cluster", "healthy_cluster", "page"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell lets what it starts in the background ignore Ctrl-C, and all that this starts in turn:
    # the commands that tests interrupt would never notice.
    signal.signal(signal.SIGINT, signal.default_int_handler)

CLUSTER_S = 900
"""What a test of the real cluster may take: more than its waits together, the start of the cluster included, so that
what fails is the wait, which says for what, and not the test as a whole."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests of the real cluster first: they wait longest, and whatever begins last is waited for alone."""
    slow = {item.path for item in items if item.get_closest_marker("cluster")}
    for item in items:
        if item.get_closest_marker("cluster") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(CLUSTER_S))
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _nothing_goes_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """No process of a test outlives it: a job that waits for ever, and who supervises it, take time from all that follow."""
    yield
    node: pytest.Item = request.node
    folder = (getattr(node, "funcargs", None) or {}).get("tmp_path")
    if folder is not None and (
        node.get_closest_marker("host") or node.get_closest_marker("cluster")
    ):
        _end_below(folder)


def _end_below(folder: Path) -> None:
    """Kill the processes that name a folder of a test, or something in it, among their arguments."""
    name = os.fsencode(folder)
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = each.read_bytes()
            if name + b"/" in words or name + b"\0" in words:
                os.kill(int(each.parent.name), signal.SIGKILL)
