"""Generated paths: names inside the folder of the job that owns a configuration."""

from __future__ import annotations

import os

from xpm.plan import context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from xpm.plan.description import Argument
    from xpm.plan.state import Seal


def main_folder() -> str:
    """The main folder of the open experiment; without one, the current folder."""
    submitter = context.current()
    return os.path.abspath(submitter.main) if submitter is not None else os.getcwd()


def project_folder() -> str | None:
    """The project folder of the open experiment; without one, none."""
    submitter = context.current()
    return os.path.abspath(submitter.project) if submitter is not None else None


def generated(seal: Seal | None, argument: Argument) -> Path | None:
    """The path an argument has by default once its configuration is sealed."""
    if seal is None or argument.generator is None:
        return None
    from pathlib import Path

    name = name_below(seal.path, argument.generator.path)
    return Path(main_folder(), "jobs", seal.task, seal.job, name)


def name_below(path: str, name: str) -> str:
    """The name of a generated path of the configuration at ``path`` of its task.

    The task's own names are as they are; those of a nested configuration have its path in front.
    """
    if not path:
        return name
    head, tail = os.path.split(name)
    prefix = "".join(
        each if each.isalnum() or each in "._-" else f"-{ord(each):x}-" for each in path
    )
    return os.path.join(head, f"{prefix}.{tail}")
