"""The units of tokens as their files tell: who holds which, and how one changes hands.

A unit of a token is a chain of files ``<unit>.<turn>`` in the token's folder: in the workspace, or in a folder that several
users share. Only the highest turn counts, and the next one is created exclusively, so a unit changes hands at most once per
turn. Who creates a turn removes those below it. So somebody slow may create a turn that others have gone beyond: it
looks once more, finds that, and has nothing.

What a turn says: ``"free": true``, or the holder (``job``, ``attempt``; in a shared folder also ``workspace``, ``task`` and
``user``) with ``"all": true`` or the ``ticket`` it waits for (xpm/agent/tokens.py).
"""

import errno
import os
import pwd
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import quote

from xpm.agent import processes, reading
from xpm.wire import files, ledger
from xpm.wire.workspace import Layout

_NAME = re.compile(r"^([0-9]+)\.([1-9][0-9]*)$")
_GROUP_MODE = 0o664

FREE = "free"
PENDING = "pending"
HELD = "held"

Stock = Tuple[str, str]
"""A token: its shared folder ("" for the workspace's own), its name."""

Holder = NamedTuple("Holder", [("workspace", str), ("job", str), ("attempt", int)])
Turn = NamedTuple("Turn", [("stock", Stock), ("unit", int), ("turn", int)])
Unit = NamedTuple(
    "Unit",
    [("at", Turn), ("state", str), ("holder", Holder), ("ticket", Optional[Turn])],
)
_NOBODY = Holder("", "", 0)


