"""xpm launches experimental plans on SLURM clusters, on SSH hosts or right here.

Names are imported when first asked for, so that ``import xpm`` costs nothing to the programs that travel.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from xpm.plan.asking import arguments, origin
    from xpm.plan.config import Config
    from xpm.plan.context import GracefulTimeout, TaskCancelled
    from xpm.plan.copying import copyconfig, setmeta
    from xpm.plan.decorators import (
        Classic,
        argument,
        config,
        constant,
        option,
        param,
        pathoption,
        task,
        type,
    )
    from xpm.plan.entrance import experiment
    from xpm.plan.fields import Constant, Meta, Option, Param, PathGenerator, field
    from xpm.plan.identity import identifier
    from xpm.plan.marks import stop_tags, tag
    from xpm.plan.names import Identifier
    from xpm.plan.progress import progress
    from xpm.plan.requirements import Req
    from xpm.plan.saving import load, save
    from xpm.plan.tagnames import parse_tagspath
    from xpm.plan.tags import TagConflict, tags, tagspath
    from xpm.plan.tasks import LightweightTask, ResumableTask, Task
    from xpm.plan.tokens import Token

_HOMES = {
    "Classic": "decorators",
    "Config": "config",
    "Constant": "fields",
    "GracefulTimeout": "context",
    "Identifier": "names",
    "LightweightTask": "tasks",
    "Meta": "fields",
    "Option": "fields",
    "Param": "fields",
    "PathGenerator": "fields",
    "Req": "requirements",
    "ResumableTask": "tasks",
    "TagConflict": "tags",
    "Task": "tasks",
    "TaskCancelled": "context",
    "Token": "tokens",
    "argument": "decorators",
    "arguments": "asking",
    "config": "decorators",
    "constant": "decorators",
    "copyconfig": "copying",
    "experiment": "entrance",
    "field": "fields",
    "identifier": "identity",
    "load": "saving",
    "option": "decorators",
    "origin": "asking",
    "param": "decorators",
    "parse_tagspath": "tagnames",
    "pathoption": "decorators",
    "progress": "progress",
    "save": "saving",
    "setmeta": "copying",
    "stop_tags": "marks",
    "tag": "marks",
    "tags": "tags",
    "tagspath": "tags",
    "task": "decorators",
    "type": "decorators",
}

__all__ = [
    "Classic",
    "Config",
    "Constant",
    "GracefulTimeout",
    "Identifier",
    "LightweightTask",
    "Meta",
    "Option",
    "Param",
    "PathGenerator",
    "Req",
    "ResumableTask",
    "TagConflict",
    "Task",
    "TaskCancelled",
    "Token",
    "argument",
    "arguments",
    "config",
    "constant",
    "copyconfig",
    "experiment",
    "field",
    "identifier",
    "load",
    "option",
    "origin",
    "param",
    "parse_tagspath",
    "pathoption",
    "progress",
    "save",
    "setmeta",
    "stop_tags",
    "tag",
    "tags",
    "tagspath",
    "task",
    "type",
]


def __getattr__(name):  # type: (str) -> object
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'xpm' has no attribute {name!r}")
    module = __import__("xpm.plan." + home, fromlist=[name])
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__():  # type: () -> list[str]
    return sorted(set(globals()) | set(__all__))
