"""Which of the two ways to an SSH host carries the bytes: paramiko (``fabric``) or the system's ssh (``openssh``).

``auto`` takes openssh where OpenSSH is logged in already, and where only it can log in; else fabric, which
needs no program and is the quicker one. What paramiko cannot do is looked for in the user's configuration.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xpm.connectors import masters
from xpm.connectors.known_hosts import certifiers
from xpm.connectors.ssh_config import Resolved, hops
from xpm.errors import SiteProblem

FABRIC, OPENSSH, AUTO = "fabric", "openssh", "auto"


@dataclass(frozen=True, slots=True)
class Choice:
    """A way, and why it was taken."""

    transport: str
    why: str


def has_openssh() -> bool:
    """Whether there is an ``ssh`` command here."""
    return shutil.which("ssh") is not None


def choose(wish: str, has_ssh: bool, has_master: bool, beyond: Sequence[str]) -> Choice:
    """The way to take.

    Args:
        wish: what the profile says: ``auto``, ``fabric`` or ``openssh``.
        has_ssh: whether there is an ``ssh`` command.
        has_master: whether a control master answers for the host.
        beyond: what the configuration wants and paramiko cannot do.

    Raises:
        SiteProblem: the profile wants what is not there.
    """
    if wish == FABRIC:
        return Choice(FABRIC, "the profile says so")
    if wish == OPENSSH:
        if not has_ssh:
            raise SiteProblem(
                "there is no ssh command here, which `transport: openssh` needs",
                hint="install OpenSSH's client, or say `transport: fabric`",
            )
        return Choice(OPENSSH, "the profile says so")
    if not has_ssh:
        return Choice(FABRIC, "there is no ssh command here")
    if has_master:
        return Choice(OPENSSH, "it is logged in")
    if beyond:
        return Choice(OPENSSH, f"only ssh can do this: {', '.join(beyond)}")
    return Choice(FABRIC, "it can do all that the ssh configuration asks for")


def beyond_paramiko(host: Resolved) -> list[str]:
    """What the configuration of a host, and of the jump hosts before it, wants and paramiko cannot do."""
    found = []
    for hop in hops(host):
        if masters.answers(hop):
            found.append(f"the jump host {hop.alias} is logged in to")
        found += [f"{each} (jump host {hop.alias})" for each in _wanted(hop)]
    return found + _wanted(host)


def _wanted(host: Resolved) -> list[str]:
    """The same, of this host alone.

    An authority counts also where a key is recorded: of several login nodes behind one name, others have other keys.
    """
    found = []
    if certified := certifiers(host.key_name, host.known_hosts):
        found.append(f"the host key is signed by an authority ({certified[0]})")
    if host.says("knownhostscommand"):
        found.append("KnownHostsCommand")
    if host.says("pkcs11provider"):
        found.append("PKCS11Provider")
    if host.says("proxyusefdpass"):
        found.append("ProxyUseFdpass")
    if host.says("hostbasedauthentication"):
        found.append("HostbasedAuthentication")
    if _has_only_security_keys(host):
        found.append("the key is on a security key (FIDO)")
    if host.says("gssapiauthentication") and _has_ticket():
        found.append("GSSAPIAuthentication with a ticket")
    return found


def _has_only_security_keys(host: Resolved) -> bool:
    kinds = [_kind(path) for path in host.identity_files if path.exists()]
    return bool(kinds) and all(kind.startswith("sk-") for kind in kinds)


def _kind(key: Path) -> str:
    """The kind of a key, from its public file; "" when that does not tell."""
    try:
        return Path(f"{key}.pub").read_text("utf-8", "replace").split(" ", 1)[0]
    except OSError:
        return ""


def _has_ticket() -> bool:
    """Whether there is a Kerberos ticket that is still good."""
    if shutil.which("klist") is None:
        return False
    try:
        done = subprocess.run(["klist", "-s"], stdin=subprocess.DEVNULL, timeout=5)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
