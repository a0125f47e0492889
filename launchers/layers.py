"""Where a profile comes from: files and words, each over the ones before, every value keeping the place that says it.

::

    built-in      what xpm knows itself (builtin.py)
    discovered    <user's folder>/launchers.d/*.discovered.yaml and discovered/*.yaml: what sites have told; the base of all
                  that people write. Of a connector that nobody else names nothing is taken
    admin         /etc/xpm/launchers.yaml ($XPM_ADMIN_DIR): for all users of this machine
    user          ~/.config/xpm/launchers.yaml ($XPM_CONFIG_DIR, $XDG_CONFIG_HOME)
    project       xpm-launchers.yaml beside the plan, or in a folder above it up to the top of the repository
    command line  --set launchers.gpu.time=2h

Mappings are merged by name; everything else, lists too, is replaced.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpm.errors import UsageProblem
from xpm.launchers.report import Report
from xpm.launchers.tree import Mark, Node, Table

FILE = "launchers.yaml"
PROJECT_FILE = "xpm-launchers.yaml"
DISCOVERED = ("launchers.d/*.discovered.yaml", "discovered/*.yaml")


@dataclass(frozen=True, slots=True)
class Layer:
    """A file of a profile, whose turn it is after those before it."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look for a profile."""

    folder: Path
    """The user's."""
    admin: Path
    start: Path | None = None
    """The folder where the search for a project's file begins; None: there is no project."""
    sets: tuple[str, ...] = ()
    """Words of the command line, ``launchers.gpu.time=2h``."""


def sources(
    folder: Path | None = None, start: Path | None = None, sets: Iterable[str] = ()
) -> Sources:
    """Where a profile is looked for; a folder that is given stands alone."""
    if folder is not None:
        return Sources(folder, folder / "no admin", None, tuple(sets))
    admin = Path(os.environ.get("XPM_ADMIN_DIR") or "/etc/xpm")
    return Sources(user_folder(), admin, start or Path.cwd(), tuple(sets))


def user_folder() -> Path:
    """The folder of the user's own profile."""
    chosen = os.environ.get("XPM_CONFIG_DIR")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path("~/.config").expanduser()) / "xpm"


def files(sources: Sources, report: Report) -> list[Layer]:
    """The files that are there, those that count less first; what cannot be looked at is reported."""
    found = [
        Layer("discovered", path)
        for pattern in DISCOVERED
        for path in sorted(sources.folder.glob(pattern))
    ]
    wanted = [Layer("admin", sources.admin / FILE), Layer("user", sources.folder / FILE)]
    project = _project(sources.start) if sources.start is not None else None
    if project is not None:
        wanted.append(Layer("project", project))
    for layer in wanted:
        try:
            there = layer.path.exists()
        except OSError as error:
            report.problem(None, str(layer.path), f"cannot be read: {error.strerror}")
            continue
        misspelt = layer.path.with_suffix(".yml")
        if there:
            found.append(layer)
        elif misspelt.exists():
            report.problem(None, str(misspelt), f"is not read, name it {layer.path.name}")
    return found


def _project(start: Path) -> Path | None:
    """The nearest project file, up to the top of the repository or the home folder."""
    home = Path.home()
    for folder in (start, *start.parents):
        for name in (PROJECT_FILE, PROJECT_FILE.replace(".yaml", ".yml")):
            if (folder / name).exists():
                return folder / PROJECT_FILE
        if folder == home or (folder / ".git").exists():
            return None
    return None


def misnamed(folder: Path) -> Path | None:
    """A file of a project that is called like the user's own, and so is not read."""
    found = folder / FILE
    is_the_users = folder.resolve() == user_folder().resolve()
    return found if found.exists() and not is_the_users else None


def without_strangers(discovered: Table, others: Iterable[Table]) -> Table:
    """What was discovered, of connectors that are still there."""
    known = {name for other in others for name in other.table("connectors").items}
    found = discovered.table("connectors")
    kept = {name: node for name, node in found.items.items() if name in known}
    if len(kept) == len(found.items):
        return discovered
    keys = {name: found.keys[name] for name in kept}
    return Table(
        {**discovered.items, "connectors": Table(kept, keys, found.mark)},
        discovered.keys,
        discovered.mark,
    )


def words(sets: Sequence[str], report: Report) -> Iterator[Table]:
    """What the command line says, one tree for each word.

    Raises:
        UsageProblem: it is not of the form key.key=value.
    """
    from xpm.launchers import load

    for word in sets:
        path, sign, text = word.partition("=")
        keys = path.strip().split(".")
        if not sign or not all(keys):
            raise UsageProblem(
                f"--set {word} says nothing",
                hint="keys with dots, then the value: --set launchers.gpu.time=2h",
            )
        mark = Mark(f"--set {word}", 0, 0)
        node = load.value(text.strip(), mark, report)
        if node is not None:
            yield _nested(keys, node, mark)


def _nested(keys: Sequence[str], node: Node, mark: Mark) -> Table:
    for key in reversed(keys):
        node = Table({key: node}, {key: mark}, mark)
    assert isinstance(node, Table)
    return node
