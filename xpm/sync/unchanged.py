"""What both sides of a big mirror looked like when nothing lacked: so that no list of files travels while they look the same.

``.xpm/mirrored.json`` in the local job folder, of jobs with many files::

    {"format": 1, "there": fingerprint (wire/manifests.py), "here": fingerprint, "choice": text}

Both sides are still looked at, file by file: what was deleted or edited on either is noticed. A cache: without it, or when it
is stale, the lists are compared.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from xpm.sync import names
from xpm.sync.folder import InTheWay, JobFolder
from xpm.sync.mirror import Local
from xpm.sync.rules import Choice
from xpm.wire import files

PATH = f"{names.OWN}/mirrored.json"
LEAST = 1000
"""The list of fewer files is quicker sent than remembered."""


@dataclass(frozen=True, slots=True)
class Noted:
    """How both sides looked when nothing lacked."""

    there: str
    here: str

    def is_so(self, here: Local) -> bool:
        """Whether this side looks the same."""
        return _fingerprint(here) == self.here


def noted(folder: Path, choice: Choice) -> Noted | None:
    """How both sides looked; None when that is not known, or was by other rules."""
    try:
        content = files.load(str(folder / PATH)) or {}
    except (OSError, ValueError):  # torn by a power cut, or not ours
        return None
    if content.get("format") != 1 or content.get("choice") != _text(choice):
        return None
    return Noted(str(content["there"]), str(content["here"]))


def note(folder: JobFolder, there: str, choice: Choice) -> None:
    """Note that nothing of a job lacks now."""
    here = folder.scan()
    if len(here.files) < LEAST or here.partials:
        return
    content = {"format": 1, "there": there, "here": _fingerprint(here), "choice": _text(choice)}
    try:
        folder.replace(PATH, files.dump(content))
    except InTheWay:  # somebody's own file has its name: it is only a cache
        return


def _fingerprint(here: Local) -> str:
    text = json.dumps([here.files, here.links, here.partials], separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _text(choice: Choice) -> str:
    return repr(choice)
