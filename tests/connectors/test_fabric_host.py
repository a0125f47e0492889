import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.connectors.sshd import SSHD, Sshd, keygen, public
from tests.ports import free_port
from xpm.connectors.fabric_host import ChannelStream, FabricHost
from xpm.connectors.specs import SshTarget
from xpm.errors import HostKeyProblem, HostUnreachable, LoginNeeded, ProfileProblem

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(SSHD is None, reason="needs an sshd (openssh-server)"),
]


def output(target: SshTarget, *argv: str) -> bytes:
    """What a command prints there, on a connection of its own."""
    host = FabricHost(target)
    try:
        stream = host.open(argv)
        data = b""
        while more := stream.read(65536):
            data += more
        return data
    finally:
        host.close()


def test_a_command_runs_with_its_arguments_as_they_are(sshd: Sshd) -> None:
    arguments = ["a b", "it's", '"', "$HOME", "a\\b", "*"]

    got = output(sshd.target, "printf", "%s\\n", *arguments)

    assert arguments == got.decode().splitlines()


def test_bytes_go_both_ways_unchanged(sshd: Sshd) -> None:
    host = FabricHost(sshd.target)
    stream = host.open(["cat"])
    sent = bytes(range(256)) * 4096
    writer = threading.Thread(target=stream.write, args=(sent,))

    writer.start()
    got = b""
    while len(got) < len(sent):
        got += stream.read(65536)
    writer.join()

    assert sent == got
    host.close()


def test_what_a_command_complains_and_how_it_ends_is_known(sshd: Sshd) -> None:
    host = FabricHost(sshd.target)

    stream = host.open(["sh", "-c", "echo wrong >&2; exit 7"])

    assert stream.read(100) == b""
    assert stream.exit_status() == 7
    assert "wrong" in stream.stderr()
    host.close()


def test_one_connection_carries_all_commands(sshd: Sshd) -> None:
    host = FabricHost(sshd.target)

    for _ in range(3):
        assert host.open(["echo", "x"]).read(10) == b"x\n"

    accepted = (sshd.folder / "sshd.log").read_text().count("Accepted publickey")
    assert accepted == 1
    host.close()


def test_it_connects_again_after_its_server_was_lost(sshd: Sshd) -> None:
    host = FabricHost(sshd.target)
    stream = host.open(["cat"])
    host.close()

    assert stream.read(10) == b""
    assert host.open(["echo", "x"]).read(10) == b"x\n"
    host.close()


class LostChannel:
    """paramiko's, when the connection is lost while it writes: it raises EOFError, also at closing."""

    eof_received = closed = True

    def sendall(self, data: bytes) -> None:
        raise EOFError

    def recv(self, size: int) -> bytes:
        raise EOFError  # where it tells how much more may come

    def recv_stderr(self, size: int) -> bytes:
        raise EOFError

    def close(self) -> None:
        raise EOFError


def test_a_connection_lost_within_a_write_is_out_of_reach_and_can_be_closed() -> None:
    stream = ChannelStream(LostChannel(), "box")  # type: ignore[arg-type]

    with pytest.raises(HostUnreachable, match="the connection is lost"):
        stream.write(b"x")
    stream.close()


def test_a_connection_lost_within_a_read_is_the_end_of_what_there_is_to_read() -> None:
    stream = ChannelStream(LostChannel(), "box")  # type: ignore[arg-type]

    assert (stream.read(10), stream.stderr()) == (b"", "")


def test_the_link_is_tuned(sshd: Sshd) -> None:
    host = FabricHost(sshd.target)
    host.open(["cat"])

    transport = host._connections[-1].transport

    assert transport.local_cipher == "aes128-gcm@openssh.com"
    assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    host.close()


def test_an_unknown_host_is_refused_with_the_command_to_type(sshd: Sshd) -> None:
    (sshd.folder / "known_hosts").write_text("")

    with pytest.raises(HostKeyProblem) as caught:
        output(sshd.target, "true")

    blob = base64.b64decode(public(sshd.folder / "host_ed25519").split()[1])
    shown = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    assert f"SHA256:{shown}" in caught.value.cause
    assert f"ssh -F {sshd.folder / 'config'} box" in caught.value.hint
    assert (
        f"ssh-keyscan -p {sshd.port} 127.0.0.1 >> {sshd.folder / 'known_hosts'}"
        in caught.value.hint
    )


