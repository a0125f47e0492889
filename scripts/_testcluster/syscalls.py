"""The system calls that Python 3.11 does not offer."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from .base import Fail

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x1000, 0x4000, 0x40000, 2
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave namespaces for new ones."""
    _check("unshare", libc.unshare(flags))


def enter_namespace(handle: int) -> None:
    """Join the namespace that an open file below /proc stands for, and close that."""
    _check("enter a namespace", libc.setns(handle, 0))
    os.close(handle)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send us a signal when our parent ends."""
    _check("prctl", libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0))


def keep_mounts_private() -> None:
    """Let no mount of this namespace show in others."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)


def mount_tmpfs(target: Path) -> None:
    """Mount an empty filesystem which all may enter."""
    _mount("laptop", target, "tmpfs", 0, "mode=755")


def mount_proc() -> None:
    """Show the processes of our pid namespace."""
    _mount("proc", "/proc", "proc", 0)


def bind(source: str | Path, target: str | Path) -> None:
    """Show a file or folder at another place too."""
    _mount(source, target, None, MS_BIND | MS_REC)


def detach(target: Path) -> None:
    """Unmount, however busy."""
    _check(f"unmount {target}", libc.umount2(os.fsencode(target), MNT_DETACH))


def _mount(
    source: str | Path, target: str | Path, kind: str | None, flags: int, options: str = ""
) -> None:
    """Mount as the system call does: mount(8) would not see our open handles."""
    words = [os.fsencode(source), os.fsencode(target), kind.encode() if kind else None]
    done = libc.mount(*words, ctypes.c_ulong(flags), options.encode())
    _check(f"mount {target}", done)


def _check(what: str, result: int) -> None:
    if result != 0:
        raise Fail(f"cannot {what}: {os.strerror(ctypes.get_errno())}")
