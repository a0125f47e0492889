"""``xpm launchers``: look at the launcher profiles."""

from pathlib import Path

import click

from xpm.cli import render


@click.group("launchers")
def command() -> None:
    """Look at the launcher profiles ($XPM_CONFIG_DIR/launchers.yaml, by default in ~/.config/xpm)."""


@command.command("check")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Look there instead of in $XPM_CONFIG_DIR.",
)
def check(folder: Path | None) -> int:
    """Read the profiles; list the launchers, or everything that is wrong with them."""
    from xpm.launchers.profiles import load_profiles

    profiles = load_profiles(folder)
    rows = []
    for name in profiles.names:
        launcher = profiles.launcher(name)
        spec = launcher.connector
        kind = type(spec).__name__.removesuffix("Spec").lower()
        default = "default" if name == profiles.default else ""
        rows.append([name, kind, spec.name, default])
    render.table(("LAUNCHER", "KIND", "CONNECTOR", ""), rows)
    render.note(f"read from {profiles.path}" if profiles.path else "no profile: this machine only")
    return 0
