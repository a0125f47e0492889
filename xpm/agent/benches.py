"""Where an environment is made: runs the commands of its builder, with what its recipe has before them, and keeps their log."""

import os
import shlex
import subprocess
from typing import List, Optional, Tuple

from xpm.agent import environs, troubles
from xpm.agent.environs import Paths

BEAT_S = 5.0


class Unbuildable(Exception):
    """The environment cannot be made; says why, and what to do."""


class Trouble(Exception):
    """It cannot be made now, through no fault of what was asked for; says why."""


class Bench(object):
    """Runs commands for one builder, and shows while they run that it lives.

    Args:
        where: the environment's paths.
        pip_log: what pip tells nobody but its log: an index that answers 503 is one without the package, otherwise.
    """

    def __init__(self, where: Paths, pip_log: str) -> None:
        self._where = where
        self.pip_log = pip_log
        self.pre: List[str] = []
        """Lines of sh before each command."""

    def ask(self, text: str) -> Tuple[int, str]:
        """What a line of sh says: its exit code and its output."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", "\n".join([*self.pre, text])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        out = b""
        while True:
            try:
                out = process.communicate(timeout=BEAT_S)[0]
                break
            except subprocess.TimeoutExpired:
                self.beat()
        return process.returncode, out.decode("utf-8", "replace")

    def do(self, what: str, argv: List[str], hint: str = "") -> None:
        """Run a command that takes its time; what it prints goes to the log.

        Args:
            what: what it is for, behind "cannot".
            argv: the command.
            hint: what may help when it fails.

        Raises:
            Trouble: it failed, and may not the next time.
            Unbuildable: it failed.
        """
        self.say("$ " + line(argv))
        begins = os.path.getsize(self._where.log)
        with open(self._where.log, "ab") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", "\n".join([*self.pre, "exec " + line(argv)])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            while process.poll() is None:
                try:
                    process.wait(BEAT_S)
                except subprocess.TimeoutExpired:
                    self.beat()
        if not process.returncode:
            return
        for each in troubles.unfetched(self.pip_log):
            self.say(each)
        cause = troubles.found(environs.tail(self._where.log, begins))
        if cause:
            raise Trouble("cannot %s: %s" % (what, cause))
        more = "; " + hint if hint else ""
        raise Unbuildable("cannot %s (exit code %d)%s" % (what, process.returncode, more))

    def which(self, name: str) -> Optional[str]:
        """The path of a program; None when there is none."""
        status, out = self.ask("command -v %s" % shlex.quote(name))
        found = out.strip().splitlines()[-1:] if not status else []
        return found[0] if found and found[0].startswith("/") else None

    def beat(self) -> None:
        """Show those who wait that somebody is at work."""
        try:
            os.utime(self._where.attempt, None)
        except FileNotFoundError:  # given up, or started by hand: two are no harm
            pass

    def say(self, text: str) -> None:
        """Add a line to the log."""
        with open(self._where.log, "a", encoding="utf-8", errors="replace") as log:
            log.write(text + "\n")


def line(argv: List[str]) -> str:
    """A command as a line of sh."""
    return " ".join(map(shlex.quote, argv))


def last(text: str) -> str:
    """The last lines of an output."""
    lines = text.strip().splitlines()
    return "\n".join(lines[-4:]) if lines else "it said nothing"
