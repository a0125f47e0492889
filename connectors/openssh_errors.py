"""What the words of the ``ssh`` command mean for a person: the one place that reads them.

ssh ends with 255 whatever went wrong before a command ran; only its messages tell what. They are not translated to the
user's language. With jump hosts several ssh speak at once: what needs a person weighs more than what may pass.
"""

import re
import shlex

from xpm.connectors.ssh_config import Resolved
from xpm.errors import (
    HostKeyProblem,
    HostProblem,
    HostUnknown,
    HostUnreachable,
    LoginNeeded,
    ProfileProblem,
    SiteProblem,
    XpmError,
)

LOGIN = "waiting for login"
_KEY = re.compile(
    r"Host key verification failed|host key is known|HOST IDENTIFICATION HAS CHANGED|revoked host key"
)
_REVOKED = re.compile(r"REVOKED HOST KEY|marked as revoked|revoked host key")
_CHANGED = re.compile(r"Offending (?:\S+ )?key in (\S+)")
_WHOSE = re.compile(r"[Hh]ost key (?:is known )?for (\S+) (?:has changed|and you have|was revoked)")
_TO = re.compile(r"^debug1: Authenticating to (\S+):(\d+) as ", re.MULTILINE)
_SHOWN = re.compile(r"fingerprint for the (\S+) key sent by the remote host is\s+(\S+?)\.?\s")
_REFUSED = re.compile(
    r"Permission denied \(|Too many authentication failures|No more authentication methods|"
    r"Authentication failed|[Aa]ccount .*(locked|expired)|no mutual signature"
)
_CONFIGURATION = re.compile(
    r"Bad configuration option|terminating, \d+ bad|Bad owner or permissions|command-line: line"
)
_ALGORITHMS = re.compile(r"Unable to negotiate with|no matching .* found")
_BEHIND = re.compile(
    r"open failed: connect failed|stdio forwarding failed|administratively prohibited"
)
_UNKNOWN = re.compile(
    r"Could not resolve hostname .*not known|nodename nor servname|Connection refused"
)
_DETAIL = re.compile(
    r"debug\d: |OpenSSH_\d|Authenticated to |Executing proxy command|Pseudo-terminal"
)
_NOISE = re.compile(
    r"^(Warning: Permanently added|Control socket connect|\*\* )|Connection closed by UNKNOWN port|^Killed by signal"
)


def problem(host: Resolved, said: str) -> XpmError:
    """Why ssh did not get to a host, from what it said."""
    whole = said
    said = "\n".join(line for line in said.splitlines() if not _DETAIL.match(line))
    on, words = _on(host), last_words(said)
    if _CONFIGURATION.search(said):
        return ProfileProblem(
            "ssh does not understand its configuration", on=host.alias, cause=words,
            hint=f"mend it until `{host.command}` works",
        )  # fmt: skip
    if _KEY.search(said):
        return _key_problem(host, said, _whose(host, whole))
    if _REFUSED.search(said):
        return LoginNeeded(
            LOGIN, on=on, cause=words,
            hint=f"make `{host.command}` log in without a question (key in an agent, or in IdentityFile)",
        )  # fmt: skip
    return _network_problem(host, said, on, words)


def last_words(said: str) -> str:
    """The lines that tell most, in one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if not _NOISE.search(line)]
    return "".join(c if c.isprintable() else "?" for c in " | ".join((telling or lines)[-3:]))[
        -500:
    ]


def _network_problem(host: Resolved, said: str, on: str, words: str) -> HostProblem:
    if _ALGORITHMS.search(said):
        return SiteProblem(
            "cannot connect",
            on=on,
            cause=f"no algorithm in common: {words}",
            hint=f"see `{host.command} -v` and its KexAlgorithms, Ciphers and HostKeyAlgorithms",
        )
    if _BEHIND.search(said):
        return HostUnreachable(
            "cannot connect",
            on=on,
            cause=f"the jump host cannot reach it: {words}",
            hint="check the host's name and port as the jump host sees them",
        )
    if _UNKNOWN.search(said):
        return HostUnknown(
            "cannot connect", on=on, cause=words,
            hint=f"check the spelling, the ssh configuration (`ssh -G {host.alias}`), the network or VPN, "
            "and whether sshd runs there",
        )  # fmt: skip
    return HostUnreachable(
        "cannot connect", on=on, cause=words or "it does not answer: timed out",
        hint=f"check the network or VPN, then `{host.command}`",
    )  # fmt: skip


def _whose(host: Resolved, said: str) -> str:
    """The name known_hosts has for who has shown the key: a jump host, if not the host itself."""
    if named := _WHOSE.search(said):
        return named.group(1)
    ways = _TO.findall(said[: said.find("Host key verification failed")])
    address, port = ways[-1] if ways else (host.hostname, str(host.port))
    if (address, port) == (host.hostname, str(host.port)):
        return host.key_name
    return address if port == "22" else f"[{address}]:{port}"


def _key_problem(host: Resolved, said: str, name: str) -> HostKeyProblem:
    what = "the host key is not accepted"
    on = (
        f"{host.alias} = {name}" if name == host.key_name else f"{name}, on the way to {host.alias}"
    )
    shown = _SHOWN.search(said)
    key = f"{shown.group(1)} {shown.group(2)}" if shown else "a key"
    if _REVOKED.search(said):
        return HostKeyProblem(
            what, on=on, cause=f"it is revoked: {last_words(said)}", hint="ask the site's administrators"
        )  # fmt: skip
    changed = _CHANGED.search(said)
    if changed:
        file = changed.group(1).rpartition(":")[0]
        return HostKeyProblem(
            what, on=on,
            cause=f"the host shows {key}, but {changed.group(1)} records another key: "
            "the host was reinstalled, or somebody listens in",
            hint="compare with the fingerprint the site publishes; if it is right: "
            f"`ssh-keygen -R {shlex.quote(name)} -f {file}`, then `{host.command}`",
        )  # fmt: skip
    return HostKeyProblem(
        what, on=on, cause=f"known_hosts has no key for it: {last_words(said)}",
        hint=f"run `{host.command}`, compare with the fingerprint the site publishes, and answer yes",
    )  # fmt: skip


def _on(host: Resolved) -> str:
    place = f"{host.user}@{host.hostname}:{host.port}"
    return host.alias if host.alias in place else f"{host.alias} = {place}"
