"""A plan reads a result that is not here: says why, when a rule of the profile has kept it where the job ran."""

import os
import re
from pathlib import Path

from xpm.sync import staying
from xpm.wire import jobfile

_JOB = re.compile(r"(?P<main>.*)/jobs/(?P<task>[^/]+)/(?P<job>[0-9a-f]{64})/(?P<path>.+)")


def explain(error: BaseException) -> None:
    """Add a note to an error about a file that has stayed on the far side: how to bring it."""
    if not isinstance(error, FileNotFoundError) or not isinstance(
        error.filename, str | os.PathLike
    ):
        return
    found = _JOB.fullmatch(os.path.abspath(error.filename))  # noqa: PTH100 (resolve follows links)
    if found is None:
        return
    main, task, job, path = found["main"], found["task"], found["job"], found["path"]
    try:
        noted = staying.noted(Path(main, "jobs", task, job))
        connector = (jobfile.read(main, task, job) or {}).get("connector")
    except OSError:
        return
    why = [each.why for each in noted if each.path == path or each.path.startswith(f"{path}/")]
    words = f"{path} stayed on {connector} ({', '.join(dict.fromkeys(why))}): xpm pull {job[:8]} '/{path}'"
    if why and words not in getattr(error, "__notes__", ()):
        error.add_note(words)
