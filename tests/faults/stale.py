"""An old view of folders, as an NFS client's caches give: what others made lately is not there yet.

Each machine sees at once what its own processes do. A folder it has listed it lists again from its cache: without the names that
others made since, with those that they removed. A name it has looked for in vain stays away, although others have made it.
Both last for some seconds; less where the machine itself creates or removes a name in that folder, for then it asks the server,
and where the server says that a name exists (link and mkdir are never answered from a cache).

Who made, removed, listed or missed what and when is a log that all processes append to. Looking into folders is replaced in this
process; nothing else.
"""

import builtins
import errno
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

MAKES = {"os.link": 1, "os.rename": 1, "os.mkdir": 0, "open": 0}
"""What makes a name, and which argument tells it."""
REMOVES = {"os.remove": 0, "os.rmdir": 0, "os.rename": 0}
MACHINES = {"agent": "login", "laptop": "laptop"}


def machine_of(role: str) -> str:
    """Where processes of this role run: as far from each other as can be, runs on two nodes."""
    if role == "runner":
        return f"node{os.getpid() % 2}"
    return MACHINES.get(role, "host")


class OldView:
    """What this process sees.

    Args:
        log: where all processes note what they do.
        under: the folder that all of them share.
        machine: where this process runs.
        age_s: how old its view may be.
        clock: the time.
    """

    def __init__(
        self,
        log: str,
        under: str,
        machine: str,
        age_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._under = under
        self._machine = machine
        self._age_s = age_s
        self._clock = clock
        self._lock = threading.RLock()
        self._at = 0
        self._rest = ""
        self._made: dict[str, tuple[float, str]] = {}
        self._gone: dict[str, tuple[float, str]] = {}
        self._fresh: dict[str, float] = {}
        self._listed: dict[str, float] = {}
        self._missed: dict[str, float] = {}
        self._told: set[str] = set()
        self._busy = threading.local()
        self._file = os.open(log, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)

    def forked(self) -> None:
        """A fork of the nursery is a runner, on a machine of its own."""
        if self._machine == "host" and "xpm.agent.nursery" in " ".join(sys.orig_argv):
            self._machine = machine_of("runner")

    def install(self) -> None:
        """See everything so from now on."""
        self._listdir, self._scandir, self._stat = os.listdir, os.scandir, os.stat
        sys.addaudithook(self._hook)
        setattr(os, "listdir", self._seen_listdir)  # noqa: B010
        setattr(os, "scandir", self._seen_scandir)  # noqa: B010
        for module, name in (
            (os, "stat"), (os, "lstat"), (os, "access"), (os, "open"), (io, "open"), (builtins, "open"),
        ):  # fmt: skip
            setattr(module, name, self._guarded(getattr(module, name)))
        for name, which in (("link", 1), ("mkdir", 0)):
            setattr(os, name, self._answered(getattr(os, name), which))

    # ------------------------------------------------------------------------- seeing

    def is_missed(self, path: str) -> bool:
        """Whether this name, or a folder it is in, was looked for in vain so lately that nobody asks the server again."""
        with self._lock:
            self._read_log()
            while path.startswith(self._under) and path != self._under:
                if path not in self._told and self._is_cached(
                    self._missed, path, os.path.dirname(path)
                ):
                    return True
                path = os.path.dirname(path)
        return False

    def _listed_at(self, folder: str) -> float:
        """Since when a listing is in the cache; now when there is none."""
        with self._lock:
            self._read_log()
            if self._is_cached(self._listed, folder, folder):
                return self._listed[folder]
        if folder.startswith(self._under):
            self._say("listed", folder)
        return self._clock()

    def _is_cached(self, cache: dict[str, float], key: str, folder: str) -> bool:
        at = cache.get(key, float("-inf"))
        return self._clock() - at < self._age_s and at > self._fresh.get(folder, float("-inf"))

    def _of_others(self, events: dict[str, tuple[float, str]], path: str, since: float) -> bool:
        at, machine = events.get(path, (float("-inf"), ""))
        return machine != self._machine and at >= since

    def _read_log(self) -> None:
        data = os.pread(self._file, 1 << 20, self._at)
        self._at += len(data)
        *lines, self._rest = (self._rest + data.decode("utf-8", "replace")).split("\n")
        for line in lines:
            at, machine, what, path = line.split(" ", 3)
            if what in ("made", "gone"):
                kept, other = (self._made, self._gone)[:: 1 if what == "made" else -1]
                kept[path] = (float(at), machine)
                other.pop(path, None)
                if machine == self._machine:
                    self._fresh[os.path.dirname(path)] = float(at)
            elif machine == self._machine:
                (self._listed if what == "listed" else self._missed)[path] = float(at)

    # -------------------------------------------------------------------------- doing

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if (event not in MAKES and event not in REMOVES) or hasattr(self._busy, "now"):
            return
        if event == "open" and not int(str(args[2] or 0)) & os.O_CREAT:
            return
        self._busy.now = True
        try:
            if event in REMOVES:
                self._note("gone", args[REMOVES[event]])
            if event in MAKES:
                self._note("made", args[MAKES[event]])
        finally:
            del self._busy.now

    def _note(self, what: str, path: object) -> None:
        if not isinstance(path, (str, bytes)) or not os.fsdecode(path).startswith(self._under):
            return
        name = os.fsdecode(path)
        if what == "made" and self._exists(name):
            return  # it will not be made, or only written again
        self._say(what, name)

    def _say(self, what: str, path: str) -> None:
        line = f"{self._clock():.6f} {self._machine} {what} {path}\n"
        os.write(self._file, line.encode("utf-8", "replace"))

    def _exists(self, path: str) -> bool:
        try:
            self._stat(path, follow_symlinks=False)
        except OSError:
            return False
        return True

    # ---------------------------------------------------------------------- replacing

    def _seen_listdir(self, path: Any = ".") -> list[str]:
        if not isinstance(path, (str, os.PathLike)):
            return list(self._listdir(path))
        folder = os.fspath(path)
        self._guard(folder)
        since = self._listed_at(folder)
        names = self._listdir(folder)
        with self._lock:
            self._read_log()
            seen = [
                name for name in names if not self._of_others(self._made, f"{folder}/{name}", since)
            ]
            ghosts = [
                os.path.basename(each)
                for each in self._gone
                if os.path.dirname(each) == folder and self._of_others(self._gone, each, since)
            ]
        return seen + ghosts

    def _seen_scandir(self, path: Any = ".") -> Any:
        if not isinstance(path, (str, os.PathLike)):
            return self._scandir(path)
        folder = os.fspath(path)
        self._guard(folder)
        since = self._listed_at(folder)
        return _Scanned(self._scandir(path), lambda each: self._of_others(self._made, each, since))

    def _guarded(self, function: Any) -> Any:
        def seen(path: Any, *args: Any, **options: Any) -> Any:
            named = isinstance(path, (str, os.PathLike)) and not hasattr(self._busy, "now")
            if not named or self._makes(function, args, options):
                return function(path, *args, **options)
            self._guard(os.fspath(path))
            try:
                return function(path, *args, **options)
            except FileNotFoundError:
                if os.fspath(path).startswith(self._under):
                    self._say("missed", os.fspath(path))
                raise

        return seen

    def _makes(self, function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
        """Whether an open makes the name: the server decides about that."""
        name = getattr(function, "__name__", "")
        mode = args[0] if args else options.get("mode", options.get("flags", "r"))
        if name != "open":
            return False
        return bool(mode & os.O_CREAT) if isinstance(mode, int) else any(c in mode for c in "wax")

    def _answered(self, function: Any, which: int) -> Any:
        def seen(*args: Any, **options: Any) -> Any:
            try:
                return function(*args, **options)
            except FileExistsError:
                with self._lock:
                    self._told.add(os.fspath(args[which]))
                raise

        return seen

    def _guard(self, path: str) -> None:
        if self.is_missed(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


class _Scanned:
    """A scandir that lacks what cannot be seen."""

    def __init__(self, inner: Any, hides: Callable[[str], bool]) -> None:
        self._inner = inner
        self._hides = hides

    def __enter__(self) -> "_Scanned":
        return self

    def __exit__(self, *error: object) -> None:
        self._inner.close()

    def __iter__(self) -> Iterator["os.DirEntry[str]"]:
        return self

    def __next__(self) -> "os.DirEntry[str]":
        entry: os.DirEntry[str] = next(self._inner)
        while self._hides(entry.path):
            entry = next(self._inner)
        return entry

    def close(self) -> None:
        self._inner.close()
