"""What a site allows, as it was learned from the site itself: the values, and the file they are kept in.

Version 1 of ``.xpm/limits.json``: the fields of SiteLimits by their names, the tuples within it as objects, and ``format``.
Whatever the site does not tell (no accounting, a restricted scontrol, an older SLURM) is null here and None there:
unknown, so nobody decides by it. ``slurm_site.py`` reads the site's words, ``learning.py`` asks for them.
"""

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from xpm.wire import files
from xpm.wire.workspace import Layout

FORMAT = 1

Partition = NamedTuple(
    "Partition",
    [
        ("name", str),
        ("is_default", bool),
        ("state", str),
        ("max_time_s", Optional[int]),  # None: unlimited, or not told
        ("default_time_s", Optional[int]),
        ("max_nodes", Optional[int]),
        ("total_nodes", Optional[int]),
        ("max_cpus", Optional[int]),  # on each node
        ("max_mem_mib", Optional[int]),  # on each node
        ("qos", Optional[str]),
        ("accounts", Optional[Tuple[str, ...]]),  # who may use it; None: all
        ("denied_accounts", Tuple[str, ...]),
        ("allowed_qos", Optional[Tuple[str, ...]]),
        ("denied_qos", Tuple[str, ...]),
        ("groups", Optional[Tuple[str, ...]]),
    ],
)

Nodes = NamedTuple(
    "Nodes",
    [
        ("partition", str),
        ("count", int),
        ("cpus", Optional[int]),
        ("mem_mib", Optional[int]),
        ("gpus", Dict[str, int]),  # by type; "" where the site names none
    ],
)
"""Nodes of one partition that are alike."""

Association = NamedTuple(
    "Association",
    [
        ("account", str),
        ("partition", str),  # "": all
        ("qos", Tuple[str, ...]),
        ("default_qos", Optional[str]),
        ("is_default", bool),
        ("max_jobs", Optional[int]),
        ("max_submit", Optional[int]),
        ("max_wall_s", Optional[int]),
        ("max_tres", Dict[str, int]),  # of one job: cpu, node, mem (MiB), gres/gpu, ...
        ("grp_tres", Dict[str, int]),  # of all jobs together
    ],
)
"""The right to compute under an account."""

Qos = NamedTuple(
    "Qos",
    [
        ("name", str),
        ("flags", Tuple[str, ...]),
        ("max_wall_s", Optional[int]),
        ("max_jobs", Optional[int]),  # of each user
        ("max_submit", Optional[int]),  # of each user
        ("max_tres", Dict[str, int]),  # of one job
        ("max_tres_user", Dict[str, int]),
        ("grp_tres", Dict[str, int]),
    ],
)

SiteLimits = NamedTuple(
    "SiteLimits",
    [
        ("at", Optional[float]),  # when the site was asked; None: never
        ("problems", Tuple[str, ...]),  # what it did not answer, in words
        ("version", Optional[str]),
        ("cluster", Optional[str]),
        ("max_array_size", Optional[int]),  # the highest index is one less; 0: no arrays
        ("max_array_tasks", Optional[int]),
        (
            "max_submit",
            Optional[int],
        ),  # jobs of mine, pending and running, under the default account
        ("max_job_count", Optional[int]),  # jobs of everybody
        ("message_timeout_s", Optional[int]),
        ("min_job_age_s", Optional[int]),
        ("kill_wait_s", Optional[int]),
        ("can_requeue", Optional[bool]),
        ("has_rewriting", Optional[bool]),  # plugins that may change what a job asks for
        ("has_accounting", Optional[bool]),
        ("hides_jobs", Optional[bool]),  # users do not see each other's
        ("enforced", Optional[Tuple[str, ...]]),  # AccountingStorageEnforce
        ("partitions", Optional[Tuple[Partition, ...]]),
        ("nodes", Optional[Tuple[Nodes, ...]]),
        ("licenses", Optional[Dict[str, int]]),  # how many there are
        ("groups", Optional[Tuple[str, ...]]),  # of the user
        ("associations", Optional[Tuple[Association, ...]]),
        ("qos", Optional[Tuple[Qos, ...]]),
    ],
)

_NOTHING: Dict[str, Any] = dict(dict.fromkeys(SiteLimits._fields), problems=())
UNKNOWN = SiteLimits(**_NOTHING)
_ROWS = {"partitions": Partition, "nodes": Nodes, "associations": Association, "qos": Qos}


def read(layout: Layout) -> SiteLimits:
    """What is known of the site of a workspace; UNKNOWN when nobody has asked yet."""
    try:
        return parse(files.load(layout.limits))
    except ValueError:  # damaged: it is learned again
        return UNKNOWN


def write(layout: Layout, known: SiteLimits) -> None:
    """Keep what was learned."""
    files.write(layout.limits, files.dump(dump(known)))


def dump(known: SiteLimits) -> Dict[str, Any]:
    """The content of the file."""
    content: Dict[str, Any] = dict(known._asdict(), format=FORMAT)
    for name in _ROWS:
        rows = content[name]
        content[name] = None if rows is None else [dict(row._asdict()) for row in rows]
    return content


def parse(content: Optional[Mapping[str, Any]]) -> SiteLimits:
    """What a file's content says; UNKNOWN for none, and for one of another format."""
    if not content or content.get("format") != FORMAT:
        return UNKNOWN
    values: Dict[str, Any] = {name: content.get(name) for name in SiteLimits._fields}
    for name, kind in _ROWS.items():
        if values[name] is not None:
            values[name] = tuple(_row(kind, row) for row in values[name])
    for name in ("problems", "enforced", "groups"):
        values[name] = _frozen(values[name])
    values["problems"] = values["problems"] or ()
    return SiteLimits(**values)


def _row(kind: Any, row: Mapping[str, Any]) -> Any:
    return kind(*[_frozen(row.get(name)) for name in kind._fields])


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
