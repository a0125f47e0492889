"""The environments that jobs of a workspace run in: each is made, or checked, once, before a job of its is submitted.

Theory of operation. A request names a *recipe*: a tree in ``.xpm/code`` whose id is the hash of all that goes into the
environment, the lock file included (xpm/_environments.py). Version 1 of what is kept, in ``<workspace>/envs``, under the
first NAME letters of that id::

    <id>            a link to the folder that it was built in; none where nothing is built (modules, an existing one)
    <id>.json       it is ready: {"format", "at", "python", "version", "activate": [sh line, ...], "modules": [...],
                    "image", "seconds", "host", "kept": whether it was built, "files": how many it had then,
                    "purged": true when some are gone}
    <id>.failed     {"at", "message"}: jobs asked for before that are refused with it; one asked for later makes it be tried again
    <id>.later      {"at", "until", "tries", "message"}: the network, a disk or a node failed it; tried again from then on
    <id>.try        {"at", "host", "pid", ..., "mode"}: somebody is at it; exclusive; its mtime is the heartbeat
    <id>.log        what that printed last; <id>.make.*: its errand (errands.py)

Builders (building.py) never share a folder, and the link is made by exactly one: so two that build at once, since
one was thought dead, make one environment. Whoever advances looks, and starts a builder where there is none: on this machine,
or as a batch job of its own where the recipe says so. A builder outlives the connection, and advances when it is done.
"""

import os
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Set

from xpm.agent import errands, nodes, processes, reading, slurm_commands, slurm_parse
from xpm.agent import place as places
from xpm.agent.board import Board
from xpm.decide import transitions
from xpm.decide.facts import Refused, Told
from xpm.wire import files
from xpm.wire.workspace import Layout

FORMAT = 1
FOLDER = "envs"
NAME = 24
"""How much of a recipe's id names its environment: scripts begin with its path, which some systems cut at 127 bytes."""
DAY_S = 86400.0
"""How long a look (a module that is there, a Python that starts, files that were not purged) counts."""
STALE_S = 60.0
"""A builder that has not moved its heartbeat for so long is dead."""
LIMIT_S = 4 * 3600
ASK_EVERY_S = 60.0
NOTE_EVERY_S = 15.0
LATER_S = (30.0, 900.0)
"""How soon it is tried again after trouble: twice as long each time, up to the second."""
MOST_LOST = 3
"""So many batch jobs that end without a word are their own fault."""
LINES = 10
"""How much of a log is told when nothing came of it."""

Paths = NamedTuple(
    "Paths",
    [
        ("folder", str),  # the environments of the workspace
        ("link", str),
        ("record", str),
        ("failed", str),
        ("later", str),
        ("attempt", str),
        ("log", str),
        ("recipe", str),
    ],
)
"""Where everything of one environment is."""


def paths(layout: Layout, environment: str) -> Paths:
    """The paths of an environment. No I/O."""
    folder = os.path.join(layout.root, FOLDER)
    base = os.path.join(folder, environment[:NAME])
    recipe = os.path.join(layout.code, environment, "recipe.json")
    return Paths(
        folder, base, base + ".json", base + ".failed", base + ".later", base + ".try", base + ".log", recipe
    )  # fmt: skip


def record(layout: Layout, environment: str) -> Optional[Dict[str, Any]]:
    """What is known of an environment that is ready; None while it is not."""
    content = reading.load(paths(layout, environment).record)
    return content if content and content.get("format") == FORMAT else None


def name_of(request: Mapping[str, Any]) -> str:
    """The environment that a request names; "" for none."""
    return str(request.get("environment") or "")


