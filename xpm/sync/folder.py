"""A job's mirror on disk, written so that nothing lands outside it.

Folders are opened one part at a time and links are never followed (O_NOFOLLOW), so a link in the folder, whoever made
it, redirects nothing. A file arrives in ``.xpm/partial/``, and takes its name by rename when it is whole.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from xpm.sync import names
from xpm.sync.mirror import PROGRESS, File, Local, Pull, slot_of
from xpm.wire import files

_PARTIAL = f"{names.OWN}/partial"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class InTheWay(Exception):
    """Something local keeps a file of the far side from being mirrored; says what."""


class JobFolder:
    """The folder of one mirrored job; made when it is missing. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> "JobFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        os.close(self._root)

    def scan(self) -> Local:
        """What is in it."""
        files: dict[str, File] = {}
        links: dict[str, str] = {}
        self._scan(self._root, "", files, links)
        prefix = f"{_PARTIAL}/"
        partials = {p[len(prefix) :]: f.size for p, f in files.items() if p.startswith(prefix)}
        files = {
            path: file
            for path, file in files.items()
            if not path.startswith(f"{names.OWN}/") or slot_of(path) or path == PROGRESS
        }
        return Local(files, links, partials, self._folds())

    def _folds(self) -> bool:
        """Whether this disk takes names that differ only in case for one."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(names.OWN, dir_fd=self._root)
        return self._is_same(names.OWN, names.OWN.upper())

    def _is_same(self, one: str, other: str) -> bool:
        try:
            found = [os.lstat(each, dir_fd=self._root) for each in (one, other)]
        except OSError:
            return False
        return os.path.samestat(*found)

    def add(self, pull: Pull, offset: int, data: bytes) -> None:
        """Write a piece of a file at its offset.

        Raises:
            InTheWay: something local is in the way, or the local file is not as long as it was.
        """
        path = pull.path if pull.grows else f"{_PARTIAL}/{pull.partial}"
        mode = 0o777 if pull.file.executable else 0o666
        with self._parent(path) as (folder, name), _telling(path):
            file = os.open(name, _WRITE, mode, dir_fd=folder)
            try:
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode):
                    raise InTheWay(f"{names.shown(path)}: not a file of its own here")
                if pull.grows and status.st_size != offset:
                    raise InTheWay(f"{names.shown(path)}: it grew here meanwhile")
                os.ftruncate(file, offset)
                _write(file, offset, data)
            finally:
                os.close(file)

    def finish(self, pull: Pull) -> None:
        """Give a whole file its name, and its time."""
        if pull.grows:
            return
        times = (pull.file.mtime_ns, pull.file.mtime_ns)
        with (
            self._parent(f"{_PARTIAL}/{pull.partial}") as (source, partial),
            self._parent(pull.path) as (target, name),
            _telling(pull.path),
        ):
            with contextlib.suppress(OverflowError):  # a time no file system here can hold
                os.utime(partial, ns=times, dir_fd=source, follow_symlinks=False)
            os.rename(partial, name, src_dir_fd=source, dst_dir_fd=target)

    def link(self, path: str, target: str) -> None:
        """Make a link, in place of an older one."""
        with self._parent(path) as (folder, name), _telling(path):
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
                    raise InTheWay(f"{names.shown(path)}: a link there, but a file here")
                os.unlink(name, dir_fd=folder)
            os.symlink(target, name, dir_fd=folder)

    def record(self, path: str, raw: bytes) -> None:
        """Put a ledger entry there, whole, and on disk."""
        partial = "record" + files.temporary_name()
        with (
            self._parent(f"{_PARTIAL}/{partial}") as (source, _),
            self._parent(path) as (target, name),
            _telling(path),
        ):
            file = os.open(partial, _WRITE | os.O_TRUNC, 0o666, dir_fd=source)
            try:
                _write(file, 0, raw)
                os.fsync(file)
            finally:
                os.close(file)
            os.rename(partial, name, src_dir_fd=source, dst_dir_fd=target)

    def tidy(self) -> None:
        """Forget unfinished copies: the mirror is complete."""
        with contextlib.suppress(OSError, InTheWay), self._parent(_PARTIAL) as (folder, name):
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The folder a path lies in, opened and made when missing, with the path's last part."""
        *parts, name = path.split("/")
        here = os.dup(self._root)
        try:
            for count, part in enumerate(parts, 1):
                with _telling("/".join(parts[:count])):
                    inner = _enter(here, part)
                os.close(here)
                here = inner
            yield here, name
        finally:
            os.close(here)

    def _scan(
        self, folder: int, prefix: str, files: dict[str, File], links: dict[str, str]
    ) -> None:
        with os.scandir(folder) as scan:
            entries = list(scan)
        for entry in entries:
            path = prefix + entry.name
            with contextlib.suppress(FileNotFoundError, PermissionError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISLNK(status.st_mode):
                    links[path] = os.readlink(entry.name, dir_fd=folder)
                elif stat.S_ISREG(status.st_mode):
                    executable = bool(status.st_mode & 0o100)
                    files[path] = File(status.st_size, status.st_mtime_ns, executable)
                elif stat.S_ISDIR(status.st_mode) and path.count("/") < names.MOST_PARTS:
                    inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                    try:
                        self._scan(inner, path + "/", files, links)
                    finally:
                        os.close(inner)


def _enter(folder: int, name: str) -> int:
    """The folder of this name, made when missing; a plain file gives way to it, a link does not."""
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        # What was a file there when it was last mirrored is a folder now.
        if not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
            raise
        os.unlink(name, dir_fd=folder)
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


@contextlib.contextmanager
def _telling(path: str) -> Iterator[None]:
    """What is in the way, in words; a full disk and the like stay ``OSError``."""
    try:
        yield
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise InTheWay(f"{names.shown(path)}: {error.strerror} here") from error
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EILSEQ):
            raise
        raise InTheWay(f"{names.shown(path)}: {error.strerror} here") from error


def _write(file: int, offset: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        rest, offset = rest[written:], offset + written
