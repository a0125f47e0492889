"""Notifications: an experiment that ended, or that needs a login, is told by apprise to whom the profile says.

It is a wrapper of whoever shows the experiment, so that all who follow one tell it: runs, resumed ones, ``xpm wait``,
notebooks. An end is told by a process that saw jobs alive, so running a plan again that is done tells nothing. What
cannot be told is said once, without the address, and changes nothing else.
"""

import importlib
import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xpm.errors import LoginNeeded, ProfileProblem
from xpm.follow.observer import Observer, summary
from xpm.follow.views import OVER, JobView
from xpm.follow.waiting import Waiting
from xpm.launchers.notices import Notify

INSTALL = "apprise is not installed -> pip install 'xpm-launcher[notify]'"
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


@dataclass(frozen=True, slots=True)
class Message:
    """What is told."""

    kind: str
    """``done``, ``failed`` or ``login``."""
    title: str
    body: str


def ended(experiment: str, main: str, jobs: Sequence[JobView]) -> Message:
    """That all jobs are over: how many of each, what failed first, what to do."""
    counts = {state: sum(job.state == state for job in jobs) for state in OVER}
    bad = [job for job in jobs if job.state not in ("done", "skipped")]
    lines = [summary(counts)]
    if not bad and counts.get("skipped", 0) == 0:
        return Message("done", f"xpm: {experiment} is done", "\n".join([*lines, main]))
    for job in bad[:1]:
        tags = "".join(f" {key}={value}" for key, value in job.tags.items())
        lines.append(
            f"{job.task} {job.id[:8]}{tags}: {job.state}, {job.message or job.cause or ''}"
        )
        lines.append(f"-> xpm why {job.id[:8]} --workdir {main}")
    lines.append(f"-> xpm resume {experiment} --workdir {main} tries again what failed")
    return Message("failed", f"xpm: {experiment} has failed", "\n".join(lines))


def needs_login(experiment: str, waiting: Waiting) -> Message:
    """That an experiment waits for somebody to log in; its jobs go on."""
    name = waiting.connector
    body = f"Its jobs go on. What is over there comes when you are logged in:\n-> xpm login {name}"
    return Message("login", f"xpm: {experiment} waits for a login to {name}", body)


class Sends(Protocol):
    """Who carries messages, for an observer that is not to wait for that; see ``xpm._courier``."""

    def send(self, wishes: Notify, message: Message) -> Sequence[str]:
        """Have everybody told; what is wrong with it at once."""
        ...

    def problems(self) -> Sequence[str]:
        """What went wrong since this was asked last."""
        ...


class Notified:
    """Another observer, and messages to people who do not look at it.

    Args:
        inner: the other one.
        wishes: whom to tell of what.
        courier: who sends without being waited for; None: each message is sent before anything else happens.
    """

    def __init__(
        self, inner: Observer, wishes: Callable[[], Notify], courier: Sends | None = None
    ) -> None:
        self._inner = inner
        self._wishes = wishes
        self.courier = courier
        self._experiment = self._main = ""
        self._jobs: dict[str, JobView] = {}
        self._saw_life = False
        self._told: set[str] = set()

    def started(self, experiment: str, main: str) -> None:
        """Pass it on."""
        self._experiment, self._main = experiment, main
        self._inner.started(experiment, main)

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        """Pass it on."""
        self._jobs.update((job.id, job) for job in jobs)
        self._saw_life = self._saw_life or any(job.state not in OVER for job in jobs)
        self._inner.changed(jobs, counts)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._inner.note(text)

    def waiting(self, found: Sequence[Waiting]) -> None:
        """Pass it on; tell that a login is needed, once for each connector."""
        self._inner.waiting(found)
        for each in found:
            if isinstance(each.problem, LoginNeeded) and each.connector not in self._told:
                self._told.add(each.connector)
                self._tell(needs_login(self._experiment, each))

    def heard(self, at: Mapping[str, float]) -> None:
        """Pass it on."""
        self._inner.heard(at)

    def ended(self, counts: Mapping[str, int]) -> None:
        """Pass it on; tell how all of it ended, if it has."""
        self._inner.ended(counts)
        self.settled()

    def settled(self) -> None:
        """Tell how all of it ended, if it has and was not told: nobody may be there to end it (a notebook)."""
        jobs = list(self._jobs.values())
        if self._saw_life and all(job.state in OVER for job in jobs):
            self._saw_life = False
            self._tell(ended(self._experiment, self._main, jobs))
        if self.courier is not None:
            self._told_of(self.courier.problems())

    def _tell(self, message: Message) -> None:
        try:
            wishes = self._wishes()
        except ProfileProblem:  # said where a profile is needed
            return
        if message.kind in wishes.on and wishes.to:
            self._told_of((self.courier.send if self.courier else send)(wishes, message))

    def _told_of(self, problems: Sequence[str]) -> None:
        for problem in problems:
            self._inner.note(f"not notified: {problem}")


