"""``xpm launchers discover``: what a place tells of itself, kept as the layer of what was discovered."""

import datetime
import difflib
from pathlib import Path

from xpm.cli import connect, prompting, render
from xpm.connectors.hosts import Host
from xpm.connectors.opening import open_host, target_of
from xpm.connectors.specs import SlurmSpec, Spec
from xpm.errors import SiteProblem
from xpm.launchers import drafting
from xpm.launchers.layers import user_folder
from xpm.launchers.surveying import Survey
from xpm.wire import files

HEAD = """\
# What `xpm launchers discover {name}` was told on {day}. Written by xpm: edits are lost. Your own profile goes before it.
"""


def discover(
    spec: Spec, dry_run: bool, folder: Path | None = None, host: Host | None = None
) -> int:
    """Ask a place, keep what it tells, show what is new since the last time; the exit code."""
    prompting.install()
    way = host or open_host(target_of(spec), spec.name)
    try:
        survey, _ = connect.ask(way)
    finally:
        way.close()
    path = (folder or user_folder()) / "launchers.d" / f"{spec.name}.discovered.yaml"
    text = content(spec, survey)
    changes = difference(path.read_text("utf-8") if path.exists() else "", text)
    for line in changes:
        render.line(line)
    if not changes:
        render.note(f"{spec.name} tells what it told before ({path})")
    if dry_run:
        render.note(f"nothing was written; this would be {path}")
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(str(path), text.encode("utf-8"))
    if changes:
        render.note(f"kept in {path}")
    return 0


def content(spec: Spec, survey: Survey) -> str:
    """The text of the layer."""
    if isinstance(spec, SlurmSpec) and not survey.is_slurm:
        problems = "; ".join(survey.site.problems[:2]) or "no sbatch was found"
        raise SiteProblem(
            "SLURM does not answer", on=spec.name, cause=problems, hint="try again later"
        )
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    facts = drafting.discovered(spec.name, survey, is_slurm=isinstance(spec, SlurmSpec))
    return HEAD.format(name=spec.name, day=day) + "\n".join([*drafting.lines_of(facts), ""])


def difference(before: str, after: str) -> list[str]:
    """The lines that differ, with a few around them; comments apart."""
    old, new = (
        [line for line in text.splitlines() if not line.startswith("#")] for text in (before, after)
    )
    return [
        line.rstrip("\n")
        for line in difflib.unified_diff(old, new, lineterm="", n=2)
        if not line.startswith(("---", "+++", "@@"))
    ]
