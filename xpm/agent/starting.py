"""Starting runners on a plain host: born warm by the nursery, or each by itself where a job wants more than that."""

import os
import shlex
import shutil
import subprocess
import time
from typing import Any, Dict, List, Mapping, Optional, Union

from xpm.agent import leases
from xpm.agent import place as places
from xpm.agent.leases import Lease, Leases
from xpm.agent.nursery import Birth, Nursery
from xpm.agent.room import Room, gpus_of
from xpm.wire import files
from xpm.wire.workspace import Layout

Process = Union["subprocess.Popen[bytes]", Birth]
NURSERIES = 3
"""How often a nursery that died is replaced; after that, every runner is started."""
KEEP_S = 3600.0
NO_LEASE = Lease([], [])


class Starter(object):
    """What starts the runners of one supervisor."""

    def __init__(self, layout: Layout, content: Dict[str, Any]) -> None:
        self.leases = Leases()
        self._layout = layout
        self._content = content
        self._environ = _environ(content)
        self.room = Room(content.get("capacity") or {}, self._environ)
        self._nursery: Optional[Nursery] = None
        self._nurseries = 0
        self._kept_at = 0.0

    def start(self, submission: str, request: Dict[str, Any]) -> Optional[Process]:
        """Start the runner of a submission; None when the GPUs it wants are not free after all."""
        count = gpus_of(request)
        if not count:
            return self._bear(submission, request) or self._start(submission, request, NO_LEASE)
        lease = self.leases.lease(self.room.gpus, count)
        if lease is None:
            return None
        try:
            record = {"gpus": [each.id for each in lease.gpus], "at": time.time()}
            files.write(lease_path(self._layout, submission), files.dump(record))
            return self._start(submission, request, lease)
        finally:
            leases.release(lease)

    def refit(self, capacity: Mapping[str, Any]) -> None:
        """Count with this capacity from now on."""
        if not self.room.is_for(capacity):
            self.room = Room(capacity, self._environ)

    def keep(self, now: float) -> None:
        """Keep the leases' files from being cleaned up; now and then is enough."""
        if self.room.has_looked and now - self._kept_at > KEEP_S:
            self._kept_at = now
            self.leases.keep(self.room.gpus)

    @property
    def descriptors(self) -> List[int]:
        """What becomes readable when there is news of runners, besides SIGCHLD."""
        return self._nursery.descriptors if self._nursery is not None else []

    def listen(self) -> None:
        """Take in what the nursery tells."""
        if self._nursery is not None and not self._nursery.listen():
            self._nursery = None

    def close(self) -> None:
        """Leave the runners to themselves."""
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    def log(self, submission: str) -> str:
        """Where a runner prints."""
        return os.path.join(self._layout.submission(submission), "log")

    # ------------------------------------------------------------------------- internals

    def _bear(self, submission: str, request: Dict[str, Any]) -> Optional[Birth]:
        """A runner of the nursery's; None when this job wants more than that, or it is not ready."""
        python = places.job_python(self._content, request)
        if request.get("setup") or python != places.job_python(self._content, {}):
            return None
        if self._nursery is None and self._nurseries < NURSERIES:
            self._nurseries += 1
            self._nursery = Nursery(
                python,
                places.travel_folder(self._layout, self._content),
                self._layout.root,
                self._environ,
                os.path.join(self._layout.supervisor, "log"),
            )
        if self._nursery is None or not self._nursery.is_ready:
            return None
        try:
            return self._nursery.bear(submission, self.log(submission))
        except OSError:  # it has just died; listen() will notice
            return None

    def _script(self, submission: str, setup: List[str], argv: List[str]) -> str:
        path = os.path.join(self._layout.submission(submission), "setup")
        files.write(path, _lines(setup, argv))
        return path

    def _start(
        self, submission: str, request: Dict[str, Any], lease: Lease
    ) -> "subprocess.Popen[bytes]":
        argv = [
            places.job_python(self._content, request),
            places.travel_folder(self._layout, self._content),
            "run",
            self._layout.root,
            submission,
        ]
        setup = request.get("setup") or []
        if setup:
            argv = ["/bin/sh", self._script(submission, [str(each) for each in setup], argv)]
        with open(self.log(submission), "ab") as log:
            try:
                return subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._layout.root,
                    env={**self._environ, **_visible(lease, self._environ)},
                    pass_fds=lease.descriptors,
                    start_new_session=True,
                )
            except (FileNotFoundError, PermissionError) as error:
                log.write(("cannot start %s: %s\n" % (argv[0], error)).encode("utf-8", "replace"))
        return subprocess.Popen(["false"], cwd=self._layout.root, start_new_session=True)


def _lines(setup: List[str], argv: List[str]) -> bytes:
    """The script of a run that is prepared by lines of sh: a file, as lists of processes show arguments to everybody."""
    line = "exec " + " ".join(map(shlex.quote, argv))
    return "\n".join([*setup, line, ""]).encode("utf-8", "surrogateescape")


def lease_path(layout: Layout, submission: str) -> str:
    """Where it is noted which GPUs a submission's run has."""
    return os.path.join(layout.submission(submission), "lease.json")


def _visible(lease: Lease, environ: Mapping[str, str]) -> Dict[str, str]:
    """The variables that show a job its GPUs and no others."""
    if not lease.gpus:
        return {}
    ids = ",".join(each.id for each in lease.gpus)
    if shutil.which("nvidia-smi", path=environ.get("PATH")) is None and os.path.exists("/dev/kfd"):
        return {"ROCR_VISIBLE_DEVICES": ids}
    # by default CUDA counts the fastest first, and nvidia-smi as they are plugged in
    return {"CUDA_VISIBLE_DEVICES": ids, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def _environ(content: Dict[str, Any]) -> Dict[str, str]:
    """The supervisor's own environment under what ``open`` recorded."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or not name.startswith(("SLURM_", "SBATCH_"))
    }
    kept.update(content.get("environ") or {})
    return kept
