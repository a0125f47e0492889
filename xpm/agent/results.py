"""Results go out: manifests of job folders, pieces of their files, digests of their blocks, ends of logs.

Only what lies in a job's own folder is read; links are told, never followed. A manifest lists a job's
``.xpm`` before everything else: when it shows the outcome, the files listed with it are the final ones.
"""

import errno
import hashlib
import os
import stat
import sys
import time
import zlib
from typing import Any, Dict, Iterator, List, Optional, Tuple

from xpm.agent import paths
from xpm.agent.refusals import usage
from xpm.wire import emptied, files, jobfile, ledger, manifests
from xpm.wire.workspace import Layout

Request = Dict[str, Any]
Reply = Tuple[Dict[str, Any], bytes]
STREAMS = ("stdout", "stderr")
MOST_BYTES = 32 * 1024 * 1024
MOST_DIGESTED = 256 * 1024 * 1024
"""How many bytes are read for one answer about digests: the agent does nothing else meanwhile."""
DIGEST = 16
GONE = -1
UNREADABLE = -2
_NO_FILE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO))


def tail(layout: Layout, request: Request) -> Reply:
    """Bytes of a job's output from an offset on, or its last ones, and the runs whose output begins among them."""
    stream = request["stream"]
    if stream not in STREAMS:
        raise usage("no such stream: %r" % (stream,), "stdout or stderr")
    offset, limit = int(request["offset"]), min(int(request["limit"]), MOST_BYTES)
    item = [request["task"], request["job"], stream]
    with _Opener(layout) as opener:
        if offset < 0:  # so many from its end
            offset = max(0, _piece(opener, item, 0, 0)[0] + offset)
        size, content, _ = _piece(opener, item, offset, limit)
    folder = _folder(layout, request["task"], request["job"])
    ends_at = offset + len(content)
    begins = [
        each
        for each in ledger.begins(folder, STREAMS.index(stream))
        if offset <= each[2] <= ends_at
    ]
    return {"size": max(0, size), "offset": offset, "begins": begins}, content


def manifest(layout: Layout, request: Request) -> Reply:
    """What lies in the folders of these jobs; of one with a time (ns) behind it, files touched since only."""
    now = int(time.time() * 1e9)
    found = [_manifest(layout, *each) for each in request["jobs"]]
    told: List[Any] = list(found)
    for index, known in enumerate(request.get("known") or ()):
        if known is not None and manifests.fingerprint(found[index]) == known:
            told[index] = "same"
    return {"jobs": told, "now": now}, b""


def pull(layout: Layout, request: Request) -> Reply:
    """Pieces of these files, as many as fit; a file that is gone has size -1, one that nobody may read -2."""
    room = max(1, min(int(request["limit"]), MOST_BYTES))
    pieces: List[List[int]] = []
    contents: List[bytes] = []
    with _Opener(layout) as opener:
        for index, item in enumerate(request["items"]):
            if room <= 0:
                break
            offset = max(0, int(item[3]))
            wanted = min(room, int(item[4])) if len(item) > 4 else room
            size, content, mtime = _piece(opener, item[:3], offset, wanted)
            pieces.append([index, offset, len(content), size, mtime, zlib.crc32(content)])
            contents.append(content)
            room -= max(1, len(content))
    return {"pieces": pieces}, b"".join(contents)


def digests(layout: Layout, request: Request) -> Reply:
    """Digests of the blocks of these files, from an offset on (up to another), as many as time allows; sizes as in ``pull``."""
    block = max(4096, min(int(request["block"]), MOST_BYTES))
    room = MOST_DIGESTED
    rows: List[List[int]] = []
    found: List[bytes] = []
    with _Opener(layout) as opener:
        for index, item in enumerate(request["items"]):
            if room <= 0:
                break
            offset = max(0, int(item[3]))
            end = int(item[4]) if len(item) > 4 else sys.maxsize
            count, size, mtime = 0, 0, 0
            while room > 0:
                wanted = max(0, min(block, end - offset))
                size, content, mtime = _piece(opener, item[:3], offset, wanted)
                if not content:
                    break
                found.append(hashlib.blake2b(content, digest_size=DIGEST).digest())
                offset, count, room = offset + len(content), count + 1, room - len(content)
            rows.append([index, max(0, int(item[3])), count, size, mtime])
            room -= 1
    return {"digests": rows}, b"".join(found)


