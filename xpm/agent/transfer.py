"""Code comes in, as blobs and trees of them.

A blob is stored once under its sha256 (``<sha256>`` read-only, ``<sha256>.x`` its executable twin, made when a tree
wants it). A tree is hard links to blobs, built beside and renamed, so it is whole or absent.
"""

import hashlib
import os
import shutil
from typing import Any, Dict, List, Tuple

from xpm.agent import paths, receiving, space
from xpm.agent.refusals import usage
from xpm.wire import files, trees
from xpm.wire.workspace import Layout

Request = Dict[str, Any]
Reply = Tuple[Dict[str, Any], bytes]


def missing(layout: Layout, request: Request) -> Reply:
    """Which of these blobs are not here."""
    names = [paths.sha256(each) for each in request["blobs"]]
    return {"missing": [each for each in names if not os.path.exists(layout.blob(each))]}, b""


def put(layout: Layout, request: Request, payload: bytes) -> Reply:
    """Store blobs, whose contents are joined in the payload."""
    at = 0
    for name, size in request["blobs"]:
        content = payload[at : at + size]
        at += size
        if hashlib.sha256(content).hexdigest() != paths.sha256(name):
            raise usage("the content of blob %s arrived damaged" % name, "send it again")
        trees.store(layout.blob(name), content, 0o444)
    if at != len(payload):
        raise usage("the payload has %d bytes, its blobs %d" % (len(payload), at))
    return {}, b""


def tree(layout: Layout, request: Request) -> Reply:
    """Make a code snapshot of blobs that are here; which ones are not.

    One that is here already is looked through: what a site has deleted of it is put back.
    """
    snapshot = paths.snapshot_id(request["snapshot"])
    wanted = [
        ("/".join(paths.below(path)), paths.sha256(sha), bool(mode & 0o111))
        for path, sha, mode in request["files"]
    ]
    if trees.claim(layout, snapshot):
        if trees.listed(layout, snapshot) is None:
            trees.note(layout, snapshot, wanted)
            os.utime(trees.list_path(layout, snapshot), (0, 0))  # nobody has looked yet
        if not trees.mend(layout, snapshot):
            return {"missing": []}, b""
    lacking = sorted({sha for _, sha, _ in wanted if not os.path.exists(layout.blob(sha))})
    if not lacking:
        try:
            _build(layout, snapshot, wanted)
            return {"missing": []}, b""
        except trees.Missing as gone:  # somebody cleans up at this very moment
            lacking = sorted(gone.blobs)
    arrived = receiving.arrived(layout, lacking)
    return {"missing": lacking, "arrived": arrived, "room": list(space.left(layout.own))}, b""


def holds(layout: Layout, request: Request) -> Reply:
    """Whether a code snapshot is here, whole."""
    return {"holds": is_whole(layout, paths.snapshot_id(request["snapshot"]))}, b""


def is_whole(layout: Layout, snapshot: str) -> bool:
    """Whether a tree is here, for somebody who is about to use it."""
    return trees.claim(layout, snapshot) and not trees.mend(layout, snapshot)


def _build(layout: Layout, snapshot: str, wanted: "List[Tuple[str, str, bool]]") -> None:
    target = os.path.join(layout.code, snapshot)
    if os.path.isdir(target) and not trees.mend(layout, snapshot):
        return  # what lacked has come back, and was put where it belongs
    try:
        trees.build(layout, snapshot, wanted)
    except (FileExistsError, NotADirectoryError) as error:
        raise usage("two files of the snapshot have one path: %s" % error.filename) from error
    for each in files.abandoned(layout.code, os.listdir(layout.code)):
        shutil.rmtree(each, ignore_errors=True)
