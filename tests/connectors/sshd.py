"""A private sshd of the current user, on a free port of this machine."""

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from xpm.connectors.specs import SshTarget

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Sshd:
    """Host keys, user key, known_hosts and ssh_config lie in ``folder``; the host's alias is ``box``."""

    def __init__(
        self,
        folder: Path,
        options: Sequence[str] = (),
        kinds: Sequence[str] = ("ed25519",),
        program: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.kinds = kinds
        self._program = program or SSHD
        for kind in kinds:
            keygen(folder / f"host_{kind}", kind)
        keygen(folder / "user", "ed25519")
        shutil.copy(folder / "user.pub", folder / "authorized_keys")
        self.know(*kinds)
        self.configure()
        self._options = options
        self._process = self._start(options)

    @property
    def target(self) -> SshTarget:
        return SshTarget("box", self.folder / "config", keepalive_s=1, connect_timeout_s=10)

    def know(self, *kinds: str, name: str | None = None) -> None:
        """Record these keys, and no others, as known."""
        name = name or f"[127.0.0.1]:{self.port}"
        lines = [f"{name} {public(self.folder / f'host_{kind}')}" for kind in kinds]
        (self.folder / "known_hosts").write_text("\n".join([*lines, ""]))

    def configure(self, **options: str) -> None:
        """Write the ssh configuration, with these options before the usual ones."""
        usual = {
            "HostName": "127.0.0.1", "Port": str(self.port), "User": getpass.getuser(),
            "IdentityFile": str(self.folder / "user"), "IdentitiesOnly": "yes", "IdentityAgent": "none",
            "UserKnownHostsFile": str(self.folder / "known_hosts"), "GlobalKnownHostsFile": "/dev/null",
        }  # fmt: skip
        lines = ["Host box", *(f"  {key} {value}" for key, value in {**usual, **options}.items())]
        (self.folder / "config").write_text("\n".join([*lines, ""]))

    def cut(self) -> int:
        """Kill what serves the connections of now, as a network that fails or a host that restarts does; how many that were."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split()
        for each in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(each), signal.SIGKILL)
        return len(found)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        self._process.wait(10)

    def kill(self) -> None:
        """Kill it with all its connections; what commands there have detached goes on."""
        processes = self._processes()
        for pid in processes:
            _signal(pid, signal.SIGKILL)
        self._process.wait(10)

    def start(self) -> None:
        """Start it again, at its port."""
        self._process = self._start(self._options)

    def freeze(self) -> None:
        """Let it and its connections answer nothing, until ``thaw``."""
        for pid in self._processes():
            _signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self._processes():
            _signal(pid, signal.SIGCONT)

    @property
    def log(self) -> str:
        """What it has logged, since it was started last."""
        return (self.folder / "sshd.log").read_text("utf-8", "replace")

    def _processes(self) -> list[int]:
        """It, and those of its connections."""
        found = [self._process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    found += [
                        each for each in map(int, children.read_text().split()) if _is_sshd(each)
                    ]
        return found

    def _start(self, options: Sequence[str]) -> "subprocess.Popen[bytes]":
        assert self._program is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        lines = [
            *options,
            f"Port {self.port}", "ListenAddress 127.0.0.1", "PidFile none", "UsePAM no", "StrictModes no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}", "LogLevel VERBOSE",
            *(f"HostKey {self.folder / f'host_{kind}'}" for kind in self.kinds),
        ]  # fmt: skip
        (self.folder / "sshd_config").write_text("\n".join([*lines, ""]))
        argv = [str(self._program), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "sshd.log").open("wb") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not _listens(self.port, process):
            raise RuntimeError((self.folder / "sshd.log").read_text())
        return process


def _is_sshd(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("sshd")
    except OSError:
        return False


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def through(shell_line: str) -> str:
    """The sshd option that lets every command run inside this line of sh, as ``$SSH_ORIGINAL_COMMAND``."""
    return f"ForceCommand {shell_line}"


def in_path(folder: Path, **programs: str | None) -> str:
    """The sshd option that leaves commands a PATH of ``sh`` and these programs only."""
    folder.mkdir()
    for name, path in {"sh": shutil.which("sh"), **programs}.items():
        assert path is not None
        (folder / name).symlink_to(path)
    path = shlex.quote(str(folder))
    return through(f'PATH={path}; export PATH; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"')


def keygen(path: Path, kind: str, passphrase: str = "") -> None:
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path), "-C", "test"]
    subprocess.run(argv, check=True)


def public(path: Path) -> str:
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    waiting = threading.Event()
    for _ in range(500):
        if process.poll() is not None:
            return False
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        waiting.wait(0.02)
    return False
