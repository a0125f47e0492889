"""A laptop: one command, run as an ordinary user who sees nothing of the cluster but its network.

Theory of operation. The process that was started stays, outside, and has one child: the laptop's
pid 1, in new mount and pid namespaces, which starts the command and reaps orphans. Signals we get
are handed to the command; its end, by exit code or signal, becomes ours. When we are killed, the
kernel kills pid 1, and with it everything inside.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import relay, ssh, syscalls
from .base import Cluster, Fail
from .state import load

USER = "laptop"
USER_ID = 61000
CHECKOUT = Path(__file__).resolve().parents[2]


def run_as_laptop(
    cluster: Cluster, home: Path, visible: Sequence[Path], linger: bool, words: Sequence[str]
) -> int:
    """Run a command as the laptop's user; return its exit code, or die of the signal it died of."""
    home = _prepare_home(cluster, home)
    directory = _reachable_directory(home)
    needed = _needed_paths([home, CHECKOUT, directory, *visible])
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.keep_mounts_private()
    _arrange_mounts(cluster, needed)
    _name_the_user(home)

    def command() -> NoReturn:
        _become_user(home, directory, words)

    return relay.end_like(relay.run_in_new_namespace(command, linger))


def join_laptop(pid: int, words: Sequence[str]) -> int:
    """Run a command on the laptop which a running `testcluster laptop` process stands for."""
    here = Path.cwd()
    try:
        files, processes = (Path(f"/proc/{pid}/ns/{name}") for name in ("mnt", "pid_for_children"))
        handles = [os.open(path, os.O_RDONLY) for path in (processes, files)]
    except OSError as error:
        raise Fail(f"--join {pid}: {error.strerror}") from error
    for handle in handles:
        syscalls.enter_namespace(handle)
    home = Path(pwd.getpwuid(USER_ID).pw_dir)
    directory = here if here.is_dir() else home

    def command() -> NoReturn:
        _become_user(home, directory, words, die_with_parent=True)

    return relay.end_like(relay.run_here(command))


def _prepare_home(cluster: Cluster, home: Path) -> Path:
    """Make the home the user's own, with what `ssh testcluster` needs unless it has its own."""
    home.mkdir(parents=True, exist_ok=True)
    home = home.resolve()
    options = load(cluster)
    folder = home / ".ssh"
    if options and options.complete and not (folder / "config").exists():
        folder.mkdir(exist_ok=True, mode=0o700)
        for name in ("id_ed25519", "id_ed25519.pub", "known_hosts"):
            shutil.copy(cluster.root / name, folder / name)
        (folder / "id_ed25519").chmod(0o600)
        (folder / "config").write_text(ssh.client_config(options, folder))
    for path in (home, *home.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # another command of the laptop's removes it
            if path.lstat().st_uid == 0:
                os.lchown(path, USER_ID, USER_ID)
    return home


def _reachable_directory(home: Path) -> Path:
    """Return where the command starts: here, when the user may enter it, else at home."""
    here = Path.cwd()
    return here if _is_open(here) or here.is_relative_to(home) else home


def _needed_paths(more: Sequence[Path]) -> list[Path]:
    """Return the folders the command must reach, whatever the folders above permit."""
    prefixes = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    return _outermost([*map(Path, prefixes), *more])


def _arrange_mounts(cluster: Cluster, needed: Sequence[Path]) -> None:
    """Hide the cluster's files, and show what is needed."""
    handles = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in needed}
    closed = [top for path in needed if (top := _first_closed(path))]
    covered = _outermost([*closed, *([cluster.root] if cluster.root.exists() else [])])
    for top in covered:
        syscalls.mount_tmpfs(top)
    for path, handle in handles.items():
        if any(path.is_relative_to(top) for top in covered):
            path.mkdir(parents=True, exist_ok=True)
            syscalls.bind(f"/proc/self/fd/{handle}", path)
        os.close(handle)


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """Drop the folders that lie in another of them."""
    all_paths = {path.resolve() for path in paths}
    return sorted(path for path in all_paths if not all_paths.intersection(path.parents))


def _first_closed(path: Path) -> Path | None:
    """Return the topmost folder above `path` which others may not enter."""
    above = [parent for parent in reversed(path.parents) if not _is_open(parent)]
    return above[0] if above else None


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o001)


def _name_the_user(home: Path) -> None:
    """Let getpwuid find the user: Python and ssh ask for it."""
    user = f"{USER}:x:{USER_ID}:{USER_ID}:{USER}:{home}:/bin/bash\n"
    added = {"/etc/passwd": user, "/etc/group": f"{USER}:x:{USER_ID}:\n"}
    stage = Path(tempfile.mkdtemp(prefix="xpm-testcluster-"))
    syscalls.mount_tmpfs(stage)
    for place, line in added.items():
        file = stage / Path(place).name
        file.write_text(Path(place).read_text() + line)
        file.chmod(0o644)
        syscalls.bind(file, place)
    syscalls.detach(stage)
    stage.rmdir()


def _become_user(
    home: Path, directory: Path, words: Sequence[str], die_with_parent: bool = False
) -> NoReturn:
    """Turn into the command."""
    try:
        os.setgroups([])
        os.setresgid(USER_ID, USER_ID, USER_ID)
        os.setresuid(USER_ID, USER_ID, USER_ID)
        if die_with_parent:  # only now: changing the user undoes it
            syscalls.die_with_parent(signal.SIGKILL)
        os.chdir(directory)
        os.environ.update(HOME=str(home), USER=USER, LOGNAME=USER, PWD=str(directory))
        os.execvp(words[0], list(words))
    except OSError as error:
        print(f"testcluster laptop: {words[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)