def test_the_command_to_type_works(sshd: Sshd) -> None:
    (sshd.folder / "known_hosts").write_text("")
    with pytest.raises(HostKeyProblem) as caught:
        output(sshd.target, "true")

    typed = caught.value.hint.rpartition("(or: `")[2].rstrip("`)")
    subprocess.run(["sh", "-c", typed], check=True, capture_output=True)

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_a_changed_key_is_refused_with_the_command_to_type(sshd: Sshd) -> None:
    keygen(sshd.folder / "other", "ed25519")
    line = f"[127.0.0.1]:{sshd.port} {public(sshd.folder / 'other')}\n"
    (sshd.folder / "known_hosts").write_text(line)

    with pytest.raises(HostKeyProblem) as caught:
        output(sshd.target, "true")

    assert "known_hosts:1 records another key" in caught.value.cause
    assert f"ssh-keygen -R '[127.0.0.1]:{sshd.port}'" in caught.value.hint
    assert "Accepted" not in (sshd.folder / "sshd.log").read_text()


def test_a_key_of_a_kind_that_is_not_recorded_is_refused_when_another_kind_is(sshd: Sshd) -> None:
    keygen(sshd.folder / "other", "ecdsa")
    line = f"[127.0.0.1]:{sshd.port} {public(sshd.folder / 'other')}\n"
    (sshd.folder / "known_hosts").write_text(line)

    with pytest.raises(HostKeyProblem) as caught:
        output(sshd.target, "true")

    assert "shows ssh-ed25519 SHA256:" in caught.value.cause
    assert "known_hosts:1 records only keys of another kind (ecdsa-sha2" in caught.value.cause
    assert not caught.value.transient
    assert "Accepted" not in (sshd.folder / "sshd.log").read_text()
    assert (sshd.folder / "known_hosts").read_text() == line, "nothing is recorded by us"
    ssh = [
        "ssh",
        "-F",
        str(sshd.folder / "config"),
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=yes",
    ]
    assert subprocess.run([*ssh, "box", "true"], capture_output=True).returncode == 255


def test_a_revoked_key_is_refused(sshd: Sshd) -> None:
    known = sshd.folder / "known_hosts"
    known.write_text(
        known.read_text() + "@revoked * " + public(sshd.folder / "host_ed25519") + "\n"
    )

    with pytest.raises(HostKeyProblem, match="not accepted"):
        output(sshd.target, "true")


@pytest.mark.parametrize("known", ["rsa", "ecdsa", "ed25519"])
def test_the_host_shows_the_kind_of_key_that_is_known(
    start: Callable[..., Sshd], known: str
) -> None:
    sshd = start(kinds=("ed25519", "ecdsa", "rsa"))

    sshd.know(known)

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_a_hashed_name_is_known(sshd: Sshd) -> None:
    salt = os.urandom(20)
    digest = hmac.new(salt, f"[127.0.0.1]:{sshd.port}".encode(), hashlib.sha1).digest()
    name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"

    sshd.know("ed25519", name=name)

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_hosts_hashed_by_ssh_keygen_are_known(sshd: Sshd) -> None:
    path = str(sshd.folder / "known_hosts")
    subprocess.run(["ssh-keygen", "-H", "-f", path], check=True, capture_output=True)

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_a_key_recorded_under_an_alias_is_known(sshd: Sshd) -> None:
    sshd.know("ed25519", name="cluster-login")

    sshd.configure(HostKeyAlias="cluster-login")

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_switching_strict_checking_off_in_the_configuration_does_not_switch_ours_off(
    sshd: Sshd,
) -> None:
    sshd.configure(StrictHostKeyChecking="no", UserKnownHostsFile="/dev/null")

    with pytest.raises(HostKeyProblem):
        output(sshd.target, "true")


def test_a_refused_key_needs_a_login(sshd: Sshd) -> None:
    (sshd.folder / "authorized_keys").write_text("")

    with pytest.raises(LoginNeeded) as caught:
        output(sshd.target, "true")

    assert f"key {sshd.folder / 'user'} refused" in caught.value.cause
    assert f"ssh -F {sshd.folder / 'config'} box" in caught.value.hint
    assert caught.value.exit_code == 4


def test_a_key_with_a_passphrase_says_what_to_do(sshd: Sshd) -> None:
    keygen(sshd.folder / "locked", "ed25519", "secret")

    sshd.configure(IdentityFile=str(sshd.folder / "locked"))

    with pytest.raises(LoginNeeded, match="waiting for login") as caught:
        output(sshd.target, "true")
    assert f"ssh-add {sshd.folder / 'locked'}" in caught.value.cause


def test_a_key_that_may_not_be_read_or_is_none_says_so(sshd: Sshd) -> None:
    (sshd.folder / "broken").write_text("not a key")

    sshd.configure(IdentityFile=str(sshd.folder / "broken"))

    with pytest.raises(LoginNeeded) as caught:
        output(sshd.target, "true")
    assert f"key {sshd.folder / 'broken'} cannot be used" in caught.value.cause


