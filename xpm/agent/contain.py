"""Runs a job's runner in a container: ``python <travel folder> contain WORKSPACE SUBMISSION [INDEX]``.

The runner inside claims, watches and records as anywhere: the workspace is bound at its own path. What needs the site's
commands stays outside, here: signals are passed on, and when the runner has ended, others are let go on.
"""

import os
import shlex
import signal
import subprocess
import sys
from typing import Any, Dict, List, Mapping, Optional

from xpm.agent import environs, submit
from xpm.agent import place as places
from xpm.wire.workspace import Layout

CONTAINED = "XPM_CONTAINED"
"""Set within: the runner leaves it to us to let others go on."""
_PASSED = ("SLURM_", "XPM_", "CUDA_", "ROCR_", "NVIDIA_")


def main(workspace: str, submission: str, index: Optional[str] = None) -> int:
    """Run it; the runner's exit code."""
    layout = Layout(os.path.abspath(workspace))
    request = submit.read_intent(layout, submission).get("request") or {}
    known = environs.record(layout, environs.name_of(request))
    content = places.read(layout)
    if known is None or content is None or not known.get("image"):
        sys.stderr.write("xpm: the image of submission %s is not known any more\n" % submission)
        return 70
    argv = argument_list(known, places.travel_folder(layout, content), layout.root, submission)
    return _run(argv + ([index] if index is not None else []), environment(known, os.environ))


def argument_list(
    known: Mapping[str, Any], travel: str, workspace: str, submission: str
) -> List[str]:
    """What starts the runner in the container."""
    options = [str(each) for each in known.get("options") or ()]
    if known.get("nv_if_there") and os.path.exists("/dev/nvidiactl"):
        options.append("--nv")
    inner = [str(known["python"]), travel, "run", workspace, submission]
    return [
        str(known["program"]),
        "exec",
        *options,
        "--pwd",
        workspace,
        str(known["image"]),
        *inner,
    ]


def environment(known: Mapping[str, Any], environ: Mapping[str, str]) -> Dict[str, str]:
    """This environment, with what the container must not lose of it."""
    found = dict(environ)
    found[CONTAINED] = "1"
    found["XPM_IMAGE"] = str(known["image"])
    if "--cleanenv" in (known.get("options") or ()):
        for name, value in list(found.items()):
            if name.startswith(_PASSED):
                found["APPTAINERENV_" + name] = found["SINGULARITYENV_" + name] = value
    return found


def _run(argv: List[str], environ: Dict[str, str]) -> int:
    try:
        process = subprocess.Popen(argv, env=environ)
    except OSError as error:
        sys.stderr.write("xpm: cannot start %s: %s\n" % (shlex.quote(argv[0]), error))
        return 70
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        signal.signal(signum, lambda number, frame: _pass_on(process, number))
    status = process.wait()
    return 128 - status if status < 0 else status


def _pass_on(process: "subprocess.Popen[bytes]", number: int) -> None:
    if process.returncode is None:
        process.send_signal(number)
