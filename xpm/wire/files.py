"""Files others may read at any moment: whole or absent, and some of them only once.

``write`` replaces atomically; ``create`` is the one contest of the system: of all who create the same
name, on the same machine or through NFS, exactly one wins (link(2) of a finished temporary file; NFS
may report failure for a link that was made, so the link count decides: open(2), O_EXCL).
"""

import errno
import itertools
import json
import os
import time

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

MOST_BYTES = 256 * 1024 * 1024
"""So many bytes a file that is read whole may have."""
MOST_JSON = 64 * 1024 * 1024
ABANDONED_S = 86400.0
"""After so long without a change nobody will rename a temporary file any more: its process died."""
_counter = itertools.count()
_HOST = os.uname().nodename.split(".")[0]  # importing socket would cost each job milliseconds
_CHANCE = os.urandom(4).hex()  # two containers may share folder, host name and pid


def write(path: str, content: bytes, sync: bool = False) -> None:
    """Put these bytes at this path, replacing what was there, never half."""
    temporary = _temporary(path)
    try:
        _fill(temporary, content, sync)
        os.rename(temporary, path)
    except OSError:
        _forget(temporary)
        raise


def create(path: str, content: bytes, sync: bool = False, mode: "Optional[int]" = None) -> bool:
    """Put these bytes at a path nobody has; False when somebody has it already.

    ``mode``: what the file may be used for, by whom; None: as the umask says.
    """
    temporary = _temporary(path)
    try:
        _fill(temporary, content, sync)
        if mode is not None:
            os.chmod(temporary, mode)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return os.stat(temporary).st_nlink == 2
        except OSError:
            if os.stat(temporary).st_nlink != 2:
                raise
        return True
    finally:
        _forget(temporary)


def create_all(paths: "List[str]", content: bytes) -> None:
    """Put the same bytes, synced, at each of these paths of one folder that nobody has: one small file, many names."""
    if not paths:
        return
    temporary = _temporary(paths[0])
    try:
        _fill(temporary, content, True)
        for path in paths:
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass  # somebody's, or ours and NFS has repeated it
        _sync_folder(os.path.dirname(paths[0]))
    finally:
        _forget(temporary)


def make_private(folder: str) -> None:
    """Make a folder that only its owner may look into, and the folders above it as usual; one that is there stays as it is."""
    os.makedirs(os.path.dirname(os.path.abspath(folder)), exist_ok=True)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass


def make_one(folder: str) -> None:
    """Make a folder in one that is there: below a disk that is away, nothing is made."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        pass


def make_below(top: str, folder: str) -> None:
    """Make a folder, and those above it as far as one that must be there: below a disk that is away, nothing is made.

    Raises:
        OSError: ``top`` is not there.
    """
    try:
        os.mkdir(folder)
    except FileExistsError:
        pass
    except FileNotFoundError:
        require(top)
        os.makedirs(folder, exist_ok=True)


def require(folder: str) -> None:
    """Be sure that a folder which was made before is there still.

    Raises:
        OSError: its disk is away.
    """
    if not os.path.isdir(folder):
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), folder)


def read(path: str, most: int = MOST_BYTES) -> "Optional[bytes]":
    """The bytes at this path; None when there is no such file.

    Raises:
        ValueError: there are more than anybody should have written.
    """
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > most:
                raise ValueError("%s has more than %d bytes" % (path, most))
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def dump(content: "Any") -> bytes:
    """JSON as we store it: one line, keys sorted, ASCII."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii") + b"\n"


def load(path: str) -> "Optional[Dict[str, Any]]":
    """The JSON object at this path; None when there is no such file.

    Raises:
        ValueError: the file is not a JSON object, or has more than MOST_JSON bytes; the message names it.
    """
    raw = read(path, MOST_JSON)
    if raw is None:
        return None
    try:
        content = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("%s is not JSON: %s" % (path, error)) from error
    if not isinstance(content, dict):
        raise ValueError("%s is not a JSON object" % path)
    return content


def listing(folder: str, fresh: bool = False) -> "list[str]":
    """The names in a folder, sorted, without temporaries; [] when there is no folder. Abandoned temporaries go.

    Args:
        folder: the folder.
        fresh: create and unlink a name first, which makes an NFS client drop its cached listing.
    """
    if fresh:
        refresh(folder)
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = sorted(name for name in names if not name.startswith("~"))
    if len(found) < len(names):
        for path in abandoned(folder, names):
            try:
                os.unlink(path)
            except OSError:  # somebody was faster, or the disk is read-only: it is in nobody's way
                pass
    return found


def refresh(folder: str) -> None:
    """Let an NFS client drop what it remembers of a folder, also of names it has looked for in vain."""
    if not os.path.isdir(folder):
        return
    probe = _temporary(os.path.join(folder, "fresh"))
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:  # a full or read-only disk must not hide what is there
        return
    _forget(probe)


def abandoned(folder: str, names: "list[str]") -> "list[str]":
    """The paths of those of these names that are temporaries of processes that died."""
    found = []
    before = time.time() - ABANDONED_S
    for name in names:
        path = os.path.join(folder, name)
        try:
            if name.startswith("~") and os.lstat(path).st_mtime < before:
                found.append(path)
        except OSError:  # gone meanwhile
            pass
    return found


def temporary_name() -> str:
    """A name in any folder that nobody else uses, not even a process elsewhere; ``listing`` leaves it out."""
    return "~%s.%d.%s.%d" % (_HOST, os.getpid(), _CHANCE, next(_counter))


def _temporary(path: str) -> str:
    return os.path.join(os.path.dirname(path), temporary_name())


def _fill(path: str, content: bytes, sync: bool) -> None:
    with open(path, "wb") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def _sync_folder(folder: str) -> None:
    """Make the names in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # not every file system can sync a folder; NFS needs not
        pass
    finally:
        os.close(descriptor)


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # whether it is gone is not what counts: what is left is swept a day later
        pass