def test_a_host_that_wants_a_second_factor_needs_a_login(start: Callable[..., Sshd]) -> None:
    sshd = start(["AuthenticationMethods publickey,password", "PasswordAuthentication yes"])

    with pytest.raises(LoginNeeded) as caught:
        output(sshd.target, "true")

    assert "also asks for password" in caught.value.cause


def test_the_agent_holds_a_key_that_its_file_hides(sshd: Sshd, tmp_path: Path) -> None:
    agent = Agent(tmp_path / "agent")
    keygen(sshd.folder / "locked", "ed25519")
    agent.add(sshd.folder / "locked")
    (sshd.folder / "locked").write_text("gone")
    shutil.copy(sshd.folder / "locked.pub", sshd.folder / "authorized_keys")

    sshd.configure(IdentityFile=str(sshd.folder / "locked"), IdentityAgent=str(agent.socket))

    assert output(sshd.target, "echo", "x") == b"x\n"
    agent.stop()


def test_only_identities_of_the_configuration_are_offered_when_it_says_so(
    sshd: Sshd, tmp_path: Path
) -> None:
    agent = Agent(tmp_path / "agent")
    agent.add(sshd.folder / "user")
    keygen(sshd.folder / "other", "ed25519")
    options = {"IdentityFile": str(sshd.folder / "other"), "IdentityAgent": str(agent.socket)}

    sshd.configure(**options, IdentitiesOnly="yes")
    with pytest.raises(LoginNeeded):
        output(sshd.target, "true")
    sshd.configure(**options, IdentitiesOnly="no")
    assert output(sshd.target, "echo", "x") == b"x\n"
    agent.stop()


def test_a_certificate_logs_in(start: Callable[..., Sshd], tmp_path: Path) -> None:
    keygen(tmp_path / "ca", "ed25519")
    sshd = start([f"TrustedUserCAKeys {tmp_path / 'ca.pub'}"])
    keygen(sshd.folder / "short", "rsa")
    user = os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip()
    subprocess.run(
        [
            "ssh-keygen",
            "-q",
            "-s",
            tmp_path / "ca",
            "-I",
            "me",
            "-n",
            user,
            sshd.folder / "short.pub",
        ],
        check=True,
    )
    (sshd.folder / "short-cert.pub").rename(sshd.folder / "elsewhere-cert.pub")

    sshd.configure(
        IdentityFile=str(sshd.folder / "short"),
        CertificateFile=str(sshd.folder / "elsewhere-cert.pub"),
    )

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_a_name_that_does_not_resolve_says_so(sshd: Sshd) -> None:
    sshd.configure(HostName="no-such-host.invalid")

    with pytest.raises(HostUnreachable) as caught:
        output(sshd.target, "true")

    assert "'no-such-host.invalid' does not resolve" in caught.value.cause
    assert caught.value.transient


def test_a_port_where_nobody_listens_says_so(sshd: Sshd) -> None:
    sshd.configure(Port=str(free_port()))

    with pytest.raises(HostUnreachable) as caught:
        output(sshd.target, "true")

    assert "refused" in caught.value.cause.lower()


def test_a_server_that_never_speaks_times_out(sshd: Sshd) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        sshd.configure(Port=str(silent.getsockname()[1]), ConnectTimeout="1")

        with pytest.raises(HostUnreachable):
            output(sshd.target, "true")


def test_something_else_than_ssh_is_out_of_reach(sshd: Sshd) -> None:
    with socket.socket() as web:
        web.bind(("127.0.0.1", 0))
        web.listen(5)
        answering = threading.Thread(target=_answer_once, args=(web,), daemon=True)
        answering.start()
        sshd.configure(Port=str(web.getsockname()[1]), ConnectTimeout="2")

        with pytest.raises(HostUnreachable):
            output(sshd.target, "true")


def _answer_once(web: socket.socket) -> None:
    connection, _ = web.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 400)


def test_jump_hosts_are_gone_through_each_with_its_own_configuration(
    start: Callable[..., Sshd],
) -> None:
    inner, middle, outer = start(), start(), start()
    config = inner.folder / "all"
    config.write_text(
        renamed(inner, "box", f"ProxyJump middle,outer:{outer.port}")
        + renamed(middle, "middle", "Compression no")
        + renamed(outer, "outer", "Compression no")
    )
    # The names differ per hop, so each hop must be checked by its own known_hosts.
    target = SshTarget("box", config)

    assert output(target, "echo", "x") == b"x\n"
    assert "Accepted publickey" in (middle.folder / "sshd.log").read_text()
    assert "Accepted publickey" in (outer.folder / "sshd.log").read_text()