class Units(object):
    """All units that jobs of one workspace may hold.

    Args:
        layout: the workspace.
        is_final: whether this attempt of this job of this workspace is over.
        task_of: the task of a job of this workspace.
    """

    def __init__(
        self,
        layout: Layout,
        is_final: Callable[[str, int], bool],
        task_of: Callable[[str], str],
    ) -> None:
        self._layout = layout
        self._is_final = is_final
        self._task_of = task_of
        self._read: Dict[Stock, Dict[str, Dict[str, Any]]] = {}

    def holder(self, job: str, attempt: int) -> Holder:
        """An attempt of this workspace."""
        return Holder(self._layout.root, job, attempt)

    def check(self, stock: Stock) -> None:
        """Raise an OSError when the shared folder of a token cannot be used."""
        shared = stock[0]
        for path in (shared, self._folder(stock)) if shared else ():
            if path != shared and not os.path.exists(path):
                continue
            os.listdir(path)
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    def of(self, stock: Stock, total: int) -> List[Unit]:
        """The units of a token: as many as there should be, and what others have taken beyond."""
        turns = {unit: 0 for unit in range(total)}
        for unit, turn in self._turns(stock):
            turns[unit] = max(turns.get(unit, 0), turn)
        return [self._unit(Turn(stock, unit, turn)) for unit, turn in sorted(turns.items())]

    def signed(self, stock: Stock) -> "List[Tuple[Turn, Holder]]":
        """The units that were taken last, and by whom, whether that is over or not."""
        turns: Dict[int, int] = {}
        for unit, turn in self._turns(stock):
            turns[unit] = max(turns.get(unit, 0), turn)
        found = []
        for unit, turn in turns.items():
            content = self._content(Turn(stock, unit, turn))
            if content and not content.get("free"):
                found.append((Turn(stock, unit, turn), self._holder(content)))
        return found

    def hold(self, at: Turn, holder: Holder, ticket: Optional[Turn]) -> bool:
        """Take the unit at this turn: for good, or as one of several that belong to a ticket."""
        content = self._signed(at.stock, holder)
        if ticket is None:
            content["all"] = True
        else:
            content["ticket"] = [ticket.stock[1], ticket.unit, ticket.turn]
            content["ticket"] += [ticket.stock[0]] if ticket.stock[0] else []
        return self._create(at, content)

    def free(self, at: Turn) -> bool:
        """Say that nobody has the unit from this turn on."""
        return self._create(at, {"free": True})

    def is_committed(self, ticket: Turn, holder: Holder) -> bool:
        """Whether a ticket has become its holder's for good."""
        after = self._content(ticket._replace(turn=ticket.turn + 1)) or {}
        return bool(after.get("all")) and self._holder(after) == holder

    # ------------------------------------------------------------------------- reading

    def _unit(self, at: Turn) -> Unit:
        content = self._content(at) if at.turn else None
        nobody = Unit(at, FREE, _NOBODY, None)
        if content is None or content.get("free"):
            return nobody
        holder = self._holder(content)
        if self._is_over(holder, content):
            return nobody
        if content.get("all"):
            return Unit(at, HELD, holder, None)
        name, unit, turn, folder = [*content["ticket"], ""][:4]
        ticket = Turn((folder, name), unit, turn)
        if self.is_committed(ticket, holder):
            return Unit(at, HELD, holder, ticket)
        highest = max([found for each, found in self._turns(ticket.stock) if each == unit] or [0])
        if highest <= turn:
            return Unit(at, PENDING, holder, ticket)
        # decided, maybe since we looked: committed, or void
        return Unit(at, HELD, holder, ticket) if self.is_committed(ticket, holder) else nobody

    def _holder(self, content: Dict[str, Any]) -> Holder:
        workspace = str(content.get("workspace") or self._layout.root)
        return Holder(workspace, str(content.get("job")), int(content.get("attempt") or 0))

    def _is_over(self, holder: Holder, content: Dict[str, Any]) -> bool:
        if holder.workspace == self._layout.root:
            return self._is_final(holder.job, holder.attempt)
        return _is_over_elsewhere(holder, str(content.get("task")))

    def _turns(self, stock: Stock) -> "List[Tuple[int, int]]":
        names = files.listing(self._folder(stock), fresh=True)
        read = self._read.get(stock)
        if read:
            there = set(names)
            self._read[stock] = {name: read[name] for name in read if name in there}
        matches = (_NAME.match(name) for name in names)
        return [(int(match.group(1)), int(match.group(2))) for match in matches if match]

    def _content(self, at: Turn) -> Optional[Dict[str, Any]]:
        read = self._read.setdefault(at.stock, {})
        name = _name(at)
        if name not in read:
            content = reading.load(os.path.join(self._folder(at.stock), name))
            if content is None:
                return None
            # damaged by a power cut: nobody can tell who had it, and nobody runs any more
            read[name] = content or {"free": True}
        return read[name]

    # ------------------------------------------------------------------------- writing

    def _signed(self, stock: Stock, holder: Holder) -> Dict[str, Any]:
        content: Dict[str, Any] = {"job": holder.job, "attempt": holder.attempt}
        if stock[0]:
            task = self._task_of(holder.job)
            content.update(workspace=holder.workspace, task=task, user=_user())
        return content

    def _create(self, at: Turn, content: Dict[str, Any]) -> bool:
        folder = self._folder(at.stock)
        if at.stock[0]:
            _make_alike(folder, at.stock[0])
        else:
            files.make_one(folder)
        mode = _GROUP_MODE if at.stock[0] else None
        path = os.path.join(folder, _name(at))
        if not files.create(path, files.dump(content), mode=mode):
            return False
        turns = [turn for unit, turn in self._turns(at.stock) if unit == at.unit]
        if max(turns) != at.turn:
            _forget(path)
            return False
        for turn in turns:
            if turn < at.turn:
                _forget(os.path.join(folder, _name(at._replace(turn=turn))))
        return True

    def _folder(self, stock: Stock) -> str:
        folder, name = stock
        return os.path.join(folder or self._layout.tokens, quote(name, safe="").replace(".", "%2E"))


def _name(at: Turn) -> str:
    return "%d.%d" % (at.unit, at.turn)


def _is_over_elsewhere(holder: Holder, task: str) -> bool:
    """Whether an attempt of another workspace is over, as far as this user may see."""
    folder = ledger.job_folder(holder.workspace, task, holder.job)
    try:
        entries = ledger.attempt_entries(folder, holder.attempt)
        if not entries:
            return False
        name = ledger.name(holder.attempt, len(entries))
        beat = os.stat(os.path.join(folder, ledger.FOLDER, name)).st_mtime
    except (OSError, ValueError):
        return False
    last = entries[-1]
    if ledger.is_final(entries):
        return True
    # no batch system requeues it: with its runner, the attempt has ended
    return last.get("batch_id") is None and processes.is_gone(last, beat)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _make_alike(folder: str, shared: str) -> None:
    """Make a folder in the shared one, for the same people."""
    if os.path.isdir(folder):
        return
    like = os.stat(shared)
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    if os.stat(folder).st_gid != like.st_gid:
        os.chown(folder, -1, like.st_gid)
    os.chmod(folder, like.st_mode & 0o2777)


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
