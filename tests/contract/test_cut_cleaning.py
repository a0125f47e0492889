"""A cleaning whose link is cut anywhere: what nobody needs is gone in the end, and nothing else."""

import os
import time
from pathlib import Path

import pytest

from tests.contract import places
from tests.contract.places import in_memory
from tests.contract.test_faults import ONCE, exchange, mirror_of, points
from xpm.connectors.base import Snapshot
from xpm.connectors.memory_host import Faults, MemoryHost, MemoryStream
from xpm.connectors.remote import AgentConnector
from xpm.errors import HostUnreachable
from xpm.sync.folder import JobFolder

pytestmark = pytest.mark.host
OLD = time.time() - 30 * 86400


def used(folder: Path, shot: Snapshot) -> None:
    """A workspace whose jobs are over for long, and their mirrors."""
    host = MemoryHost("memory")
    connector = in_memory(host, folder / "far", ONCE)
    exchange(connector, shot, folder / "main")
    connector.close()
    host.close()
    for here, folders, names in os.walk(folder / "far"):
        for name in [*folders, *names]:
            is_result = "/jobs/" in here and name != ".xpm"
            if "travel" not in here and not is_result:
                os.utime(Path(here) / name, (OLD, OLD), follow_symlinks=False)


def clean(connector: AgentConnector, main: Path) -> None:
    """What ``xpm clean --orphans`` does of one place."""
    tidying = connector.tidying
    rubbish, over = tidying.survey()
    jobs = []
    for each in tidying.measured(over):
        with JobFolder(mirror_of(main, "a").parent / each.ref.job) as mirror:
            fetched, why = tidying.fingerprint(each.ref, mirror.scan())
        if not why and not each.is_empty:
            jobs.append((each.ref, fetched))
    tidying.clean(rubbish, jobs)


def once(folder: Path, fault: Faults | None) -> tuple[MemoryStream, bool]:
    """Clean over a link with this fault; whether it broke."""
    host = MemoryHost("memory")
    host.faults = [fault] if fault else []
    connector = in_memory(host, folder / "far", ONCE)
    try:
        clean(connector, folder / "main")
        return host.streams[0], False
    except HostUnreachable:
        return host.streams[0], True
    finally:
        connector.close()
        host.close()


@pytest.mark.parametrize("direction", ["sent", "received"])
def test_a_cleaning_cut_anywhere_ends_with_the_next(tmp_path: Path, direction: str) -> None:
    shot = places.snapshot(tmp_path / "project")
    used(tmp_path / "calm", shot)
    calm, _ = once(tmp_path / "calm", None)
    total = calm.sent if direction == "sent" else calm.received
    ends = calm.frames_sent if direction == "sent" else calm.frames_received
    left = remains(tmp_path / "calm")

    for at in points(ends, total):
        folder = tmp_path / str(at)
        used(folder, shot)

        once(folder, Faults(sent=at) if direction == "sent" else Faults(received=at))
        once(folder, None)

        check_mirror(folder)
        assert remains(folder) == left


def check_mirror(folder: Path) -> None:
    """Results there went, nothing of the copies here is lost, and the records there stay."""
    for name in ("a", "b"):
        there = mirror_of(folder / "far", name) / ".xpm" / "a1.2"
        assert there.read_bytes() == (mirror_of(folder / "main", name) / ".xpm/a1.2").read_bytes()
    assert not (mirror_of(folder / "far", "a") / "out.bin").exists()
    assert (mirror_of(folder / "main", "a") / "out.bin").stat().st_size == 300_000


def remains(folder: Path) -> list[str]:
    """The kinds of files there, without what differs from one workspace to another."""
    own = folder / "far" / ".xpm"
    kept = [own / "code", own / "blobs", own / "trash", mirror_of(folder / "far", "a")]
    return sorted(
        str(path.relative_to(folder))
        for each in kept
        for path in each.rglob("*")
        if path.is_file() and ".xpm/~" not in str(path)
    )
