"""Sends notifications in processes of their own: who has one sent goes on at once, and its death stops none.

A notebook's kernel has one thread for its cells. What libraries log or warn of while they send, a cell that runs meanwhile could
keep, addresses with it: so it is no thread of the kernel's either.
"""

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from xpm._notify import Message, send
from xpm.launchers.notices import Notify

_START = """
import sys
known = [each for each in sys.path if each]
sites = [each for each in known if each.rstrip("/").endswith("-packages")]
sys.path[:] = [*(each for each in known if each not in sites), {0!r}, *sites]
from xpm import _courier
_courier.main()
"""
"""Imports nothing from where a notebook lies: files there may be named like what Python or a library has, and start jobs."""
UNTOLD = "the message was not sent: its process did not end well"


class Courier:
    """What is being sent, and what went wrong. Used from one thread."""

    def __init__(self) -> None:
        self._problems: deque[str] = deque()  # threads append

    def send(self, wishes: Notify, message: Message) -> Sequence[str]:
        """Have everybody told; nothing is known to be wrong with it yet."""
        letter = json.dumps({"to": wishes.to, "where": wishes.where, "message": asdict(message)})
        start = _START.format(str(Path(__file__).parents[1]))
        try:
            process = subprocess.Popen(
                [sys.executable or "", "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, encoding="utf-8", start_new_session=True,
            )  # fmt: skip
            assert process.stdin is not None
            with (
                process.stdin as letters
            ):  # here: the kernel may end at any moment, the message is under way then
                letters.write(letter)
        except OSError:
            return [UNTOLD]
        threading.Thread(target=self._hear, args=(process,), daemon=True).start()
        return []

    def problems(self) -> Sequence[str]:
        """What went wrong since this was asked last."""
        found = []
        while self._problems:
            found.append(self._problems.popleft())
        return found

    def _hear(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        try:
            with process.stdout as words:
                said = words.read()
            process.wait()
            self._problems.extend(map(str, json.loads(said)))
        except (OSError, ValueError):
            self._problems.append(UNTOLD)


def main() -> None:
    """Send the letter on stdin; what went wrong, on stdout."""
    content: Mapping[str, object] = json.load(sys.stdin)
    json.dump(_sent(content), sys.stdout)


def _sent(letter: Mapping[str, object]) -> Sequence[str]:
    to, message = letter["to"], letter["message"]
    assert isinstance(to, list)
    assert isinstance(message, dict)
    return send(Notify(tuple(to), where=str(letter["where"])), Message(**message))
