"""Opening a workspace: is everything there that jobs will need, and how are they started here.

Checked in this order, so that the first thing wrong is the one told: the folder, the Python of the jobs, and, for
slurm, the commands. What is found goes into place.json, for whoever advances.
"""

import os
import re
import shutil
import subprocess
import sys
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from xpm.agent import machine, place
from xpm.agent.refusals import disk, site, usage
from xpm.wire import disks, files, workspace
from xpm.wire.workspace import Layout

OLDEST = (3, 9)
NEWEST_MINOR = 14
START_S = 30.0
SLURM_FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/opt/slurm/bin",
    "/usr/local/slurm/bin",
    "/opt/slurm/current/bin",
)
_VERSION = "import sys; print('xpm-python %d %d %d' % sys.version_info[:3])"


class Opened(NamedTuple):
    """A workspace that is ready."""

    layout: Layout
    id: str
    kind: str
    python: str
    version: Tuple[int, ...]
    facts: Dict[str, Any]


def open_workspace(request: Mapping[str, Any], travel: str, environ: Mapping[str, str]) -> Opened:
    """Check and record what the verb ``open`` asks for.

    Raises:
        Refusal: something is missing; in words.
    """
    kind = request["kind"]
    if kind not in ("slurm", "plain"):
        raise usage("no such kind of place: %r" % (kind,), "slurm or plain")
    root = expand(request["workspace"], environ)
    layout, identity = _prepare(root)
    _refuse_another_kind(layout, kind)
    python, version = find_python(request.get("python"), environ)
    environ, facts = dict(environ), {"python": python, "cores": machine.cores()}
    if kind == "slurm":
        folder = find_slurm(environ)
        facts["slurm"] = folder
        if folder not in environ.get("PATH", "").split(os.pathsep):
            environ["PATH"] = folder + os.pathsep + environ.get("PATH", os.defpath)
    capacity = {name: n for name, n in (request.get("capacity") or {}).items() if n is not None}
    try:
        place.record(layout, kind, travel, capacity, python, environ, request.get("options"))
    except OSError as error:
        raise _unusable(root, error) from error
    return Opened(layout, identity, kind, python, version, facts)


def expand(text: object, environ: Mapping[str, str]) -> str:
    """A workspace as the profile writes it, as an absolute path of this host."""
    if not isinstance(text, str) or not text or "\0" in text:
        raise usage("not a folder: %r" % (text,))
    home = environ.get("HOME") or os.path.expanduser("~")
    path = home + text[1:] if text == "~" or text.startswith("~/") else os.path.expanduser(text)
    path = re.sub(r"\$(\w+)|\$\{(\w+)\}", lambda found: _value(found, text, environ), path)
    return os.path.abspath(os.path.join(home, path))


def find_python(asked: Optional[str], environ: Mapping[str, str]) -> Tuple[str, Tuple[int, ...]]:
    """The Python that runs jobs here, and its version: the one asked for, else the first that is new enough."""
    if asked:
        path = (
            expand(asked, environ)
            if "/" in asked
            else shutil.which(asked, path=environ.get("PATH"))
        )
        version, problem = _version(path) if path else (None, "it is not on the PATH")
        if path is None or version is None:
            raise site(
                "python: %s does not start: %s" % (asked, problem),
                "name another one in the profile (python:)",
            )
        if version < OLDEST:
            raise site(
                "python: %s is %s, and jobs need 3.9 or newer"
                % (asked, ".".join(map(str, version))),
                "name another one in the profile (python:)",
            )
        return path, version
    tried = []
    for candidate in _candidates(environ):
        version, problem = _version(candidate)
        if version is not None and version >= OLDEST:
            return candidate, version
        tried.append("%s (%s)" % (candidate, problem or ".".join(map(str, version or ()))))
    raise site(
        "no Python of 3.9 or newer to run jobs; tried %s"
        % (", ".join(tried) or "nothing: none is on the PATH"),
        "name one in the profile (python:); on many clusters `module avail python` lists them",
    )


