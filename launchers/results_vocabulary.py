"""The words of a profile about results: which files come back, when, and how much."""

from xpm.launchers.kinds import SIZE, Choice, Text
from xpm.launchers.schema import Key, ListOf, Record

PATTERNS = ListOf(Text(), '["*.json", "plots/"]')

RESULTS = Record(
    {
        "pull": Key(PATTERNS, "what comes back, in patterns of .gitignore; default: everything"),
        "skip": Key(
            ListOf(Text(), '["ckpt/"]'), "what stays there all the same, until `xpm pull` wants it"
        ),
        "pull_on": Key(
            ListOf(Choice(("done", "failed", "cancelled", "lost")), "[done]"),
            "after which ends; after others only logs come; default: after all",
        ),
        "live": Key(
            ListOf(Text(), '["*.csv", "*.tfevents.*"]'),
            "what comes while the job runs, its logs besides; default: nothing",
        ),
        "max_file": Key(SIZE, "the largest file that comes back"),
        "max_total": Key(SIZE, "the most that comes back of one job, smallest files first"),
    },
    '{skip: ["ckpt/"], max_file: 1GB}',
)

RESULTS_ONLY = Record(
    {"results": Key(RESULTS, "which files come back from there")},
    "{results: {max_file: 1GB}}",
    ("results",),
)
