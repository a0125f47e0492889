"""The user's ssh configuration, as OpenSSH itself understands it.

``ssh -G`` is asked, so that Include, Match, tokens and ProxyJump count; paramiko's reader, which knows less of the
language, is used only where there is no ``ssh``.
"""

import getpass
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xpm.errors import ProfileProblem

_LISTS = ("identityfile", "certificatefile")
_TOKEN = re.compile(r"%([%hpnrdu])")
MOST_JUMPS = 8


@dataclass(frozen=True, slots=True)
class Resolved:
    """What it takes to reach one host: the answer of ``ssh -G``."""

    alias: str
    config: Path | None
    hostname: str
    port: int
    user: str
    identity_files: Sequence[Path]
    certificate_files: Sequence[Path]
    identities_only: bool
    identity_agent: str | None
    """None: the one of SSH_AUTH_SOCK; "none": no agent; else the path of its socket."""
    known_hosts: Sequence[Path]
    key_alias: str | None
    proxy_command: str | None
    jumps: Sequence[str]
    connect_timeout_s: float | None
    control_path: str | None = None
    """Where the configuration keeps OpenSSH's control socket, if it does."""
    options: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """All that ``ssh -G`` has said, by lower-case name."""

    def says(self, name: str) -> str:
        """The value of an option; "" when there is none, also for ``none`` and ``no``."""
        value = self.options.get(name, [""])[0]
        return "" if value.lower() in ("none", "no", "false") else value

    @property
    def key_name(self) -> str:
        """The name known_hosts has for it."""
        if self.key_alias:
            return self.key_alias
        return self.hostname if self.port == 22 else f"[{self.hostname}]:{self.port}"

    @property
    def command(self) -> str:
        """The ssh command a person types to reach it."""
        return f"ssh -F {self.config} {self.alias}" if self.config else f"ssh {self.alias}"


def resolve(alias: str, config: Path | None = None) -> Resolved:
    """What the user's configuration says of a host.

    Args:
        alias: an alias or a name, also ``user@name`` or ``ssh://user@name:port``.
        config: the configuration file; None for OpenSSH's own default.

    Raises:
        ProfileProblem: the configuration cannot be read, or the name cannot be a host.
    """
    if not alias or alias.startswith("-") or any(c.isspace() or ord(c) < 32 for c in alias):
        raise ProfileProblem(
            f"{alias!r} cannot be the name of an ssh host",
            hint="give what you type after `ssh`: an alias of ~/.ssh/config, or user@host",
        )
    if config is not None and not config.expanduser().is_file():
        raise ProfileProblem(
            "cannot read the ssh configuration",
            on=str(config),
            cause="there is no such file",
            hint="correct `config:` of the connector's ssh, or leave it out: it is ~/.ssh/config then",
        )
    config = config.expanduser() if config else None
    options = _ask_openssh(alias, config) if shutil.which("ssh") else _ask_paramiko(alias, config)
    return _resolved(alias, config, options)


def hops(host: Resolved) -> Sequence[Resolved]:
    """The jump hosts on the way to a host, the first to connect to first, each with its own configuration.

    Raises:
        ProfileProblem: they go in circles.
    """
    found: list[Resolved] = []
    jumps = list(host.jumps)
    while jumps:
        if len(found) == MOST_JUMPS:
            raise ProfileProblem(
                "ProxyJump goes in circles",
                on=host.alias,
                hint=f"mend ProxyJump of these hosts in the ssh configuration: `ssh -G {host.alias}`",
            )
        hop = resolve(_named(jumps.pop()), host.config)
        found.insert(0, hop)
        jumps = jumps or list(hop.jumps)
    return found


def _named(hop: str) -> str:
    """A ProxyJump hop as ``ssh`` takes it: ``user@host:port`` becomes a URL."""
    has_port = hop.count(":") == 1 or "]:" in hop
    return f"ssh://{hop}" if has_port and not hop.startswith("ssh://") else hop


