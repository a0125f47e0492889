"""A job's mirror on disk, written so that nothing lands outside it.

Folders are opened one part at a time and links are never followed (O_NOFOLLOW), so a link in the folder, whoever made
it, redirects nothing. A file arrives in ``.xpm/partial/``, and takes its name by rename when it is whole.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType

from xpm.sync import edits, names
from xpm.sync.edits import Brought
from xpm.sync.mirror import PROGRESS, File, Local, Pull, slot_of
from xpm.wire import files

_PARTIAL = f"{names.OWN}/partial"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
MOST_OPEN = 3
"""Folders kept open for each job; a hundred jobs are mirrored at once."""
COPY = 1024 * 1024


class InTheWay(Exception):
    """Something local keeps a file of the far side from being mirrored; says what."""


class JobFolder:
    """The folder of one mirrored job; made when it is missing. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open: dict[str, int] = {}
        self.brought = Brought(self)
        self.kept: list[str] = []
        """What was done with files that somebody had edited here, in words."""

    def __enter__(self) -> "JobFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        for each in [*self._open.values(), self._root]:
            os.close(each)
        self._open.clear()

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

    def is_brought(self, path: str, file: File) -> bool:
        """Whether a file like this is one that came."""
        return self.brought.has(path, file.size, file.mtime_ns)

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

    def begin(self, pull: Pull) -> "Writer":
        """Start, or go on with, the copy of a file.

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
            if pull.grows and status.st_size != pull.offset:
                raise InTheWay(f"{names.shown(path)}: it grew here meanwhile")
            if status.st_size > pull.offset:
                os.ftruncate(file, pull.offset)
            return Writer(self, pull, file)
        except BaseException:
            os.close(file)
            raise

    def partial(self, pull: Pull) -> int:
        """A descriptor of what has arrived of a file before."""
        path = f"{_PARTIAL}/{pull.partial}"
        with self._parent(path) as (folder, name), _telling(path):
            return os.open(name, _READ, dir_fd=folder)

    def older(self, pull: Pull) -> int:
        """A descriptor of the version that is here.

        Raises:
            InTheWay: it is not what it was.
        """
        with self._parent(pull.path) as (folder, name), _telling(pull.path):
            file = os.open(name, _READ, dir_fd=folder)
        status = os.fstat(file)
        assert pull.older is not None
        if (status.st_size, status.st_mtime_ns) != (pull.older.size, pull.older.mtime_ns):
            os.close(file)
            raise InTheWay(f"{names.shown(pull.path)}: it changed here meanwhile")
        return file

    def finish(self, pull: Pull) -> None:
        """Give a whole file its name."""
        if pull.grows:
            return
        with (
            self._parent(f"{_PARTIAL}/{pull.partial}") as (source, partial),
            self._parent(pull.path) as (target, name),
            _telling(pull.path),
        ):
            self._keep_edit(pull, os.open(partial, _READ, dir_fd=source), target, name)
            os.rename(partial, name, src_dir_fd=source, dst_dir_fd=target)

    def _keep_edit(self, pull: Pull, newer: int, folder: int, name: str) -> None:
        """Before a file gets its name: what somebody here has made of the one that has it now is kept beside."""
        try:
            found = os.lstat(name, dir_fd=folder)
            is_brought = self.brought.has(pull.path, found.st_size, found.st_mtime_ns)
            if not stat.S_ISREG(found.st_mode) or is_brought or pull.path == PROGRESS:
                return
            beside = edits.move_aside(folder, name, newer)
        except FileNotFoundError:
            return
        finally:
            os.close(newer)
        if beside:
            shown = names.shown(f"{pull.path[: len(pull.path) - len(name)]}{beside}")
            self.kept.append(
                f"{names.shown(pull.path)} was edited here, and is another one there now: yours is {shown}"
            )

    def drop(self, pull: Pull) -> None:
        """Forget what has arrived of a file: it cannot be trusted."""
        with (
            self._parent(f"{_PARTIAL}/{pull.partial}") as (folder, name),
            contextlib.suppress(FileNotFoundError),
        ):
            os.unlink(name, dir_fd=folder)

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
        self._put(path, raw, True)

    def replace(self, path: str, raw: bytes) -> None:
        """Put a file of our own there, whole."""
        self._put(path, raw, False)

    def size_of(self, path: str) -> int:
        """How long a file of our own is; 0 when there is none."""
        with self._parent(path) as (folder, name):
            try:
                return os.lstat(name, dir_fd=folder).st_size
            except FileNotFoundError:
                return 0

    def content(self, path: str) -> bytes:
        """What a file of our own says; nothing when there is none."""
        with (
            self._parent(path) as (folder, name),
            contextlib.suppress(OSError),
            os.fdopen(os.open(name, _READ, dir_fd=folder), "rb") as file,
        ):
            return file.read()
        return b""

    def append(self, path: str, raw: bytes) -> None:
        """Add to a file of our own."""
        with self._parent(path) as (folder, name), _telling(path):
            file = os.open(name, _WRITE | os.O_APPEND, 0o666, dir_fd=folder)
            with os.fdopen(file, "ab", buffering=0) as opened:
                opened.write(raw)

    def remove(self, path: str) -> None:
        """Remove a file of our own, if it is there."""
        above, _, name = path.rpartition("/")
        with contextlib.suppress(FileNotFoundError):
            folder = os.open(above, _FOLDER, dir_fd=self._root)
            try:
                os.unlink(name, dir_fd=folder)
            finally:
                os.close(folder)

    def _put(self, path: str, raw: bytes, sync: bool) -> None:
        partial = "record" + files.temporary_name()
        with (
            self._parent(f"{_PARTIAL}/{partial}") as (source, _),
            self._parent(path) as (target, name),
            _telling(path),
        ):
            file = os.open(partial, _WRITE | os.O_TRUNC, 0o666, dir_fd=source)
            try:
                _write(file, 0, raw)
                if sync:
                    os.fsync(file)
            finally:
                os.close(file)
            os.rename(partial, name, src_dir_fd=source, dst_dir_fd=target)

    def tidy(self, half: Collection[str] = ()) -> None:
        """Forget unfinished copies but these: the mirror is complete."""
        if half:
            with self._parent(f"{_PARTIAL}/.") as (folder, _):
                with os.scandir(folder) as scan:
                    over = {each.name for each in scan}.difference(half)
                for name in over:
                    with contextlib.suppress(OSError):
                        os.unlink(name, dir_fd=folder)
            return
        if _PARTIAL in self._open:
            os.close(self._open.pop(_PARTIAL))
        with contextlib.suppress(OSError, InTheWay), self._parent(_PARTIAL) as (folder, name):
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The folder a path lies in, opened and made when missing, with the path's last part."""
        above, _, name = path.rpartition("/")
        file = self._open.pop(above, -1)
        if file < 0:
            file = self._enter(above)
            while len(self._open) >= MOST_OPEN:
                os.close(self._open.pop(next(iter(self._open))))
        self._open[above] = file  # as the latest
        yield file, name

    def _enter(self, path: str) -> int:
        here = os.dup(self._root)
        parts = path.split("/") if path else []
        for count, part in enumerate(parts, 1):
            try:
                with _telling("/".join(parts[:count])):
                    inner = _enter(here, part)
            finally:
                os.close(here)
            here = inner
        return here

    def _scan(
        self, folder: int, prefix: str, files: dict[str, File], links: dict[str, str]
    ) -> None:
        with os.scandir(folder) as scan:
            entries = list(scan)
        for entry in entries:
            path = prefix + entry.name
            try:
                status = entry.stat(follow_symlinks=False)
                mode = status.st_mode
                if stat.S_ISREG(mode):
                    files[path] = File(status.st_size, status.st_mtime_ns, bool(mode & 0o100))
                elif stat.S_ISLNK(mode):
                    links[path] = os.readlink(entry.name, dir_fd=folder)
                elif stat.S_ISDIR(mode) and path.count("/") < names.MOST_PARTS:
                    inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                    try:
                        self._scan(inner, path + "/", files, links)
                    finally:
                        os.close(inner)
            except (FileNotFoundError, PermissionError):  # gone meanwhile, or nobody's to read
                continue