def start_of(
    layout: Layout, content: Mapping[str, Any], request: Mapping[str, Any], submission: str
) -> "tuple[List[str], List[str]]":
    """How a runner of such a request is started: the sh lines before it, and its argument list."""
    lines = [str(each) for each in request.get("setup") or ()]
    python, verb = places.job_python(content, request), "run"
    environment = name_of(request)
    known = record(layout, environment) if environment else None
    if known is not None:
        lines += ["export XPM_ENVIRONMENT=" + environment]
        lines += [str(each) for each in known.get("activate") or ()]
        if known.get("image"):
            verb = "contain"
        else:
            python = str(known.get("python") or python)
    travel = places.travel_folder(layout, content)
    return lines, [python, travel, verb, layout.root, submission]


def progress(layout: Layout) -> List[str]:
    """What is being made here, in words for people."""
    folder = os.path.join(layout.root, FOLDER)
    names = sorted(files.listing(folder))
    later = [
        each[:-6] for each in names if each.endswith(".later") and each[:-6] + ".try" not in names
    ]
    return [_progress(paths(layout, name[:-4])) for name in names if name.endswith(".try")] + [
        "environment %s: %s" % (name[:12], _put_off(paths(layout, name))) for name in later
    ]


def _put_off(where: Paths) -> str:
    content = reading.load(where.later) or {}
    until = time.strftime("%H:%M:%S", time.localtime(float(content.get("until") or 0.0)))
    return "%s; tried again from %s on" % (content.get("message") or "put off", until)


def _progress(where: Paths) -> str:
    owner = reading.load(where.attempt) or {}
    name = os.path.basename(where.link)[:12]
    lines = _tail(where.log).strip().splitlines()
    last = lines[-1].strip()[:120] if lines else "begins"
    if owner.get("mode") == "job" and not lines:
        last = "its batch job waits in the queue"
    return "environment %s is being made on %s: %s" % (name, owner.get("host") or "a node", last)


