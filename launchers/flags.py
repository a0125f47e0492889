"""Which sbatch flags a profile may add by hand, and which have a key of their own or belong to xpm."""

import re

from xpm.launchers.report import Report
from xpm.launchers.schema import Values

KEYS = {
    "partition": "partition",
    "time": "time",
    "cpus-per-task": "cpus",
    "mem": "mem",
    "mem-per-cpu": "mem",
    "mem-per-gpu": "mem",
    "gpus": "gpus",
    "gpus-per-node": "gpus",
    "gpus-per-task": "gpus",
    "account": "account",
    "qos": "qos",
    "constraint": "constraint",
    "licenses": "tokens",
    "nodes": "nodes",
}
"""Flags with a key of their own."""

OWN = (
    "array",
    "chdir",
    "comment",
    "dependency",
    "error",
    "export",
    "export-file",
    "get-user-env",
    "help",
    "hold",
    "input",
    "job-name",
    "kill-on-invalid-dep",
    "no-requeue",
    "ntasks",
    "ntasks-per-node",
    "open-mode",
    "output",
    "parsable",
    "quiet",
    "requeue",
    "signal",
    "test-only",
    "uid",
    "usage",
    "verbose",
    "version",
    "wait",
    "wrap",
)
"""Flags that xpm sets or must not be set."""

SHORT = {
    "p": "partition",
    "t": "time",
    "c": "cpus-per-task",
    "G": "gpus",
    "A": "account",
    "q": "qos",
    "C": "constraint",
    "L": "licenses",
    "N": "nodes",
    "a": "array",
    "D": "chdir",
    "d": "dependency",
    "e": "error",
    "H": "hold",
    "i": "input",
    "J": "job-name",
    "n": "ntasks",
    "o": "output",
    "Q": "quiet",
    "h": "help",
    "v": "verbose",
    "V": "version",
    "W": "wait",
}


def check_extra(values: Values, path: str, report: Report) -> None:
    """Report the flags under ``extra`` that cannot be added by hand."""
    for index, flag in enumerate(values.texts("extra")):
        words = _objection(flag)
        if words:
            report.problem(values.where("extra"), f"{path}.extra[{index}]", words)


def _objection(flag: str) -> str | None:
    short = re.fullmatch(r"-([A-Za-z])(.*)", flag)
    long = re.fullmatch(r"--([a-z][a-z0-9-]*)(=.*)?", flag)
    if short:
        name = SHORT.get(short[1])
        if name is None:
            return None if not short[2].startswith(" ") else _form(flag)
    elif long:
        name = _managed(long[1])
        if long[1] == "gres" and "gpu" in (long[2] or ""):
            return f"{flag!r} has a key of its own, use 'gpus:'"
    else:
        return _form(flag)
    if name is None:
        return None
    if name in KEYS:
        return f"{flag!r} has a key of its own, use '{KEYS[name]}:'"
    return f"{flag!r} is managed by xpm, remove it"


def _form(flag: str) -> str:
    return f"{flag!r} is not one flag (example: --exclusive or --hint=nomultithread)"


def _managed(name: str) -> str | None:
    """The managed flag that sbatch would understand ``name`` as: it takes unambiguous beginnings too."""
    managed = (*KEYS, *OWN)
    if name in managed:
        return name
    return next((flag for flag in managed if len(name) > 2 and flag.startswith(name)), None)
