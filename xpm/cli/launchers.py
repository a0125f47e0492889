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
@click.option("--online", is_flag=True, help="Also ask the clusters what they allow.")
def check(folder: Path | None, online: bool) -> int:
    """Read the profiles; list the launchers, or everything that is wrong with them.

    With --online, every cluster is asked what it allows, and launchers it can never serve are told.
    """
    from xpm.launchers.profiles import examine, load_profiles

    found = examine(folder)
    for remark in found.notes:
        render.note(str(remark))
    profiles = load_profiles(folder)  # raises what is wrong, all of it at once
    rows: list[list[str]] = []
    for name in profiles.names:
        launcher = profiles.launcher(name)
        kind = type(launcher.connector).__name__.removesuffix("Spec").lower()
        default = "default" if name == profiles.default else ""
        rows.append([name, launcher.connector.name, kind, launcher.where, default])
    render.table(("LAUNCHER", "CONNECTOR", "KIND", "WHERE", ""), rows)
    if profiles.path is None:
        render.note(f"there is no {found.path}: jobs run on this machine")
    if not online:
        return 0
    from xpm.cli import online as asking

    return asking.check(profiles)


@command.command("discover")
@click.argument("connector")
@click.option("--dry-run", is_flag=True, help="Show what is new; keep nothing.")
def discover(connector: str, dry_run: bool) -> int:
    """Ask the place of CONNECTOR what it is, keep that as the layer below your profile, and show what is new.

    Partitions with their limits, nodes and GPUs, QOS; on a plain host its cores, memory and GPUs.
    """
    from xpm.cli import discover as discovering
    from xpm.cli.doctor import spec_of
    from xpm.launchers.profiles import load_profiles

    return discovering.discover(spec_of(load_profiles(), connector), dry_run)
