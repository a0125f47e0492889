"""How far a project's folder is from what git has of it."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path

MOST_S = 5.0


def count(project: Path, paths: Collection[str]) -> int | None:
    """How many of these files of a folder differ from the last commit, or are not in it; None where git keeps nothing."""
    prefix = _git(project, "rev-parse", "--show-prefix")
    told = _git(project, "status", "--porcelain", "-z", "--untracked-files=all", "--", ".")
    if prefix is None or told is None:
        return None
    above = prefix.decode("utf-8", "surrogateescape").rstrip("\n")
    changed = {each.removeprefix(above) for each in changed_paths(told)}
    return len(changed.intersection(paths))


def changed_paths(told: bytes) -> list[str]:
    """The files that ``git status --porcelain -z`` names; of one that was renamed the new name."""
    found: list[str] = []
    parts = iter(told.decode("utf-8", "surrogateescape").split("\0"))
    for each in parts:
        if each:
            found.append(each[3:])
            if "R" in each[:2] or "C" in each[:2]:
                next(parts, None)
    return found


def _git(folder: Path, *words: str) -> bytes | None:
    """What git answers; None when it is no work tree, git is not there, or takes its time."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    variables = {**kept, "GIT_OPTIONAL_LOCKS": "0"}  # the folder is only looked at
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=variables, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=MOST_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout
