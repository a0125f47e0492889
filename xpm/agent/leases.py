"""GPUs leased to jobs of a plain host: never one to two of them, whichever workspace or user they belong to.

A lease is a lock (flock(2)) on a file that stands for the device, held by the job's own runner and whatever it starts: they
inherit the descriptor. So it ends when the last of them ends, however that comes about, and needs nobody to give it
back. The files lie on a local disk, in a folder that all users of the machine share as they share /tmp; their content
means nothing.
"""

import fcntl
import os
import stat
from typing import Iterable, List, NamedTuple, Optional, Sequence
from urllib.parse import quote

from xpm.agent.machine import Gpu

PLACES = ("/var/tmp", "/tmp")  # shared on purpose: opened with care, never written
FOLDER = "xpm-gpus"

Lease = NamedTuple("Lease", [("gpus", List[Gpu]), ("descriptors", List[int])])


class Leases(object):
    """The leases of one machine."""

    def __init__(self, places: Sequence[str] = PLACES) -> None:
        self._places = places
        self._folder: Optional[str] = None

    def lease(self, gpus: Iterable[Gpu], count: int) -> Optional[Lease]:
        """Take so many of these; None, and nothing taken, when fewer are free."""
        found = Lease([], [])
        for gpu in gpus:
            if len(found.gpus) == count:
                break
            descriptor = self._locked(gpu, fcntl.LOCK_EX)
            if descriptor is not None:
                found.gpus.append(gpu)
                found.descriptors.append(descriptor)
        if len(found.gpus) == count:
            return found
        release(found)
        return None

    def taken(self, gpus: Iterable[Gpu]) -> List[Gpu]:
        """Which of these are leased now."""
        found = []
        for gpu in gpus:
            descriptor = self._locked(gpu, fcntl.LOCK_SH)
            if descriptor is None:
                found.append(gpu)
            else:
                os.close(descriptor)
        return found

    def keep(self, gpus: Iterable[Gpu]) -> None:
        """Touch their files, so that who cleans up temporary folders leaves them."""
        for gpu in gpus:
            try:
                os.utime(self._path(gpu), None)
            except OSError:  # another user's, or gone already: a new lease makes it again
                pass

    def _locked(self, gpu: Gpu, how: int) -> Optional[int]:
        path = self._path(gpu)
        try:
            descriptor = _open(path)
        except OSError:
            return None  # who has just made it has not opened it to us yet
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except OSError:  # somebody has it, or somebody cleaned up
            pass
        os.close(descriptor)
        return None

    def _path(self, gpu: Gpu) -> str:
        if self._folder is None:
            self._folder = _shared_folder(self._places)
        return os.path.join(self._folder, quote(gpu.name, safe="-"))


def release(lease: Lease) -> None:
    """Let go of what is ours of a lease: it ends, unless a runner has inherited it."""
    for descriptor in lease.descriptors:
        os.close(descriptor)


def _open(path: str) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return os.open(path, flags)
    os.fchmod(descriptor, 0o644)  # whatever the umask: other users must be able to lock it
    return descriptor


def _shared_folder(places: Sequence[str]) -> str:
    """The folder of the files: the first place where there is one, or can be."""
    problem: OSError = FileNotFoundError("no folder for the locks of GPUs")
    for place in places:
        path = os.path.join(place, FOLDER)
        try:
            try:
                os.mkdir(path, 0o700)
            except FileExistsError:
                pass
            else:
                os.chmod(path, 0o1777)
            if stat.S_ISDIR(os.lstat(path).st_mode) and os.access(path, os.W_OK | os.X_OK):
                return path
        except OSError as error:
            problem = error
    raise problem
