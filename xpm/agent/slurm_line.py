"""Where jobs stand in the line before a partition, out of one answer of squeue about everybody's. No I/O.

SLURM looks at what waits in the order of its priority, and of equals at the older one first (sort_job_queue2 in
job_scheduler.c); its backfill lets small jobs pass, partitions may share nodes, and priorities change all the time: so a place
is about right, never exact. Ahead of nobody are those that could not start if there was room: held, waiting for other jobs, for
a date or a limit, or for a reservation of their own. An array counts as many as it has elements that could run at once.
"""

import re
from typing import Collection, Dict, List, NamedTuple, Optional, Tuple

from xpm.agent import slurm_reasons
from xpm.wire import indices

FORMAT = "%i|%P|%Q|%r|%v"
"""ID with what waits of an array, partitions, priority, reason, reservation."""
MOST_BYTES = 1024 * 1024
"""Of a longer answer nothing is used."""
MOST_TOLD = 32 * 1024
"""So many characters are told at most: of more jobs, those that stand first."""
_LONGEST = 2048
_WHOLE = "%xpm 0"
_ASK = "{ SLURM_BITSTR_LEN=%d squeue -a -h -t PD -p \"$1\" -o '%s' 2>/dev/null && echo '%s'; } | head -c %d"
_ID = re.compile(r"^([0-9]{1,18})(?:_([0-9]{1,18})|_\[(.*)|\+([0-9]{1,18}))?$")
_PRIORITY = re.compile(r"^[0-9]{1,18}$")
_NEW = ("none", "")
"""Jobs of these reasons have come after the scheduler's last round."""

Waits = NamedTuple(
    "Waits",
    [
        ("batch_id", str),
        ("indices", str),  # of an array's elements; "" for one job
        ("count", Optional[int]),  # of those that could run at once; None: it was cut
        ("partitions", Tuple[str, ...]),
        ("priority", int),
    ],
)
"""What waits for its turn, as one line of squeue."""

Stands = NamedTuple(
    "Stands",
    [
        ("batch_id", str),
        (
            "indices",
            str,
        ),  # of an array, the elements it is said of, the first of which has this place
        ("partition", str),
        ("place", int),  # 1: nobody is ahead
        ("of", int),  # how many wait
    ],
)
"""Where a batch job stands."""


def command(partitions: Collection[str]) -> List[str]:
    """What asks for all that waits in these partitions; its end tells that the answer is whole."""
    ask = _ASK % (_LONGEST, FORMAT, _WHOLE, MOST_BYTES)
    return ["sh", "-c", ask, "sh", ",".join(sorted(partitions))]


def parse(out: str) -> Optional[List[Waits]]:
    """Those that wait for their turn; None when the answer is not whole. Lines of another shape are a banner's."""
    lines = out.rstrip().splitlines()
    if not lines or lines[-1] != _WHOLE:
        return None
    found, turns = [], {}  # type: Tuple[List[Waits], Dict[str, bool]]
    for line in lines[:-1]:
        fields = line.strip().split("|", 4)
        if len(fields) != 5 or not fields[0][:1].isdigit():
            continue
        name = _ID.match(fields[0])
        if name is None or not _PRIORITY.match(fields[2]):
            return None
        if fields[3] not in turns:
            turns[fields[3]] = slurm_reasons.awaits_turn(fields[3], _NEW)
        if turns[fields[3]] and _is_free(fields[2], fields[4]) and name.group(4) in (None, "0"):
            found.append(_waits(name.groups(), fields[1], int(fields[2])))
    return found


def _is_free(priority: str, reservation: str) -> bool:
    return reservation in ("", "(null)", "N/A") and priority.strip("0") != ""


def _waits(name: Tuple[Optional[str], ...], partitions: str, priority: int) -> Waits:
    number, index, some, _ = name
    batch_id = "%s_%s" % (number, index) if index else str(number)
    count, spans = 1, ""  # type: Tuple[Optional[int], str]
    if some is not None:
        spans = some[:-1] if some.endswith("]") else ""
        count = indices.count(spans)
    return Waits(batch_id, spans, count, tuple(partitions.split(",")), priority)


def stands(waiting: List[Waits], mine: Collection[str]) -> List[Stands]:
    """The places of these batch jobs (arrays by their own id), each in the partition where it is best, the first ones first.

    Of a partition in which nobody knows how many wait, nothing is said.
    """
    ours = [each for each in waiting if _number(each) in mine]
    best: Dict[str, Stands] = {}
    for partition in sorted({name for each in ours for name in each.partitions}):
        for found in _in_partition(waiting, partition, mine):
            known = best.get(found.batch_id)
            if known is None or found.place < known.place:
                best[found.batch_id] = found
    return _fitting(sorted(best.values(), key=lambda each: each.place))


def _in_partition(waiting: List[Waits], partition: str, mine: Collection[str]) -> List[Stands]:
    line = [each for each in waiting if partition in each.partitions]
    line.sort(key=lambda each: (-each.priority, int(_number(each)), each.batch_id))
    found, ahead = [], 0
    for each in line:
        if each.count is None:
            return []
        if _number(each) in mine:
            found.append(Stands(each.batch_id, each.indices, partition, ahead + 1, 0))
        ahead += each.count
    return [each._replace(of=ahead) for each in found]


def _fitting(found: List[Stands]) -> List[Stands]:
    room, told = MOST_TOLD, []
    for each in found:
        room -= sum(len(str(value)) + 4 for value in each)
        if room < 0:
            break
        told.append(each)
    return told


def _number(waits: Waits) -> str:
    return waits.batch_id.partition("_")[0]
