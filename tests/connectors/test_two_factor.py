"""Sites with a second factor: asked once, then waited for."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from tests.connectors.two_factor import IS_POSSIBLE, PASSWORD, REASON, TwoFactor, two_factor
from tests.terminal import on_terminal
from xpm.connectors import asking, masters, refusals
from xpm.connectors.ssh_config import Resolved, resolve
from xpm.connectors.ssh_host import SshHost
from xpm.errors import LoginNeeded

pytestmark = [pytest.mark.host, pytest.mark.skipif(not IS_POSSIBLE, reason=REASON)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TwoFactor]:
    with two_factor(tmp_path / "site") as found:
        yield found


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    yield
    asking.install(asking.Nobody())


class Person:
    """Somebody at the terminal, who knows these answers."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def is_there(self) -> bool:
        return True

    def terminal(self) -> AbstractContextManager[None]:
        return nullcontext()

    def answer(self, title: str, prompts: Sequence[tuple[str, bool]]) -> Sequence[str]:
        self.asked += [f"{prompt}{'' if echo else ' (hidden)'}" for prompt, echo in prompts]
        return [self.answers.pop(0) for _ in prompts]


def host_of(site: TwoFactor, transport: str = "auto") -> SshHost:
    from dataclasses import replace

    return SshHost(replace(site.sshd.target, transport=transport), "cluster")


def resolved(site: TwoFactor) -> Resolved:
    return resolve("box", site.sshd.target.config)


def says(host: SshHost) -> bytes:
    stream = host.open(["echo", "x"])
    data = stream.read(100)
    stream.close()
    return data


def refused(host: SshHost) -> LoginNeeded:
    with pytest.raises(LoginNeeded) as caught:
        host.open(["true"])
    return caught.value


def login(site: TwoFactor, *answers: str, keep: str = "1h") -> str:
    """Run `xpm login` in a terminal; what the terminal showed."""
    folder = site.sshd.folder / "profile"
    folder.mkdir(exist_ok=True)
    config = site.sshd.folder / "config"
    ssh = f"{{host: box, config: {config}, timeout: 10s}}"
    profile = f"version: 1\nconnectors:\n  cluster: {{kind: ssh, ssh: {ssh}, workspace: /far}}\n"
    (folder / "launchers.yaml").write_text(profile)
    argv = [sys.executable, "-m", "xpm", "login", "--for", keep]
    return on_terminal(argv, answers, XPM_CONFIG_DIR=str(folder)).shown


def test_a_login_in_a_terminal_lets_both_ways_in_afterwards(site: TwoFactor) -> None:
    shown = login(site, PASSWORD, site.code())

    assert "Password:" in shown
    assert "One-time password" in shown
    assert PASSWORD not in shown
    for transport in ("auto", "openssh"):
        host = host_of(site, transport)
        assert says(host) == b"x\n"
        host.close()
    assert site.logins == 1
    assert masters.alive(resolved(site)) is not None  # closing a host leaves a person's login
    masters.close(resolved(site), masters.login_path(resolved(site)))
    assert masters.alive(resolved(site)) is None


def test_a_login_goes_to_the_path_of_the_configuration_where_there_is_one(
    site: TwoFactor, own_folders: Path
) -> None:
    path = own_folders / "100%me"
    site.sshd.configure(ControlPath=str(path).replace("%", "%%"), ControlPersist="60")

    login(site, PASSWORD, site.code())

    master = masters.alive(resolved(site))
    assert master is not None
    assert (master.path, master.is_users) == (str(path), True)
    assert says(host_of(site)) == b"x\n"
    masters.close(resolved(site), master.path)


def test_a_socket_that_a_killed_login_has_left_does_not_keep_the_next_one_away(
    site: TwoFactor,
) -> None:
    login(site, PASSWORD, site.code())
    master = masters.alive(resolved(site))
    assert master is not None
    os.kill(master.pid, 9)
    assert os.path.lexists(master.path)

    login(site, PASSWORD, site.code())

    assert says(host_of(site)) == b"x\n"
    masters.close(resolved(site), master.path)


