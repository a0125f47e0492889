"""``xpm login``: log in once, in the foreground, for all commands that come after."""

from datetime import datetime, timedelta

import click

from xpm.cli import prompting, render
from xpm.connectors import masters
from xpm.connectors.masters import Master
from xpm.connectors.specs import LocalSpec, Spec, SshTarget
from xpm.connectors.ssh_config import Resolved, resolve
from xpm.connectors.transports import FABRIC, has_openssh
from xpm.errors import LoginNeeded, ProfileProblem, UsageProblem
from xpm.follow.world import World
from xpm.launchers import units
from xpm.launchers.profiles import Profiles
from xpm.launchers.report import did_you_mean

NEEDED = 4


class Duration(click.ParamType[int]):
    """A duration as profiles have it."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """In seconds."""
        try:
            return units.parse_duration(str(value))
        except units.NotAUnit as problem:
            self.fail(f"{problem} (example: 8h)", param, ctx)


@click.command("login")
@click.argument("connector", required=False)
@click.option("--check", is_flag=True, help="Only tell whether there is a login; 4 when not.")
@click.option("--close", is_flag=True, help="End the login.")
@click.option("--for", "keep_s", type=Duration(), help="How long it stays unused; default: 12h.")
def command(connector: str | None, check: bool, close: bool, keep_s: int | None) -> int:
    """Log in to the host of CONNECTOR: ssh asks here for password, code, or whatever the site wants.

    The connection stays open in the background, and every command of xpm goes through it without asking,
    also those that are waiting for a login now.
    """
    if check and close:
        raise click.UsageError("--check and --close are two things")
    spec = _chosen(World().profiles(), connector)
    assert not isinstance(spec, LocalSpec)
    _refuse(spec.name, spec.ssh)
    host = resolve(spec.ssh.host, spec.ssh.config)
    master = masters.alive(host)
    if check:
        return _check(spec.name, host, master)
    if close:
        return _close(spec.name, host, master)
    if master is not None:
        render.line(f"{_logged_in(spec.name, host)} already (process {master.pid})")
        return 0
    _log_in(spec.name, host, spec.ssh, keep_s)
    return 0


def _log_in(name: str, host: Resolved, target: SshTarget, keep_s: int | None) -> None:
    if not prompting.is_foreground():
        raise LoginNeeded(
            "nobody can be asked here", on=name, cause="this is not the foreground of a terminal",
            hint=f"run `xpm login {name}` in a terminal",
        )  # fmt: skip
    with prompting.Terminal().terminal():  # ssh may be killed before it has restored it
        master = masters.open_login(host, target, keep_s)
    lasts_s = masters.lasts_s(host, keep_s)
    until = "until it is closed"
    if lasts_s is not None:
        end = datetime.now().astimezone() + timedelta(seconds=lasts_s)
        until = f"until {end:%a %H:%M}, and as long after its last use"
    render.line(f"{_logged_in(name, host)} (process {master.pid}), {until}")
    render.note(f"the site may end it earlier; `xpm login {name} --close` ends it")


def _check(name: str, host: Resolved, master: Master | None) -> int:
    if master is None:
        render.line(f"not logged in to {name}: `xpm login {name}`")
        return NEEDED
    whose = "your ControlMaster" if master.is_users else "by `xpm login`"
    render.line(f"{_logged_in(name, host)}, {whose} (process {master.pid})")
    return 0


def _close(name: str, host: Resolved, master: Master | None) -> int:
    if master is None:
        render.line(f"there is no login to {name}")
        return 0
    masters.close(host, master.path)
    if masters.alive(host) is not None:
        raise UsageProblem(
            "the login does not end", on=name, hint=f"end process {master.pid}: `kill {master.pid}`"
        )
    render.line(f"logged out of {name}; jobs go on")
    return 0


def _logged_in(name: str, host: Resolved) -> str:
    return f"logged in to {name} as {host.user}@{host.hostname}"


def _refuse(name: str, target: SshTarget) -> None:
    """Refuse where no login can be kept for other processes."""
    if target.transport == FABRIC:
        raise UsageProblem(
            "a login cannot be kept with `transport: fabric`", on=name,
            hint="say `ssh: {transport: auto}` in the profile; with fabric, each command in a terminal asks itself",
        )  # fmt: skip
    if not has_openssh():
        raise UsageProblem(
            "there is no ssh command here, which would keep the login", on=name,
            hint="install OpenSSH's client; without it, each command in a terminal asks itself",
        )  # fmt: skip


def _chosen(profiles: Profiles, name: str | None) -> Spec:
    """The connector of this name, or the only one that is elsewhere."""
    elsewhere = {
        each: spec for each, spec in profiles.connectors.items() if not isinstance(spec, LocalSpec)
    }
    if name is None and len(elsewhere) == 1:
        return next(iter(elsewhere.values()))
    if name in elsewhere:
        return elsewhere[name]
    names = ", ".join(sorted(elsewhere)) or "none"
    if name is None:
        raise UsageProblem(
            "it is not said where to log in", on=str(profiles.path or "no profile yet"),
            hint=f"xpm login CONNECTOR, one of: {names}" if elsewhere else "`xpm connect HOST` adds a place",
        )  # fmt: skip
    if name in profiles.connectors:
        raise UsageProblem(
            f"connector {name!r} is this machine: there is nothing to log in to",
            hint=f"places elsewhere: {names}",
        )
    hint = f"known: {names}" if profiles.path else "there is no profile yet"
    raise ProfileProblem(
        f"unknown connector {name!r}{did_you_mean(name, elsewhere)}", on=str(profiles.path or ""),
        hint=f"{hint}; `xpm connect HOST` adds one",
    )  # fmt: skip
