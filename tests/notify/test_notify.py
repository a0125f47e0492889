"""Notifications: told once, to a real server, by apprise; their addresses stay secret, their failures change nothing."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Ended, python, xpm
from xpm import _notify
from xpm._courier import Courier
from xpm._notify import Message, Notified
from xpm.errors import HostUnreachable, LoginNeeded, ProfileProblem
from xpm.follow.observer import PlainObserver
from xpm.follow.waiting import Waiting
from xpm.launchers.notices import Notify
from xpm.launchers.profiles import load_profiles

SECRET = "hunter2-is-secret"
PLAN = """\
from xpm import Param, Task, experiment, tag


class Root(Task):
    __xpmid__ = "notify.root"
    of: Param[int]

    def execute(self):
        print(self.of**0.5 if self.of >= 0 else 1 / 0)


with experiment("main", "roots"):
    for number in NUMBERS:
        Root(of=tag(number)).submit()
"""


class Inbox:
    """A server that keeps what it is sent."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self._came = threading.Condition()
        self.answers = threading.Event()
        self.answers.set()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                with inbox._came:
                    inbox.got.append(json.loads(self.rfile.read(length)))
                    inbox._came.notify_all()
                inbox.answers.wait(60)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    @property
    def url(self) -> str:
        """Where apprise sends JSON, with a secret in it."""
        return f"json://127.0.0.1:{self.server.server_port}/{SECRET}"

    def wait_for(self, count: int) -> None:
        """Return when so many have come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.got) >= count, timeout=60)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    found = Inbox()
    found.thread.start()
    try:
        yield found
    finally:
        found.answers.set()
        found.server.shutdown()
        found.thread.join()
        found.server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    return tmp_path


def run(
    home: Path, numbers: str, notify: str, more: dict[str, str] | None = None, plan: str = PLAN
) -> Ended:
    """Run the plan with a profile that notifies."""
    (home / "config" / "launchers.yaml").write_text(f"version: 1\nnotify: {notify}\n")
    (home / "project" / "plan.py").write_text(plan.replace("NUMBERS", numbers))
    return xpm("run", "plan.py", home=home, cwd=home / "project", more=more)


@pytest.mark.host
def test_the_end_is_told_once_with_counts_the_first_failure_and_what_to_do(
    home: Path, inbox: Inbox
) -> None:
    to = "{to: [$PAGER]}"

    good = run(home, "(1, 4)", to, {"PAGER": inbox.url})
    again = run(home, "(1, 4)", to, {"PAGER": inbox.url})
    bad = run(home, "(1, 4, -4)", to, {"PAGER": inbox.url})

    assert (0, 0, 1) == (good.code, again.code, bad.code), bad.err
    done, failed = inbox.got
    assert ("xpm: roots is done", "success") == (done["title"], done["type"])
    assert done["message"].startswith("2 done")
    assert ("xpm: roots has failed", "failure") == (failed["title"], failed["type"])
    assert failed["message"].startswith("2 done, 1 failed")
    assert "of=-4: failed, " in failed["message"]
    assert "-> xpm why " in failed["message"]


@pytest.mark.host
def test_what_is_not_wished_for_is_not_told(home: Path, inbox: Inbox) -> None:
    address = home / "address"
    address.write_text(f"# where to\n{inbox.url}\n")

    told = run(home, "(1,)", f"{{to: [{address}], on: [failed, login]}}")

    assert (0, []) == (told.code, inbox.got), told.err


@pytest.mark.host
def test_a_notification_that_fails_is_told_once_without_its_address_and_fails_nothing(
    home: Path,
) -> None:
    dead = f"json://127.0.0.1:1/{SECRET}"

    told = run(home, "(1,)", f"{{to: ['{dead}']}}")

    assert 0 == told.code
    assert 1 == told.err.count("not notified: json://... did not take the message (")
    assert SECRET not in told.out + told.err
    assert [] == [
        path
        for path in home.rglob("*")
        if path.is_file() and path.name != "launchers.yaml" and SECRET in path.read_text("latin-1")
    ]


@pytest.mark.host
def test_a_plan_that_logs_everything_does_not_log_addresses(home: Path, inbox: Inbox) -> None:
    to = f"{{to: ['{inbox.url}', 'json://127.0.0.1:1/{SECRET}']}}"
    logs = "import logging\nlogging.basicConfig(level=logging.DEBUG)\nlogging.info('seen')\n"

    told = run(home, "(1,)", to, plan=logs + PLAN)

    assert (0, 1) == (told.code, len(inbox.got)), told.err
    assert "seen" in told.err
    assert SECRET not in told.out + told.err


@pytest.mark.host
def test_checking_tells_what_keeps_addresses_from_being_used(home: Path) -> None:
    (home / "config" / "launchers.yaml").write_text(
        f"version: 1\nnotify:\n  to: [$NOT_SET, 'nosuch://{SECRET}', ~/nowhere]\n"
    )

    told = xpm("launchers", "check", home=home, cwd=home)

    assert 0 == told.code
    assert "notify: $NOT_SET is not set (" in told.err
    assert "notify: nosuch://... is no address that apprise knows (" in told.err
    assert "notify: ~/nowhere cannot be read: No such file or directory (" in told.err
    assert SECRET not in told.out + told.err


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"{{to: [{SECRET}]}}", "expected a URL of a service"),
        (
            "{to: [$A], on: [won]}",
            "notify.on[0]: unknown value 'won' (one of: done, failed, login)",
        ),
        ("{too: [$A]}", "did you mean 'to'?"),
    ],
)
def test_mistakes_are_told_without_addresses(tmp_path: Path, said: str, words: str) -> None:
    (tmp_path / "launchers.yaml").write_text(f"version: 1\nnotify: {said}\n")

    with pytest.raises(ProfileProblem) as caught:
        load_profiles(tmp_path)

    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_project_cannot_choose_whom_this_machine_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XPM_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "xpm-launchers.yaml").write_text("version: 1\nnotify: {to: [$HOME]}\n")

    with pytest.raises(ProfileProblem, match="a project cannot say whom this machine tells"):
        load_profiles(start=tmp_path)


def test_a_login_that_is_needed_is_told_once_for_each_connector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[Message] = []

    def send(wishes: Notify, message: Message) -> list[str]:
        sent.append(message)
        return []

    monkeypatch.setattr(_notify, "send", send)
    wishes = Notify(("json://x",))
    observer = Notified(PlainObserver(), lambda: wishes)
    login = Waiting("campus", LoginNeeded("log in", on="campus", cause="a code"), 0.0, 0.0, 9.0)
    away = Waiting("tower", HostUnreachable("connect", on="tower", cause="no route"), 0.0, 0.0, 9.0)

    observer.started("roots", "/main")
    observer.waiting([away, login])
    observer.waiting([login])

    assert ["xpm: roots waits for a login to campus"] == [each.title for each in sent]
    assert "xpm login campus" in sent[0].body


class Notes(PlainObserver):
    """Remembers what it is to say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def logins(connector: str) -> Waiting:
    return Waiting(connector, LoginNeeded("log in", on=connector, cause="a code"), 0.0, 0.0, 9.0)


