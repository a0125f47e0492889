"""A site with a second factor, as its user meets it: asked once, then never locked out by us."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.commands import Ended, environment, xpm
from tests.connectors.two_factor import IS_POSSIBLE, PASSWORD, REASON, TwoFactor, two_factor
from tests.contract.places import eventually
from tests.terminal import on_terminal, spawn
from xpm.connectors import masters
from xpm.connectors.ssh_config import resolve

pytestmark = [pytest.mark.host, pytest.mark.skipif(not IS_POSSIBLE, reason=REASON)]
QUIET_S = float(os.environ.get("XPM_TEST_QUIET_S", "5"))
PATIENT = """\
import runpy
from xpm.follow import session
session.LEAVE_S = session.INTERRUPTED_LEAVE_S = 3600.0
runpy.run_module("xpm", run_name="__main__", alter_sys=True)
"""
"""An xpm that waits for ever where it may wait a moment for what it has begun."""
PLAN = """\
import time
from pathlib import Path

from xpm import Param, Task, experiment


class Gated(Task):
    name: Param[str]
    gates: Param[str]

    def execute(self):
        (Path(self.gates) / f"{self.name}.began").touch()
        while not (Path(self.gates) / self.name).exists():
            time.sleep(0.05)


with experiment("main", "gated"):
    for name, launcher in (("there", "box"), ("here", "local")):
        task = Gated(name=name, gates="GATES")
        task.submit(launcher=launcher).on_completed(lambda task: print("done:", task.name, flush=True))
"""


@dataclass
class Laptop:
    """Somebody's laptop, whose only cluster is such a site."""

    home: Path
    site: TwoFactor
    gates: Path
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {**environment(self.home), "XDG_RUNTIME_DIR": str(self.home / "none")}

    def xpm(self, *arguments: str) -> Ended:
        return xpm(*arguments, home=self.home, more=self.environment)

    def on_terminal(self, *arguments: str, answers: tuple[str, ...]) -> tuple[str, int]:
        argv = [sys.executable, "-m", "xpm", *arguments]
        ended = on_terminal(argv, answers, cwd=self.home, **self.environment)
        return ended.shown, ended.code

    def log_in(self) -> str:
        shown, code = self.on_terminal("login", answers=(PASSWORD, self.site.code()))
        assert code == 0, shown
        return shown

    def profile(self, transport: str = "auto") -> None:
        config = self.site.sshd.folder / "config"
        ssh = (
            f"{{host: box, config: {config}, timeout: 10s, keepalive: 1s, transport: {transport}}}"
        )
        (self.home / "config").mkdir(exist_ok=True)
        (self.home / "config" / "launchers.yaml").write_text(
            "version: 1\nconnectors:\n"
            f"  cluster: {{kind: ssh, ssh: {ssh}, workspace: {self.home / 'far'}, python: {sys.executable}}}\n"
            "launchers:\n  box: {connector: cluster}\n"
        )


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    home, gates = tmp_path / "home", tmp_path / "gates"
    home.mkdir()
    gates.mkdir()
    (home / "plan.py").write_text(PLAN.replace("GATES", str(gates)))
    with two_factor(tmp_path / "site") as site:
        laptop = Laptop(home, site, gates)
        laptop.profile()
        for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            monkeypatch.setenv(name, laptop.environment[name])
        yield laptop
        for name in ("here", "there"):  # whatever has failed: no job waits for ever
            (gates / name).touch()
        for process in laptop.started:
            process.terminate()
            process.wait(60)
        host = resolve("box", site.sshd.target.config)
        master = masters.alive(host)
        if master is not None:
            masters.close(host, master.path)


def test_a_login_is_asked_for_once_told_checked_and_closed(laptop: Laptop) -> None:
    assert laptop.xpm("login", "--check").code == 4

    shown = laptop.log_in()

    assert "logged in to cluster as" in shown
    assert "and as long after its last use" in shown
    assert PASSWORD not in shown
    again = laptop.xpm("login", "cluster")
    assert (again.code, "already" in again.out) == (0, True)
    assert laptop.xpm("login", "--check").code == 0
    assert laptop.xpm("doctor", "cluster").code == 0
    assert laptop.site.logins == 1
    assert "logged out of cluster" in laptop.xpm("login", "--close").out
    assert laptop.xpm("login", "--check").code == 4


def test_where_nobody_can_be_asked_commands_end_with_4_and_say_what_to_do(laptop: Laptop) -> None:
    ended = laptop.xpm("run", "plan.py")

    assert ended.code == 4
    assert "waiting for login" in ended.err
    assert "`xpm login cluster`" in ended.err
    asked = laptop.xpm("login")
    assert asked.code == 4
    assert "terminal" in asked.err


