"""Which ready jobs go out together: those of equal requests, in the order they came."""

import json
from typing import Dict, Iterable, List

from xpm.agent.board import JobFacts


def groups(ready: "Iterable[JobFacts]", most: int) -> "List[List[JobFacts]]":
    """Jobs that may share a submission, at most so many in one; jobs and groups in the order they came.

    One batch script and one set of options serve all jobs of a submission, and both follow from the request alone: the one
    in force, after all that their earlier attempts have come to.
    """
    found: Dict[str, List[List[JobFacts]]] = {}
    ordered: List[List[JobFacts]] = []
    for known in ready:
        alike = found.setdefault(_key(known), [])
        if not alike or len(alike[-1]) >= most:
            alike.append([])
            ordered.append(alike[-1])
        alike[-1].append(known)
    return ordered


def _key(known: JobFacts) -> str:
    return json.dumps(known.asks_for, sort_keys=True)
