"""Bytes in and out: code blobs and trees come in; logs, manifests and pieces of files go out.

Code. A blob is stored once under its sha256 (``<sha256>`` read-only, ``<sha256>.x`` its executable twin, made when a tree
wants it). A tree is hard links to blobs, built beside and renamed, so it is whole or absent.

Results. Only what lies in a job's own folder is read; links are told, never followed. A manifest lists a job's
``.xpm`` before everything else: when it shows the outcome, the files listed with it are the final ones.
"""

import hashlib
import os
import shutil
import stat
from typing import Any, Dict, Iterator, List, Tuple

from xpm.agent import paths, space
from xpm.agent.refusals import usage
from xpm.wire import files, jobfile, ledger
from xpm.wire.workspace import Layout

Request = Dict[str, Any]
Reply = Tuple[Dict[str, Any], bytes]
MOST_BYTES = 32 * 1024 * 1024
GONE = -1


def missing(layout: Layout, request: Request) -> Reply:
    """Which of these blobs are not here."""
    names = [paths.sha256(each) for each in request["blobs"]]
    return {"missing": [each for each in names if not os.path.exists(_blob(layout, each))]}, b""


def put(layout: Layout, request: Request, payload: bytes) -> Reply:
    """Store blobs, whose contents are joined in the payload."""
    at = 0
    for name, size in request["blobs"]:
        content = payload[at : at + size]
        at += size
        if hashlib.sha256(content).hexdigest() != paths.sha256(name):
            raise usage("the content of blob %s arrived damaged" % name, "send it again")
        _store(_blob(layout, name), content, 0o444)
    if at != len(payload):
        raise usage("the payload has %d bytes, its blobs %d" % (len(payload), at))
    return {}, b""


def tree(layout: Layout, request: Request) -> Reply:
    """Make a code snapshot of blobs that are here; which ones are not."""
    target = os.path.join(layout.code, paths.snapshot_id(request["snapshot"]))
    if os.path.isdir(target):
        return {"missing": []}, b""
    wanted = [
        (paths.below(path), paths.sha256(sha), bool(mode & 0o111))
        for path, sha, mode in request["files"]
    ]
    lacking = sorted({sha for _, sha, _ in wanted if not os.path.exists(_blob(layout, sha))})
    if not lacking:
        _build(layout, target, wanted)
        return {"missing": []}, b""
    return {"missing": lacking, "room": list(space.left(layout.own))}, b""


def holds(layout: Layout, request: Request) -> Reply:
    """Whether a code snapshot is here, whole."""
    path = os.path.join(layout.code, paths.snapshot_id(request["snapshot"]))
    return {"holds": os.path.isdir(path)}, b""


def tail(layout: Layout, request: Request) -> Reply:
    """Bytes of a job's output from an offset on."""
    stream = request["stream"]
    if stream not in ("stdout", "stderr"):
        raise usage("no such stream: %r" % (stream,), "stdout or stderr")
    offset, limit = max(0, int(request["offset"])), min(int(request["limit"]), MOST_BYTES)
    size, content, _ = _piece(
        _folder(layout, request["task"], request["job"]), stream, offset, limit
    )
    return {"size": max(0, size), "offset": offset}, content


def manifest(layout: Layout, request: Request) -> Reply:
    """What lies in the folders of these jobs."""
    return {"jobs": [_manifest(layout, task, job) for task, job in request["jobs"]]}, b""


def pull(layout: Layout, request: Request) -> Reply:
    """Pieces of these files, as many as fit; a file that is gone has size -1."""
    room = max(1, min(int(request["limit"]), MOST_BYTES))
    pieces: List[List[int]] = []
    contents: List[bytes] = []
    for index, (task, job, path, offset) in enumerate(request["items"]):
        if room <= 0:
            break
        size, content, mtime = _piece(_folder(layout, task, job), path, max(0, int(offset)), room)
        pieces.append([index, offset, len(content), size, mtime])
        contents.append(content)
        room -= max(1, len(content))
    return {"pieces": pieces}, b"".join(contents)


def _folder(layout: Layout, task: object, job: object) -> str:
    return layout.job(paths.task_id(task), paths.job_id(job))


def _blob(layout: Layout, sha: str) -> str:
    return os.path.join(layout.blobs, sha[:2], sha)


