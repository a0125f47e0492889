"""Trees of code on the side where jobs run: hard links to blobs, with a list of what belongs into each.

Version 1, beside each tree in ``.xpm/code``::

    <snapshot>/            the files; the folder's mtime tells when somebody last asked for the tree
    <snapshot>.json        {"format": 1, "files": [[path, sha256, executable], ...]}; its mtime tells when all of them were
                           last seen, and touched. Trees of before have none, and are believed to be whole

Scratch file systems delete, file by file, what has not been touched for weeks. So who uses a tree looks, once a day, whether all
of it is there, and touches it; what lacks is linked again from its blob.
"""

import os
import shutil
import stat
import time

from xpm.wire import files

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import List, Optional, Sequence, Tuple

    from xpm.wire.workspace import Layout

    Wanted = Tuple[str, str, bool]

FORMAT = 1
DAY_S = 86400.0


class Missing(Exception):
    """Contents that a tree needs are not here."""

    def __init__(self, blobs: "Sequence[str]") -> None:
        Exception.__init__(self, "%d contents lack" % len(blobs))
        self.blobs = blobs


def list_path(layout: "Layout", snapshot: str) -> str:
    """Where it is written what belongs into a tree."""
    return os.path.join(layout.code, snapshot + ".json")


def listed(layout: "Layout", snapshot: str) -> "Optional[List[Wanted]]":
    """What belongs into a tree; None where that is not written."""
    try:
        content = files.load(list_path(layout, snapshot))
    except ValueError:  # torn by a power cut
        return None
    if content is None or content.get("format") != FORMAT:
        return None
    return [(str(path), str(sha), bool(mode)) for path, sha, mode in content["files"]]


def claim(layout: "Layout", snapshot: str) -> bool:
    """Note that somebody is about to use a tree that is here; False when it is not.

    From then on it is not cleaned away for a while (xpm/agent/trash.py).
    """
    try:
        os.utime(os.path.join(layout.code, snapshot), None)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def build(layout: "Layout", snapshot: str, wanted: "List[Wanted]") -> None:
    """Make a tree, whole or not at all.

    Raises:
        Missing: contents are not here, or not any more.
        FileExistsError, NotADirectoryError: two of its files have one path.
    """
    target = os.path.join(layout.code, snapshot)
    temporary = os.path.join(layout.code, files.temporary_name())
    os.mkdir(temporary)
    try:
        for path, sha, executable in wanted:
            place = os.path.join(temporary, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            _link(layout, sha, executable, place)
        note(layout, snapshot, wanted)
        _appear(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def note(layout: "Layout", snapshot: str, wanted: "List[Wanted]") -> None:
    """Write what belongs into a tree."""
    rows = [list(each) for each in wanted]
    files.write(list_path(layout, snapshot), files.dump({"format": FORMAT, "files": rows}))


def mend(layout: "Layout", snapshot: str, now: "Optional[float]" = None) -> "List[str]":
    """See to it that a tree is whole, once a day; the paths that lack and cannot be made again.

    Raises:
        OSError: the disk is away.
    """
    now = time.time() if now is None else now
    folder = os.path.join(layout.code, snapshot)
    is_here = os.path.isdir(folder)
    try:
        seen_at = os.stat(list_path(layout, snapshot)).st_mtime
    except FileNotFoundError:
        return [] if is_here else [snapshot]
    if is_here and abs(now - seen_at) < DAY_S:
        return []
    wanted = listed(layout, snapshot) or []
    if not is_here:
        return _made_again(layout, snapshot, wanted)
    lacking = [each for each in wanted if not _put_back(layout, folder, each)]
    if not lacking:
        os.utime(list_path(layout, snapshot), (now, now))
    return [path for path, _, _ in lacking]


def store(path: str, content: bytes, mode: int) -> None:
    """Put a blob's content where it belongs."""
    if not os.path.exists(path):
        files.make_one(os.path.dirname(path))
        files.write(path, content)
    if stat.S_IMODE(os.stat(path).st_mode) != mode:  # also of one whose writer was killed here
        os.chmod(path, mode)


def _made_again(layout: "Layout", snapshot: str, wanted: "List[Wanted]") -> "List[str]":
    try:
        build(layout, snapshot, wanted)
    except Missing:
        return [snapshot]
    return []


def _put_back(layout: "Layout", folder: str, wanted: "Wanted") -> bool:
    """Touch a file, or make it again where it lacks; whether it is there."""
    path, sha, executable = wanted
    place = os.path.join(folder, path)
    if _touched(place):
        return True
    os.makedirs(os.path.dirname(place), exist_ok=True)
    try:
        _link(layout, sha, executable, place)
    except FileExistsError:  # another job was faster
        return True
    except Missing:
        return False
    return True


def _touched(path: str) -> bool:
    """Give a file the time of now, without following a link; False when there is none."""
    try:
        os.utime(path, None, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _link(layout: "Layout", sha: str, executable: bool, place: str) -> None:
    source = layout.blob(sha)
    try:
        if executable:
            source = _twin(source)
        else:
            os.utime(source, None)  # somebody sent it long ago: it is new again
        os.link(source, place)
    except FileExistsError:
        raise
    except FileNotFoundError:
        if os.path.exists(source):
            raise
        raise Missing([sha]) from None
    except OSError:  # too many links, or a file system without them
        shutil.copy2(source, place)


def _twin(plain: str) -> str:
    twin = plain + ".x"  # links share their mode, so the executable one is another file
    if os.access(twin, os.X_OK):
        os.utime(twin, None)
        return twin
    content = files.read(plain)
    if content is None:
        raise FileNotFoundError(plain)
    store(twin, content, 0o555)
    return twin


def _appear(temporary: str, target: str) -> None:
    try:
        os.rename(temporary, target)
    except OSError:
        if not os.path.isdir(target):
            raise


def words(snapshot: str, lacking: "Sequence[str]") -> str:
    """What to tell of a job whose code has gone."""
    shown = ", ".join(lacking[:3]) + (", ..." if len(lacking) > 3 else "")
    return (
        "its code is not all there any more (snapshot %s lacks %s): somebody, or the site, has deleted old files;"
        " run the plan again, which sends the code of now" % (snapshot[:12], shown)
    )
