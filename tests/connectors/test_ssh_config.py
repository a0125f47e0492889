import getpass
import os
import shutil
from pathlib import Path

import pytest

from xpm.connectors.ssh_config import parse, resolve
from xpm.errors import ProfileProblem

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="asks ssh -G")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text("")
    return path


def test_an_answer_of_ssh_keeps_repeated_options_in_order() -> None:
    answer = "host a\nidentityfile ~/x\nidentityfile ~/y\nproxyjump b,c\n"

    assert parse(answer) == {"host": ["a"], "identityfile": ["~/x", "~/y"], "proxyjump": ["b,c"]}


@needs_ssh
def test_a_plain_name_is_itself(config: Path) -> None:
    found = resolve("some.host", config)

    assert ("some.host", 22, getpass.getuser()) == (found.hostname, found.port, found.user)
    assert (found.proxy_command, found.jumps, found.identity_agent) == (None, [], None)
    assert found.key_name == "some.host"
    assert Path.home() / ".ssh" / "known_hosts" in found.known_hosts


@needs_ssh
def test_everything_we_honour_is_read(config: Path) -> None:
    config.write_text(
        "Host clu*\n  HostName login.example.org\n  User me\n  Port 2222\n  IdentityFile ~/.ssh/%r_key\n"
        "  CertificateFile ~/.ssh/cert\n  IdentitiesOnly yes\n  IdentityAgent none\n  ProxyJump a,b@c:22\n"
        "  UserKnownHostsFile ~/kh1 /kh2\n  HostKeyAlias keys\n  ConnectTimeout 7\n"
    )

    found = resolve("cluster", config)

    assert (found.hostname, found.port, found.user) == ("login.example.org", 2222, "me")
    assert [Path.home() / ".ssh" / "me_key"] == list(found.identity_files)
    assert [Path.home() / ".ssh" / "cert"] == list(found.certificate_files)
    assert (found.identities_only, found.identity_agent) == (True, "none")
    assert list(found.jumps) == ["a", "b@c:22"]
    assert [Path.home() / "kh1", Path("/kh2")] == list(found.known_hosts[:2])
    assert found.key_name == "keys"
    assert found.connect_timeout_s == 7.0


@needs_ssh
def test_includes_count(config: Path, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host clu\n  HostName real.example.org\n")
    config.write_text(f"Include {tmp_path / 'more'}\n")

    assert resolve("clu", config).hostname == "real.example.org"


@needs_ssh
def test_a_proxy_command_has_its_tokens_filled(config: Path) -> None:
    config.write_text("Host x\n  HostName y\n  Port 99\n  ProxyCommand relay %h %p %r %n 100%%\n")

    assert f"relay y 99 {getpass.getuser()} x 100%" == resolve("x", config).proxy_command


@needs_ssh
@pytest.mark.parametrize("text", ["u@h", "ssh://u@h:99"])
def test_a_name_may_hold_user_and_port(config: Path, text: str) -> None:
    found = resolve(text, config)

    assert (found.hostname, found.user) == ("h", "u")
    assert (99 if "99" in text else 22) == found.port


@pytest.mark.parametrize("alias", ["", "-oProxyCommand=evil", "a b", "a\nb"])
def test_what_cannot_be_a_host_is_refused(config: Path, alias: str) -> None:
    with pytest.raises(ProfileProblem, match="cannot be the name of an ssh host"):
        resolve(alias, config)


def test_a_configuration_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileProblem, match="there is no such file"):
        resolve("h", tmp_path / "none")


@needs_ssh
def test_a_configuration_that_ssh_refuses_is_quoted(config: Path) -> None:
    config.write_text("Host h\n  NoSuchOption 3\n")

    with pytest.raises(ProfileProblem) as caught:
        resolve("h", config)

    assert "nosuchoption" in caught.value.cause.lower()


def test_without_ssh_the_main_options_are_still_read(config: Path, tmp_path: Path) -> None:
    config.write_text(
        "Host clu\n  HostName h\n  User me\n  Port 2222\n  IdentityFile ~/k\n  ProxyJump a,b\n"
    )
    path = os.environ["PATH"]
    os.environ["PATH"] = str(tmp_path)
    try:
        found = resolve("clu", config)
    finally:
        os.environ["PATH"] = path

    assert (found.hostname, found.port, found.user) == ("h", 2222, "me")
    assert [Path.home() / "k"] == list(found.identity_files)
    assert list(found.jumps) == ["a", "b"]
