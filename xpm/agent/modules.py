"""Environment modules, Lmod's or Tcl's: which of those that a launcher names are not there, and what is like them."""

import difflib
import re
import shlex
from typing import Callable, List, Optional, Sequence, Tuple

COMMAND = """\
command -v module >/dev/null 2>&1 || {
    xpm_path=$PATH
    for xpm_file in /etc/profile /etc/profile.d/*lmod*.sh /etc/profile.d/*modules*.sh \\
        "$LMOD_PKG/init/sh" "$MODULESHOME/init/sh" /usr/share/lmod/lmod/init/profile /usr/share/modules/init/sh
    do
        [ -r "$xpm_file" ] && [ "$(. "$xpm_file" >/dev/null 2>&1; echo so)" = so ] || continue
        . "$xpm_file"
        PATH=$xpm_path:$PATH
        command -v module >/dev/null 2>&1 && break
    done
    unset xpm_path xpm_file
}"""
"""Batch jobs start without a login shell, and often without the ``module`` function it defines.

A file that this sh cannot read, or that would end it (dash ends at the first word of bash it meets), is left out.
/etc/profile often sets PATH anew: what was on it before stays first.
"""

# is-avail is of Lmod and of Tcl modules from 4.0 on; older ones only list
_HAS = (
    'xpm_has() { module is-avail "$1" >/dev/null 2>&1 && return 0; '
    'module -t avail "$1" 2>&1 | sed -e \'s/(.*)//\' -e \'s|/$||\' | grep -qx -e "$1" -e "$1/.*"; }'
)


class ModuleMissing(ValueError):
    """A module that is not there; with the nearest names."""


def lines(names: Sequence[str]) -> List[str]:
    """The lines of sh that load modules; none for none."""
    return [COMMAND, "module load " + " ".join(map(shlex.quote, names))] if names else []


def heeded(pre: Sequence[str]) -> List[str]:
    """Lines of a profile that run before modules are loaded, with what defines ``module`` before those that use it."""
    uses = any(each.split()[:1] in (["module"], ["ml"]) for each in pre)
    return [COMMAND, *pre] if uses else list(pre)


def check(wanted: Sequence[str], ask: Callable[[str], Tuple[int, str]]) -> None:
    """Look whether all are there, each after those before it are loaded: some come into sight only then.

    Args:
        wanted: their names.
        ask: runs a line of sh, as a job would before it loads them; its exit code and output.

    Raises:
        ModuleMissing: one is not.
    """
    if wanted:
        words = missing(wanted, ask(question(wanted))[1])
        if words is not None:
            raise ModuleMissing(words)


def question(wanted: Sequence[str]) -> str:
    """The lines of sh whose output tells :func:`missing` whether all are there."""
    text = [COMMAND, "command -v module >/dev/null 2>&1 || { echo xpm-none; exit 0; }", _HAS]
    for name in wanted:
        text.append("xpm_has %s; rc=$?; echo; echo xpm-has $rc %s" % ((shlex.quote(name),) * 2))
        text.append("module load %s >/dev/null 2>&1" % shlex.quote(name))
    text.append("echo; echo xpm-avail; module -t avail 2>&1")
    return "\n".join(text)


def missing(wanted: Sequence[str], out: str) -> Optional[str]:
    """What to say of the first that is not there, by what those lines printed; None when all are."""
    found = re.findall(r"^xpm-has (\d+) (\S+)$", out, re.MULTILINE)
    lacking = [name for status, name in found if status != "0"]
    if not found:
        return (
            "there are no environment modules here, and %s is wanted\n"
            "leave out modules:, or say in pre: what defines `module`" % ", ".join(wanted)
        )
    return _told(lacking[0], available(out.partition("xpm-avail")[2])) if lacking else None


def available(text: str) -> List[str]:
    """The names in what ``module -t avail`` prints."""
    found = []
    for line in text.splitlines():
        name = re.sub(r"\((default|D|L)[^)]*\)", "", line).strip()
        if name and not name.endswith(":") and " " not in name and not name.startswith("-"):
            found.append(name.rstrip("/"))
    heads = {
        each.partition("/")[0] for each in found if "/" in each
    }  # Lmod lists gcc/ above gcc/12
    return sorted(set(found) - heads)


def _told(name: str, names: List[str]) -> str:
    head = name.partition("/")[0]
    same = [each for each in names if each.partition("/")[0].lower() == head.lower()]
    near = same or difflib.get_close_matches(name, names, 5, 0.5)
    if not near:
        heads = sorted({each.partition("/")[0] for each in names})
        near = difflib.get_close_matches(head, heads, 5, 0.5)
    hint = "there are %s" % ", ".join(near[:8]) if near else "`module avail` lists what there is"
    return "module %r is not there; %s: mend modules: in the profile" % (name, hint)
