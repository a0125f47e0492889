"""The words for how a job stands, as tables that are total: every state, every word of SLURM's class, no gaps."""

WAITING = "waiting"
READY = "ready"
SUBMITTED = "submitted"
PENDING = "pending"
RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
UNKNOWN = "unknown"
LOST = "lost"
SKIPPED = "skipped"

WORDS = (
    WAITING, READY, SUBMITTED, PENDING, RUNNING, DONE, FAILED, CANCELLED, UNKNOWN, LOST, SKIPPED,
)  # fmt: skip
FINAL = frozenset((DONE, FAILED, CANCELLED, LOST, SKIPPED))
ENDINGS = frozenset((DONE, FAILED, CANCELLED, LOST))
"""What a ledger may say at the end of an attempt; ``skipped`` is derived, never recorded."""

# The phases of one attempt, in the order it goes through them; it never goes back.
WANTED = "wanted"
JOINED = "joined"
CLAIMED = "claimed"
ENDED = "ended"
PHASES = (WANTED, JOINED, CLAIMED, ENDED)

# What a job's parents let it do.
FREE = "free"
HELD = "held"
BROKEN = "broken"
UPSTREAM = {
    WAITING: HELD,
    READY: HELD,
    SUBMITTED: HELD,
    PENDING: HELD,
    RUNNING: HELD,
    UNKNOWN: HELD,
    DONE: FREE,
    FAILED: BROKEN,
    CANCELLED: BROKEN,
    LOST: BROKEN,
    SKIPPED: BROKEN,
}
"""What one parent in this state means for its children."""
