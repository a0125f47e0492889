"""What a profile says of code: which files of a plan's project are sent, and how many at most."""

from xpm.launchers.report import Report
from xpm.launchers.schema import Values
from xpm.launchers.tree import Table
from xpm.launchers.vocabulary import CODE
from xpm.sync.limits import Limits


def read_code(tree: Table) -> Limits:
    """The limits of ``sync: {code: ...}``; what is wrong in it is left out, and said elsewhere."""
    said = tree.table("sync").table("code")
    values = CODE.read(said, "", Report()) or Values({}, {}, said.mark)
    usual = Limits()
    return Limits(
        bytes=values.get("max_total", int) or usual.bytes,
        files=values.get("max_files", int) or usual.files,
        each=values.get("max_file", int),
        exclude=values.texts("exclude"),
    )
