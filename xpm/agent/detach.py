"""Starting a program that outlives whoever starts it: its own session, nobody's child, no inherited files."""

import os
import subprocess
import sys
from typing import Mapping, Optional, Sequence


def detach(argv: Sequence[str], log: str, environ: Optional[Mapping[str, str]] = None) -> None:
    """Start a program in the background.

    Both its parent and its terminal are none of ours: a connection that ends, a process group that is killed or a
    Ctrl-C do not reach it. An intermediate interpreter starts it and ends, so that init adopts it, and no fork
    happens in this process, which may have threads.

    Args:
        argv: the program and its arguments.
        log: where its output is appended.
        environ: its environment; this one by default.
    """
    code = (
        "import os,subprocess,sys\n"
        "log=os.open(sys.argv[1],os.O_WRONLY|os.O_CREAT|os.O_APPEND,0o600)\n"
        "subprocess.Popen(sys.argv[2:],stdin=subprocess.DEVNULL,stdout=log,stderr=log,start_new_session=True)\n"
        "os._exit(0)\n"
    )
    middle = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", code, log, *list(argv)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=None if environ is None else dict(environ),
        cwd=os.path.dirname(log),
        start_new_session=True,
    )
    middle.wait()
