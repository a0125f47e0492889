"""Commands that take their time, run by a small shell of their own that outlives whoever started it.

The shell writes what the command said to ``<name>.out`` and ``<name>.err`` and last, by rename, its exit code to
``<name>.rc``. So the answer of an sbatch is never lost: not when the connection ends, nor when the agent is killed.
"""

import os
import subprocess
from typing import Dict, List, NamedTuple, Optional

from xpm.agent import processes

Said = NamedTuple("Said", [("status", int), ("out", str), ("err", str), ("at", float)])

LIMIT_S = 170
"""Longer than sbatch's own 120 s of retries (sbatch.c) and its MessageTimeout."""

MOST_SAID = 64 * 1024 * 1024
"""So much of what a command says is looked at: more than any squeue has to tell."""

LEFT_S = 86400.0
_OWN = "~"

_SHELL = (
    "trap '' HUP PIPE INT TERM; cd \"$1\" || exit 1; name=$2; limit=$3; unless=$4; shift 4\n"
    '[ -z "$unless" ] || [ ! -e "$unless" ] || exit 1\n'
    'if [ -f "$name.in" ]; then exec <"$name.in"; else exec </dev/null; fi\n'
    'echo $$ >"$name.pid" || exit 1\n'  # nobody would know that it has started
    'timeout -k 5 "$limit" "$@" >"$name.out" 2>"$name.err"\n'
    'echo $? >"~$name.rc"; mv "~$name.rc" "$name.rc"\n'
)


def start(
    folder: str,
    name: str,
    argv: List[str],
    environ: Dict[str, str],
    limit_s: int = LIMIT_S,
    unless: str = "",
) -> "subprocess.Popen[bytes]":
    """Start a command, unless there is such a file; ``<name>.in`` in the folder is its standard input."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _SHELL, "xpm", folder, name, str(limit_s), unless, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environ,
        start_new_session=True,
    )


def said(folder: str, name: str) -> Optional[Said]:
    """What it answered; None while it has not."""
    path = os.path.join(folder, name + ".rc")
    try:
        at = os.stat(path).st_mtime
    except FileNotFoundError:
        return None
    status = _text(path).strip()
    out, err = (_text(os.path.join(folder, name + each)) for each in (".out", ".err"))
    return Said(int(status) if status.isdigit() else -1, out, err, at)


def was_started(folder: str, name: str) -> bool:
    """Whether its shell got as far as the command."""
    return os.path.exists(os.path.join(folder, name + ".pid"))


def own_name(what: str) -> str:
    """The name of an errand of this very process, which only it will ask for."""
    return "%s%s.%s.%d" % (_OWN, what, processes.HOST.split(".")[0], os.getpid())


def tidy(folder: str, now: float) -> None:
    """Remove what processes that were killed have left: files named for them alone, a day old."""
    for entry in os.scandir(folder):
        try:
            if entry.name.startswith(_OWN) and now - entry.stat().st_mtime > LEFT_S:
                os.unlink(entry.path)
        except OSError:  # somebody else does it too, or it is a folder
            pass


def forget(folder: str, name: str) -> None:
    """Remove the files of an errand nobody needs any more."""
    for suffix in (".in", ".pid", ".out", ".err", ".rc"):
        try:
            os.unlink(os.path.join(folder, name + suffix))
        except FileNotFoundError:
            pass


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(MOST_SAID)
    except FileNotFoundError:
        return ""