class Environments(object):
    """Sees to the environments of one workspace, for whoever advances.

    Args:
        layout: the workspace.
        content: what place.json says.
        spend: whether one more command to the scheduler is allowed now.
    """

    def __init__(
        self,
        layout: Layout,
        content: Mapping[str, Any],
        spend: Callable[[float], bool] = lambda now: True,
    ) -> None:
        self._layout = layout
        self._content = content
        self._spend = spend
        self._ready: Dict[str, float] = {}
        self._running: Dict[str, Any] = {}
        self._asked: Dict[str, float] = {}
        self._noted_at = float("-inf")
        self._notes: List[str] = []

    def sift(self, board: Board, now: float) -> Set[str]:
        """The ready jobs that cannot go yet; those whose environment cannot be made are refused."""
        wanted: Dict[str, List[Any]] = {}
        for known in board.ready.values():
            environment = name_of(known.request)
            if environment:
                wanted.setdefault(environment, []).append(known)
        waiting: Set[str] = set()
        for environment, jobs in wanted.items():
            if not self._is_ready(environment, now):
                waiting.update(self._wait(board, environment, jobs, now))
        if waiting:
            board.settle()
        return waiting

    def notes(self, now: Optional[float] = None) -> List[str]:
        """What is being made, anew now and then."""
        now = time.time() if now is None else now
        if abs(now - self._noted_at) >= NOTE_EVERY_S:
            self._noted_at = now
            self._notes = progress(self._layout)
        return self._notes

    # ---------------------------------------------------------------------------- within

    def _is_ready(self, environment: str, now: float) -> bool:
        where = paths(self._layout, environment)
        if now < self._ready.get(environment, 0.0) and os.path.exists(where.record):
            return True
        known = record(self._layout, environment)
        if known is None:
            return False
        if known.get("kept") and not is_built(where):
            return False  # somebody has tidied up, or files are purged there by age
        until = float("inf") if nodes.is_inside() else float(known["at"]) + DAY_S
        self._ready[environment] = until  # in a batch job nobody could look again
        if environment in self._running and self._running[environment].poll() is not None:
            del self._running[environment]
            errands.forget(where.folder, os.path.basename(where.link) + ".make")
        return now < until

    def _wait(self, board: Board, environment: str, jobs: List[Any], now: float) -> Set[str]:
        where = paths(self._layout, environment)
        self._asked.setdefault(environment, 0.0)
        failure = reading.load(where.failed)
        is_busy = self._is_busy(where, now)
        waiting: Set[str] = set()
        for known in jobs:
            if failure and not is_busy and known.asked_at <= float(failure.get("at") or 0.0):
                self._refuse(board, known, str(failure.get("message") or ""))
            waiting.add(known.job)
        if any(each.job in board.ready for each in jobs) and not is_busy:
            left = [each for each in jobs if not failure or each.asked_at > failure.get("at", 0.0)]
            if left and not _rests(where, max(each.asked_at for each in left), now):
                self._start(where, environment, left[0].request, now)
        words = "its environment %s is being made" % environment[:12]
        if not os.path.exists(where.attempt) and os.path.exists(where.later):
            words = "its environment waits: " + _put_off(where)
        for known in jobs:
            if known.job in board.ready:
                board.note(known.job, words)
        return waiting

    def _refuse(self, board: Board, known: Any, message: str) -> None:
        here = transitions.current(known.facts)
        board.tell(known.job, Told(here.number, Refused("refused", message)))

    def _is_busy(self, where: Paths, now: float) -> bool:
        owner = reading.load(where.attempt)
        if owner is None:
            return False
        try:
            silent_s = now - os.stat(where.attempt).st_mtime
        except FileNotFoundError:
            return False
        if silent_s < STALE_S:
            return True
        if owner.get("mode") == "job":
            return self._is_queued(where, owner, now)
        _remove(where.attempt)
        return False

    def _start(
        self, where: Paths, environment: str, request: Mapping[str, Any], now: float
    ) -> None:
        recipe = reading.load(where.recipe)
        mode = str(((recipe or {}).get("make") or {}).get("build") or "login")
        is_slurm = self._content.get("kind") == "slurm"
        by_job = mode == "job" and is_slurm and not is_built(where)  # a look is soon done
        if nodes.is_inside() and not by_job:
            return  # what starts in a batch job ends with it
        if by_job and not self._spend(now):
            return
        files.make_below(self._layout.own, where.folder)
        owner = dict(processes.identity(), at=now, mode="job" if by_job else "login")
        if not files.create(where.attempt, files.dump(owner)):
            return
        name = os.path.basename(where.link) + ".make"
        errands.forget(where.folder, name)
        _remove(where.log)
        python = places.job_python(self._content, {})
        travel = places.travel_folder(self._layout, self._content)
        argv = [python, travel, "build", self._layout.root, environment]
        if by_job:
            script = slurm_commands.script([], argv)
            files.write(os.path.join(where.folder, name + ".in"), script.encode("utf-8"))
            argv = slurm_commands.environment(
                environment, where.log, self._layout.root, _options(request, recipe or {})
            )
        environ = {str(k): str(v) for k, v in (self._content.get("environ") or {}).items()}
        self._running[environment] = errands.start(where.folder, name, argv, environ, LIMIT_S)

    def _is_queued(self, where: Paths, owner: Mapping[str, Any], now: float) -> bool:
        """Whether the batch job that builds it is still to come; when it is not, that is a failure."""
        name = os.path.basename(where.link) + ".make"
        said = errands.said(where.folder, name)
        if said is None:
            if now - float(owner.get("at") or 0.0) < errands.LIMIT_S:
                return True
            put_off(where, "sbatch did not answer", now)
            _remove(where.attempt)
            return False
        answer = slurm_parse.submitted(said.status, said.out, said.err)
        if isinstance(answer, slurm_parse.Later):
            _remove(where.attempt)
            return False
        if not isinstance(answer, slurm_parse.Accepted):
            words = said.err.strip() or said.out.strip() or "no word of why"
            return self._give_up(where, "the job that makes it was refused: %s" % words, now)
        ask = name + ".ask"
        told = errands.said(where.folder, ask)
        if told is None:
            if now - self._asked.get(ask, 0.0) >= ASK_EVERY_S and self._spend(now):
                self._asked[ask] = now
                environ = {str(k): str(v) for k, v in (self._content.get("environ") or {}).items()}
                argv = ["squeue", "-h", "-j", answer.batch_id, "-o", "%T"]
                self._running[ask] = errands.start(where.folder, ask, argv, environ, 60)
            return True
        errands.forget(where.folder, ask)
        if ask in self._running:
            self._running.pop(ask).wait()  # it has written its last file
        is_gone = told.status == 0 and not told.out.strip()
        if is_gone or "Invalid job id" in told.err:
            return self._lost(where, answer.batch_id, now)
        if told.status == 0:
            os.utime(where.attempt, (now, now))
        return True

    def _lost(self, where: Paths, batch_id: str, now: float) -> bool:
        """A node may have failed it, once or twice."""
        words = "batch job %s, which was to make it, is gone without a word" % batch_id
        tries = int((reading.load(where.later) or {}).get("tries") or 0) + 1
        if tries < MOST_LOST and not os.path.exists(where.record):
            put_off(where, words, now)
            _remove(where.attempt)
            return False
        return self._give_up(where, words, now)

    def _give_up(self, where: Paths, words: str, now: float) -> bool:
        if not os.path.exists(where.record):
            fail(where, words, now)
        _remove(where.attempt)
        return False


