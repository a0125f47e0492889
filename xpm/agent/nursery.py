"""Runners born warm: one Python that has everything loaded and forks a runner for each job.

Most of what a short job costs is starting Python and loading us. The nursery has done both; a runner it forks leads a
session of its own and outlives nursery and supervisor alike, as one that was started would. Each job still has its
own processes, environment and files; nothing of a plan is ever loaded here.

It is a program of the supervisor's, spoken to in lines of JSON: ``{"submission", "log"}`` in, ``{"started", "pid"}`` and
``{"ended", "status"}`` out, once ``{"ready": true}`` before all. It ends when its input does.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
from typing import Any, Dict, List, Optional

from xpm.agent import processes

_START = (
    "import sys; sys.path[0] = sys.argv[1]; from xpm.wire import bytecode; bytecode.keep_beside_sources();"
    " from xpm.agent.nursery import main; main(*sys.argv[1:])"
)


class Birth(object):
    """A runner of the nursery's, as its supervisor sees it: like a Popen."""

    def __init__(self) -> None:
        self.pid = 0
        self._started: Optional[int] = None
        self._code: Optional[int] = None
        self._orphaned = False

    def poll(self) -> Optional[int]:
        """Its exit code, or minus its signal; None while it runs."""
        if self._orphaned and self._code is None and not self._lives():
            self._code = 0  # nobody was there to hear: its ledger has to tell
        return self._code

    def born(self, pid: int) -> None:
        """It runs under this pid."""
        self.pid = pid
        self._started = processes.started(pid)

    def ended(self, status: int) -> None:
        """It ended with this wait status."""
        signaled = os.WIFSIGNALED(status)
        self._code = -os.WTERMSIG(status) if signaled else os.WEXITSTATUS(status)

    def orphan(self) -> None:
        """The nursery is gone: nobody will tell."""
        self._orphaned = True

    def _lives(self) -> bool:
        noted = dict(processes.identity(self.pid), started=self._started)
        return bool(self.pid) and processes.is_alive(noted) is True


class Nursery(object):
    """The supervisor's end of it."""

    def __init__(
        self, python: str, travel: str, workspace: str, environ: Dict[str, str], log: str
    ) -> None:
        self.is_ready = False
        self._births: Dict[str, Birth] = {}
        self._rest = b""
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                [python, "-c", _START, travel, workspace],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=environ,
                cwd=workspace,
                start_new_session=True,
            )
        assert self._process.stdin
        assert self._process.stdout
        self._in = self._process.stdin.fileno()
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)

    @property
    def descriptors(self) -> List[int]:
        """What becomes readable when there is news."""
        return [self._out]

    def bear(self, submission: str, log: str) -> Birth:
        """A runner of this submission.

        Raises:
            OSError: the nursery is gone.
        """
        line = json.dumps({"submission": submission, "log": log}) + "\n"
        os.write(self._in, line.encode("ascii"))
        birth = self._births[submission] = Birth()
        return birth

    def listen(self) -> bool:
        """Take in what it tells; False when it is gone."""
        while True:
            try:
                data = os.read(self._out, 65536)
            except BlockingIOError:
                return True
            if not data:
                self.close()
                return False
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                self._hear(json.loads(line.decode("ascii")))

    def close(self) -> None:
        """Let it end; its runners go on."""
        self.is_ready = False
        for birth in self._births.values():
            birth.orphan()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def _hear(self, told: Dict[str, Any]) -> None:
        if told.get("ready"):
            self.is_ready = True
        elif "started" in told:
            self._births[told["started"]].born(told["pid"])
        elif "ended" in told:
            self._births.pop(told["ended"]).ended(told["status"])


# ------------------------------------------------------------------------- the program


def main(travel: str, workspace: str) -> None:
    """Bear runners until the input ends."""
    _load_everything()
    woken = _child_alarm()
    born: Dict[int, str] = {}
    rest = b""
    _tell({"ready": True})
    while True:
        ready, _, _ = select.select([0, woken[0]], [], [])
        if woken[0] in ready:
            os.read(woken[0], 4096)
            _reap(born)
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            for line in lines:
                request = json.loads(line.decode("ascii"))
                pid = os.fork()
                if pid == 0:
                    _be_a_runner(travel, workspace, request, woken)
                born[pid] = request["submission"]
                _tell({"started": request["submission"], "pid": pid})


def _load_everything() -> None:
    """What a runner and a task import of ours; a runner that lacks some of it says so itself."""
    import importlib

    for name in ("xpm.agent.launch", "xpm.runner.main", "xpm.runner.progress", "xpm.plan.locate"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            sys.stderr.write("nursery: %s: %s\n" % (name, error))
    import xpm

    for name in getattr(xpm, "__all__", ()):
        try:
            getattr(xpm, name)
        except (ImportError, AttributeError) as error:
            sys.stderr.write("nursery: xpm.%s: %s\n" % (name, error))
    if hasattr(gc, "freeze"):
        gc.collect()
        gc.freeze()  # the collector of a fork need not touch, and so copy, what is older than it


def _child_alarm() -> "tuple[int, int]":
    pipe = os.pipe()
    for each in pipe:
        os.set_blocking(each, False)
    signal.signal(signal.SIGCHLD, lambda signum, frame: None)
    signal.set_wakeup_fd(pipe[1])
    return pipe


def _reap(born: Dict[int, str]) -> None:
    while born:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _tell({"ended": born.pop(pid), "status": status})


def _tell(content: Dict[str, Any]) -> None:
    rest = json.dumps(content).encode("ascii") + b"\n"
    while rest:
        rest = rest[os.write(1, rest) :]


def _be_a_runner(
    travel: str, workspace: str, request: Dict[str, Any], woken: "tuple[int, int]"
) -> None:
    code, runner = 1, os.getpid()
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        log = _log(request["log"])
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        for each in (null, log, *woken):
            os.close(each)
        from xpm.agent import launch

        sys.argv[:] = [travel, "run", workspace, request["submission"]]
        code = launch.main(sys.argv[1:])
    except SystemExit as left:
        if os.getpid() != runner:
            raise  # the task's own process: it ends as any Python does, its files flushed and its atexit run
        code = left.code if isinstance(left.code, int) else 1
    finally:
        if os.getpid() == runner:
            if sys.exc_info()[0] is not None:
                sys.excepthook(*sys.exc_info())
            os._exit(code)


def _log(path: str) -> int:
    """Where a runner prints; nowhere when the disk is full or away: that fails no job."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