def _store(path: str, content: bytes, mode: int) -> None:
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.write(path, content)
    if stat.S_IMODE(os.stat(path).st_mode) != mode:  # also of one whose writer was killed here
        os.chmod(path, mode)


def _build(layout: Layout, target: str, wanted: List[Tuple[List[str], str, bool]]) -> None:
    temporary = os.path.join(layout.code, files.temporary_name())
    os.makedirs(temporary)
    try:
        for parts, sha, executable in wanted:
            path = os.path.join(temporary, *parts)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _link(_content(layout, sha, executable), path)
        _appear(temporary, target)
    except (FileExistsError, NotADirectoryError) as error:
        raise usage("two files of the snapshot have one path: %s" % error.filename) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for each in files.abandoned(layout.code, os.listdir(layout.code)):
        shutil.rmtree(each, ignore_errors=True)


def _content(layout: Layout, sha: str, executable: bool) -> str:
    plain = _blob(layout, sha)
    if not executable:
        return plain
    twin = plain + ".x"  # links share their mode, so the executable one is another file
    if not os.access(twin, os.X_OK):
        content = files.read(plain)
        assert content is not None
        _store(twin, content, 0o555)
    return twin


def _link(source: str, path: str) -> None:
    try:
        os.link(source, path)
    except FileExistsError:
        raise
    except OSError:  # too many links, or a file system without them
        shutil.copy2(source, path)


def _appear(temporary: str, target: str) -> None:
    try:
        os.rename(temporary, target)
    except OSError:
        if not os.path.isdir(target):
            raise


def _manifest(layout: Layout, task: object, job: object) -> Dict[str, Any]:
    found: Dict[str, List[Any]] = {"files": [], "links": [], "problems": []}
    folder = _folder(layout, task, job)
    if os.path.isdir(folder):
        own = os.path.join(folder, ledger.FOLDER)
        _walk(own, ledger.FOLDER + "/", found)
        _walk(folder, "", found)
    found["files"].sort()
    found["links"].sort()
    return {"task": task, "job": job, **found}


def _stays(name: str) -> bool:
    """Whether a file of ours in a job's folder is never copied: half-written, or what each side has of its own."""
    return name.startswith("~") or name == jobfile.NAME


def _walk(folder: str, prefix: str, found: Dict[str, List[Any]]) -> None:
    """Note what is in a folder.

    A problem is what a task has made so, and stays so. Any other error ends the request: a manifest that lacks files would
    let the job be done elsewhere without them.
    """
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda each: each.name)
    except FileNotFoundError:
        return
    except PermissionError as error:
        if prefix in ("", ledger.FOLDER + "/"):
            raise
        found["problems"].append("%s: %s" % (prefix, error.strerror))
        return
    for entry in entries:
        path = prefix + entry.name
        if path == ledger.FOLDER or (prefix == ledger.FOLDER + "/" and _stays(entry.name)):
            continue
        try:
            path.encode("utf-8")
            _note(entry, path, found)
        except UnicodeEncodeError:
            found["problems"].append("%s: its name is not UTF-8" % ascii(path))
        except FileNotFoundError:
            pass  # gone meanwhile
        except PermissionError as error:
            found["problems"].append("%s: %s" % (path, error.strerror))


def _note(entry: Any, path: str, found: Dict[str, List[Any]]) -> None:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        found["links"].append([path, os.readlink(entry.path)])
    elif stat.S_ISDIR(status.st_mode):
        _walk(entry.path, path + "/", found)
    elif stat.S_ISREG(status.st_mode):
        mode = stat.S_IMODE(status.st_mode)
        found["files"].append([path, status.st_size, status.st_mtime_ns, mode])
    else:
        found["problems"].append("%s: neither a file nor a link" % path)


def _piece(folder: str, path: object, offset: int, room: int) -> Tuple[int, bytes, int]:
    """The size of a file, its bytes from an offset on, its mtime."""
    try:
        descriptor = paths.open_below(folder, path)
    except OSError:
        return GONE, b"", 0
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return GONE, b"", 0
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        wanted = min(room, max(0, status.st_size - offset))
        return status.st_size, b"".join(_read(file, offset, wanted)), status.st_mtime_ns


def _read(file: Any, offset: int, wanted: int) -> Iterator[bytes]:
    file.seek(offset)
    while wanted > 0:
        content = file.read(wanted)
        if not content:
            return
        wanted -= len(content)
        yield content
