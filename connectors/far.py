"""The first program of ours on the far side: makes room for what travels, then becomes the agent.

Its source is the argument of ``python -ISc`` there (xpm/connectors/bootstrap.py), so: Python 3.6, the standard library,
small. It writes MAGIC, reads one message ``{"workspace", "travel", "size", "files", "known": workspace id or null}`` and answers
``{"have": bool, "workspace": absolute path}``; without that archive, all its files, it reads it as chunks. Then xpm.agent.serve
takes both pipes over, and says hello. Whatever goes wrong is answered as ``{"error": {"kind", "message", "hint"}}``, with
``"errno", "path"`` when a disk is full or away. Of a workspace that is known nothing is made unless it is there.
"""

import errno
import json
import os
import re
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAGIC = b"\x93XPM\x1a\r\n\x01"
HEALS = frozenset(
    getattr(errno, name)
    for name in "ENOSPC EDQUOT EROFS EIO ESTALE ENODEV ENXIO ENOTCONN ETIMEDOUT EHOSTDOWN".split()
)
WHOLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What is wrong with a whole file system."""
HEADER = struct.Struct("!BII")
MOST_BYTES = 16 * 1024 * 1024


def main(unpack_source: str) -> None:
    """Run with the pipes of this process, which nothing else may touch from now on."""
    pipes = os.dup(0), os.dup(1)
    os.umask(os.umask(0o022) & 0o077)  # what we make is ours to read, whatever the login says
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)

    def unpack(raw: bytes, folder: str, name: str) -> None:
        names: "dict[str, Any]" = {"__name__": "travel"}
        exec(unpack_source, names)
        names["unpack"](raw, folder, name)

    def serve(workspace: str, name: str) -> None:
        sys.path.insert(0, os.path.join(workspace, ".xpm", "travel", name))
        from xpm.wire import bytecode

        bytecode.keep_beside_sources()
        from xpm.agent.serve import main as agent

        agent(workspace, name, pipes[0], pipes[1], started=True)

    begin(pipes[0], pipes[1], unpack, serve)


def begin(
    source: int,
    target: int,
    unpack: "Callable[[bytes, str, str], object]",
    serve: "Callable[[str, str], None]",
) -> None:
    """Exchange what is needed over two file descriptors, then serve."""
    _write(target, MAGIC)
    try:
        _kind, raw = _read_frame(source)
    except EOFError:
        return
    asked = json.loads(raw.decode("utf-8"))
    try:
        workspace = _expand(asked["workspace"])
        if asked.get("known") and not _is_there(target, workspace, asked["known"]):
            return
        folder = os.path.join(workspace, ".xpm", "travel")
        _make(workspace)
        os.makedirs(folder, exist_ok=True)
        probe = os.path.join(folder, "~probe.%d.%s" % (os.getpid(), os.urandom(4).hex()))
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY, 0o600))
        mine = os.stat(probe).st_uid  # as this file system has it
        os.unlink(probe)
        if os.stat(os.path.dirname(folder)).st_uid != mine:
            raise ValueError("it is another user's, and each user needs one of their own")
        have = _is_whole(os.path.join(folder, asked["travel"]), asked.get("files", 1))
        _say(target, {"have": have, "workspace": workspace})
        if not have:
            archive = b""
            while len(archive) < min(asked["size"], MOST_BYTES):
                archive += _read_frame(source)[1]
            unpack(archive, folder, asked["travel"])
    except EOFError:
        return
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and (error.errno in HEALS or asked.get("known")):
            path = _whole(error.errno, error.filename or asked["workspace"])
            told = {"kind": "disk", "message": error.strerror, "errno": error.errno, "path": path}
            _say(target, {"error": told})
            return
        hint = "name a folder you may write as `workspace:` of the connector, with room on its disk"
        message = "cannot prepare the workspace {}: {}".format(asked["workspace"], error)
        _say(target, {"error": {"kind": "site", "message": message, "hint": hint}})
        return
    serve(workspace, asked["travel"])


def _whole(number: "Any", path: str) -> str:
    """Where the file system is mounted that is full or read-only; else the path."""
    here = os.path.abspath(path)
    while number in WHOLE and not os.path.ismount(here) and here != os.path.dirname(here):
        here = os.path.dirname(here)
    return here if number in WHOLE else path


def _is_whole(folder: str, files: int) -> bool:
    """Whether nothing of it was purged: as travel.is_whole."""
    found = 0
    for _, _, names in os.walk(folder):
        found += sum(not name.endswith(".pyc") for name in names)
    return found >= files


def _make(workspace: str) -> None:
    """Make the workspace, for its owner alone; one that is there stays as it is."""
    for each in (workspace, os.path.join(workspace, ".xpm")):
        try:
            os.mkdir(each, 0o700)
        except FileExistsError:
            pass
        except FileNotFoundError:
            os.makedirs(os.path.dirname(each), exist_ok=True)
            os.mkdir(each, 0o700)


def _is_there(target: int, workspace: str, known: str) -> bool:
    """Whether the workspace that is known lies there; says so when not."""
    try:
        with open(os.path.join(workspace, ".xpm", "workspace.json")) as file:
            found = json.loads(file.read(4096)).get("id")
    except (FileNotFoundError, NotADirectoryError, ValueError):
        found = None
    if found == known:
        return True
    message = "another workspace is in the place of {} ({}, not {})".format(workspace, found, known)
    if found is None:
        message = f"the workspace {workspace} is not there"
    hint = "is its disk mounted? it goes on by itself then"
    _say(target, {"error": {"kind": "disk", "message": message, "hint": hint}})
    return False


def _expand(text: str) -> str:
    path = os.path.expanduser(os.path.expandvars(text))
    if "$" in path:
        _log_in(re.findall(r"\$\{?(\w+)", path))
        path = os.path.expanduser(os.path.expandvars(text))
    missing = re.search(r"\$(\w+|\{[^}]*\})", path)
    if missing:
        raise ValueError(f"the variable {missing.group(0)} is not defined there")
    if path.startswith("~"):
        raise ValueError("there is no such user")
    return os.path.join(os.path.expanduser("~"), path)


def _log_in(names: "list[str]") -> None:
    """Take over what only login shells have of these: sites set SCRATCH and the like in profile files."""
    import subprocess

    argv = ["bash", "-lc", "env"]
    pipes = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        out = subprocess.check_output(argv, timeout=30, **pipes)  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError):
        return
    for line in out.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name in names:
            os.environ[name] = value


def _read_frame(source: int) -> "tuple[int, bytes]":
    kind, _, length = HEADER.unpack(_read(source, HEADER.size))
    if length > MOST_BYTES:
        raise ValueError("a frame of %d bytes" % length)
    return kind, _read(source, length)


def _read(source: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(source, size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _say(target: int, content: object) -> None:
    body = json.dumps(content).encode("ascii")
    _write(target, HEADER.pack(1, 0, len(body)) + body)


def _write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]
