"""Fixtures of hosts behind an sshd."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.connectors.sshd import Sshd


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Sockets and refusals of a test are its own; the names are short, as those of sockets must be."""
    folder = Path(tempfile.mkdtemp(prefix="xpm-t-"))
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        (folder / name[4:7]).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder / name[4:7]))
    yield folder
    shutil.rmtree(
        folder, ignore_errors=True
    )  # a master that ends meanwhile takes its own socket away


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Starts an sshd with these options and kinds of host keys."""
    started: list[Sshd] = []

    def begin(options: Sequence[str] = (), kinds: Sequence[str] = ("ed25519",)) -> Sshd:
        started.append(Sshd(tmp_path / f"sshd{len(started)}", options, kinds))
        return started[-1]

    yield begin
    for each in started:
        each.stop()


@pytest.fixture
def sshd(start: Callable[..., Sshd]) -> Sshd:
    """An sshd as it comes."""
    return start()