class Writer:
    """The copy of one file under way, written from its offset on without a gap."""

    def __init__(self, folder: JobFolder, pull: Pull, file: int) -> None:
        self.at = pull.offset
        self._folder = folder
        self._pull = pull
        self._file = file
        self._older = -1

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes at an offset; what lies before is copied from the version that is here.

        Raises:
            InTheWay: that version changed.
        """
        self._fill(offset)
        _write(self._file, offset, data)
        self.at = offset + len(data)

    def finish(self) -> None:
        """All is here: give the file its time and its name.

        Raises:
            InTheWay: something local is in the way.
        """
        file = self._pull.file
        self._fill(file.size)
        with contextlib.suppress(OverflowError):  # a time no file system here can hold
            os.utime(self._file, ns=(file.mtime_ns, file.mtime_ns))
        self.close()
        self._folder.finish(self._pull)

    def close(self) -> None:
        """Write no more for now."""
        for each in (self._file, self._older):
            if each >= 0:
                os.close(each)
        self._file = self._older = -1

    def _fill(self, end: int) -> None:
        while self.at < end:
            if self._older < 0:
                self._older = self._folder.older(self._pull)
            data = os.pread(self._older, min(COPY, end - self.at), self.at)
            if not data:
                raise InTheWay(f"{names.shown(self._pull.path)}: it changed here meanwhile")
            _write(self._file, self.at, data)
            self.at += len(data)


def _enter(folder: int, name: str) -> int:
    """The folder of this name, made when missing; a plain file makes room for it, a link does not."""
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        # What was a file there when it was last mirrored is a folder now; or somebody here has made the file.
        if not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
            raise
        os.rename(name, _free(folder, f"{name}~"), src_dir_fd=folder, dst_dir_fd=folder)
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _free(folder: int, name: str) -> str:
    """This name, or one like it that nothing here has."""
    with contextlib.suppress(FileNotFoundError):
        os.lstat(name, dir_fd=folder)
        return _free(folder, f"{name}~")
    return name


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