def send(wishes: Notify, message: Message) -> list[str]:
    """Tell everybody; what went wrong, without addresses."""
    with _unlogged():
        services, problems = _services(wishes)
        for name, service in services:
            if not _sent(service, message):
                problems.append(f"{name} did not take the message ({wishes.where})")
    return problems


@contextmanager
def _unlogged() -> Iterator[None]:
    """Have no handler take what this thread logs: libraries log addresses where a plan wants all to be logged."""
    here = threading.get_ident()
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = {
        each for logger in loggers if isinstance(logger, logging.Logger) for each in logger.handlers
    }

    def of_others(record: logging.LogRecord) -> bool:
        return record.thread != here

    for handler in handlers:
        handler.addFilter(of_others)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for handler in handlers:
            handler.removeFilter(of_others)


def examine(wishes: Notify) -> list[str]:
    """What keeps the addresses of a profile from being used; nothing is sent."""
    with _unlogged():
        return _services(wishes)[1] if wishes.to else []


def _services(wishes: Notify) -> tuple[list[tuple[str, Any]], list[str]]:
    """Apprise's services for the addresses, each with a name that may be shown; and what is wrong."""
    try:
        apprise: Any = importlib.import_module("apprise")
    except ImportError:
        return [], [f"{INSTALL} ({wishes.where})"]
    logging.getLogger("apprise").disabled = True  # it would say addresses, also where nobody logs
    found: list[tuple[str, Any]] = []
    problems: list[str] = []
    for each in wishes.to:
        urls, problem = _urls(each)
        problems += [f"{problem} ({wishes.where})"] if problem else []
        for url in urls:
            name = f"{url.partition('://')[0]}://..." if "://" in url else "an address"
            service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
            if service is None:
                problems.append(f"{name} is no address that apprise knows ({wishes.where})")
            else:
                found.append((name, service))
    return found, problems


def _urls(address: str) -> tuple[list[str], str]:
    """The URLs an address stands for, and what is wrong with it."""
    if not address.startswith(("/", "~")):
        missing = [a or b for a, b in _VARIABLE.findall(address) if (a or b) not in os.environ]
        if missing:
            return [], f"${missing[0]} is not set"
        return [_VARIABLE.sub(lambda found: os.environ[found[1] or found[2]], address)], ""
    path = Path(address).expanduser()
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        return [], f"{address} cannot be read: {getattr(error, 'strerror', 'it is no text')}"
    return [line for line in lines if line and not line.startswith("#")], ""


def _sent(service: Any, message: Message) -> bool:
    kind = {"done": "success", "failed": "failure"}.get(message.kind, "warning")
    try:
        return bool(service.notify(title=message.title, body=message.body, notify_type=kind))
    except Exception:  # noqa: BLE001  whatever a plugin for somebody's service raises: it may hold the address
        return False
