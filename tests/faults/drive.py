"""A laptop's process, forked from this one: a plan whose ssh connectors lead to an agent at a pipe, or ``xpm status``.

A fork has everything imported, which is most of what a short command costs.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from tests.contract.places import in_memory
from tests.faults.pipes import HookedHost
from tests.faults.points import FaultPoint
from xpm.cli.main import guarded
from xpm.cli.main import main as xpm
from xpm.cli.run import execute
from xpm.connectors.base import Connector
from xpm.connectors.opening import open_connector
from xpm.connectors.retrying import Patience
from xpm.connectors.specs import LocalSpec, Spec
from xpm.follow.options import RunOptions
from xpm.follow.world import World

LOCAL = "STALE"
"""The fault that is none of a laptop: its folder is on its own disk."""


def drive(
    words: Sequence[str], folder: Path, environ: Mapping[str, str], timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """Run a plan, or ``status``, in a folder, with the fault that the environment wishes.

    Raises:
        subprocess.TimeoutExpired: it does not end.
    """
    said = [Path(environ["HOME"], name) for name in ("stdout", "stderr")]
    for each in said:
        each.touch()
    pid = os.fork()
    if pid == 0:
        _be(lambda: _main(words), folder, environ, said)
    code = _wait(pid, words, timeout_s)
    return subprocess.CompletedProcess(words, code, *(each.read_text() for each in said))


def _wait(pid: int, words: Sequence[str], timeout_s: float) -> int:
    ends_at = time.monotonic() + timeout_s
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > ends_at:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise subprocess.TimeoutExpired(words, timeout_s)
        time.sleep(0.005)


def _be(
    work: Callable[[], object], folder: Path, environ: Mapping[str, str], said: Sequence[Path]
) -> None:
    """Be the process; ends with it."""
    code: object = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in enumerate(said, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (open(n, "w", 1, closefd=False) for n in (1, 2))  # noqa: SIM115
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(folder)
        wish = environ.get("XPM_FAULT", LOCAL)
        if LOCAL not in wish:
            sys.addaudithook(FaultPoint(wish, "laptop").hook)
        work()
        code = 0
    except SystemExit as left:
        code = left.code or 0
        if isinstance(code, str):
            sys.stderr.write(code + "\n")
    finally:
        if sys.exc_info()[0] is not None:
            sys.excepthook(*sys.exc_info())
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 1)


def _open(spec: Spec, main: Path) -> Connector:
    if isinstance(spec, LocalSpec):
        return open_connector(spec, main)
    far = Path(os.environ["XPM_FAULTS_FAR"])
    return in_memory(HookedHost(spec.name), far, Patience(attempts=3))


def _main(words: Sequence[str]) -> None:
    if words[0] == "status":
        sys.argv[:] = ["xpm", "status", "faults", "--json"]
        xpm()
        return
    options = RunOptions(world=World(open=_open, patience=lambda failures: 0.05))
    run = click.Command("run", callback=lambda: execute(Path(words[0]), [], options))
    sys.exit(guarded(run, []))
