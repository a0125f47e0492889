"""A disk that is full or away for a while fails no job; one that refuses is told of soon."""

import errno
from pathlib import Path

import pytest

from tests.runner.workshop import Workshop, job_id
from xpm.runner.patience import LONG_S, SHORT_S, patiently


class Disk:
    """Fails so often, with this error; counts the seconds slept."""

    def __init__(self, code: int, times: int) -> None:
        self.code, self.times, self.slept = code, times, 0.0

    def use(self) -> str:
        self.times -= 1
        if self.times >= 0:
            raise OSError(self.code, "no")
        return "used"

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EIO, errno.ESTALE, errno.EDQUOT, errno.EACCES]
)
def test_what_passes_is_waited_for(code: int) -> None:
    disk = Disk(code, 3)

    assert "used" == patiently(disk.use, disk.sleep)
    assert 3.5 == disk.slept


@pytest.mark.parametrize(
    ("code", "least_s"), [(errno.ENOSPC, LONG_S), (errno.EACCES, SHORT_S), (errno.EISDIR, 0.0)]
)
def test_what_stays_so_is_told_in_the_end(code: int, least_s: float) -> None:
    disk = Disk(code, 1000)

    with pytest.raises(OSError, match="no"):
        patiently(disk.use, disk.sleep)
    assert least_s <= disk.slept <= least_s + 15


@pytest.mark.host
def test_a_run_begins_as_soon_as_its_order_can_be_read(workshop: Workshop) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), "pass"))
    intent = Path(workshop.layout.submission(submission), "intent.json")
    kept = intent.rename(intent.with_name("kept"))
    intent.symlink_to("/proc/self/mem")  # to read it is an I/O error

    with workshop.start(submission) as process:
        assert process.stderr is not None
        assert b"Input/output error" in process.stderr.readline()
        kept.replace(intent)

    assert "done" == workshop.outcome("a")["state"]
