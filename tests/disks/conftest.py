"""Real disks, small enough to fill: mounted for one test."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Mount = Callable[..., Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a file system on a new folder: ``mount("main", "2m")`` a small one, ``mount("far", source)`` another folder."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    mounted: list[Path] = []

    def make(name: str, what: str | Path) -> Path:
        target = tmp_path / name
        target.mkdir(exist_ok=True)
        if isinstance(what, Path):
            argv = ["mount", "--bind", str(what), str(target)]
        else:
            argv = ["mount", "-t", "tmpfs", "-o", f"size={what},mode=700", "tmpfs", str(target)]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"cannot mount here: {done.stderr}")
        mounted.append(target)
        return target

    yield make
    for each in reversed(mounted):
        unmount(each)


def unmount(target: Path) -> None:
    """Take a file system away, whoever uses it."""
    subprocess.run(["umount", "--lazy", str(target)], capture_output=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[Path]:
    """No room on the disk of a folder."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 65536):
            pass
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0"):
            pass
    try:
        yield filler
    finally:
        filler.unlink(missing_ok=True)
