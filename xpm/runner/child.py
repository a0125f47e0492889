"""The task's own process: a fork of the runner that loads the task, runs it and tells how that went.

It leads its own session, so that one signal reaches whatever it starts; its folder is the job's; its output goes
to ``<job>/stdout`` and ``<job>/stderr``, appended. Through a pipe it tells its parent, as one JSON object, how it left
the task's code::

    {"kind": "returned"}                       execute() returned
    {"kind": "exited", "code": n}              SystemExit
    {"kind": "raised" | "unloaded", "type", "message", "traceback", "where"}

With each: ``cancelled``, whether TaskCancelled had been raised in the task. ``unloaded``: the task's class or document
could not be loaded, so none of its code ran. ``where`` is the innermost line of the plan's own files.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from xpm.runner.claim import is_cancelled
from xpm.runner.lifeline import Lifeline
from xpm.runner.order import Order
from xpm.runner.patience import LONG_S
from xpm.runner.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, NoReturn, Optional

TRACEBACK_CHARS = 16000


class Child(Record):
    """The process of a task, seen from the runner."""

    pid: int
    pipe: int
    """Where its report arrives; not blocking."""


class Setting(Record):
    """What the task's process needs to know beyond its order."""

    environ: Mapping[str, str]
    ends_at: Optional[float]
    """When its time is over, in seconds since 1970."""
    handled: List[int]
    """The signals the runner handles, which the task must see as they are by default."""


def start(order: Order, setting: Setting) -> Child:
    """Fork the process of the task."""
    reading, writing = os.pipe()
    lifeline = Lifeline()
    # No signal may be handled in the child by handlers of the parent: it would wake up the parent's loop.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, setting.handled)
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        signal.set_wakeup_fd(-1)
        for signum in setting.handled:
            signal.signal(signum, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.setsid()
        lifeline.tie()
        _be_the_task(order, setting, writing)
    lifeline.hold()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(writing)
    os.set_blocking(reading, False)
    return Child(pid, reading)


def _be_the_task(order: Order, setting: Setting, pipe: int) -> NoReturn:
    report = Report(pipe, order.project)
    with report:
        _enter(order, setting)
        task = _loaded(order, setting)
        report.loading = False
        _hear_of_cancellation(order, report)
        for part in (*task.__dict__["_xpm"].init, task):
            part.execute()
    sys.exit(report.exit_code)


def _hear_of_cancellation(order: Order, report: Report) -> None:
    """Make a request to end that comes from a cancellation an exception in the task; any other one kills it, as ever."""
    me = os.getpid()

    def end(signum: int, frame: object) -> None:
        if os.getpid() != me or not is_cancelled(order):
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        elif not report.cancelled:  # Slurm and the runner both ask: once is enough to clean up
            report.cancelled = True
            from xpm.plan.context import TaskCancelled

            raise TaskCancelled

    signal.signal(signal.SIGTERM, end)


class Report:
    """Watches a block of code; tells the runner how it was left, and swallows errors after printing them."""

    def __init__(self, pipe: int, project: str) -> None:
        self.loading = True
        self.cancelled = False
        self.exit_code = 0
        self._pipe = pipe
        self._pid = os.getpid()
        self._project = project

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> bool:
        if os.getpid() != self._pid:
            return False  # a fork the task made itself: its end is not the task's
        if error is None:
            self._tell({"kind": "returned"})
        elif isinstance(error, SystemExit) and not self.loading:
            code = error.code
            self._tell(
                {"kind": "exited", "code": code if isinstance(code, int) else int(code is not None)}
            )
            return False
        else:
            self.exit_code = 130 if isinstance(error, KeyboardInterrupt) else 1
            self._tell(self._describe(error))
        return True

    def _describe(self, error: BaseException) -> Dict[str, Any]:
        from xpm.runner import traces  # only failures pay for importing traceback

        text = traces.print_error(error)
        return {
            "kind": "unloaded" if self.loading else "raised",
            "type": type(error).__name__,
            "message": str(error)[:TRACEBACK_CHARS],
            "traceback": text[-TRACEBACK_CHARS:],
            "where": traces.where(error, self._project),
        }

    def _tell(self, content: Dict[str, Any]) -> None:
        import json

        rest = json.dumps({**content, "cancelled": self.cancelled}).encode("ascii")
        while rest:
            rest = rest[os.write(self._pipe, rest) :]


def _enter(order: Order, setting: Setting) -> None:
    _redirect(order.folder)
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(setting.environ)
    os.environ["PWD"] = order.folder
    code = order.entry.get("code") or {}
    folders = [
        os.path.normpath(os.path.join(order.project, each)) for each in code.get("path") or []
    ]
    sys.path[1:1] = folders  # behind our own packages, before everything else
    script = code.get("script")
    sys.argv[:] = [os.path.join(order.project, script) if script else order.task]
    sys.argv += code.get("argv") or []


def _redirect(folder: str) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for number, name in ((1, "stdout"), (2, "stderr")):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        file = os.open(os.path.join(folder, name), flags, 0o666)
        os.dup2(file, number)
        os.close(file)
    for stream in (sys.stdout, sys.stderr):
        # whatever the node's locale: a print must never be what makes a task fail
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]


def _loaded(order: Order, setting: Setting) -> Any:
    """The task, as soon as our modules and its own can be read: a disk that goes away meanwhile fails no task."""
    waited, pause = 0.0, 0.5
    while True:
        try:
            return _load(order, setting)
        except (OSError, ImportError) as error:
            if waited >= LONG_S or not _is_of_the_disk(error, order):
                raise
        time.sleep(pause)
        waited += pause
        pause = min(15.0, pause * 2)


def _is_of_the_disk(error: Exception, order: Order) -> bool:
    """Whether an error comes from a workspace that is away, or was a moment ago."""
    own = order.layout.own
    return (
        not os.path.exists(own)
        or str(getattr(error, "filename", None) or "").startswith(os.path.join(own, "travel"))
        or str(getattr(error, "name", None) or "").startswith(
            ("xpm.plan", "xpm.runner", "xpm.wire")
        )
    )


def _load(order: Order, setting: Setting) -> Any:
    import functools

    from xpm.plan import context, locate, restoring, tasks  # noqa: F401 (the first thing a plan imports)

    sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)  # the user's word, for their code
    context.enter_job(
        context.JobContext(
            workspace=order.layout.root,
            project=order.project,
            task=order.task,
            job=order.job,
            remaining_time=_remaining(setting.ends_at),
            report=_progress(order.folder),
        )
    )
    argv = (order.entry.get("code") or {}).get("argv") or []
    find = functools.partial(locate.find_class, project=order.project, argv=argv)
    return restoring.restore(order.entry["document"], order.layout.root, order.project, find)


def _remaining(ends_at: Optional[float]) -> Callable[[], Optional[float]]:
    import time

    return lambda: None if ends_at is None else max(0.0, ends_at - time.time())


def _progress(folder: str) -> Callable[[float, str], None]:
    from xpm.runner.progress import Progress

    return Progress(folder).report
