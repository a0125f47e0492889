"""Code comes in, as blobs and trees of them.

A blob is stored once under its sha256 (``<sha256>`` read-only, ``<sha256>.x`` its executable twin, made when a tree
wants it). A tree is hard links to blobs, built beside and renamed, so it is whole or absent.
"""

import hashlib
import os
import shutil
import stat
from typing import Any, Dict, List, Tuple

from xpm.agent import paths, space
from xpm.agent.refusals import usage
from xpm.wire import files
from xpm.wire.workspace import Layout

Request = Dict[str, Any]
Reply = Tuple[Dict[str, Any], bytes]


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


def _blob(layout: Layout, sha: str) -> str:
    return os.path.join(layout.blobs, sha[:2], sha)


def _store(path: str, content: bytes, mode: int) -> None:
    if not os.path.exists(path):
        files.make_one(os.path.dirname(path))
        files.write(path, content)
    if stat.S_IMODE(os.stat(path).st_mode) != mode:  # also of one whose writer was killed here
        os.chmod(path, mode)


def _build(layout: Layout, target: str, wanted: List[Tuple[List[str], str, bool]]) -> None:
    temporary = os.path.join(layout.code, files.temporary_name())
    os.mkdir(temporary)
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