def is_built(where: Paths) -> bool:
    """Whether it was built, and nothing is known to be missing since."""
    known = reading.load(where.record) or {}
    return not known.get("purged") and os.path.exists(os.path.join(where.link, "bin", "python"))


def put_off(where: Paths, words: str, now: float) -> "time.struct_time":
    """Note trouble that may be over later; when it is tried again, in local time."""
    tries = int((reading.load(where.later) or {}).get("tries") or 0) + 1
    until = now + min(LATER_S[0] * 2 ** (tries - 1), LATER_S[1])
    message = words + _hint_of(words)
    content = {"at": now, "until": until, "tries": tries, "message": message}
    files.write(where.later, files.dump(content))
    return time.localtime(until)


def _hint_of(words: str) -> str:
    if "network" not in words:
        return ""
    return " (all of it is in the .log beside; a machine without internet needs `build: wheels`, or `build: job`)"


def _rests(where: Paths, asked_at: float, now: float) -> bool:
    """Whether trouble is to be waited for: not by a job that was asked for since."""
    content = reading.load(where.later)
    if not content or asked_at > float(content.get("at") or 0.0):
        return False
    return now < float(content.get("until") or 0.0)


def fail(where: Paths, words: str, now: float) -> None:
    """Note that an environment cannot be made, with the end of what its making printed."""
    _remove(where.later)
    lines = [each for each in _tail(where.log).strip().splitlines() if not each.startswith("$ ")]
    tail = "\n".join(lines[-LINES:])
    message = "the environment cannot be made: %s" % words
    if tail:
        message += "\n%s" % tail
    message += (
        "\nall of it is in %s; mend what it says and run the plan again (or `xpm retry`)"
        % where.log
    )
    files.write(where.failed, files.dump({"at": now, "message": message}))


def tail(path: str, begins: int) -> str:
    """What a log has got since it was so long."""
    with open(path, "rb") as file:
        file.seek(begins)
        return file.read().decode("utf-8", "replace")


def _tail(path: str, most: int = 4096) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - most))
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""


def _options(request: Mapping[str, Any], recipe: Mapping[str, Any]) -> List[str]:
    """What the batch job that builds asks for: what the jobs do, without their GPUs, licences and nodes, and its own."""
    dear = (
        "--gpus", "--gres", "--mem-per-gpu", "--licenses", "--exclusive", "--nodes", "--ntasks", "--constraint",
    )  # fmt: skip
    options = [str(each) for each in request.get("options") or ()]
    kept = [each for each in options if not each.startswith(dear)]
    return kept + [str(each) for each in (recipe.get("make") or {}).get("extra") or ()]


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
