"""Cleaning away, so that nothing is lost that somebody asks for meanwhile, whenever the one who cleans is killed.

Theory of operation. A *generation* is a folder of its own below ``.xpm/trash``. What is to go is renamed into it, one after
the other, as ``<number>``; ``<number>.json`` {"kind", "name", "path": below the workspace} is written before.
Then the needs of all jobs are read anew: what is needed after all, or was asked for since (its mtime says so: who asks touches
first, and is told that it is not there once it has been renamed), is renamed back. Only what is left is deleted.

    found ──► noted ──► renamed ──► looked at again ──► settled ──► deleted
                │            │              └── needed ──► renamed back
                └── killed ──┴── the next one to clean, or to open the workspace a day later, looks again

A tree of code that is gone for a moment is sent anew by its laptop; contents are hard links, so a tree keeps its own.
"""

import os
import shutil
import stat
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from xpm.agent import environs, needs, reading, rubbish
from xpm.agent.needs import Needs
from xpm.agent.rubbish import Item
from xpm.wire import emptied, files
from xpm.wire.workspace import Layout

FOLDER = "trash"
SETTLED = "settled"

Kept = NamedTuple("Kept", [("kind", str), ("name", str), ("why", str)])
"""Something that stays, and why."""


def folder(layout: Layout) -> str:
    """Where generations lie."""
    return os.path.join(layout.own, FOLDER)


class Generation(object):
    """What one cleaning removes.

    Args:
        layout: the workspace.
        name: an existing one; None: a new one.
    """

    def __init__(self, layout: Layout, name: Optional[str] = None) -> None:
        self.layout = layout
        self.name = name or files.temporary_name()[1:]
        self.path = os.path.join(folder(layout), self.name)
        self._count = 0
        if name is None:
            files.make_one(folder(layout))
            os.mkdir(self.path, 0o700)

    @property
    def is_settled(self) -> bool:
        """Whether all that is in it is to be deleted, whoever asks for it."""
        return os.path.exists(os.path.join(self.path, SETTLED))

    def take(self, item: Item) -> "Optional[Kept]":
        """Rename something away; why it stays, if it does."""
        for path in item.paths:
            reason = _outside(self.layout, path)
            if reason:
                return Kept(item.kind, item.name, reason)
            self._count += 1
            base = os.path.join(self.path, str(self._count))
            below = os.path.relpath(path, self.layout.root)
            note = {"kind": item.kind, "name": item.name, "path": below}
            files.write(base + ".json", files.dump(note))
            try:
                os.rename(path, base)
            except FileNotFoundError:
                pass  # somebody else was faster
            except OSError as error:
                return Kept(item.kind, item.name, error.strerror or str(error))
        return None

    def settle(self, needed: Needs, since: float) -> "List[Kept]":
        """Put back what is needed after all.

        Args:
            needed: what is needed, read after all was taken.
            since: what was asked for later than this stays.
        """
        notes = [
            (
                str(note["kind"]),
                str(note["name"]),
                str(note["path"]),
                os.path.join(self.path, number),
            )
            for number, note in self._notes()
        ]
        again = {
            (kind, name)
            for kind, name, _, inside in notes
            if _is_needed(self.layout, kind, name, inside, needed, since)
        }
        for kind, name, below, inside in notes:
            target = os.path.join(self.layout.root, below)
            if (kind, name) in again and os.path.lexists(inside) and not os.path.lexists(target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.rename(inside, target)
                if kind == "job":
                    _unlink(emptied.path(self.layout.root, below))
        files.write(os.path.join(self.path, SETTLED), b"")  # deleting gives folders new times
        return [Kept(kind, name, "somebody needs it again") for kind, name in sorted(again)]

    def delete(self, goes_on: "Callable[[], bool]") -> bool:
        """Delete what is left, as long as there is time; whether nothing is left."""
        for number, _ in self._notes():
            inside = os.path.join(self.path, number)
            if not _remove(inside, goes_on):
                return False
            _unlink(inside + ".json")
        for name in sorted(os.listdir(self.path), key=lambda each: each == SETTLED):
            if not _remove(os.path.join(self.path, name), goes_on):
                return False
        try:
            os.rmdir(self.path)
        except FileNotFoundError:
            pass
        return True

    def _notes(self) -> "List[Tuple[str, Dict[str, Any]]]":
        names = [each for each in files.listing(self.path) if each.endswith(".json")]
        found = [(name[:-5], reading.load(os.path.join(self.path, name))) for name in names]
        return [(number, note) for number, note in found if note and note.get("path")]


def left(layout: Layout) -> "List[str]":
    """The generations that others have begun, and perhaps not ended."""
    return files.listing(folder(layout))


def resume(layout: Layout, now: float, mine: str, goes_on: "Callable[[], bool]") -> bool:
    """Bring to their end the generations that others have begun; whether none is left.

    Args:
        layout: the workspace.
        now: the time.
        mine: the generation of who asks, which is not looked at.
        goes_on: whether there is time.
    """
    others = [name for name in left(layout) if name != mine]
    if not others:
        return True
    needed = needs.of(layout, now)
    for name in others:
        generation = Generation(layout, name)
        if not generation.is_settled:
            generation.settle(needed, now - rubbish.GRACE_S)
        if not generation.delete(goes_on):
            return False
    return True


def _is_needed(
    layout: Layout, kind: str, name: str, inside: str, needed: Needs, since: float
) -> bool:
    if kind == "code":
        return name in needed.code or _written_at(inside) > since
    if kind == "environment":
        return name in needed.environments
    if kind == "build":
        link = os.path.join(layout.root, environs.FOLDER, name[: environs.NAME])
        return os.path.islink(link) and os.readlink(link) == name
    if kind == "program":
        return _written_at(inside) > since
    if kind == "job":
        return name in needed.jobs
    return False


def _written_at(path: str) -> float:
    """Its mtime, as the server has it: opening makes an NFS client ask."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return 0.0
    try:
        return os.fstat(file).st_mtime
    finally:
        os.close(file)


def _outside(layout: Layout, path: str) -> str:
    """Why something is not ours to remove; "" when it is."""
    root = os.path.realpath(layout.root)
    above = os.path.realpath(os.path.dirname(path))
    if above != root and not above.startswith(root + os.sep):
        return "it lies outside the workspace, in %s" % above
    return ""


def _remove(path: str, goes_on: "Callable[[], bool]") -> bool:
    """Remove something and all below it, links and not what they lead to; False when the time is over."""
    if not goes_on():
        return False
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return True
    if not stat.S_ISDIR(status.st_mode):
        _unlink(path)
        return True
    with os.scandir(path) as scan:
        entries = [(each.path, each.is_dir(follow_symlinks=False)) for each in scan]
    if not status.st_mode & stat.S_IWUSR:
        os.chmod(path, 0o700)
    for inner, is_folder in entries:
        if not is_folder:
            _unlink(inner)
        elif not _remove(inner, goes_on):
            return False
    shutil.rmtree(path)
    return True


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
