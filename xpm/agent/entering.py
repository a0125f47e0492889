"""How jobs enter an environment that is there."""

import os
import shlex
from typing import Any, Callable, Dict, List, Mapping

CHECK = """
import sys, importlib.util
print("xpm-version %d.%d.%d" % sys.version_info[:3])
for name in sys.argv[1:]:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        print("xpm-lacks " + name)
"""
"""Tells the version of a Python, and which of these packages it lacks."""

# conda's scripts are often for bash, and would end a plainer sh: then bash reads them, and tells what they export
_ACTIVATE = """\
for each in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
    [ -r "$each" ] || continue
    if [ "$(. "$each" >/dev/null 2>&1; echo so)" = so ]; then . "$each"
    else eval "$(bash -c 'set -o posix; . "$1" >/dev/null; export -p' - "$each")"; fi
done
unset each"""


def venv(folder: str) -> Dict[str, Any]:
    """What its record says of a virtual environment."""
    lines = [
        "export VIRTUAL_ENV=" + shlex.quote(folder),
        'export PATH="$VIRTUAL_ENV/bin:$PATH"',
        "unset PYTHONHOME",
    ]
    return {"python": os.path.join(folder, "bin", "python"), "activate": lines, "kept": False}


def conda(folder: str) -> Dict[str, Any]:
    """What its record says of a conda environment."""
    lines = [
        "export CONDA_PREFIX=" + shlex.quote(folder),
        'export PATH="$CONDA_PREFIX/bin:$PATH"',
        _ACTIVATE,
    ]
    return {"python": os.path.join(folder, "bin", "python"), "activate": lines, "kept": False}


def image_options(
    use: Mapping[str, Any], workspace: str, expanded: Callable[[str], str]
) -> List[str]:
    """What apptainer is told besides the image."""
    options: List[str] = []
    options += ["--nv"] if use.get("nv") is True else []
    options += ["--rocm"] if use.get("rocm") else []
    options += ["--cleanenv"] if use.get("cleanenv") else []
    for each in [workspace, *(use.get("bind") or ())]:
        options += ["--bind", expanded(str(each))]
    return options


def count(folder: str) -> int:
    """How many files an environment has, without what Python compiles by itself."""
    found = 0
    for _, folders, names in os.walk(os.path.realpath(folder)):
        folders[:] = [each for each in folders if each != "__pycache__"]
        found += len(names)
    return found
