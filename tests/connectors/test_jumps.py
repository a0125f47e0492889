"""Jump hosts: each is a host of its own, with its own key, its own login and its own configuration."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.connectors.sshd import SSHD, Sshd, keygen, public
from tests.connectors.test_carriers import Open, output, says
from tests.connectors.test_carriers import reach as reach
from tests.connectors.test_fabric_host import renamed
from xpm.connectors.specs import SshTarget
from xpm.connectors.ssh_config import resolve
from xpm.connectors.ssh_host import SshHost
from xpm.connectors.transports import beyond_paramiko
from xpm.errors import HostKeyProblem, LoginNeeded

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(SSHD is None, reason="needs an sshd (openssh-server)"),
]
Start = Callable[..., Sshd]


def chain(inner: Sshd, outer: Sshd, *options: str) -> SshTarget:
    """``inner`` behind ``outer``, which has these options."""
    config = inner.folder / "all"
    config.write_text(
        renamed(inner, "box", "ProxyJump outer") + renamed(outer, "outer", "\n  ".join(options))
    )
    return SshTarget("box", config)


def test_a_jump_host_whose_key_is_unknown_is_the_one_named(reach: Open, start: Start) -> None:
    inner, outer = start(), start()
    (outer.folder / "known_hosts").write_text("")

    with pytest.raises(HostKeyProblem) as caught:
        output(reach(chain(inner, outer)), "true")

    assert f"[127.0.0.1]:{outer.port}" in caught.value.on
    assert "known_hosts has no key for it" in caught.value.cause


def test_a_jump_host_whose_key_has_changed_is_the_one_to_forget(reach: Open, start: Start) -> None:
    inner, outer = start(), start()
    keygen(outer.folder / "host_other", "ed25519")
    outer.know("other")

    with pytest.raises(HostKeyProblem) as caught:
        output(reach(chain(inner, outer)), "true")

    assert f"[127.0.0.1]:{outer.port}" in caught.value.on
    assert f"ssh-keygen -R '[127.0.0.1]:{outer.port}'" in caught.value.hint


def test_no_keyscan_is_offered_of_a_host_that_it_cannot_reach(reach: Open, start: Start) -> None:
    inner, outer = start(), start()
    (inner.folder / "known_hosts").write_text("")

    with pytest.raises(HostKeyProblem) as caught:
        output(reach(chain(inner, outer)), "true")

    assert f"[127.0.0.1]:{inner.port}" in caught.value.on
    assert "ssh-keyscan" not in caught.value.hint


def test_a_new_key_for_a_jump_host_is_worth_another_try(start: Start) -> None:
    inner, outer = start(), start()
    keygen(outer.folder / "wrong", "ed25519")
    good = (outer.folder / "user").read_bytes()
    (outer.folder / "user").write_bytes((outer.folder / "wrong").read_bytes())
    (outer.folder / "user.pub").write_bytes((outer.folder / "wrong.pub").read_bytes())
    host = SshHost(chain(inner, outer), "cluster")
    with pytest.raises(LoginNeeded) as caught:
        output(host, "true")
    assert caught.value.renewed is not None
    assert not caught.value.renewed()

    (outer.folder / "user").write_bytes(good)
    (outer.folder / "user.pub").unlink()

    assert caught.value.renewed()
    assert says(host) == "x\n"
    host.close()


def test_a_jump_host_whose_key_an_authority_signs_is_left_to_openssh(
    start: Start, tmp_path: Path
) -> None:
    inner, outer = start(), start()
    keygen(tmp_path / "ca", "ed25519")
    (outer.folder / "known_hosts").write_text(f"@cert-authority * {public(tmp_path / 'ca')}\n")
    target = chain(inner, outer)

    found = beyond_paramiko(resolve("box", target.config))

    assert ["(jump host outer)" in each for each in found] == [True]


def test_a_jump_host_that_is_logged_in_to_is_gone_through_as_ssh_does(
    start: Start, own_folders: Path
) -> None:
    inner, outer = start(), start()
    target = chain(inner, outer, f"ControlPath {own_folders}/m", "ControlMaster auto")
    argv = ["ssh", "-F", str(target.config), "-N", "-f", "outer"]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (outer.folder / "authorized_keys").write_text("")  # whoever is not in, does not get in
    host = SshHost(target, "cluster")

    assert says(host) == "x\n"

    host.close()
    subprocess.run(
        ["ssh", "-F", str(target.config), "-O", "exit", "outer"],
        check=True,
        stderr=subprocess.DEVNULL,
    )