def test_commands_that_a_timer_starts_do_not_try_again_and_again(laptop: Laptop) -> None:
    laptop.xpm("run", "plan.py")
    tried = laptop.site.connections

    told = [laptop.xpm("sync") for _ in range(4)]

    assert {4} == {each.code for each in told}
    assert "not tried again" in told[-1].err
    assert laptop.site.connections == tried


@pytest.mark.parametrize("transport", ["auto", "fabric"])
def test_a_command_in_a_terminal_asks_itself(laptop: Laptop, transport: str) -> None:
    laptop.profile(transport)
    for name in ("here", "there"):
        (laptop.gates / name).touch()

    shown, code = laptop.on_terminal("run", "plan.py", answers=(PASSWORD, laptop.site.code()))

    assert code == 0, shown
    assert "done: there" in shown
    assert PASSWORD not in shown
    assert laptop.site.logins == 1
    assert laptop.site.log.count("Failed keyboard-interactive") == 0


def test_a_wrong_answer_in_a_terminal_is_not_asked_for_again(laptop: Laptop) -> None:
    laptop.profile("fabric")

    shown, code = laptop.on_terminal("run", "plan.py", answers=("wrong",))

    assert code == 4, shown
    assert shown.count("Password:") == 1
    assert laptop.site.log.count("Failed keyboard-interactive") == 1


def test_a_run_whose_login_ends_waits_for_the_next_and_tries_nothing(laptop: Laptop) -> None:
    laptop.log_in()
    said = laptop.home.parent / "said"  # outside of the project, which travels
    with said.open("wb") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "xpm", "run", "plan.py"],
            cwd=laptop.home, env=laptop.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip
    laptop.started.append(running)
    eventually(lambda: len(list(laptop.gates.glob("*.began"))) == 2)
    master = masters.alive(resolve("box", laptop.site.sshd.target.config))
    assert master is not None

    os.kill(master.pid, 9)

    eventually(lambda: "waiting for login" in said.read_text())
    assert "`xpm login cluster`" in said.read_text()
    tried, ends_at = laptop.site.connections, time.monotonic() + QUIET_S
    (laptop.gates / "here").touch()
    eventually(lambda: "done: here" in said.read_text())  # the other place is followed meanwhile
    (laptop.gates / "there").touch()
    while time.monotonic() < ends_at:
        assert laptop.site.connections == tried
        time.sleep(0.5)
    assert "waiting for login" in laptop.xpm("status").out + laptop.xpm("status").err
    assert laptop.site.connections == tried

    laptop.log_in()

    assert running.wait(60) == 0, said.read_text()
    assert "done: there" in said.read_text()
    assert said.read_text().count("waiting for login") == 1
    assert laptop.site.connections == tried + 1
    assert laptop.site.logins == 2


IN_SHELL = 'trap : INT; "$@"; echo "ended with $?"; stty -a'


def interrupted(laptop: Laptop, *arguments: str, **environment: str) -> str:
    """What is shown when somebody answers a question for a password with Ctrl-C; then, how the terminal is left."""
    argv = ["sh", "-c", IN_SHELL, "sh", sys.executable, "-c", PATIENT, *arguments]
    pid, typist = spawn(argv, (), cwd=laptop.home, **{**laptop.environment, **environment})
    typist.until(lambda shown: "Password:" in shown)
    os.write(typist.terminal, b"\x03")
    typist.until(lambda shown: False)
    os.waitpid(pid, 0)
    os.close(typist.terminal)
    return typist.shown


@pytest.mark.parametrize("transport", ["auto", "fabric"])
@pytest.mark.parametrize("command", ["run plan.py", "login", "doctor cluster"])
def test_who_interrupts_a_question_is_obeyed_at_once_and_gets_the_terminal_back(
    laptop: Laptop, transport: str, command: str
) -> None:
    if (command, transport) == ("login", "fabric"):
        pytest.skip("there is no such login")
    laptop.profile(transport)

    shown = interrupted(laptop, *command.split())

    assert "ended with 130" in shown, shown
    assert " echo " in shown, shown
    assert "Traceback" not in shown


def test_the_terminal_comes_back_from_an_ssh_that_ends_without_restoring_it(
    laptop: Laptop,
) -> None:
    ssh = laptop.home / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(
        f"#!/bin/sh\ncase \" $* \" in *' -G '*|*' -O '*) exec {shutil.which('ssh')} \"$@\";; esac\n"
        "trap '' INT; stty -echo < /dev/tty; printf Password: > /dev/tty; exec sleep 600\n"
    )
    ssh.chmod(0o755)

    shown = interrupted(laptop, "login", PATH=f"{ssh.parent}:{os.environ['PATH']}")

    assert "ended with 130" in shown, shown
    assert " echo " in shown, shown
