"""Files that look like keys: they must not travel with a plan's code."""

import fnmatch
import re
from pathlib import PurePosixPath

_NAMES = (
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "*.pem", "*.p12", "*.pfx",
    "*.jks", "*.kdbx", "*.ppk", ".netrc", "_netrc", ".pgpass", ".htpasswd", ".pypirc", ".env", ".env.*",
    "credentials", "credentials.json", "service-account*.json", "kubeconfig", ".git-credentials",
    "kaggle.json",
)  # fmt: skip
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist", "*.pub")
_HEADS = (b"-----BEGIN", b"PuTTY-User-Key-File")
_PUBLIC = rb"-----BEGIN (CERT|PUBLIC KEY|RSA PUBLIC|DH PARAM|X509 CRL)"
_FIELD = re.compile(rb'"private_key"\s*:\s*"-----BEGIN')
"""As the keys of service accounts have it, whatever their files are called."""
_HEAD = 4096


def looks_like_a_key(path: str, raw: bytes) -> str | None:
    """Why a file looks like a secret; None when it does not."""
    name = PurePosixPath(path).name.lower()
    if any(fnmatch.fnmatchcase(name, each) for each in _HARMLESS):
        return None
    if name.endswith(".pem") and b"PRIVATE KEY" not in raw and re.search(_PUBLIC, raw):
        return None
    if any(fnmatch.fnmatchcase(name, each) for each in _NAMES):
        return f"it is called {PurePosixPath(path).name}"
    head = raw[:_HEAD].lstrip()
    if head.startswith(_HEADS[0]) and b"PRIVATE KEY" in head.split(b"\n", 1)[0]:
        return "it holds a private key"
    is_key = head.startswith(_HEADS[1]) or _FIELD.search(head)
    return "it holds a private key" if is_key else None
