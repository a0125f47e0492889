"""Fixtures every test may use."""

from tests.cluster import cluster, healthy_cluster

__all__ = ["cluster", "healthy_cluster"]
