"""A big result over a real sshd that is cut again and again: it arrives whole, and no byte that had arrived comes twice.

XPM_CUT_MB sets the size of the result in MB, 2000 for the figure in docs/guarantees.md.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.sshd import Sshd
from xpm.connectors.base import Connector, JobRef
from xpm.connectors.opening import open_connector
from xpm.connectors.specs import SshSpec
from xpm.wire import ledger

pytestmark = pytest.mark.host

MB = 10**6
SIZE = int(os.environ.get("XPM_CUT_MB", "256")) * MB
REF = JobRef("lab.train", "c" * 64)
CUTS = 3


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    found = Sshd(tmp_path / "sshd")
    yield found
    found.stop()


@pytest.fixture
def connector(sshd: Sshd, tmp_path: Path) -> Iterator[Connector]:
    spec = SshSpec("box", sshd.target, str(tmp_path / "far"), sys.executable)
    found = open_connector(spec, tmp_path)
    yield found
    found.close()


class Cutting:
    """Counts bytes, and kills what serves the connection at arbitrary moments."""

    def __init__(self, sshd: Sshd, at: list[int]) -> None:
        self.arrived = self.expected = self.cuts = 0
        self._sshd = sshd
        self._at = at

    def expect(self, count: int) -> None:
        self.expected += count

    def __call__(self, count: int) -> None:
        self.arrived += count
        if self._at and self.arrived >= self._at[0]:
            self._at.pop(0)
            self.cuts += self._sshd.cut() > 0


def made(folder: Path, size: int) -> str:
    """A result of so many bytes, no two parts of which are the same; its hash."""
    folder.mkdir(parents=True)
    digest, block = hashlib.sha256(), random.Random(7).randbytes(MB)
    with (folder / "model.bin").open("wb") as file:
        for number in range(size // MB):
            part = number.to_bytes(8, "big") + block[8:]
            file.write(part)
            digest.update(part)
    return digest.hexdigest()


def hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_big_result_cut_three_times_is_completed_without_sending_again_what_had_arrived(
    sshd: Sshd, connector: Connector, tmp_path: Path
) -> None:
    far = Path(ledger.job_folder(str(tmp_path / "far"), REF.task, REF.job))
    wanted = made(far, SIZE)
    chance = random.Random(20261125)
    cutting = Cutting(sshd, sorted(chance.randrange(SIZE // 20, SIZE) for _ in range(CUTS)))

    [found] = connector.fetch([REF], str(tmp_path / "main"), cutting)

    mirror = Path(ledger.job_folder(str(tmp_path / "main"), REF.task, REF.job))
    assert (cutting.cuts, found.problems) == (CUTS, [])
    assert wanted == hashed(mirror / "model.bin")
    assert SIZE == cutting.expected == cutting.arrived == found.bytes


PULL = """\
import sys
from pathlib import Path
from xpm.connectors.base import JobRef
from xpm.connectors.opening import open_connector
from xpm.connectors.specs import SshSpec, SshTarget
config, far, main, task, job, stop = sys.argv[1:]
connector = open_connector(SshSpec("box", SshTarget("box", Path(config)), far, sys.executable), Path(main))
total = 0
def progress(count):
    global total
    total += count
    if total > int(stop):
        print("far enough", flush=True)
        sys.stdin.read()
connector.fetch([JobRef(task, job)], main, progress)
"""


def test_a_laptop_killed_while_it_pulls_goes_on_from_the_last_byte_on_its_disk(
    sshd: Sshd, connector: Connector, tmp_path: Path
) -> None:
    size = 40 * MB
    far = Path(ledger.job_folder(str(tmp_path / "far"), REF.task, REF.job))
    wanted = made(far, size)
    folders = [str(tmp_path / "far"), str(tmp_path / "main")]
    argv = [sys.executable, "-c", PULL, str(sshd.folder / "config"), *folders, REF.task, REF.job]
    argv += [str(size // 3)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as laptop:
        assert laptop.stdout is not None
        assert laptop.stdout.readline() == b"far enough\n"
        laptop.send_signal(signal.SIGKILL)
    mirror = Path(ledger.job_folder(str(tmp_path / "main"), REF.task, REF.job))
    [partial] = list((mirror / ".xpm" / "partial").iterdir())
    here = partial.stat().st_size

    [found] = connector.fetch([REF], str(tmp_path / "main"), lambda count: None)

    assert size // 4 < here < size
    assert found.bytes == size - here
    assert wanted == hashed(mirror / "model.bin")
