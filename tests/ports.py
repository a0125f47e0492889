"""Ports of this machine that stay free until a test takes them.

The system gives ports of its own range to whoever asks for any, and to connections; ours lie below. Each process of the
tests holds a block of them by a lock, so that those that run side by side never hand out the same.
"""

import fcntl
import itertools
import os
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FIRST, LAST, BLOCK = 20000, 32700, 100


def free_port() -> int:
    """A port where nobody listens, and that nobody else is given while this process lives."""
    for _ in range(BLOCK):
        port = next(_block())
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError(f"no port is free from {port - BLOCK + 1} to {port}")


@cache
def _block() -> Iterator[int]:
    """The ports of this process, round and round."""
    folder = Path(tempfile.gettempdir()) / f"xpm-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for first in range(FIRST, LAST, BLOCK):
        lock = os.open(folder / str(first), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until this process ends
        except BlockingIOError:
            os.close(lock)
            continue
        return itertools.cycle(range(first, first + BLOCK))
    raise RuntimeError(f"all ports from {FIRST} to {LAST} are taken by other tests")
