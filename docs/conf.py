"""How Sphinx makes the documentation: the pages as they are, and the reference out of the docstrings."""

import builtins
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

import xpm  # noqa: E402

project = "xpm"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "xpm"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
myst_heading_anchors = 3
nitpicky = True
nitpick_ignore = {("py:class", name) for name in dir(builtins)}
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_inherit_docstrings = False


class Linked(SphinxTransform):
    """Public names in the text lead to the reference: `Task`, `tag(3)`, `@pathoption`, `xpm.save`.

    So the pages stay plain Markdown. A word that is also English (`task`, `type`) is linked only with a sign that the
    name is meant: `@`, `xpm.` or parentheses.
    """

    default_priority = 500
    _meant = re.compile(r"(?P<sign>@|xpm\.)?(?P<name>\w+)(?P<call>\(.*\))?")

    def apply(self, **kwargs: object) -> None:
        """Wrap each such literal in a reference."""
        if self.env.docname == "api":
            return
        for literal in list(self.document.findall(nodes.literal)):
            found = self._meant.fullmatch(literal.astext())
            if (
                found
                and found["name"] in xpm.__all__
                and (found["sign"] or found["call"] or not found["name"].islower())
                and not isinstance(literal.parent, (nodes.title, nodes.reference))
            ):
                literal.replace_self(self._reference(found["name"], literal))

    def _reference(self, name: str, literal: nodes.literal) -> pending_xref:
        return pending_xref(
            "",
            literal.deepcopy(),
            refdomain="py",
            reftype="obj",
            reftarget=f"xpm.{name}",
            refdoc=self.env.docname,
            refwarn=True,
        )


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_transform(Linked)
