"""A plan reads a result that is not here: says why, when a rule of the profile has kept it where the job ran."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from xpm.connectors.base import JobRef
from xpm.sync import staying
from xpm.wire import jobfile

_JOB = re.compile(r"(?P<main>.*)/jobs/(?P<task>[^/]+)/(?P<job>[0-9a-f]{64})/(?P<path>.+)")


def explain(error: BaseException, is_alive: Callable[[JobRef], bool] | None = None) -> None:
    """Add a note to an error about a file of a job that is not here: that the job has not ended, or how to bring it."""
    if not isinstance(error, FileNotFoundError) or not isinstance(
        error.filename, str | os.PathLike
    ):
        return
    found = _JOB.fullmatch(os.path.abspath(error.filename))  # noqa: PTH100 (resolve follows links)
    if found is None:
        return
    main, task, job, path = found["main"], found["task"], found["job"], found["path"]
    if is_alive is not None and is_alive(JobRef(task, job)):
        error.add_note(
            f"{task} {job[:8]} has not ended: wait for it first (task.wait(), xp.wait()),"
            " or read in task.on_completed(...)"
        )
        return
    try:
        noted = staying.noted(Path(main, "jobs", task, job))
        connector = (jobfile.read(main, task, job) or {}).get("connector")
    except OSError:
        return
    why = [each.why for each in noted if each.path == path or each.path.startswith(f"{path}/")]
    words = f"{path} stayed on {connector} ({', '.join(dict.fromkeys(why))}): xpm pull {job[:8]} '/{path}'"
    if why and words not in getattr(error, "__notes__", ()):
        error.add_note(words)
