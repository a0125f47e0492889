import base64
from pathlib import Path

import pytest

from xpm.connectors.known_hosts import fingerprint, known_keys

BLOB = base64.b64encode(b"\0\0\0\x0bssh-ed25519 key").decode()
# Made by `ssh-keygen -H` from "example.org,192.0.2.1".
HASHED = "|1|9Mx8ncoYxSCZ2hcDVpgVPPCLBzo=|"


def known(tmp_path: Path, name: str, *lines: str) -> list[str]:
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(lines) + "\n")
    return [key.where.rpartition(":")[2] for key in known_keys(name, [path, tmp_path / "none"])]


@pytest.mark.parametrize(
    ("patterns", "name", "found"),
    [
        ("example.org", "example.org", True),
        ("example.org", "EXAMPLE.org", True),
        ("example.org", "other.org", False),
        ("example.org,192.0.2.1", "192.0.2.1", True),
        ("*.example.org", "a.example.org", True),
        ("*.example.org,!b.example.org", "b.example.org", False),
        ("login?", "login1", True),
        ("[example.org]:2222", "[example.org]:2222", True),
        ("[example.org]:2222", "example.org", False),
        ("example.org", "[example.org]:2222", False),
        ("[*]:2222", "[example.org]:2222", True),
    ],
)
def test_names_match_as_for_ssh(tmp_path: Path, patterns: str, name: str, found: bool) -> None:
    assert found == bool(known(tmp_path, name, f"{patterns} ssh-ed25519 {BLOB}"))


def test_other_lines_hold_no_key(tmp_path: Path) -> None:
    lines = [
        "", "# comment", "h", "h ssh-ed25519", "h ssh-ed25519 !!!", f"@cert-authority h ssh-ed25519 {BLOB}",
        f"|1|broken ssh-ed25519 {BLOB}", f"{HASHED} ssh-ed25519 {BLOB}", f"h ssh-ed25519 {BLOB} comment here",
    ]  # fmt: skip

    assert known(tmp_path, "h", *lines) == ["9"]


def test_a_revoked_key_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"h ssh-ed25519 {BLOB}\n@revoked h ssh-ed25519 {BLOB}\n")

    assert [key.revoked for key in known_keys("h", [path])] == [False, True]


def test_a_fingerprint_is_as_ssh_prints_it() -> None:
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
