"""Configurations as files."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Union

from xpm.errors import PlanProblem
from xpm.plan import locate, places, walk
from xpm.plan.config import Config
from xpm.plan.documents import document
from xpm.plan.generated import main_folder, project_folder
from xpm.plan.problems import require_config
from xpm.plan.restoring import restore
from xpm.plan.state import Seal, state_of

File = Union[str, "os.PathLike[str]"]


def save(config: Config, path: File) -> Path:
    """Write a configuration or task, with all it uses, as a JSON file that ``load`` reads; its path.

    Raises:
        PlanProblem: it is no configuration, values are missing, or its class cannot be found by its name.
    """
    require_config(config, "save")
    target = Path(path)
    text = json.dumps(document(config, whole=True), indent=1)
    beside = target.with_name(f"{target.name}.{os.getpid()}.part")
    beside.write_text(text, encoding="ascii")
    beside.replace(target)
    return target


def load(path: File) -> Any:
    """The configuration of a file, with the identity it had when it was saved.

    Tasks that had been submitted, and what they hand on, are the jobs they were; everything else may be changed.

    Raises:
        PlanProblem: the file is none of ours, or its classes are not found.
    """
    source = Path(path)
    where = places.caller()
    try:
        content = json.loads(source.read_bytes())
    except (OSError, ValueError) as error:
        raise PlanProblem(
            f"{source} cannot be read as a configuration",
            cause=str(error),
            hint="give the path that save(configuration, path) was given",
            where=places.show(where),
        ) from error
    made = restore(content, main_folder(), project_folder() or os.getcwd(), _find, live=False)
    for _, each in walk.order(made, ()):
        state_of(each).place = where
    for _, each in walk.order(made, ()):
        ref = state_of(each).ref
        if ref is not None:
            for below, part in walk.order(each, ()):
                state = state_of(part)
                task, job = state.ref or ref
                state.seal = state.seal or Seal(task, job, where, below)
    return made


def _find(reference: dict[str, Any]) -> type:
    """A class in this process, where the script that runs is its own module."""
    script = locate.main_script()
    if script is not None and locate.script_module_name(script) == reference["module"]:
        found: Any = sys.modules["__main__"]
        for part in reference["name"].split("."):
            found = getattr(found, part, None)
        if isinstance(found, type):
            return found
    return locate.find_class({**reference, "script": None})
