"""Counted rights to run, held by attempts, taken and given back through files alone.

A job takes all it needs at once or nothing (the files of a unit: xpm/agent/units.py):

- one unit: the file says ``"all": true`` at once.
- several units: each file names the first one as its ``ticket``. When all are there, the ticket is *committed*: its next
  turn is created with ``"all": true``. Whoever needs the units of a job that hangs halfway *voids* its ticket: the same
  next turn, with ``"free": true``. Exactly one of the two happens. Units of a void ticket are free.

So a crash in the middle of taking costs nobody anything, and two jobs that each have half never wait for each other: the
one with the lower id may void the other's ticket. A unit of the workspace is given back by its holder's final ledger
entry, with no file; one that users share also by a file, since they may not read each other's ledgers.

Where plans disagree on the total, each job starts only while no more than its own plan's total are in use, its own included.
"""

from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from xpm.agent.units import FREE, HELD, PENDING, Holder, Stock, Turn, Unit, Units
from xpm.decide.admit import WHOLE, Want
from xpm.wire.workspace import Layout

Need = NamedTuple(
    "Need",
    [
        ("name", str),
        ("count", int),
        ("total", int),
        ("folder", str),  # of the users who share it; "": the workspace's own
    ],
)


def needs_of(entry: Dict[str, Any]) -> Tuple[Need, ...]:
    """The tokens that a queue entry asks for."""
    found = []
    for each in entry.get("tokens") or ():
        name, count, total, folder = [*each, ""][:4]
        found.append(Need(str(name), int(count), int(total), str(folder)))
    return tuple(sorted((each for each in found if each.count > 0), key=_in_order))


def stock(need: Need) -> Stock:
    """What it is units of."""
    return need.folder, need.name


class Sight(object):
    """All tokens as they were at one moment."""

    def __init__(self, units: Dict[Stock, List[Unit]], troubles: Dict[Stock, str]) -> None:
        self._troubles = troubles
        self.used: Dict[str, int] = {_what(each): WHOLE for each in troubles}
        self._held: Dict[Tuple[Stock, Holder], int] = {}
        for which, found in units.items():
            held = [each for each in found if each.state == HELD]
            self.used[_what(which)] = len(held)
            for each in held:
                self._held[which, each.holder] = self._held.get((which, each.holder), 0) + 1

    def has_all(self, holder: Holder, needs: Iterable[Need]) -> bool:
        """Whether the attempt holds all it needs."""
        return all(self._held.get((stock(need), holder), 0) >= need.count for need in needs)

    def want(self, need: Need) -> Want:
        """The units as something to be admitted for; none are to be had where their folder cannot be used."""
        what, name = _what(stock(need)), "token " + need.name
        trouble = self._troubles.get(stock(need))
        if trouble is None:
            return Want(what, need.count, need.total, name)
        return Want(what, need.count, WHOLE, "%s, but %s" % (name, trouble))


class Tokens(object):
    """The tokens of a workspace's jobs.

    Args:
        layout: the workspace.
        is_final: whether this attempt of this job is over.
        task_of: the task of a job.
    """

    def __init__(
        self,
        layout: Layout,
        is_final: Callable[[str, int], bool],
        task_of: Callable[[str], str],
    ) -> None:
        self.units = Units(layout, is_final, task_of)
        self._root = layout.root
        self._is_final = is_final

    def look(self, totals: Dict[Stock, int]) -> Sight:
        """How these tokens stand."""
        found: Dict[Stock, List[Unit]] = {}
        troubles: Dict[Stock, str] = {}
        for which, total in totals.items():
            try:
                self.units.check(which)
                found[which] = self.units.of(which, total)
            except OSError as error:
                troubles[which] = "%s cannot be used: %s" % (
                    which[0] or "its folder",
                    error.strerror or error,
                )
        return Sight(found, troubles)

    def take(self, holder: Holder, needs: Tuple[Need, ...]) -> bool:
        """Take all, or nothing."""
        totals = {stock(need): need.total for need in needs}
        if self.look(totals).has_all(holder, needs):
            return True
        alone = sum(each.count for each in needs) == 1 and not self._is_exceeded(needs[0])
        ticket = self._ticket_of(needs, holder)
        for need in needs:
            for _ in range(need.count - len(self._mine(need, holder))):
                unit = self._take_one(need, holder, ticket, alone)
                if unit is None:
                    self._void(ticket)
                    return False
                ticket = ticket or unit
        if alone:
            return True
        if ticket is None or not all(self._is_within(need, holder) for need in needs):
            self._void(ticket)
            return False
        return self._commit(ticket, holder)

    def give_back(self, stocks: Iterable[Stock]) -> None:
        """Free the shared units of attempts of this workspace that are over, for those who cannot see that."""
        for which in stocks:
            try:
                for at, holder in self.units.signed(which):
                    if holder.workspace == self._root and self._is_final(*holder[1:]):
                        self.units.free(at._replace(turn=at.turn + 1))
            except OSError:  # look() has said so to whoever waits
                continue

    # ------------------------------------------------------------------------ internals

    def _take_one(
        self, need: Need, holder: Holder, ticket: Optional[Turn], alone: bool
    ) -> Optional[Turn]:
        while True:
            units = self.units.of(stock(need), need.total)
            free = [each for each in units if each.state == FREE and each.at.unit < need.total]
            if not free and not self._void_one(units, holder):
                return None
            for each in free[:1]:
                mine = each.at._replace(turn=each.at.turn + 1)
                if self.units.hold(mine, holder, None if alone else ticket or mine):
                    return mine

    def _is_exceeded(self, need: Need) -> bool:
        """Whether somebody counts more units of it than this job does."""
        return len(self.units.of(stock(need), need.total)) > need.total

    def _is_within(self, need: Need, holder: Holder) -> bool:
        """Whether no more units are in use than this job's plan allows, of those that are not to be voided."""
        while True:
            units = self.units.of(stock(need), need.total)
            if sum(each.state != FREE for each in units) <= need.total:
                return True
            if not self._void_one(units, holder):
                return False

    def _void_one(self, units: List[Unit], holder: Holder) -> bool:
        for each in units:
            if each.state == PENDING and _rank(each.holder) > _rank(holder):
                self._void(each.ticket)
                return True
        return False

    def _ticket_of(self, needs: Tuple[Need, ...], holder: Holder) -> Optional[Turn]:
        for need in needs:
            for each in self._mine(need, holder):
                return each.ticket
        return None

    def _void(self, ticket: Optional[Turn]) -> None:
        if ticket is not None:
            self.units.free(ticket._replace(turn=ticket.turn + 1))

    def _commit(self, ticket: Turn, holder: Holder) -> bool:
        after = ticket._replace(turn=ticket.turn + 1)
        return self.units.hold(after, holder, None) or self.units.is_committed(ticket, holder)

    def _mine(self, need: Need, holder: Holder) -> List[Unit]:
        units = self.units.of(stock(need), need.total)
        return [each for each in units if each.state == PENDING and each.holder == holder]


def _what(which: Stock) -> str:
    return "token %s %s" % (which[1], which[0]) if which[0] else "token %s" % which[1]


def _in_order(need: Need) -> Tuple[bool, str, str]:
    """Shared ones first: all who see units of a ticket must be able to read the ticket."""
    return not need.folder, need.folder, need.name


def _rank(holder: Holder) -> Tuple[str, str]:
    return holder.job, holder.workspace
