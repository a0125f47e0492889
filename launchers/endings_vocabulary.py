"""The words of a profile about ends: what jobs are told before, which are tried again, and how."""

from xpm.launchers.causes import CAUSES as CAUSES
from xpm.launchers.kinds import DURATION, SIZE, Choice, Number, Truth, Whole
from xpm.launchers.schema import Key, Record

RETRY = Record(
    {
        "max": Key(Whole(), "how many further attempts"),
        "mode": Key(
            Choice(("requeue", "resubmit")),
            "of timeout: a resumable task goes on in the same batch job, or in a new one",
        ),
        "exclude_node": Key(Truth(), "not on the same node again"),
        "only_if": Key(
            Choice(("progressed",)), "attempts after which the task had got further do not count"
        ),
        "backoff": Key(DURATION, "how long to wait before the first further attempt; doubles"),
        "scale": Key(
            Record(
                {
                    "mem": Key(Number(), "multiplies the memory, each time"),
                    "time": Key(Number(), "multiplies the time, each time"),
                },
                "{mem: 2}",
            ),
            "what further attempts ask for",
        ),
        "upto": Key(
            Record(
                {
                    "mem": Key(SIZE, "the most memory"),
                    "time": Key(DURATION, "the most time"),
                },
                "{mem: 64GB}",
            ),
            "how far scale may go; never beyond the partition's limits",
        ),
    },
    "{max: 3}",
)

RETRY_TABLE = Record({cause: Key(RETRY, f"after {cause}") for cause in CAUSES}, "{oom: {max: 2}}")
STOP = Record(
    {
        "signal": Key(Choice(("USR1", "USR2")), "what jobs are sent before their time is over"),
        "lead": Key(DURATION, "how long before; at most a fifth of the time"),
    },
    "{signal: USR1, lead: 2m}",
)
