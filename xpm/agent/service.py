"""Every verb of the agent, as plain calls; waiting and the pipe are serve.py's and inprocess.py's.

One service serves one workspace. It owns the board; ``tick`` keeps that up to date and lets what is ready go on.
"""

import contextlib
import os
import time
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from xpm.agent import (
    limits,
    needs,
    opening,
    paths,
    place,
    probe,
    receiving,
    remembering,
    reports,
    results,
    space,
    sweeping,
    transfer,
)
from xpm.agent.advancing import Advancing
from xpm.agent.board import Board
from xpm.agent.cleaning import Cleaning
from xpm.agent.learning import Learning
from xpm.agent.refusals import Refusal, disk, usage
from xpm.wire import disks, files, refreshing
from xpm.wire.workspace import Layout, require, write_bundle

Message = Dict[str, Any]
Reply = Tuple[Message, bytes]
BUSY_S = 0.25
IDLE_S = 1.0
_ENTRY = {"request": dict, "document": dict, "code": dict, "parents": list, "tokens": list}


class Service:
    """The verbs over one workspace.

    Args:
        sha12: the travel archive that this program comes from.
        workspace: the one this program was started for; its travel folder holds the archive.
        environ: the environment of this host's login.
        clock: the time.
    """

    def __init__(
        self,
        sha12: str,
        workspace: str,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.life = uuid.uuid4().hex[:12]
        self.ended = False
        self._sha12 = sha12
        self._workspace = workspace
        self._environ = environ
        self._clock = clock
        self._opened: Optional[opening.Opened] = None
        self._board: Optional[Board] = None
        self._advancing: Optional[Advancing] = None
        self._site: Optional[Learning] = None
        self._reports: Optional[reports.Reports] = None
        self._told_at: Optional[float] = None
        self._stood: List[List[Any]] = []
        self._notes: List[str] = []
        self._said: List[str] = []
        self._has_looked = False
        self._receiving = receiving.Receiving()
        self._cleaning = Cleaning(sha12)

    # ------------------------------------------------------------------------- answering

    def handle(self, content: Message, payload: bytes) -> Reply:
        """The reply to a request; an error is a reply too."""
        try:
            ok, out = self._dispatch(content, payload)
        except Refusal as refusal:
            return refusal.reply(), b""
        except OSError as error:
            return disk(error, self._workspace).reply(), b""
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            problem = "%s: %s" % (type(error).__name__, error)
            return usage("cannot understand %r: %s" % (content.get("verb"), problem)).reply(), b""
        return {"ok": ok}, out

    def _dispatch(self, content: Message, payload: bytes) -> Reply:
        verb = content.get("verb")
        if verb == "open":
            return self._open(content), b""
        if verb == "nudge":
            return {}, b""
        if verb == "bye":
            self.ended = True
            return {}, b""
        if verb not in (
            "missing",
            "put",
            "part",
            "tree",
            "queue",
            "observe",
            "cancel",
            "tail",
            "manifest",
            "pull",
            "digests",
            "probe",
            "holds",
            "experiments",
            "wanted",
            "rubbish",
            "measure",
            "clean",
        ):
            raise usage("no such verb: %r" % (verb,), "is the other side a newer xpm?")
        layout = self._layout()
        if verb == "put":
            return transfer.put(layout, content, payload)
        if verb == "part":
            return self._receiving.part(layout, content, payload)
        transfers = {
            "missing": transfer.missing,
            "tree": transfer.tree,
            "tail": results.tail,
            "manifest": results.manifest,
            "pull": results.pull,
            "digests": results.digests,
            "holds": transfer.holds,
            "wanted": remembering.wanted,
            "rubbish": self._cleaning.rubbish,
            "measure": self._cleaning.measure,
            "clean": self._cleaning.clean,
        }
        if verb in transfers:
            return transfers[verb](layout, content)
        if verb == "experiments":
            return remembering.experiments(layout, self._words())
        calls = {
            "queue": self._queue,
            "observe": self._observe,
            "cancel": self._cancel,
            "probe": self._probe,
        }
        return calls[verb](content), b""

    # ------------------------------------------------------------------------- the clock

    def tick(self) -> None:
        """Read what is new and let what is ready go on."""
        if self._board is None or self._advancing is None:
            return
        now = self._clock()
        if self._site is not None:
            self._site.known()  # jobs wait for what its errand brings
        try:
            self._board.refresh(now)
            notes = self._advancing.tick(now)
        except OSError as error:  # the disk is full, or away: the next tick tries again
            notes = ["jobs cannot go on: %s" % disks.words(error, self._workspace)]
        self._notes += [note for note in notes if note not in self._said]
        self._said = notes or self._said

    def finish(self) -> None:
        """Nobody asks any more: what was begun goes on."""
        try:
            if self._advancing is not None:
                self._advancing.finish(self._clock)
        except OSError:  # the disk is full, or away: whoever comes next goes on
            return

    @property
    def interval_s(self) -> float:
        """Seconds until the next tick."""
        return BUSY_S if self._board is not None and self._board.has_work() else IDLE_S

    def has_news(self, request: Message) -> bool:
        """Whether an ``observe`` with this cursor has something to report."""
        if self._board is None or self._notes:
            return True
        after = self._after(request.get("cursor"))
        if after is None or self._board.changes(after)[1]:
            return True
        if not self._stood and self._standing():
            return True
        every_s = request.get("progress_s")
        if self._reports is None or not isinstance(every_s, (int, float)):
            return False
        return self._reports.has_news(self._board, every_s, self._clock())

    # ------------------------------------------------------------------------- verbs

    def _open(self, request: Message) -> Message:
        mine = opening.expand(self._workspace, self._environ)
        if opening.expand(request["workspace"], self._environ) != mine:
            raise usage("this agent was started for the workspace %s" % mine)
        opened = opening.open_workspace(request, self._sha12, self._environ)
        if sweeping.sweep(opened.layout, self._clock()):
            self._cleaning.resume(opened.layout)
        with contextlib.suppress(FileNotFoundError):
            os.utime(os.path.join(opened.layout.travel, self._sha12), None)  # it is used
        self._opened = opened
        if self._board is None:
            self._board = Board(opened.layout)
            self._reports = reports.Reports(opened.layout)
        self._advancing = Advancing(self._board)
        self._site = self._advancing.site
        if self._site is not None:
            self._site.ask(self._clock())
        self._board.refresh(self._clock())
        self._said = self._advancing.catch_up(self._clock())
        self._notes = list(self._said)
        return {
            "workspace": opened.layout.root,
            "id": opened.id,
            "python": list(opened.version),
            "facts": opened.facts,
        }

    def _queue(self, request: Message) -> Message:
        entries = request["jobs"]
        assert self._opened is not None
        for entry in entries:
            _check(entry, self._opened.kind)
        trees = sorted({each for entry in entries for each in needs.trees_of(entry)})
        lacks = [each for each in trees if not transfer.is_whole(self._layout(), each)]
        if lacks:  # cleaned away, or deleted by the site: nothing is queued, it is sent again first
            return {"lacks": lacks}
        for entry in entries:
            if entry.get("refresh"):
                refreshing.write(self._layout(), entry)
        name = write_bundle(self._layout(), entries)
        if self._board is not None:
            self._board.tell_again(str(entry["job"]) for entry in entries)
        if not self._has_looked:  # once: it is said, not refused
            self._has_looked = True
            self._notes += space.remarks(self._layout().root)
        self._hurry()
        return {"bundle": name}

    def _cancel(self, request: Message) -> Message:
        layout = self._layout()
        content = files.dump({"at": self._clock(), "by": "user"})
        for task, job, number in request["jobs"]:
            paths.task_id(task)
            name = "%s.a%d" % (paths.job_id(job), paths.attempt(number))
            files.create(os.path.join(layout.cancel, name), content, sync=True)
        self._hurry()
        return {"noted": len(request["jobs"])}

    def _observe(self, request: Message) -> Message:
        board = self._board
        assert board is not None
        after = self._after(request.get("cursor"))
        seq, views = board.changes(after or 0)
        changes = [dict(view._asdict()) for view in views]
        if after is None:
            known = {each["job"] for each in changes}
            listed = request.get("jobs") or []
            changes += [self._stranger(task, job) for task, job in listed if job not in known]
        notes, self._notes = self._notes, []
        cursor = "%s:%d" % (self.life, seq)
        answer = {"cursor": cursor, "changes": changes, "notes": notes, "time": self._clock()}
        if self._reports is not None and request.get("progress_s") is not None:
            answer["progress"] = self._reports.take(board, self._clock())
        standing = self._standing()
        if after is None or standing != self._stood:
            self._stood = answer["standing"] = standing
        site = self._site.known() if self._site else limits.UNKNOWN
        if site.at != self._told_at:
            self._told_at = site.at
            answer["limits"] = limits.dump(site)
        return answer

    def _probe(self, request: Message) -> Message:
        facts = probe.facts(self._environ_of_place(self._layout()))
        if self._site is None:
            facts.update(probe.of_a_plain_host(self._environ_of_place(self._layout())))
            return dict(facts, limits=None, asking=False)
        if request.get("refresh"):
            self._site.ask(self._clock(), 0.0)
        asking = self._site.is_asking  # before the answer is looked at: it may come in between
        known = self._site.known()
        told = None if known.at is None else limits.dump(known)
        return dict(facts, limits=told, asking=asking)

    def _stranger(self, task: str, job: str) -> Message:
        """A job that the queue does not know: its own folder speaks for it."""
        from xpm.agent import strangers

        folder = self._layout().job(paths.task_id(task), paths.job_id(job))
        return strangers.change(task, job, folder)

    # ------------------------------------------------------------------------- within

    def _words(self) -> Dict[str, str]:
        assert self._board is not None
        return {job: view.state for job, view in self._board.views(self._clock()).items()}

    def _standing(self) -> List[List[Any]]:
        return self._advancing.standing(self._clock()) if self._advancing is not None else []

    def _after(self, cursor: Optional[str]) -> Optional[int]:
        life, _, seq = (cursor or "").partition(":")
        return int(seq) if life == self.life and seq.isdigit() else None

    def _hurry(self) -> None:
        if self._advancing is not None:
            self._advancing.hurry()
        self.tick()

    def _layout(self) -> Layout:
        if self._opened is None:
            raise usage("no workspace is open", "send the verb open first")
        require(self._opened.layout)
        return self._opened.layout

    def _environ_of_place(self, layout: Layout) -> Mapping[str, str]:
        content = place.read(layout) or {}
        return content.get("environ") or self._environ


def _check(entry: Message, kind: str) -> None:
    """Refuse a queue entry that nobody could run."""
    paths.job_id(entry["job"])
    paths.task_id(entry["task"])
    paths.attempt(entry["attempt"])
    for name, wanted in _ENTRY.items():
        if not isinstance(entry.get(name), wanted):
            raise usage("the queue entry of job %s has no %s" % (entry["job"], name))
    for task, job in entry["parents"]:
        paths.task_id(task)
        paths.job_id(job)
    asked = entry["request"].get("kind", kind)
    if asked != kind:
        raise usage(
            "job %s asks for a %s place, and this is a %s one" % (entry["job"], asked, kind)
        )