def test_a_jump_host_that_is_unknown_is_named(start: Callable[..., Sshd]) -> None:
    inner, outer = start(), start()
    (outer.folder / "known_hosts").write_text("")
    config = inner.folder / "all"
    config.write_text(renamed(inner, "box", "ProxyJump outer") + renamed(outer, "outer", ""))

    with pytest.raises(HostKeyProblem) as caught:
        output(SshTarget("box", config), "true")

    assert f"outer = [127.0.0.1]:{outer.port}" == caught.value.on


def test_a_host_out_of_reach_behind_a_jump_host_is_named(start: Callable[..., Sshd]) -> None:
    inner, outer = start(), start()
    config = inner.folder / "all"
    inner.configure(Port=str(free_port()))
    config.write_text(renamed(inner, "box", "ProxyJump outer") + renamed(outer, "outer", ""))

    with pytest.raises(HostUnreachable) as caught:
        output(SshTarget("box", config), "true")

    assert "the jump host cannot reach it" in caught.value.cause
    assert caught.value.on.startswith("box")


def test_jumping_in_circles_ends(sshd: Sshd) -> None:
    sshd.configure(ProxyJump="box2")
    config = sshd.folder / "config"
    config.write_text(
        config.read_text() + "Host box2\n  ProxyJump box3\nHost box3\n  ProxyJump box2\n"
    )

    with pytest.raises(ProfileProblem, match="circles"):
        output(sshd.target, "true")


def test_a_proxy_command_is_run_by_a_shell(sshd: Sshd) -> None:
    script = sshd.folder / "relay.py"
    script.write_text(RELAY)
    python = shutil.which("python3")

    sshd.configure(ProxyCommand=f"{python} {script} %h %p 2>/dev/null")

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_a_proxy_command_that_fails_says_so(sshd: Sshd) -> None:
    sshd.configure(ProxyCommand="sh -c 'echo no route for you >&2; exit 1'", ConnectTimeout="3")

    with pytest.raises(HostUnreachable) as caught:
        output(sshd.target, "true")

    assert "the ProxyCommand said: no route for you" in caught.value.cause


def test_includes_and_matches_of_the_configuration_count(sshd: Sshd) -> None:
    path = sshd.folder / "config"
    path.rename(sshd.folder / "more")
    path.write_text(
        f"Include {sshd.folder / 'more'}\nMatch host 127.0.0.1 exec true\n  User nobody\n"
    )

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_options_for_people_do_not_disturb(sshd: Sshd) -> None:
    sshd.configure(RequestTTY="force", RemoteCommand="tmux attach", ControlMaster="auto")

    assert output(sshd.target, "echo", "x") == b"x\n"


def test_a_frozen_link_is_noticed(sshd: Sshd) -> None:
    relay = Relay(sshd.port)
    sshd.configure(Port=str(relay.port))
    sshd.know("ed25519", name=f"[127.0.0.1]:{relay.port}")
    host = FabricHost(sshd.target)
    stream = host.open(["cat"])

    relay.freeze()

    assert stream.read(10) == b""  # ends by itself, keepalive_s being 1
    host.close()
    relay.close()


def renamed(sshd: Sshd, alias: str, more: str) -> str:
    text = (sshd.folder / "config").read_text().replace("Host box", f"Host {alias}")
    return f"{text}  {more}\n"


class Agent:
    """A private ssh-agent."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.socket = folder / "socket"
        argv = ["ssh-agent", "-D", "-a", str(self.socket)]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def add(self, key: Path) -> None:
        environment = {**os.environ, "SSH_AUTH_SOCK": str(self.socket)}
        subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Relay:
    """A TCP relay that can stop passing bytes on without ending anything."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._links: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._flowing.clear()

    def close(self) -> None:
        self._flowing.set()
        self._listener.close()
        for link in self._links:
            link.close()

    def _accept(self) -> None:
        try:
            near, _ = self._listener.accept()
        except OSError:
            return
        far = socket.create_connection(("127.0.0.1", self._target))
        self._links += [near, far]
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                target.sendall(data)
        except OSError:
            return


RELAY = """
import os, socket, sys, threading
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while True:
        data = os.read(0, 65536)
        if not data:
            os._exit(0)
        link.sendall(data)
threading.Thread(target=up, daemon=True).start()
while True:
    data = link.recv(65536)
    if not data:
        break
    os.write(1, data)
"""