def find_slurm(
    environ: Mapping[str, str],
    folders: Sequence[str] = SLURM_FOLDERS,
    login_shell: Optional[Callable[[str], Optional[str]]] = None,
) -> str:
    """The folder of sbatch and squeue: on the PATH, on a login shell's, or where sites put them."""
    found = shutil.which("sbatch", path=environ.get("PATH")) or (login_shell or _from_login_shell)(
        "sbatch"
    )
    for folder in [*([os.path.dirname(found)] if found else []), *folders]:
        if all(os.access(os.path.join(folder, each), os.X_OK) for each in ("sbatch", "squeue")):
            return folder
    raise site(
        "no sbatch and squeue on the PATH (%s), nor in a login shell" % environ.get("PATH", ""),
        "is this a login node of the cluster? without a batch system, use a connector of kind ssh",
    )


def _prepare(root: str) -> Tuple[Layout, str]:
    try:
        layout, identity = workspace.prepare(root)
        probe = os.path.join(layout.own, files.temporary_name())
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY, 0o600))
        os.unlink(probe)
    except OSError as error:
        raise _unusable(root, error) from error
    except ValueError as error:
        raise site(str(error), "use a newer xpm here, or another folder (workspace:)") from error
    return layout, identity


def _unusable(root: str, error: OSError) -> Exception:
    if disks.heals(error):
        return disk(error, root)
    return site(
        "cannot write in the workspace %s: %s" % (root, error.strerror or error),
        "name a folder of yours with room in the profile (workspace:)",
    )


def _refuse_another_kind(layout: Layout, kind: str) -> None:
    known = place.read(layout)
    if known is not None and known["kind"] != kind:
        raise usage(
            "the workspace %s belongs to a connector of kind %s" % (layout.root, known["kind"]),
            "give this connector a workspace of its own",
        )


def _value(found: "re.Match[str]", text: str, environ: Mapping[str, str]) -> str:
    name = found.group(1) or found.group(2)
    if name not in environ:
        raise usage(
            "%s: the variable %s is not set on this host" % (text, name),
            "write the path in the profile (workspace:)",
        )
    return environ[name]


def _candidates(environ: Mapping[str, str]) -> List[str]:
    names = ["python3", *("python3.%d" % minor for minor in range(NEWEST_MINOR, 8, -1)), "python"]
    found = [shutil.which(name, path=environ.get("PATH")) for name in names]
    found += [sys.executable, "/usr/libexec/platform-python"]
    existing = [each for each in found if each and os.access(each, os.X_OK)]
    return sorted(set(existing), key=existing.index)


def _version(python: str) -> Tuple[Optional[Tuple[int, ...]], str]:
    """The version of an interpreter, or why it has none."""
    if os.path.realpath(python) == os.path.realpath(sys.executable or ""):
        return tuple(sys.version_info[:3]), ""
    status, out, err = _start([python, "-I", "-S", "-c", _VERSION])
    match = re.search(r"^xpm-python (\d+) (\d+) (\d+)$", out, re.MULTILINE)
    if match is None:
        lines = err.strip().splitlines()
        return None, lines[-1] if lines else "it ended with %s and said nothing" % status
    return tuple(int(each) for each in match.groups()), ""


def _from_login_shell(command: str) -> Optional[str]:
    """Where a login shell finds a command that our own PATH lacks (sites that set it in profile files)."""
    _, out, _ = _start(["bash", "-lc", "echo; echo xpm-found $(command -v %s)" % command])
    match = re.search(r"^xpm-found (/.+)$", out, re.MULTILINE)
    return match.group(1) if match else None


def _start(argv: List[str]) -> Tuple[Optional[int], str, str]:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=START_S,
        )
    except OSError as error:
        return None, "", error.strerror or str(error)
    except subprocess.TimeoutExpired:
        return None, "", "no answer within %d s" % START_S
    return (
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )
