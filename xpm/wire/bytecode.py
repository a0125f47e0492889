"""Compiled code goes beside its source, and makes no folder where that was: below a disk that is away, nothing is made.

Python reads a source, compiles it and keeps the result in ``__pycache__``, with all the folders above it that are missing.
A workspace whose disk goes away in between would come into being anew where the disk was mounted.
"""

import os
import sys

TYPE_CHECKING = False  # every job starts with this
if TYPE_CHECKING:
    from typing import Any


def keep_beside_sources() -> None:
    """Let the imports of this process from now on keep compiled code only in folders that are there."""
    if getattr(sys, "pycache_prefix", None):
        return  # somebody keeps it elsewhere, where folders have to be made
    from importlib.machinery import SourceFileLoader

    write = SourceFileLoader.set_data

    def set_data(self: "Any", path: str, data: bytes, **more: "Any") -> None:
        try:
            os.mkdir(os.path.dirname(path))
        except FileExistsError:
            pass
        except OSError:
            return
        write(self, path, data, **more)

    SourceFileLoader.set_data = set_data  # type: ignore[method-assign, assignment]
