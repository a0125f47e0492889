"""Whether a keeper is worth its place in the queue, and behind what it waits there.

A keeper is for the case in which nobody else is left: it waits until whatever of ours is in the queue has ended, however
it ended, and then advances. So it is wanted as long as somebody would have to start something, whether or not
a process is known that will: a running job may die without a word, a laptop may be closed at any moment.
"""

from typing import Dict, NamedTuple, Optional, Tuple

Outlook = NamedTuple(
    "Outlook",
    [
        ("behind", Tuple[str, ...]),  # batch ids that may still run, in the order they came
        ("coming", int),  # attempts on their way into the queue since a moment
        ("doubtful", int),  # attempts that should be there, and are not known to be
        ("ready", int),  # jobs that wait for a place, or for a token
        ("waiting", int),  # live jobs that others wait for
        ("again", int),  # live jobs that may get another attempt
    ],
)
"""What a workspace's jobs look like to somebody who is about to leave them."""

Keep = NamedTuple("Keep", [("after", Tuple[str, ...]), ("pause_s", float)])
"""A keeper that starts once these batch jobs have ended, and not before so many seconds are over."""

MOST = 100
"""How many batch jobs a keeper waits for: the latest. Who starts too early for the others makes the next one."""
APART_S = 60.0
"""A chain of short jobs is not worth more than one keeper in this time."""
LONGEST_S = 3600.0


def keep(outlook: Outlook, idle: int, apart_s: float = APART_S) -> Optional[Keep]:
    """The keeper that is wanted now; None when none is.

    Args:
        outlook: what the jobs look like.
        idle: how many keepers in a row have found nothing to do.
        apart_s: the least time between two keepers.
    """
    after = _latest(outlook.behind)
    stuck = outlook.doubtful + outlook.ready
    if after and (stuck or outlook.waiting or outlook.again):
        return Keep(after, apart_s)
    if stuck and not after:  # whoever waits for others waits for these, or for nobody
        return Keep((), min(LONGEST_S, 2 * apart_s * 2 ** min(idle, 10)))
    return None


def is_needless(outlook: Outlook) -> bool:
    """Whether a keeper that is there already may go: all that will ever be started here is in the queue."""
    return not (
        outlook.coming or outlook.doubtful or outlook.ready or outlook.waiting or outlook.again
    )


def _latest(batch_ids: "Tuple[str, ...]") -> "Tuple[str, ...]":
    """The last of them, an array's elements as one."""
    found: Dict[str, None] = {}
    for batch_id in batch_ids:
        whole = batch_id.partition("_")[0]
        found.pop(whole, None)
        found[whole] = None
    return tuple(list(found)[-MOST:])
