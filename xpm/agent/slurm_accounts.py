"""What sacct knows of batch jobs that ended without a record of ours: detail, never more.

Accounting may be off, late by seconds or hours, or purged, so nothing waits for it for long and nothing is concluded from
its silence. One query tells of all such jobs, at most one a minute, shared through a file. It is bounded in time, and the name
must be the submission's: ids are recycled, and sacct would tell of a job of years ago.
"""

import os
from typing import Callable, Dict, List, NamedTuple, Optional

from xpm.agent import reading
from xpm.agent.questions import Question, Shared
from xpm.agent.slurm_budget import Budget
from xpm.wire import files
from xpm.wire.workspace import Layout

Account = NamedTuple(
    "Account",
    [
        ("name", str),
        ("state", str),  # as sacct says it: "CANCELLED by 1000"
        ("code", int),
        ("signal", int),
        ("max_rss_kib", Optional[int]),  # of the batch script's processes
        ("nodes", str),
        ("elapsed_s", int),
    ],
)
"""One batch job, as accounting has it."""

FIELDS = "JobID,JobName,State,ExitCode,MaxRSS,NodeList,ElapsedRaw"
BEFORE_S = 3600
"""How much older than the submission a job may be: clocks differ."""
EVERY_S = 60.0
PATIENCE_S = 15.0
"""How long the end of a job may wait for what accounting says of it."""
DISABLED_S = 3600.0
LIMIT_S = 60
IDS_AT_ONCE = 500
_DISABLED = "storage is disabled"


def sacct(batch_ids: List[str], since_s: float) -> List[str]:
    """All of them, and their steps, since so many seconds ago: the database's time zone does not matter then."""
    since = "now-%dseconds" % (since_s + BEFORE_S)
    return ["sacct", "-n", "-P", "-o", FIELDS, "-S", since, "-j", ",".join(batch_ids)]


def parse(status: int, out: str) -> Optional[Dict[str, Account]]:
    """Accounts by batch id; None when sacct did not answer: no news. Lines of another shape are a banner's."""
    if status != 0:
        return None
    found: Dict[str, Account] = {}
    rss: Dict[str, int] = {}
    for line in out.splitlines():
        fields = line.strip().split("|")
        if len(fields) != 7 or not fields[0][:1].isdigit():
            continue
        batch_id, _, step = fields[0].partition(".")
        kib = _kib(fields[4])
        if kib is not None:
            rss[batch_id] = max(kib, rss.get(batch_id, 0))
        if not step:
            code, _, signum = fields[3].partition(":")
            found[batch_id] = Account(
                fields[1], fields[2], _int(code), _int(signum), None, fields[5], _int(fields[6])
            )
    return {each: found[each]._replace(max_rss_kib=rss.get(each)) for each in found}


def _int(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _kib(text: str) -> Optional[int]:
    """``26632K`` and the like; None when it says nothing."""
    number, unit = text[:-1], text[-1:]
    scale = {"K": 1.0, "M": 1024.0, "G": 1024.0**2, "T": 1024.0**3}.get(unit)
    try:
        return int(float(number) * scale) if scale else None
    except ValueError:
        return None


class Accounts(object):
    """Asks for what is missing, and remembers.

    Args:
        layout: the workspace.
        environ: what commands run with.
        budget: how many commands there may be.
        is_kept: whether the site keeps accounts; None when it does not say.
        every_s: seconds between two queries, of all advancers together.
    """

    def __init__(
        self,
        layout: Layout,
        environ: Dict[str, str],
        budget: Budget,
        is_kept: Callable[[], Optional[bool]],
        every_s: float = EVERY_S,
    ) -> None:
        self._budget = budget
        self._is_kept = is_kept
        self._every_s = every_s
        self._told = Shared(os.path.join(layout.own, "sacct.json"))
        self._asked = os.path.join(layout.own, "sacct.asked")
        self._question = Question(layout.own, "sacct", environ, LIMIT_S)
        self._wanted: Dict[str, float] = {}
        self._found: Dict[str, Account] = {}

    def said(self, batch_id: str, name: str) -> Optional[Account]:
        """What accounting says of a batch job of this name (or of a part of it); None when nothing, yet or ever."""
        self._collect()
        self._read()
        found = self._found.get(batch_id)
        if found is None or not (found.name == name or found.name.startswith(name + ".")):
            return None
        return found

    def want(self, batch_id: str, since: float, now: float) -> None:
        """Ask about a batch job that was submitted then, as soon as somebody may ask again."""
        self._wanted.setdefault(batch_id, since)
        content = reading.load(self._asked) or {}
        last, pause = float(content.get("at") or 0.0), self._every_s
        if content.get("disabled"):
            pause = max(pause, DISABLED_S)
        if self._question.is_asked or 0 <= now - last < pause or self._is_kept() is False:
            return
        if not self._budget.spend(now):
            return
        files.write(self._asked, files.dump({"at": now}))
        batch = sorted(self._wanted)[:IDS_AT_ONCE]
        oldest = min(self._wanted.pop(each) for each in batch)
        self._question.ask(sacct(batch, max(0.0, now - oldest)))

    @property
    def is_asking(self) -> bool:
        """Whether a query of ours is under way."""
        self._collect()
        return self._question.is_asked

    def _collect(self) -> None:
        heard = self._question.hear()
        if heard is None:
            return
        said = heard.said
        found = parse(said.status, said.out) if said else None
        if found is None:
            if said is not None and _DISABLED in said.err:
                content = reading.load(self._asked) or {}
                files.write(self._asked, files.dump(dict(content, disabled=True)))
            return
        rows = {each: list(found[each]) for each in found}
        files.write(self._told.path, files.dump({"rows": rows}))

    def _read(self) -> None:
        if self._told.is_new():
            rows = (reading.load(self._told.path) or {}).get("rows") or {}
            self._found.update((each, Account(*rows[each])) for each in rows)
