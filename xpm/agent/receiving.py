"""Blobs that arrive in pieces: each is checked whole before it takes its name.

What has arrived of a blob lies beside it as ``~part.<sha256>.<nobody else's name>``, and outlives a cut: whoever is sent the
next piece, in whatever process, takes that file over by renaming it, and goes on at its end. A day after its last piece it is
swept like every temporary (xpm/agent/sweeping.py).
"""

import hashlib
import os
from collections import OrderedDict
from typing import Any, Dict, Iterable, Tuple

from xpm.agent import paths
from xpm.agent.refusals import usage
from xpm.wire import files
from xpm.wire.workspace import Layout

Request = Dict[str, Any]
Reply = Tuple[Dict[str, Any], bytes]
MOST_OPEN = 8
READ = 1024 * 1024
_PART = "~part."


def arrived(layout: Layout, names: "Iterable[str]") -> Dict[str, int]:
    """How many bytes of these blobs have arrived, where some have."""
    listed: Dict[str, Dict[str, str]] = {}
    found: Dict[str, int] = {}
    for sha in names:
        folder = os.path.dirname(layout.blob(sha))
        if folder not in listed:
            listed[folder] = {
                each[len(_PART) :].partition(".")[0]: each
                for each in _names(folder)
                if each.startswith(_PART)
            }
        part = listed[folder].get(sha)
        if part is not None:
            size = _size(os.path.join(folder, part))
            if size:
                found[sha] = size
    return found


class Receiving(object):
    """The blobs of which pieces arrive in this process."""

    def __init__(self) -> None:
        self._parts: "OrderedDict[str, _Part]" = OrderedDict()

    def part(self, layout: Layout, request: Request, payload: bytes) -> Reply:
        """Store a piece of a blob; up to where its bytes are here then: what lies behind that is to be sent again."""
        sha, size = paths.sha256(request["blob"]), int(request["size"])
        offset = int(request["offset"])
        if not 0 <= offset <= size or offset + len(payload) > size:
            raise usage("a piece of blob %s that is not within it" % sha)
        target = layout.blob(sha)
        if os.path.exists(target):
            self._drop(sha)
            return {"at": size}, b""
        part = self._open(target, sha)
        if not part.add(offset, payload):
            self._drop(sha)
            part = self._open(target, sha)
            part.add(offset, payload)
        if part.at < size:
            return {"at": part.at}, b""
        self._drop(sha)
        if part.at > size or part.sha256() != sha:
            _forget(part.path)
            return {"at": 0, "damaged": True}, b""
        os.chmod(part.path, 0o444)
        try:
            os.rename(part.path, target)
        except FileNotFoundError:  # taken over by another agent, which is at its end too
            return {"at": 0}, b""
        return {"at": size}, b""

    def _open(self, target: str, sha: str) -> "_Part":
        part = self._parts.get(sha)
        if part is None:
            part = self._parts[sha] = _Part(target, sha)
        self._parts.move_to_end(sha)
        while len(self._parts) > MOST_OPEN:
            self._parts.popitem(last=False)[1].close()
        return part

    def _drop(self, sha: str) -> None:
        part = self._parts.pop(sha, None)
        if part is not None:
            part.close()


class _Part(object):
    """What has arrived of one blob, in a file that is ours until another process takes it."""

    def __init__(self, target: str, sha: str) -> None:
        folder = os.path.dirname(target)
        files.make_one(folder)
        self.path = os.path.join(folder, "%s%s.%s" % (_PART, sha, files.temporary_name()[1:]))
        for each in _names(folder):
            if each.startswith(_PART + sha + "."):
                try:
                    os.rename(os.path.join(folder, each), self.path)
                    break
                except FileNotFoundError:  # somebody else was faster
                    pass
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        self.at = os.fstat(self._file).st_size
        self._digest = None if self.at else hashlib.sha256()

    def add(self, offset: int, payload: bytes) -> bool:
        """Store what lies behind what is here; False when the file is another process's by now."""
        try:
            here, named = os.fstat(self._file), os.lstat(self.path)
        except FileNotFoundError:
            return False
        if (here.st_ino, here.st_size) != (named.st_ino, self.at):
            return False
        data = memoryview(payload)[max(0, self.at - offset) :]
        if offset > self.at:
            return True
        while data:
            count = os.pwrite(self._file, data, self.at)
            if self._digest is not None:
                self._digest.update(data[:count])
            self.at += count
            data = data[count:]
        return True

    def sha256(self) -> str:
        """The digest of all of it; of what another process has begun, by reading it."""
        if self._digest is not None:
            return self._digest.hexdigest()
        digest = hashlib.sha256()
        with open(self.path, "rb") as file:
            for data in iter(lambda: file.read(READ), b""):
                digest.update(data)
        return digest.hexdigest()

    def close(self) -> None:
        """Write no more to it."""
        os.close(self._file)


def _names(folder: str) -> "list[str]":
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        return 0


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
