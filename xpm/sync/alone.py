"""One mirror of a job at a time, of all processes that share a main folder.

Each job is one byte of a lock file, so that a long ``xpm pull`` of one job holds up nobody who follows others. Locks of POSIX
belong to a process and end when it closes any descriptor of the file; hence one descriptor for all threads of this one,
and a list of who holds what beside it.
"""

import contextlib
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from xpm.connectors.base import JobRef
from xpm.sync import names


@contextlib.contextmanager
def alone(
    main: Path, workspace: str, refs: Sequence[JobRef], waits: bool
) -> Iterator[Sequence[JobRef]]:
    """Hold these jobs; gives those that are held, in their order.

    Args:
        main: the main folder.
        workspace: what is mirrored.
        refs: the jobs.
        waits: for others that hold some of them; else those are left out.
    """
    key = hashlib.sha256(workspace.encode("utf-8", "replace")).hexdigest()[:12]
    path = main / names.OWN / f"mirror.{key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _opened(path)
    held: list[int] = []
    try:
        for ref in sorted(
            set(refs), key=_place
        ):  # in one order for all, so that nobody waits in a circle
            if file.take(_place(ref), waits):
                held.append(_place(ref))
        yield [ref for ref in refs if _place(ref) in held]
    finally:
        for place in held:
            file.release(place)
        file.leave()


def _place(ref: JobRef) -> int:
    digest = hashlib.sha256(f"{ref.task}\n{ref.job}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:7], "big")


class _File:
    """A lock file that this process has open. Thread-safe."""

    def __init__(self, path: str) -> None:
        self.users = 0
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._changed = threading.Condition()
        self._held: set[int] = set()

    def take(self, place: int, waits: bool) -> bool:
        """Hold a byte; False: somebody else does."""
        with self._changed:
            if place in self._held and not waits:
                return False
            self._changed.wait_for(lambda: place not in self._held)
            self._held.add(place)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB), 1, place)
        except (BlockingIOError, PermissionError):
            self._drop(place)
            return False
        except OSError:
            return True  # a file system without locks: on our own risk
        except BaseException:
            self._drop(place)
            raise
        return True

    def release(self, place: int) -> None:
        """Let others have it."""
        with contextlib.suppress(OSError):
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)
        self._drop(place)

    def leave(self) -> None:
        """One user less; the last one closes it."""
        with _opening:
            self.users -= 1
            if not self.users:
                del _files[self._path]
                os.close(self._file)

    def _drop(self, place: int) -> None:
        with self._changed:
            self._held.discard(place)
            self._changed.notify_all()


_opening = threading.Lock()
_files: dict[str, _File] = {}


def _opened(path: Path) -> _File:
    key = os.path.realpath(path)
    with _opening:
        file = _files.get(key) or _files.setdefault(key, _File(key))
        file.users += 1
        return file
