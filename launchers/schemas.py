"""The JSON schema that lies beside a profile, kept as this version has it.

It says in its second line that xpm wrote it, and with what: as long as nobody edits it, whoever reads the profile brings it
up to date.
"""

import contextlib
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from xpm.launchers.editors import FILE, HIDDEN_FILE, schema_text
from xpm.launchers.layers import Layer
from xpm.wire import files

MOST = 1 << 20
DAY_S = 86400.0
_MARK = re.compile(r'\{\n "\$comment": "[^"\n]* ([0-9a-f]{16})",\n')
_WORDS = "written by xpm, and brought up to date by it as long as nobody edits it:"


def marked() -> str:
    """The schema as it is put beside a profile: with the mark by which an edited one is told."""
    text = schema_text()
    return f'{{\n "$comment": "{_WORDS} {_digest(text)}",\n' + text.removeprefix("{\n")


def refresh(layers: Iterable[Layer]) -> None:
    """Bring the schemas beside these profiles up to date: those of another version that nobody has edited. Never fails."""
    for folder in dict.fromkeys(layer.path.parent for layer in layers):
        for name in (FILE, HIDDEN_FILE):
            with contextlib.suppress(OSError, ValueError):
                _refresh(folder / name)


def _refresh(path: Path) -> None:
    seen = path.stat()
    if not stat.S_ISREG(seen.st_mode) or seen.st_size > MOST or _is_fresh(seen.st_mtime):
        return
    text = path.read_bytes().decode()
    if not _is_ours(text):
        return
    fresh = marked()
    if text == fresh:
        os.utime(path)  # known to be so for a day
    else:
        files.write(str(path.resolve()), fresh.encode())


def _is_fresh(at: float) -> bool:
    """Whether a schema of this age can be no other version's: it costs as much to find out as to write one."""
    return _installed_at() < at and 0 <= time.time() - at < DAY_S


def _installed_at() -> float:
    """About when this version was put here."""
    return max(path.stat().st_mtime for path in (Path(__file__), Path(__file__).parent))


def _is_ours(text: str) -> bool:
    mark = _MARK.match(text)
    return mark is not None and _digest("{\n" + text[mark.end() :]) == mark[1]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
