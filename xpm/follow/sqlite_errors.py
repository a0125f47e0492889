"""What SQLite says of its disk, in the words of the system."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def as_os_error(error: "OSError | sqlite3.Error", path: Path) -> OSError:
    """What SQLite says of its disk, in the system's words."""
    import sqlite3

    if isinstance(error, OSError):
        return error
    codes = {
        sqlite3.SQLITE_FULL: errno.ENOSPC,
        sqlite3.SQLITE_READONLY: errno.EROFS,
        sqlite3.SQLITE_IOERR: errno.EIO,
    }
    code = codes.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    words = f"the journal cannot be written: {error}"
    return OSError(code, words, str(path)) if code else OSError(f"{words} ({path})")
