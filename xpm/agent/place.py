"""How jobs are started in a workspace: the file the agent's ``open`` records, so that whoever advances does it alike."""

import fnmatch
import os
import re
import sys
from typing import Any, Dict, Iterable, Mapping, Optional

from xpm.wire import files
from xpm.wire.workspace import FORMAT, Layout

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_ALLOWED = frozenset(
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR HOSTNAME LD_LIBRARY_PATH MANPATH "
    "MODULEPATH MODULESHOME LMOD_CMD LMOD_DIR LMOD_PKG LMOD_ROOT BASH_ENV BASH_FUNC_module%% "
    "SLURM_CONF KRB5CCNAME XDG_RUNTIME_DIR".split()
)


def clean_environ(environ: Mapping[str, str], keep: Iterable[str] = ()) -> Dict[str, str]:
    """What jobs on a cluster start with: an allow-list, so that whoever submits, they get the same.

    ``keep``: what the profile adds to it, ``*`` standing for anything.

    SLURM_* and SBATCH_* would silently change what sbatch and srun do (a SLURM_CPU_BIND of the shell around, for
    instance); only SLURM_CONF, which says where the cluster is, stays.
    """
    patterns = ["LC_*", *keep]
    return {
        name: value
        for name, value in environ.items()
        if name in _ALLOWED or any(fnmatch.fnmatchcase(name, each) for each in patterns)
    }


def record(
    layout: Layout,
    kind: str,
    travel: str,
    capacity: Optional[Mapping[str, Any]] = None,
    python: Optional[str] = None,
    environ: Optional[Mapping[str, str]] = None,
    options: Optional[Mapping[str, Any]] = None,
) -> Dict[str, Any]:
    """Write place.json; its content. Writing the same again touches nothing."""
    content: Dict[str, Any] = {
        "format": FORMAT,
        "kind": kind,
        "capacity": dict(capacity or {}),
        "python": python,
        "travel": travel,
        "environ": clean_environ(
            os.environ if environ is None else environ, (options or {}).get("keep_environ") or ()
        ),
        "options": dict(options or {}),
    }
    raw = files.dump(content)
    if files.read(layout.place) != raw:
        files.write(layout.place, raw, sync=True)
    return content


def read(layout: Layout) -> Optional[Dict[str, Any]]:
    """What place.json says; None when nobody has opened the workspace yet."""
    return files.load(layout.place)


def build(layout: Layout, content: Dict[str, Any]) -> Any:
    """The place that this content describes, a SlurmPlace or a PlainPlace."""
    if content["kind"] == "slurm":
        from xpm.agent.slurm import SlurmPlace

        return SlurmPlace(layout, content)
    from xpm.agent.plain import PlainPlace

    return PlainPlace(layout, content)


def travel_folder(layout: Layout, content: Mapping[str, Any]) -> str:
    """Our own packages there: ``python <this> VERB ARGS`` starts any of our programs."""
    return os.path.join(layout.travel, str(content["travel"]))


def job_python(content: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """The Python that runs a job; ``~`` and ``$VAR`` of the request mean what they mean on this host."""
    asked = request.get("python")
    if not asked:
        return str(content.get("python") or sys.executable or "python3")
    environ = content.get("environ") or {}
    path = str(asked)
    if path.startswith("~/"):
        path = str(environ.get("HOME") or os.path.expanduser("~")) + path[1:]
    return _VARIABLE.sub(lambda found: str(environ.get(found.group(1), found.group(0))), path)
