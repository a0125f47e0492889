"""What both ways to an SSH host must do alike."""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.connectors.sshd import SSHD, Sshd, keygen, public, through
from tests.connectors.test_fabric_host import Relay, renamed
from tests.contract.places import eventually
from tests.ports import free_port
from xpm.connectors.bootstrap import start as start_agent
from xpm.connectors.fabric_host import FabricHost
from xpm.connectors.hosts import Host
from xpm.connectors.openssh_host import OpensshHost
from xpm.connectors.specs import SshTarget
from xpm.errors import (
    HostKeyProblem,
    HostProblem,
    HostUnknown,
    HostUnreachable,
    LoginNeeded,
    ProfileProblem,
)

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(SSHD is None, reason="needs an sshd (openssh-server)"),
]
Open = Callable[[SshTarget], Host]
PROC = Path("/proc")


@pytest.fixture(params=[FabricHost, OpensshHost], ids=["fabric", "openssh"])
def reach(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Makes a host, which is closed after the test."""
    opened: list[Host] = []

    def make(target: SshTarget) -> Host:
        opened.append(request.param(target))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def output(host: Host, *argv: str) -> bytes:
    """What a command prints there."""
    stream = host.open(argv)
    data = b""
    while more := stream.read(65536):
        data += more
    stream.close()
    return data


def says(host: Host) -> str:
    return output(host, "echo", "x").decode()


def problem(host: Host) -> HostProblem:
    """Why a command cannot be run there."""
    with pytest.raises(HostProblem) as caught:
        output(host, "true")
    return caught.value


def accepted(sshd: Sshd) -> int:
    return (sshd.folder / "sshd.log").read_text().count("Accepted publickey")


def test_a_command_runs_with_its_arguments_as_they_are(reach: Open, sshd: Sshd) -> None:
    arguments = ["a b", "it's", '"', "$HOME", "a\\b", "*", "%h"]

    got = output(reach(sshd.target), "printf", "%s\\n", *arguments)

    assert arguments == got.decode().splitlines()


def test_bytes_go_both_ways_unchanged(reach: Open, sshd: Sshd) -> None:
    stream = reach(sshd.target).open(["cat"])
    sent = b"~.\n" + bytes(range(256)) * 4096
    writer = threading.Thread(target=stream.write, args=(sent,))

    writer.start()
    got = b""
    while len(got) < len(sent):
        got += stream.read(65536)
    writer.join()

    assert sent == got


def test_what_a_command_complains_and_how_it_ends_is_known(reach: Open, sshd: Sshd) -> None:
    stream = reach(sshd.target).open(["sh", "-c", "echo wrong >&2; exit 7"])

    assert stream.read(100) == b""
    assert stream.exit_status() == 7
    assert "wrong" in stream.stderr()


def test_one_connection_carries_all_commands(reach: Open, sshd: Sshd) -> None:
    host = reach(sshd.target)

    for _ in range(3):
        assert says(host) == "x\n"

    assert accepted(sshd) == 1


def test_it_connects_again_after_its_connection_was_lost(reach: Open, sshd: Sshd) -> None:
    host = reach(sshd.target)
    stream = host.open(["cat"])
    host.close()

    assert stream.read(10) == b""
    assert says(host) == "x\n"


def test_nothing_of_it_stays_when_it_is_closed(reach: Open, sshd: Sshd) -> None:
    host = reach(sshd.target)
    says(host)

    host.close()

    needle = str(sshd.folder / "config").encode()
    eventually(lambda: not any(needle in read(each) for each in PROC.glob("[0-9]*/cmdline")))


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_an_unknown_host_is_refused(reach: Open, sshd: Sshd) -> None:
    (sshd.folder / "known_hosts").write_text("")

    found = problem(reach(sshd.target))

    assert isinstance(found, HostKeyProblem)
    assert "known_hosts has no key for it" in found.cause
    assert f"ssh -F {sshd.folder / 'config'} box" in found.hint
    assert accepted(sshd) == 0


def test_a_changed_key_is_refused_with_the_command_to_type(reach: Open, sshd: Sshd) -> None:
    keygen(sshd.folder / "other", "ed25519")
    line = f"[127.0.0.1]:{sshd.port} {public(sshd.folder / 'other')}\n"
    (sshd.folder / "known_hosts").write_text(line)

    found = problem(reach(sshd.target))

    assert isinstance(found, HostKeyProblem)
    assert "known_hosts:1 records another key" in found.cause
    assert f"ssh-keygen -R '[127.0.0.1]:{sshd.port}'" in found.hint
    assert accepted(sshd) == 0


def test_a_revoked_key_is_refused(reach: Open, sshd: Sshd) -> None:
    known = sshd.folder / "known_hosts"
    known.write_text(f"{known.read_text()}@revoked * {public(sshd.folder / 'host_ed25519')}\n")

    found = problem(reach(sshd.target))

    assert isinstance(found, HostKeyProblem)
    assert "revoked" in found.cause


def test_switching_strict_checking_off_in_the_configuration_does_not_switch_ours_off(
    reach: Open, sshd: Sshd
) -> None:
    sshd.configure(StrictHostKeyChecking="no", UserKnownHostsFile="/dev/null")

    assert isinstance(problem(reach(sshd.target)), HostKeyProblem)


def test_a_refused_key_needs_a_login(reach: Open, sshd: Sshd) -> None:
    (sshd.folder / "authorized_keys").write_text("")

    found = problem(reach(sshd.target))

    assert isinstance(found, LoginNeeded)
    assert found.exit_code == 4
    assert "waiting for login" in str(found)
    assert f"ssh -F {sshd.folder / 'config'} box" in found.hint


def test_a_key_with_a_passphrase_needs_a_login(reach: Open, sshd: Sshd) -> None:
    keygen(sshd.folder / "locked", "ed25519", "secret")
    sshd.configure(IdentityFile=str(sshd.folder / "locked"))

    assert isinstance(problem(reach(sshd.target)), LoginNeeded)


def test_a_name_that_does_not_resolve_says_so(reach: Open, sshd: Sshd) -> None:
    sshd.configure(HostName="no-such-host.invalid")

    found = problem(reach(sshd.target))

    assert isinstance(found, HostUnreachable)
    assert "no-such-host.invalid" in found.cause
    assert found.transient


def test_a_port_where_nobody_listens_says_so(reach: Open, sshd: Sshd) -> None:
    sshd.configure(Port=str(free_port()))

    found = problem(reach(sshd.target))

    assert isinstance(found, HostUnknown)
    assert "refused" in found.cause


def test_a_host_that_never_answers_is_given_up(reach: Open, sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        sshd.configure(Port=str(mute.getsockname()[1]), ConnectTimeout="1")

        found = problem(reach(sshd.target))

    assert isinstance(found, HostUnreachable)
    assert found.transient


def test_a_configuration_that_makes_no_sense_says_so(reach: Open, sshd: Sshd) -> None:
    sshd.configure(Prot="22")

    with pytest.raises(ProfileProblem, match="configuration"):
        reach(sshd.target).open(["true"])


def test_what_people_like_in_interactive_sessions_does_not_disturb(reach: Open, sshd: Sshd) -> None:
    sshd.configure(
        RequestTTY="force", RemoteCommand="tmux attach", PermitLocalCommand="yes",
        LocalCommand="echo hello from the laptop", LocalForward=f"{sshd.port} localhost:22",
        RemoteForward=f"{sshd.port} localhost:22", ExitOnForwardFailure="yes", DynamicForward=str(sshd.port),
        ControlMaster="auto", ControlPersist="1", StdinNull="yes", ForkAfterAuthentication="yes",
        SessionType="none", LogLevel="DEBUG1", VisualHostKey="yes", ForwardX11="yes",
    )  # fmt: skip

    assert says(reach(sshd.target)) == "x\n"


def test_two_jump_hosts_each_with_its_own_configuration(
    reach: Open, start: Callable[..., Sshd]
) -> None:
    inner, middle, outer = start(), start(), start()
    config = inner.folder / "all"
    config.write_text(
        renamed(inner, "box", "ProxyJump outer,middle")
        + renamed(middle, "middle", "RemoteCommand tmux")
        + renamed(outer, "outer", "RequestTTY force")
    )

    assert says(reach(SshTarget("box", config))) == "x\n"
    assert [accepted(each) for each in (outer, middle, inner)] == [1, 1, 1]


def test_a_chain_of_jump_hosts_each_behind_the_next(
    reach: Open, start: Callable[..., Sshd]
) -> None:
    inner, middle, outer = start(), start(), start()
    config = inner.folder / "all"
    config.write_text(
        renamed(inner, "box", "ProxyJump middle")
        + renamed(middle, "middle", "ProxyJump outer")
        + renamed(outer, "outer", "Compression no")
    )

    assert says(reach(SshTarget("box", config))) == "x\n"
    assert [accepted(each) for each in (outer, middle, inner)] == [1, 1, 1]


def test_a_jump_host_that_wants_a_login_is_told(reach: Open, start: Callable[..., Sshd]) -> None:
    inner, outer = start(), start()
    (outer.folder / "authorized_keys").write_text("")
    config = inner.folder / "all"
    config.write_text(renamed(inner, "box", "ProxyJump outer") + renamed(outer, "outer", ""))

    found = problem(reach(SshTarget("box", config)))

    assert isinstance(found, LoginNeeded)


def test_a_host_out_of_reach_behind_a_jump_host_is_named(
    reach: Open, start: Callable[..., Sshd]
) -> None:
    inner, outer = start(), start()
    inner.configure(Port=str(free_port()))
    config = inner.folder / "all"
    config.write_text(renamed(inner, "box", "ProxyJump outer") + renamed(outer, "outer", ""))

    found = problem(reach(SshTarget("box", config)))

    assert isinstance(found, HostUnreachable)
    assert "the jump host cannot reach it" in found.cause


def test_a_frozen_link_is_noticed(reach: Open, sshd: Sshd) -> None:
    relay = Relay(sshd.port)
    sshd.configure(Port=str(relay.port))
    sshd.know("ed25519", name=f"[127.0.0.1]:{relay.port}")
    stream = reach(sshd.target).open(["cat"])
    stream.write(b"x")
    assert stream.read(1) == b"x"

    relay.freeze()

    assert stream.read(10) == b""  # ends by itself, keepalive_s being 1
    relay.close()


def test_one_session_suffices(reach: Open, start: Callable[..., Sshd], tmp_path: Path) -> None:
    sshd = start(["MaxSessions 1"])
    host = reach(sshd.target)

    for _ in range(2):
        session = start_agent(host, str(tmp_path / "far"), sys.executable)
        assert session.hello["pid"]
        session.stream.close()


def test_a_further_session_that_is_refused_says_what_to_do(
    reach: Open, start: Callable[..., Sshd], tmp_path: Path
) -> None:
    sshd = start(["MaxSessions 1"])
    host = reach(sshd.target)
    host.open(["cat"])

    with pytest.raises(HostUnreachable) as caught:
        start_agent(host, str(tmp_path / "far"), sys.executable)

    assert "MaxSessions" in str(caught.value)
    assert caught.value.transient
    assert accepted(sshd) == 1


def test_several_login_nodes_behind_one_name_are_all_known(
    reach: Open, start: Callable[..., Sshd]
) -> None:
    nodes = [start(), start(kinds=("ecdsa",))]
    keys = [public(node.folder / f"host_{node.kinds[0]}") for node in nodes]
    lines = [f"cluster {key}\n" for key in keys]
    for node in nodes:
        (node.folder / "known_hosts").write_text("".join(lines))
        node.configure(HostKeyAlias="cluster")

    assert [says(reach(node.target)) for node in nodes] == ["x\n", "x\n"]


NOISY = {
    "before": "echo welcome to the cluster; echo",
    "without a newline": "printf 'quota: 93%%'",
    "on stderr": "echo module loaded >&2",
    "binary": r"printf '\000\377\223XPM\032 \r\n\033[2J'",
    "as if it were ours": r"printf '\223XPM\032\r\n'",
    "long": "yes | head -c 1000000",
    "long and binary": "head -c 1000000 /dev/urandom",
    "long on stderr": "head -c 20000000 /dev/urandom >&2",
}


@pytest.mark.parametrize("noise", NOISY.values(), ids=NOISY)
def test_noise_of_a_login_is_no_matter(
    reach: Open, start: Callable[..., Sshd], tmp_path: Path, noise: str
) -> None:
    rc = tmp_path / "rc"
    rc.write_text(f'{noise}\n/bin/sh -c "$SSH_ORIGINAL_COMMAND"\n{noise}\n')
    banner = tmp_path / "banner"
    banner.write_bytes(b"Authorised users only\nPermission denied (jokes)\n\x93XPM\x00\xff")
    sshd = start([through(f"/bin/sh {shlex.quote(str(rc))}"), f"Banner {banner}"])

    session = start_agent(reach(sshd.target), str(tmp_path / "far"), sys.executable, timeout_s=30)

    assert session.hello["protocol"] == 1
    session.stream.close()


def test_the_locale_and_the_askers_of_this_machine_stay_here(
    start: Callable[..., Sshd], monkeypatch: pytest.MonkeyPatch
) -> None:
    sshd = start(["AcceptEnv LC_*"])
    sshd.configure(SendEnv="LC_*")
    monkeypatch.setenv("LC_MESSAGES", "tlh")
    host = OpensshHost(sshd.target)

    assert output(host, "sh", "-c", "echo ${LC_MESSAGES:-none}") == b"none\n"
    host.close()


def test_a_host_key_signed_by_an_authority_is_accepted_by_openssh(
    start: Callable[..., Sshd], tmp_path: Path
) -> None:
    keygen(tmp_path / "ca", "ed25519")
    sshd = start([f"HostCertificate {tmp_path}/sshd0/host_ed25519-cert.pub"])
    argv = ["ssh-keygen", "-q", "-s", str(tmp_path / "ca"), "-I", "box", "-h", "-n", "cluster"]
    subprocess.run([*argv, str(sshd.folder / "host_ed25519.pub")], check=True)
    sshd.stop()
    sshd._process = sshd._start([f"HostCertificate {sshd.folder / 'host_ed25519-cert.pub'}"])
    (sshd.folder / "known_hosts").write_text(f"@cert-authority cluster {public(tmp_path / 'ca')}\n")
    sshd.configure(HostKeyAlias="cluster")
    host = OpensshHost(sshd.target)

    assert says(host) == "x\n"
    host.close()


def test_a_master_that_is_killed_is_replaced(sshd: Sshd) -> None:
    from xpm.connectors import masters
    from xpm.connectors.ssh_config import resolve

    host = OpensshHost(sshd.target)
    stream = host.open(["cat"])
    master = masters.alive(resolve("box", sshd.target.config), host._own)
    assert master is not None

    os.kill(master.pid, 9)

    assert stream.read(1) == b""
    assert stream.exit_status() is None
    assert says(host) == "x\n"
    host.close()


def test_a_master_without_its_owner_goes_by_itself(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xpm.connectors import masters
    from xpm.connectors.ssh_config import resolve

    monkeypatch.setattr(masters, "IDLE_S", 1)
    found = resolve("box", sshd.target.config)
    path = masters.own_path(found)
    with contextlib.suppress(LoginNeeded):  # where it has gone before anybody could look
        masters.open_own(found, sshd.target, path)

    eventually(lambda: accepted(sshd) == 1)  # sshd may tell it later than the client
    eventually(lambda: not os.path.lexists(path))
