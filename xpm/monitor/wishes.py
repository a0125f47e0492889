"""What a page wishes to have done, read from what a browser sends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from xpm.connectors.base import JobRef
from xpm.errors import UsageProblem
from xpm.monitor import acting
from xpm.monitor.board import Board, Entry


@dataclass(frozen=True, slots=True)
class Wish:
    """An action, and to which jobs: these, or all that pass."""

    action: str
    jobs: Sequence[JobRef] | None = None
    text: str = ""
    experiment: str | None = None
    states: Sequence[str] = ()
    expected: int | None = None
    """To how many jobs a person agreed; None: only their number is asked for."""

    @staticmethod
    def read(raw: bytes) -> "Wish":
        """A wish as it was sent.

        Raises:
            UsageProblem: it is none.
        """
        try:
            content: Mapping[str, Any] = json.loads(raw)
            jobs = content.get("jobs")
            wish = Wish(
                action=_text(content["action"]),
                jobs=None if jobs is None else [JobRef(*map(_text, _pair(each))) for each in jobs],
                text=_text(content.get("q") or ""),
                experiment=_text(content.get("experiment") or "") or None,
                states=[_text(each) for each in content.get("states") or ()],
                expected=_count(content.get("expected")),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UsageProblem("this is no wish", cause=str(error)[:200]) from error
        if wish.action not in acting.ACTIONS:
            raise UsageProblem("there is no such action", on=repr(wish.action)[:40])
        return wish

    def chosen(self, board: Board) -> Sequence[Entry]:
        """The jobs it means, to which its action does anything."""
        if self.jobs is not None:
            found = [entry for entry in map(board.entry, self.jobs) if entry is not None]
        else:
            entries = board.passing(self.text, self.experiment)
            found = [each for each in entries if not self.states or each.row.state in self.states]
        return [each for each in found if acting.allowed(self.action, each.row.state)]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r}")
    return value


def _pair(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise TypeError(f"no job: {value!r}")
    pair = cast("list[object]", value)
    if len(pair) != 2:
        raise ValueError(f"no job: {value!r}")
    return pair


def _count(value: object) -> int | None:
    if value is not None and type(value) is not int:
        raise TypeError(f"no number: {value!r}")
    return value