def test_a_login_without_use_ends(site: TwoFactor) -> None:
    login(site, PASSWORD, site.code(), keep="1s")

    ends_at = time.monotonic() + 120
    while os.path.lexists(masters.login_path(resolved(site))):  # to ask would be to use it
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def test_the_folder_of_logins_is_the_users_alone_and_its_names_are_short(
    site: TwoFactor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_to_all = tmp_path / "all"
    (open_to_all / "xpm").mkdir(parents=True, mode=0o777)
    (open_to_all / "xpm").chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(open_to_all))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ("long" * 20)))

    path = Path(masters.own_path(resolved(site)))

    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(str(path)) <= 104 - 17 - 1
    assert not path.is_relative_to(tmp_path)


@pytest.mark.parametrize("transport", ["auto", "openssh", "fabric"])
def test_without_a_login_a_command_waits_for_one(site: TwoFactor, transport: str) -> None:
    found = refused(host_of(site, transport))

    assert found.what == "waiting for login"
    assert found.exit_code == 4
    assert "keyboard-interactive" in found.cause
    wanted = "run this command in a terminal" if transport == "fabric" else "`xpm login cluster`"
    assert wanted in found.hint


@pytest.mark.parametrize("transport", ["auto", "openssh", "fabric"])
def test_what_was_refused_is_not_tried_again_while_nothing_changes(
    site: TwoFactor, transport: str
) -> None:
    host = host_of(site, transport)
    refused(host)
    tried = site.connections

    again = [refused(host) for _ in range(5)]
    elsewhere = refused(host_of(site, transport))

    assert site.connections == tried
    assert "not tried again" in again[0].cause
    assert "not tried again" in elsewhere.cause
    assert again[0].renewed is not None
    assert not again[0].renewed()
    assert site.connections == tried


def test_a_refusal_holds_some_minutes_between_processes(
    site: TwoFactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(host_of(site))
    tried = site.connections
    monkeypatch.setattr(refusals, "HOLDS_S", 0.0)

    refused(host_of(site))

    assert site.connections > tried


def test_a_key_that_changes_is_worth_another_try(site: TwoFactor) -> None:
    found = refused(host_of(site))
    tried = site.connections
    assert found.renewed is not None

    (site.sshd.folder / "user.pub").touch()

    assert found.renewed()
    refused(host_of(site))
    assert site.connections > tried


@pytest.mark.parametrize("transport", ["auto", "openssh"])
def test_a_login_elsewhere_is_noticed_without_an_attempt(site: TwoFactor, transport: str) -> None:
    host = host_of(site, transport)
    found = refused(host)
    assert found.renewed is not None
    login(site, PASSWORD, site.code())
    tried = site.connections

    assert found.renewed()
    assert says(host) == b"x\n"

    assert site.connections == tried
    masters.close(resolved(site), masters.login_path(resolved(site)))


def test_fabric_asks_who_is_at_the_terminal_once(site: TwoFactor) -> None:
    person = Person(PASSWORD, site.code(), "never", "asked")
    asking.install(person)
    host = host_of(site, "fabric")

    assert says(host) == b"x\n"
    assert says(host) == b"x\n"

    assert person.asked[0].startswith("Password:")
    assert person.asked[0].endswith("(hidden)")
    assert person.asked[1].startswith("One-time password")
    host.close()
    refused(host)  # the connection is gone, and nobody is asked twice
    assert len(person.asked) == 2
    assert site.logins == 1


def test_a_wrong_answer_is_not_asked_for_again(site: TwoFactor) -> None:
    person = Person("wrong", PASSWORD, site.code())
    asking.install(person)
    host = host_of(site, "fabric")

    refused(host)
    refused(host)

    assert len(person.asked) == 1  # this site asks for no code after a wrong password
    assert site.log.count("Failed keyboard-interactive/pam") == 1


def test_a_site_that_takes_no_keys_asks_too(tmp_path: Path) -> None:
    with two_factor(
        tmp_path / "site", methods="AuthenticationMethods keyboard-interactive"
    ) as site:
        asking.install(Person(PASSWORD, site.code()))
        host = host_of(site, "fabric")
        assert says(host) == b"x\n"
        host.close()