def _ask_openssh(alias: str, config: Path | None) -> Mapping[str, Sequence[str]]:
    argv = ["ssh", "-G", *(["-F", str(config)] if config else []), "--", alias]
    try:
        done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=30)
    except subprocess.TimeoutExpired as error:
        raise ProfileProblem(
            "ssh -G does not answer", on=alias, hint="look for a Match exec that hangs"
        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ProfileProblem(
            "ssh does not understand its configuration",
            on=alias,
            cause=said[0] if said else f"ssh -G ended with {done.returncode}",
            hint=f"mend it until `{' '.join(argv)}` works",
        )
    return parse(done.stdout.decode("utf-8", "replace"))


def parse(answer: str) -> Mapping[str, Sequence[str]]:
    """The options in an answer of ``ssh -G``: lower-case name to its values, in order."""
    options: dict[str, list[str]] = {}
    for line in answer.splitlines():
        name, _, value = line.strip().partition(" ")
        if name:
            options.setdefault(name.lower(), []).append(value.strip())
    return options


def _ask_paramiko(alias: str, config: Path | None) -> Mapping[str, Sequence[str]]:
    from paramiko import ConfigParseError, SSHConfig  # heavy, and rarely the way

    path = config or Path.home() / ".ssh" / "config"
    user, _, host = alias.removeprefix("ssh://").rpartition("@")
    host, _, port = host.partition(":")
    try:
        found = SSHConfig.from_path(str(path)).lookup(host) if path.is_file() else {}
    except ConfigParseError as error:
        raise ProfileProblem(
            "cannot read the ssh configuration",
            on=str(path),
            cause=str(error),
            hint="mend that line",
        ) from error
    options = {k: list(v) if isinstance(v, list) else [str(v)] for k, v in dict(found).items()}
    options.setdefault("hostname", [host])
    options.setdefault(
        "identityfile", [f"~/.ssh/id_{kind}" for kind in ("rsa", "ecdsa", "ed25519")]
    )
    if user:
        options["user"] = [user]
    if port:
        options["port"] = [port]
    return options


def _resolved(alias: str, config: Path | None, options: Mapping[str, Sequence[str]]) -> Resolved:
    def first(name: str, otherwise: str = "") -> str:
        value = options.get(name, [otherwise])[0]
        return otherwise if value == "none" and name not in ("identityagent",) else value

    host, port = first("hostname", alias), int(first("port", "22"))
    user = first("user") or getpass.getuser()
    tokens = {
        "%": "%", "h": host, "p": str(port), "n": alias, "r": user,
        "d": str(Path.home()), "u": getpass.getuser(),
    }  # fmt: skip

    def expand(text: str) -> str:
        return _TOKEN.sub(lambda match: tokens[match.group(1)], text)

    def paths(values: Sequence[str]) -> list[Path]:
        return [Path(expand(v)).expanduser() for v in values if v and v != "none"]

    known = first("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2").split()
    known += first("globalknownhostsfile", "/etc/ssh/ssh_known_hosts").split()
    agent = first("identityagent", "SSH_AUTH_SOCK")
    timeout = first("connecttimeout")
    command, jumps = first("proxycommand"), first("proxyjump")
    return Resolved(
        alias=alias,
        config=config,
        hostname=host,
        port=port,
        user=user,
        identity_files=paths(options.get("identityfile", ())),
        certificate_files=paths(options.get("certificatefile", ())),
        identities_only=first("identitiesonly", "no") == "yes",
        identity_agent=None if agent == "SSH_AUTH_SOCK" else str(Path(expand(agent)).expanduser()),
        known_hosts=paths(known),
        key_alias=first("hostkeyalias") or None,
        proxy_command=expand(command) if command else None,
        jumps=[each for each in jumps.split(",") if each],
        connect_timeout_s=float(timeout) if timeout.isdigit() else None,
        control_path=first("controlpath") or None,
        options=options,
    )
