"""Fixtures every test may use."""

import signal

import pytest

from tests.browser import browser, page
from tests.cluster import cluster, healthy_cluster

__all__ = ["browser", "cluster", "healthy_cluster", "page"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell lets what it starts in the background ignore Ctrl-C, and all that this starts in turn:
    # the commands that tests interrupt would never notice.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests of the real cluster first: they wait longest, and whatever begins last is waited for alone."""
    slow = {item.path for item in items if item.get_closest_marker("cluster")}
    items.sort(key=lambda item: item.path not in slow)
