"""``xpm init``: a project that runs."""

from pathlib import Path

import click

from xpm.cli import render, templates
from xpm.errors import UsageProblem


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
def command(folder: Path) -> int:
    """Make a project in DIR (default: here): a plan that runs, profiles for this machine and a cluster.

    Nothing that is there is overwritten.
    """
    name = folder.absolute().name
    files = templates.project(name)
    _refuse_taken(folder, list(files))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each, (content, _) in files.items():
            with (folder / each).open("x", encoding="utf-8") as file:
                file.write(content)
    except OSError as error:
        raise UsageProblem(
            "the project cannot be made",
            on=str(error.filename or folder),
            cause=error.strerror or str(error),
            hint="name a folder that you can write: xpm init DIR",
        ) from error
    render.line(f"made {name}/" if str(folder) != "." else "made here")
    for line in render.aligned([[f"  {each}", told] for each, (_, told) in files.items()]):
        render.line(f"  {line}")
    render.line("next")
    if folder.absolute() != Path.cwd():
        render.line(f"  cd {folder}")
    render.line("  xpm run plan.py --dry-run")
    render.line("  xpm run plan.py")
    return 0


def _refuse_taken(folder: Path, names: list[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageProblem("this is no folder", on=str(folder), hint="xpm init DIR")
    taken = [name for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    if taken:
        raise UsageProblem(
            "a project is there already, and nothing is overwritten",
            on=str(folder.absolute()),
            cause=f"found {', '.join(taken)}",
            hint="name another folder, `xpm init DIR`, or put these away",
        )
