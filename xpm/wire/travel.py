"""What travels: one content-addressed archive of our standard-library packages.

The archive is an uncompressed tar, the same bytes for the same sources on every machine: sorted names, no times, no
owners. It is named by the first twelve hex digits of its sha256, and unpacked once per workspace as
``.xpm/travel/<sha12>/``: ``__main__.py`` beside ``xpm/``, so that ``python <that folder> VERB ARGS`` runs any of
our programs. The folder appears by rename, complete; whoever unpacks the same archive meanwhile loses nothing. Files
that a purge by age took from it are put back when the next connection finds too few.

This module imports nothing of ours at the top, so that its source can be sent ahead of the archive.
"""

import errno
import hashlib
import io
import os
import shutil
import tarfile
import time
from typing import Iterator, List, Optional, Tuple

MAIN = b"""import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = False  # every job would compile this folder anew
    for pause in (1, 4, 15, 60, 60, 60, 0):
        try:
            from xpm.wire import bytecode

            bytecode.keep_beside_sources()
            from xpm.agent.launch import main

            break
        except OSError:  # its disk is away for a moment
            if not pause:
                raise
            import time

            time.sleep(pause)
    sys.exit(main(sys.argv[1:]))
"""
FILES = (
    "__init__.py",
    "click.py",
    "errors.py",
)  # click.py: for plans that import it, where click is
FOLDERS = ("wire", "decide", "agent", "runner", "plan")

_made: List[Tuple[str, bytes]] = []


class TravelProblem(Exception):
    """The archive is not what its name says, or holds what no archive of ours holds."""


def archive() -> Tuple[str, bytes]:
    """The name and the bytes of the archive of this very xpm. Made once per process."""
    if not _made:
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        raw = pack([("__main__.py", MAIN), *sorted(_sources(root))])
        _made.append((sha12(raw), raw))
    return _made[0]


def sha12(raw: bytes) -> str:
    """The name of an archive."""
    return hashlib.sha256(raw).hexdigest()[:12]


def pack(contents: List[Tuple[str, bytes]]) -> bytes:
    """A tar of these names and contents, in this order, with nothing else in it that could vary."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in contents:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def unpack(raw: bytes, travel_folder: str, name: str) -> str:
    """Put the archive of this name below the travel folder; the path of what it became.

    Raises:
        TravelProblem: the bytes are not those of the name, or would land elsewhere.
        OSError: the disk is full, or may not be written.
    """
    target = os.path.join(travel_folder, name)
    if is_whole(target, count(raw)):
        return target
    if sha12(raw) != name:
        raise TravelProblem("the archive %s arrived damaged (it is %s now)" % (name, sha12(raw)))
    os.makedirs(travel_folder, exist_ok=True)
    host = os.uname().nodename.split(".")[0]
    own = "~%s.%d.%s" % (host, os.getpid(), os.urandom(4).hex())  # nobody else's: files.py
    temporary = os.path.join(travel_folder, own)
    try:
        for path, content in _members(raw):
            _fill(os.path.join(temporary, path), content)
        _appear(temporary, target)
        _put_back(raw, temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _sweep(travel_folder)
    return target


def count(raw: bytes) -> int:
    """How many files an archive holds."""
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
        return len(tar.getnames())


def is_whole(folder: str, files: int) -> bool:
    """Whether this many files of an archive lie in the folder it was unpacked to; no look into any."""
    found = 0
    for _, _, names in os.walk(folder):
        found += sum(not name.endswith(".pyc") for name in names)
    return found >= files


def _put_back(raw: bytes, temporary: str, target: str) -> None:
    """What is missing in a folder that was there already: its files lie whole in the temporary one."""
    for path, _ in _members(raw):
        there = os.path.join(target, path)
        if not os.path.exists(there):
            os.makedirs(os.path.dirname(there), exist_ok=True)
            os.rename(os.path.join(temporary, path), there)


def _sweep(folder: str) -> None:
    """Remove what processes that died a day ago had half unpacked."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith("~") and _is_old(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_old(path: str) -> bool:
    try:
        return os.lstat(path).st_mtime < time.time() - 86400
    except FileNotFoundError:  # somebody unpacks at the same time, and is done
        return False


def _sources(root: str) -> Iterator[Tuple[str, bytes]]:
    for name in FILES:
        if os.path.exists(os.path.join(root, name)):
            yield "xpm/" + name, _read(os.path.join(root, name))
    for folder in FOLDERS:
        for here, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(each for each in folders if each != "__pycache__")
            for name in names:
                if name.endswith(".py"):
                    path = os.path.join(here, name)
                    yield "xpm/" + os.path.relpath(path, root).replace(os.sep, "/"), _read(path)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _members(raw: bytes) -> Iterator[Tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
            for member in tar:
                content = _regular(tar, member)
                if content is None:
                    raise TravelProblem(
                        "the archive holds %r, which is no plain file below it" % member.name
                    )
                yield member.name, content
    except tarfile.TarError as error:
        raise TravelProblem("the archive is no tar: %s" % error) from error


def _regular(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Optional[bytes]:
    parts = member.name.split("/")
    if not member.isreg() or any(part in ("", ".", "..") for part in parts) or "\0" in member.name:
        return None
    file = tar.extractfile(member)
    return file.read() if file is not None else None


def _fill(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _appear(temporary: str, target: str) -> None:
    try:
        os.rename(temporary, target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not os.path.isdir(target):
            raise
