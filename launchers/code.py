"""What a profile says of code: how much of a project travels, and what stays at home (``sync: {code: ...}``)."""

from dataclasses import replace

from xpm.launchers.report import Report
from xpm.launchers.schema import Values
from xpm.launchers.tree import Table
from xpm.launchers.vocabulary import CODE
from xpm.sync.sizes import Limits


def limits(tree: Table) -> Limits:
    """How big a project may be, and what of it stays at home."""
    said = tree.table("sync").table("code")
    values = CODE.read(said, "", Report()) or Values({}, {}, said.mark)  # problems are said
    each, total = values.get("max_file", int), values.get("max_total", int)
    files = values.get("max_files", int)
    found = replace(Limits(), exclude=tuple(values.texts("exclude")))
    if total is not None:
        found = replace(found, bytes=total, each=min(found.each, total))
    if each is not None:
        found = replace(found, each=each, bytes=max(found.bytes, each) if total is None else total)
    return found if files is None else replace(found, files=files)