class _Opener:
    """Opens files of job folders; keeps the last folder open, where the next file usually lies."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._job: Tuple[object, object] = (None, None)
        self._root = -1

    def __enter__(self) -> "_Opener":
        return self

    def __exit__(self, *_: object) -> None:
        if self._root >= 0:
            os.close(self._root)
        self._root, self._job = -1, (None, None)

    def open(self, task: object, job: object, path: object) -> int:
        """A descriptor of a file, for reading.

        Raises:
            OSError: there is none, or a link is on the way.
        """
        if self._job != (task, job):
            self.__exit__()
            self._root = os.open(_folder(self._layout, task, job), os.O_RDONLY | os.O_DIRECTORY)
            self._job = task, job
        return paths.open_below(self._root, path)

    def is_barred(self, task: object, job: object, path: object) -> bool:
        """Whether its own mode or owner keeps us from a file, and not what may heal (a ticket that expired)."""
        try:
            status = os.lstat(os.path.join(_folder(self._layout, task, job), *paths.below(path)))
        except OSError:
            return False
        return status.st_uid != os.geteuid() or not status.st_mode & 0o400


def _folder(layout: Layout, task: object, job: object) -> str:
    return layout.job(paths.task_id(task), paths.job_id(job))


def _manifest(layout: Layout, task: object, job: object, since_ns: int = 0) -> Dict[str, Any]:
    found: Dict[str, List[Any]] = {"files": [], "links": [], "problems": []}
    folder = _folder(layout, task, job)
    if not since_ns and not os.path.isdir(os.path.join(folder, ledger.FOLDER)):
        files.refresh(os.path.dirname(folder))  # it may have been looked for before it was made
    if os.path.isdir(folder):
        removed = emptied.words(folder)
        if removed is not None:
            found["problems"].append(removed)
        own = os.path.join(folder, ledger.FOLDER)
        _walk(own, ledger.FOLDER + "/", found, since_ns)
        _walk(folder, "", found, since_ns)
    found["files"].sort()
    found["links"].sort()
    return {"task": task, "job": job, **found}


def _stays(name: str) -> bool:
    """Whether a file of ours in a job's folder is never copied: half-written, or what each side has of its own."""
    return name.startswith("~") or name == jobfile.NAME


def _walk(
    folder: str,
    prefix: str,
    found: Dict[str, List[Any]],
    since_ns: int,
    above: Optional[int] = None,
) -> None:
    """Note what is in a folder, ``above`` being the open one that it lies in.

    A problem is what a task has made so, and stays so. Any other error ends the request: a manifest that lacks files would
    let the job be done elsewhere without them.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if above is not None else 0)
    try:
        here = os.open(folder, flags, dir_fd=above)
    except FileNotFoundError:
        return
    except PermissionError as error:
        if prefix in ("", ledger.FOLDER + "/"):
            raise
        found["problems"].append("%s: %s" % (prefix, error.strerror))
        return
    try:
        for name in sorted(os.listdir(here)):
            path = prefix + name
            if path == ledger.FOLDER or (prefix == ledger.FOLDER + "/" and _stays(name)):
                continue
            try:
                path.encode("utf-8")
                _note(here, name, path, found, since_ns)
            except UnicodeEncodeError:
                found["problems"].append("%s: its name is not UTF-8" % ascii(path))
            except FileNotFoundError:
                pass  # gone meanwhile
            except PermissionError as error:
                found["problems"].append("%s: %s" % (path, error.strerror))
    finally:
        os.close(here)


def _note(here: int, name: str, path: str, found: Dict[str, List[Any]], since_ns: int) -> None:
    status = os.stat(name, dir_fd=here, follow_symlinks=False)
    mode = status.st_mode
    if stat.S_ISREG(mode):
        if not since_ns or max(status.st_mtime_ns, status.st_ctime_ns) >= since_ns:
            row = [path, status.st_size, status.st_mtime_ns, stat.S_IMODE(mode)]
            found["files"].append(row)
    elif stat.S_ISDIR(mode):
        _walk(name, path + "/", found, since_ns, here)
    elif stat.S_ISLNK(mode):
        found["links"].append([path, os.readlink(name, dir_fd=here)])
    else:
        found["problems"].append("%s: neither a file nor a link" % path)


def _piece(opener: _Opener, item: List[Any], offset: int, room: int) -> Tuple[int, bytes, int]:
    """The size of a file, its bytes from an offset on, its mtime.

    Raises:
        OSError: the disk is away, or something else that may heal.
    """
    try:
        descriptor = opener.open(*item)
    except OSError as error:
        if error.errno in _NO_FILE:
            return GONE, b"", 0
        if error.errno in (errno.EACCES, errno.EPERM) and opener.is_barred(*item):
            return UNREADABLE, b"", 0
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return GONE, b"", 0
        wanted = min(room, max(0, status.st_size - offset))
        return status.st_size, b"".join(_read(descriptor, offset, wanted)), status.st_mtime_ns
    finally:
        os.close(descriptor)


def _read(descriptor: int, offset: int, wanted: int) -> Iterator[bytes]:
    while wanted > 0:
        content = os.pread(descriptor, wanted, offset)
        if not content:
            return
        wanted, offset = wanted - len(content), offset + len(content)
        yield content
