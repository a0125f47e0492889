"""What a host tells of itself."""

from pathlib import Path

import pytest

from xpm.agent import probe


@pytest.mark.parametrize(
    ("busctl", "loginctl", "expected"),
    [
        ("echo 'b false'", "echo Linger=no", {"kills": False, "lingers": False}),
        ("echo 'b true'", "echo Linger=yes", {"kills": True, "lingers": True}),
        ("exit 1", "echo 'Failed to connect to bus' >&2; exit 1", {"kills": None, "lingers": None}),
        ("echo", "echo Linger=", {"kills": None, "lingers": None}),
    ],
)
def test_whether_jobs_survive_a_logout_is_told_by_systemd(
    busctl: str, loginctl: str, expected: dict[str, bool | None], tmp_path: Path
) -> None:
    for name, says in (("busctl", busctl), ("loginctl", loginctl)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / name).chmod(0o755)

    assert probe.logout({"PATH": str(tmp_path)}) == expected


def test_a_machine_without_systemd_says_nothing_of_logouts(tmp_path: Path) -> None:
    assert probe.logout({"PATH": str(tmp_path)}) == {"kills": None, "lingers": None}