@pytest.mark.host
def test_with_a_courier_nobody_waits_for_a_service_that_does_not_answer(inbox: Inbox) -> None:
    inbox.answers.clear()
    notes = Notes()
    observer = Notified(notes, lambda: Notify((inbox.url,)), Courier())

    observer.started("roots", "/main")
    observer.waiting([logins("campus")])  # not answered yet
    assert not inbox.answers.is_set()
    inbox.answers.set()
    inbox.wait_for(1)

    assert ["xpm: roots waits for a login to campus"] == [each["title"] for each in inbox.got]
    assert notes.said == []


@pytest.mark.host
def test_what_was_given_to_a_courier_is_sent_also_when_who_gave_it_dies(
    home: Path, inbox: Inbox
) -> None:
    script = (
        "import os, sys; from xpm._courier import Courier; from xpm._notify import Message\n"
        "from xpm.launchers.notices import Notify\n"
        "Courier().send(Notify((sys.argv[1],)), Message('done', 'all is done', '1 done'))\n"
        "os.kill(os.getpid(), 9)"
    )

    died = python(["-c", script, inbox.url], home)

    assert -9 == died.code, died.err
    inbox.wait_for(1)
    assert ["all is done"] == [each["title"] for each in inbox.got]


@pytest.mark.host
@pytest.mark.parametrize("name", ["json", "email", "random", "subprocess", "apprise", "xpm"])
def test_no_file_beside_a_notebook_is_run_by_a_courier(
    home: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    beside = home / "notebooks"
    beside.mkdir()
    ran = home / "ran"
    (beside / f"{name}.py").write_text(f"open({str(ran)!r}, 'w').close()\nraise SystemExit\n")
    monkeypatch.chdir(beside)
    observer = Notified(Notes(), lambda: Notify((inbox.url,)), Courier())

    observer.started("roots", "/main")
    observer.waiting([logins("campus")])
    inbox.wait_for(1)

    assert not ran.exists()


@pytest.mark.host
def test_what_a_courier_could_not_tell_is_said_with_the_next_look_without_the_address() -> None:
    notes = Notes()
    wishes = Notify((f"json://127.0.0.1:1/{SECRET}",), where="launchers.yaml:2")
    observer = Notified(notes, lambda: wishes, Courier())

    observer.started("roots", "/main")
    observer.waiting([logins("campus")])
    until = time.monotonic() + 60
    while not notes.said and time.monotonic() < until:
        observer.settled()

    assert ["not notified: json://... did not take the message (launchers.yaml:2)"] == notes.said


def test_missing_apprise_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)

    told = _notify.send(Notify(("json://x",), where="launchers.yaml:2"), Message("done", "", ""))

    assert [
        "apprise is not installed -> pip install 'xpm-launcher[notify]' (launchers.yaml:2)"
    ] == told


def test_addresses_are_not_shown() -> None:
    assert SECRET not in repr(Notify((SECRET,)))
