"""What known_hosts files say of a host: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"."""

import base64
import binascii
import fnmatch
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One recorded key of a host."""

    kind: str
    blob: bytes
    revoked: bool
    where: str
    """``file:line``."""


def known_keys(name: str, paths: Sequence[Path]) -> list[KnownKey]:
    """The keys recorded for a name (``host`` or ``[host]:port``), in order; unreadable files hold none."""
    found = []
    for path in paths:
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            key = _parse(line, name, f"{path}:{number}")
            if key is not None:
                found.append(key)
    return found


def certifiers(name: str, paths: Sequence[Path]) -> list[str]:
    """Where (``file:line``) a name is left to an authority that signs host keys (``@cert-authority``)."""
    found = []
    for path in paths:
        try:
            lines = path.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        for number, line in enumerate(lines, 1):
            marker, *fields = line.split() or [""]
            if marker == "@cert-authority" and len(fields) > 2 and _matches(name, fields[0]):
                found.append(f"{path}:{number}")
    return found


def contradiction(recorded: Sequence[KnownKey], kind: str) -> str:
    """What to say of a key of this kind that is not among those recorded for its host, of which there are some.

    Also when only keys of other kinds are recorded it is refused: whoever listens in offers what is not known. A host that has
    a key we know shows it, since we ask for the kinds we know first.
    """
    alike = [each for each in recorded if each.kind == kind]
    if alike:
        words = f"{alike[0].where} records another key: the host was reinstalled"
    else:
        kinds = ", ".join(dict.fromkeys(each.kind for each in recorded))
        words = f"{recorded[0].where} records only keys of another kind ({kinds}): the host was given new keys"
    return f"{words}, or somebody listens in"


def fingerprint(blob: bytes) -> str:
    """A key's fingerprint, as ssh prints it."""
    digest = hashlib.sha256(blob).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def _parse(line: str, name: str, where: str) -> KnownKey | None:
    fields = line.split()
    marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
    if len(fields) < 3 or fields[0].startswith("#") or marker == "@cert-authority":
        return None
    patterns, kind, text = fields[:3]
    if not _matches(name, patterns):
        return None
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return KnownKey(kind, blob, marker == "@revoked", where)


def _matches(name: str, patterns: str) -> bool:
    if patterns.startswith("|1|"):
        return _matches_hash(name, patterns)
    matched = False
    for pattern in patterns.lower().split(","):
        # Only * and ? are special in known_hosts, whereas [ starts a set for fnmatch.
        plain = pattern.removeprefix("!").replace("[", "[[]")
        if fnmatch.fnmatchcase(name.lower(), plain):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


def _matches_hash(name: str, text: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in text[3:].split("|"))
    except (binascii.Error, ValueError):
        return False
    mine = hmac.new(salt, name.lower().encode("utf-8"), hashlib.sha1).digest()
    return hmac.compare_digest(mine, digest)
