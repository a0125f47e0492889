"""Counted rights to run, held by attempts, taken and given back through files alone.

A unit of a token is a chain of files ``<unit>.<turn>`` (wire/workspace.py); only the highest turn counts, and the next
one is created exclusively, so a unit changes hands at most once per turn. A job takes all it needs at once or nothing:

- one unit: the file says ``"all": true`` at once.
- several units: each file names the first one as its ``ticket``. When all are there, the ticket is *committed*: its next
  turn is created with ``"all": true``. Whoever needs the units of a job that hangs halfway *voids* its ticket: the same
  next turn, with ``"free": true``. Exactly one of the two happens. Units of a void ticket are free.

So a crash in the middle of taking costs nobody anything, and two jobs that each have half never wait for each other: the
one with the lower id may void the other's ticket. A unit is given back by its holder's final ledger entry, with no file.
"""

import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import quote

from xpm.agent import reading
from xpm.wire import files
from xpm.wire.workspace import Layout

Need = Tuple[str, int, int]
Holder = Tuple[str, int]
_NAME = re.compile(r"^([0-9]+)\.([1-9][0-9]*)$")

FREE = "free"
PENDING = "pending"
HELD = "held"

Unit = NamedTuple(
    "Unit", [("unit", int), ("turn", int), ("state", str), ("holder", Holder), ("ticket", "Ticket")]
)
Ticket = NamedTuple("Ticket", [("name", str), ("unit", int), ("turn", int)])
_NOBODY = ("", 0)
_NO_TICKET = Ticket("", 0, 0)


class Tokens(object):
    """The tokens of a workspace.

    Args:
        layout: the workspace.
        is_final: whether this attempt of this job is over.
    """

    def __init__(self, layout: Layout, is_final: Callable[[str, int], bool]) -> None:
        self._layout = layout
        self._is_final = is_final
        self._read: Dict[str, Dict[str, Any]] = {}

    def available(self, name: str, total: int) -> int:
        """How many units could be had now: free ones and those of tickets that may be voided."""
        return sum(1 for each in self._units(name, total) if each.state != HELD)

    def has_all(self, job: str, attempt: int, needs: "Tuple[Need, ...]") -> bool:
        """Whether the attempt holds all it needs."""
        return all(
            len(self._mine(name, total, (job, attempt), HELD)) >= count
            for name, count, total in needs
        )

    def take(self, job: str, attempt: int, needs: "Tuple[Need, ...]") -> bool:
        """Take all, or nothing."""
        needs = tuple(sorted(each for each in needs if each[1] > 0))
        if self.has_all(job, attempt, needs):
            return True
        alone = sum(count for _, count, _ in needs) == 1
        ticket = self._ticket_of(needs, (job, attempt))
        for name, count, total in needs:
            for _ in range(count - len(self._mine(name, total, (job, attempt), PENDING))):
                unit = self._take_one(name, total, (job, attempt), ticket, alone)
                if unit is None:
                    self._void(ticket)
                    return False
                ticket = ticket or unit
        return alone or (ticket is not None and self._commit(ticket, (job, attempt)))

    # ------------------------------------------------------------------------ internals

    def _take_one(
        self, name: str, total: int, holder: Holder, ticket: Optional[Ticket], alone: bool
    ) -> Optional[Ticket]:
        while True:
            units = self._units(name, total)
            free = [each for each in units if each.state == FREE]
            if not free and not self._void_one(units, holder):
                return None
            for each in free[:1]:
                mine = Ticket(name, each.unit, each.turn + 1)
                content: Dict[str, Any] = {"job": holder[0], "attempt": holder[1]}
                content.update({"all": True} if alone else {"ticket": list(ticket or mine)})
                if self._create(mine, content):
                    return mine

    def _void_one(self, units: List[Unit], holder: Holder) -> bool:
        for each in units:
            if each.state == PENDING and each.holder[0] > holder[0]:
                self._void(each.ticket)
                return True
        return False

    def _ticket_of(self, needs: "Tuple[Need, ...]", holder: Holder) -> Optional[Ticket]:
        for name, _, total in needs:
            for each in self._mine(name, total, holder, PENDING):
                return each.ticket
        return None

    def _void(self, ticket: Optional[Ticket]) -> None:
        if ticket is not None:
            self._create(ticket._replace(turn=ticket.turn + 1), {"free": True})

    def _commit(self, ticket: Ticket, holder: Holder) -> bool:
        content = {"job": holder[0], "attempt": holder[1], "all": True}
        return self._create(ticket._replace(turn=ticket.turn + 1), content) or self._is_committed(
            ticket, holder
        )

    def _mine(self, name: str, total: int, holder: Holder, state: str) -> List[Unit]:
        units = self._units(name, total)
        return [each for each in units if each.state == state and each.holder == holder]

    def _units(self, name: str, total: int) -> List[Unit]:
        turns = {unit: 0 for unit in range(total)}
        for text in files.listing(self._folder(name), fresh=True):
            match = _NAME.match(text)
            if match and int(match.group(1)) < total:
                unit = int(match.group(1))
                turns[unit] = max(turns[unit], int(match.group(2)))
        return [self._unit(name, unit, turn) for unit, turn in sorted(turns.items())]

    def _unit(self, name: str, unit: int, turn: int) -> Unit:
        content = self._content(Ticket(name, unit, turn)) if turn else None
        holder = (str((content or {}).get("job") or ""), int((content or {}).get("attempt") or 0))
        if content is None or content.get("free") or self._is_final(*holder):
            return Unit(unit, turn, FREE, _NOBODY, _NO_TICKET)
        if content.get("all"):
            return Unit(unit, turn, HELD, holder, _NO_TICKET)
        ticket = Ticket(*content["ticket"])
        after = self._content(ticket._replace(turn=ticket.turn + 1))
        if after is None:
            return Unit(unit, turn, PENDING, holder, ticket)
        if self._is_committed(ticket, holder):
            return Unit(unit, turn, HELD, holder, ticket)
        return Unit(unit, turn, FREE, _NOBODY, _NO_TICKET)

    def _is_committed(self, ticket: Ticket, holder: Holder) -> bool:
        after = self._content(ticket._replace(turn=ticket.turn + 1)) or {}
        mine = (after.get("job"), after.get("attempt")) == holder
        return mine and bool(after.get("all"))

    def _create(self, what: Ticket, content: Dict[str, Any]) -> bool:
        os.makedirs(self._folder(what.name), exist_ok=True)
        return files.create(self._path(what), files.dump(content))

    def _content(self, what: Ticket) -> Optional[Dict[str, Any]]:
        path = self._path(what)
        if path not in self._read:
            content = reading.load(path)
            if content is None:
                return None
            # damaged by a power cut: nobody can tell who had it, and nobody runs any more
            self._read[path] = content or {"free": True}
        return self._read[path]

    def _path(self, what: Ticket) -> str:
        return os.path.join(self._folder(what.name), "%d.%d" % (what.unit, what.turn))

    def _folder(self, name: str) -> str:
        return os.path.join(self._layout.tokens, quote(name, safe="").replace(".", "%2E"))
