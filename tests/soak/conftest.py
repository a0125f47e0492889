"""A laptop with a real cluster in reach, as in tests/main_job."""

from tests.main_job.conftest import laptop

__all__ = ["laptop"]
