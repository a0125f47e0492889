"""The words of a profile about dealing with a cluster: how often it is asked, how jobs are grouped, what reasons mean."""

from xpm.launchers.endings_vocabulary import RETRY_TABLE, STOP
from xpm.launchers.kinds import DURATION, Choice, Whole
from xpm.launchers.schema import Either, Key, ListOf, MapOf, Record

POLL = Record(
    {
        "lost_after": Key(DURATION, "how long the queue must not know a job before it is lost"),
        "active": Key(DURATION, "how far apart two squeue are, a minute at least"),
        "after_submit": Key(DURATION, "how soon after a submission it is worth asking"),
        "idle": Key(
            DURATION, "how far apart, while nothing changes",
            "has no effect: without jobs that run nothing is asked at all",
        ),
    },
    "{lost_after: 10m}",
)  # fmt: skip

COMMANDS = Record(
    {
        "per_minute": Key(Whole(1), "the most scheduler commands in a minute, of all your plans"),
        "timeout": Key(
            DURATION, "how long a command may take",
            "has no effect: xpm waits as long as Slurm's own retries take",
        ),
        "backoff": Key(
            ListOf(DURATION, "[5s, 15s]"), "how long to wait after failures",
            "has no effect: the waits double by themselves, up to 5m",
        ),
    },
    "{per_minute: 30}",
)  # fmt: skip

SUBMIT = Record(
    {
        "array": Key(Choice(("auto", "never")), "whether equal jobs go together as an array"),
        "in_flight": Key(Whole(1), "the most jobs in the queue at once"),
        "array_min": Key(
            Whole(1), "no arrays of fewer jobs",
            "has no effect: an array of two costs no more than a job",
        ),
        "array_wait": Key(
            DURATION, "how long to wait for more jobs",
            "has no effect: xpm waits while more jobs come, 4s at most",
        ),
    },
    "{in_flight: 500}",
)  # fmt: skip

REASONS = MapOf(
    Choice(("fail", "alert", "wait")),
    r"[A-Za-z_ ]+(\|[A-Za-z_ ]+)*",
    "{PartitionTimeLimit: fail}",
    "pending reason (or several, with '|')",
)

POLICY = Record(
    {
        "retry": Key(RETRY_TABLE, "further attempts, by cause"),
        "poll": Key(POLL, "how often to look"),
        "commands": Key(COMMANDS, "care with commands"),
        "submit": Key(SUBMIT, "how jobs are grouped, and how many wait in the queue"),
        "stop": Key(STOP, "the warning before the end"),
        "on_pending_reason": Key(
            REASONS, "what pending reasons mean, where xpm knows it less well"
        ),
    }
)

ARRAYS = Record(
    {
        "max_size": Key(Either((Choice(("auto",)), Whole(1))), "MaxArraySize"),
        "max_tasks": Key(Either((Choice(("auto",)), Whole(1))), "max_array_tasks"),
    },
    "{max_size: 1001}",
)
