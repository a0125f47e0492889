"""A laptop: one command, run as an ordinary user who sees nothing of the cluster but its network.

Theory of operation. The process that was started stays, outside, and has one child: the laptop's
pid 1, in new mount and pid namespaces, which starts the command and reaps orphans. Signals we get
are handed to the command; its end, by exit code or signal, becomes ours. When we are killed, the
kernel kills pid 1, and with it everything inside.

The command runs in a process group of its own, so that a signal sent to our group reaches it once.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import select
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from . import ssh
from .base import Cluster, Fail, run
from .state import load

USER = "laptop"
USER_ID = 61000
CHECKOUT = Path(__file__).resolve().parents[2]

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
PR_SET_PDEATHSIG = 1
HANDED_ON = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGCONT,
    signal.SIGALRM,
}

libc = ctypes.CDLL(None, use_errno=True)


def run_as_laptop(
    cluster: Cluster, home: Path, visible: Sequence[Path], linger: bool, words: Sequence[str]
) -> int:
    """Run a command as the laptop's user; return its exit code, or die of the signal it died of."""
    if os.geteuid() != 0:
        raise Fail("laptop: needs root, for namespaces: run it with sudo")
    home = _prepare_home(cluster, home)
    directory = _reachable_directory(home)
    needed = _needed_paths([home, CHECKOUT, directory, *visible])
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDED_ON | {signal.SIGCHLD})
    _call(libc.unshare, CLONE_NEWNS)
    _arrange_mounts(cluster, home, needed)
    # Only now: the next process is that namespace's pid 1.
    _call(libc.unshare, CLONE_NEWPID)
    reading, writing = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(reading)
        _be_init(linger, writing, lambda: _become_user(home, directory, words))
    os.close(writing)
    _hand_signals_to(init, until=reading if linger else None)
    said = os.read(reading, 32)
    return _end_like(int(said) if said else signal.SIGKILL)


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
    paths = {Path(prefix).resolve() for prefix in prefixes} | {path.resolve() for path in more}
    return sorted(
        path for path in paths if not any(path.is_relative_to(p) for p in paths if p != path)
    )


def _arrange_mounts(cluster: Cluster, home: Path, needed: Sequence[Path]) -> None:
    """Hide the cluster's files, show what is needed, and give the user a name."""
    run(["mount", "--make-rprivate", "/"])
    handles = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in needed}
    covered = {_first_closed(path) for path in needed} - {None}
    if cluster.root.exists():
        covered.add(cluster.root)
    tops = [
        c for c in covered if c and not any(c != o and o and c.is_relative_to(o) for o in covered)
    ]
    for top in tops:
        _mount_tmpfs(top)
    for path, handle in handles.items():
        if any(path.is_relative_to(top) for top in tops):
            path.mkdir(parents=True, exist_ok=True)
            _bind(f"/proc/self/fd/{handle}", path)
        os.close(handle)
    _name_the_user(home)


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
    _mount_tmpfs(stage)
    for place, line in added.items():
        file = stage / Path(place).name
        file.write_text(Path(place).read_text() + line)
        file.chmod(0o644)
        _bind(file, place)
    run(["umount", "-l", stage])
    stage.rmdir()


def _be_init(linger: bool, result: int, become: Callable[[], None]) -> None:
    """Be pid 1 of the laptop: start the command, hand it signals, reap, report its end."""
    try:
        if not linger:
            _call(libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        run(["mount", "-t", "proc", "proc", "/proc"])
        child = os.fork()
        if child == 0:
            os.close(result)
            become()
        _take_terminal(child)
        status = _hand_on_and_reap(child)
        os.write(result, str(status).encode())
        os.close(result)
        while linger and _reap_one():
            continue
    finally:
        os._exit(0)


def _hand_on_and_reap(child: int) -> int:
    while True:
        info = signal.sigwaitinfo(HANDED_ON | {signal.SIGCHLD})
        if info.si_signo != signal.SIGCHLD:
            os.kill(child, info.si_signo)
            continue
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                return status
            if pid == 0:
                break


def _reap_one() -> bool:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        return False
    return True


def _take_terminal(child: int) -> None:
    """Make the command the terminal's foreground, when we are, so that it may read from it."""
    os.setpgid(child, child)
    if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        os.tcsetpgrp(0, child)


def _become_user(home: Path, directory: Path, words: Sequence[str]) -> None:
    """Turn into the command."""
    try:
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.setgroups([])
        os.setresgid(USER_ID, USER_ID, USER_ID)
        os.setresuid(USER_ID, USER_ID, USER_ID)
        os.chdir(directory)
        os.environ.update(HOME=str(home), USER=USER, LOGNAME=USER, PWD=str(directory))
        assert pwd.getpwuid(USER_ID)
        os.execvp(words[0], list(words))
    except OSError as error:
        print(f"testcluster laptop: {words[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def _hand_signals_to(init: int, until: int | None) -> None:
    """Forward what we get, until pid 1 ends, or (lingering) until it reports the command's end."""
    while True:
        info = signal.sigtimedwait(HANDED_ON | {signal.SIGCHLD}, 0.05 if until else 3600)
        if info and info.si_signo != signal.SIGCHLD:
            os.kill(init, info.si_signo)
        if until and _has_said(until):
            return
        if os.waitpid(init, os.WNOHANG)[0]:
            return


def _has_said(pipe: int) -> bool:
    return bool(select.select([pipe], [], [], 0)[0])


def _end_like(status: int) -> int:
    """End as the command did."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        signal.signal(number, signal.SIG_DFL) if number not in (
            signal.SIGKILL,
            signal.SIGSTOP,
        ) else 0
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    return os.WEXITSTATUS(status)


def _mount_tmpfs(target: Path) -> None:
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "laptop", target])


def _bind(source: str | Path, target: str | Path) -> None:
    run(["mount", "--rbind", source, target])


def _call(function: Callable[..., int], *arguments: int) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise Fail(f"laptop: {os.strerror(number)}")
