import base64
import shutil
from pathlib import Path

import pytest

from xpm.connectors.ssh_config import resolve
from xpm.connectors.transports import beyond_paramiko, choose
from xpm.errors import SiteProblem

BLOB = base64.b64encode(b"\0\0\0\x0bssh-ed25519 key").decode()
needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="asks ssh -G")


@pytest.mark.parametrize(
    ("wish", "has_ssh", "has_master", "beyond", "taken"),
    [
        ("auto", True, False, [], "fabric"),
        ("auto", True, True, [], "openssh"),
        ("auto", True, False, ["PKCS11Provider"], "openssh"),
        ("auto", False, False, ["PKCS11Provider"], "fabric"),
        ("fabric", True, True, ["PKCS11Provider"], "fabric"),
        ("openssh", True, False, [], "openssh"),
    ],
)
def test_the_way_follows_from_the_profile_and_what_is_there(
    wish: str, has_ssh: bool, has_master: bool, beyond: list[str], taken: str
) -> None:
    assert taken == choose(wish, has_ssh, has_master, beyond).transport


def test_openssh_without_an_ssh_command_is_refused_in_words() -> None:
    with pytest.raises(SiteProblem, match="no ssh command") as caught:
        choose("openssh", False, False, [])

    assert "transport: fabric" in caught.value.hint


@needs_ssh
@pytest.mark.parametrize(
    ("option", "found"),
    [
        ("Compression yes", []),
        ("PKCS11Provider /usr/lib/opensc.so", ["PKCS11Provider"]),
        ("KnownHostsCommand /bin/true", ["KnownHostsCommand"]),
        ("HostbasedAuthentication yes", ["HostbasedAuthentication"]),
        ("ProxyUseFdpass yes", ["ProxyUseFdpass"]),
    ],
)
def test_what_paramiko_cannot_do_is_found(tmp_path: Path, option: str, found: list[str]) -> None:
    config = tmp_path / "config"
    files = "UserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\nIdentityFile /none\n"
    config.write_text(f"{files}{option}\n")

    assert found == beyond_paramiko(resolve("box", config))


@needs_ssh
def test_an_authority_for_host_keys_counts_also_where_a_key_is_recorded(tmp_path: Path) -> None:
    known, config = tmp_path / "known", tmp_path / "config"
    config.write_text(
        f"UserKnownHostsFile {known}\nGlobalKnownHostsFile /dev/null\nIdentityFile /none\n"
    )
    known.write_text(f"@cert-authority *.site ssh-ed25519 {BLOB}\n")

    assert f"{known}:1" in beyond_paramiko(resolve("login.site", config))[0]
    assert beyond_paramiko(resolve("elsewhere", config)) == []
    known.write_text(known.read_text() + f"login.site ssh-ed25519 {BLOB}\n")
    assert f"{known}:1" in beyond_paramiko(resolve("login.site", config))[0]


@needs_ssh
def test_keys_that_are_all_on_security_keys_need_openssh(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"IdentityFile {tmp_path}/a\nIdentityFile {tmp_path}/b\n")
    (tmp_path / "a").touch()
    (tmp_path / "a.pub").write_text("sk-ssh-ed25519@openssh.com AAAA me\n")

    assert "FIDO" in beyond_paramiko(resolve("box", config))[0]
    (tmp_path / "b").touch()
    (tmp_path / "b.pub").write_text("ssh-ed25519 AAAA me\n")
    assert beyond_paramiko(resolve("box", config)) == []
