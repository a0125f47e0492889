"""Who is in a submission, for ever: the elements by index, and the parts a submission was split into.

An intent says who *may* be in; an attempt is in when its link says so. Whoever looks first lets every element of the intent
join that has joined nothing yet, as the one who wrote the intent may have died in between. From then on each element has
a link, links never change, so the members are fixed: the elements whose link names this submission, in the intent's order.
``index.json`` notes that, so that a run finds its element without reading a thousand links.

A submission that SLURM refuses for its size is *split* (sending.py): its members, cut in consecutive pieces, are the
submissions ``<id>.0``, ``<id>.1``, ... with an intent each, which follow from the parent's files alone.
"""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from xpm.agent import reading, submit
from xpm.agent.submit import Element
from xpm.wire import files
from xpm.wire.workspace import FORMAT, Layout

Submission = NamedTuple(
    "Submission",
    [
        ("id", str),
        ("folder", str),
        ("elements", Tuple[Element, ...]),  # by index
        ("intent", Dict[str, Any]),
    ],
)
"""A submission whose members are fixed."""


class Members(object):
    """The submissions of a workspace, each read once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: Dict[str, Submission] = {}

    def of(self, submission: str) -> Optional[Submission]:
        """The submission, its members fixed now if they were not yet; None when its intent cannot be read."""
        found = self._known.get(submission)
        if found is None:
            found = self._read(submission)
            if found is not None:
                self._known[submission] = found
        return found

    def parts(self, whole: Submission, sizes: "Sequence[int]") -> "List[Submission]":
        """The submissions that this one was split into. No I/O: ``found`` writes down what is to be sent."""
        parts: List[Submission] = []
        begin = 0
        for number, size in enumerate(sizes):
            name = "%s.%d" % (whole.id, number)
            elements = whole.elements[begin : begin + size]
            intent = {
                "format": FORMAT,
                "id": name,
                "at": whole.intent.get("at"),
                "kind": whole.intent.get("kind"),
                "jobs": [list(each) for each in elements],
                "entries": {each.job: whole.intent["entries"][each.job] for each in elements},
                "request": whole.intent.get("request"),
                "part": True,
            }
            parts.append(Submission(name, self._layout.submission(name), elements, intent))
            begin += size
        return parts

    def found(self, here: Submission) -> None:
        """Make sure that a part is on disk before anything is done with it."""
        path = os.path.join(here.folder, "intent.json")
        if here.intent.get("part") and not reading.load(path):
            files.make_one(here.folder)
            files.write(path, files.dump(here.intent), sync=True)  # the same, whoever writes it

    def _read(self, submission: str) -> Optional[Submission]:
        intent = submit.read_intent(self._layout, submission)
        jobs = intent.get("jobs")
        if not jobs:
            return None
        folder = self._layout.submission(submission)
        all_of_it = tuple(Element(str(t), str(j), int(a)) for t, j, a in jobs)
        if len(all_of_it) == 1 or intent.get("part"):
            return Submission(submission, folder, all_of_it, intent)
        index = reading.load(os.path.join(folder, "index.json"))
        positions = index["elements"] if index else self._fix(submission, folder, all_of_it)
        return Submission(submission, folder, tuple(all_of_it[each] for each in positions), intent)

    def _fix(self, submission: str, folder: str, elements: "Tuple[Element, ...]") -> "List[int]":
        links = submit.link_all(self._layout, submission, elements)
        positions = [at for at, (_, joined) in enumerate(links) if joined == submission]
        path = os.path.join(folder, "index.json")
        content = files.dump({"format": FORMAT, "elements": positions})
        if not files.create(path, content, sync=True) and not reading.load(path):
            files.write(path, content, sync=True)  # a power cut has damaged it
        return positions
