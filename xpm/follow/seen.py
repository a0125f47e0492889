"""How a job stands, as SQL over the journal's tables: what was submitted last, and what is known of it.

Whether a job is *settled* (over, with its files here) is noted in the line that was submitted last of it, as the state it ended
in: most jobs of a big plan are, and are then counted from an index, without a look at anything else. Triggers keep it.
"""

OVER = frozenset({"done", "failed", "cancelled", "lost", "skipped"})
OVER_SQL = ", ".join(f"'{each}'" for each in sorted(OVER))

_SETTLES = f"j.arrived AND j.state IN ({OVER_SQL}) AND NOT (j.attempt < lines.attempt AND j.seen_at < lines.at)"
"""What settles a line: news ``j`` of its job, unless it is older than a new attempt."""
SETTLED = (
    f"(SELECT j.state FROM jobs j WHERE j.job = lines.job AND j.task = lines.task AND {_SETTLES})"
)
"""As what a line is settled; NULL while it is not."""
TRIGGERS = f"""
CREATE TRIGGER IF NOT EXISTS settle_by_news AFTER INSERT ON jobs BEGIN
    UPDATE lines SET settled = {SETTLED}
    WHERE job = new.job AND task = new.task AND is_last AND settled IS NOT {SETTLED};
END;
CREATE TRIGGER IF NOT EXISTS settle_what_is_known AFTER INSERT ON lines
WHEN EXISTS (SELECT 1 FROM jobs WHERE job = new.job AND task = new.task) BEGIN
    UPDATE lines SET settled = {SETTLED} WHERE n = new.n;
END;
CREATE INDEX IF NOT EXISTS lines_as_they_stand ON lines (experiment, run, settled, connector, task, place) WHERE is_last;
"""
VIEWS = (
    """
CREATE TEMP VIEW IF NOT EXISTS seen AS SELECT
    place, experiment, task, job, connector, launcher, tags, parents, is_current, settled, is_unsent, at,
    CASE WHEN settled THEN ended WHEN is_unsent THEN 'waiting' ELSE coalesce(known, 'waiting') END AS state,
    CASE WHEN is_asked THEN cause END AS cause,
    CASE WHEN is_asked AND attempt THEN attempt ELSE wanted END AS attempt,
    CASE WHEN is_asked THEN generation ELSE 0 END AS generation,
    CASE WHEN is_asked THEN batch_id END AS batch_id,
    CASE WHEN is_asked THEN reason WHEN is_unsent THEN 'not sent yet' ELSE 'sent; no news yet' END AS reason,
    CASE WHEN is_asked THEN message ELSE '' END AS message,
    CASE WHEN settled THEN seen_at WHEN is_asked THEN max(seen_at, place_at) ELSE at END AS seen_at
FROM (SELECT *,
    known IS NOT NULL AND (settled OR NOT is_unsent) AS is_asked
FROM (SELECT
    l.place, l.experiment, l.task, l.job, l.connector, l.launcher, l.tags, l.parents, l.at, l.attempt AS wanted,
    l.run = r.run AS is_current, u.job IS NOT NULL AS is_unsent, coalesce(c.seen_at, 0) AS place_at,
    l.settled AS ended, l.settled IS NOT NULL AS settled,
    CASE WHEN j.attempt < l.attempt AND j.seen_at < l.at THEN NULL ELSE j.state END AS known,
    j.cause, j.attempt, j.generation, j.batch_id, j.reason, j.message, j.seen_at
FROM lines l
JOIN records r ON r.experiment = l.experiment
LEFT JOIN jobs j ON j.job = l.job AND j.task = l.task
LEFT JOIN connectors c ON c.name = l.connector
LEFT JOIN unsent u ON u.job = l.job AND u.connector = l.connector
WHERE l.is_last))
""",
    """
CREATE TEMP VIEW IF NOT EXISTS ended AS SELECT
    l.place, l.experiment, l.task, l.job, l.connector, l.launcher, l.tags, l.parents, l.run = r.run AS is_current,
    l.settled AS state,
    (SELECT j.cause FROM jobs j WHERE j.job = l.job AND j.task = l.task) AS cause,
    (SELECT iif(j.attempt, j.attempt, l.attempt) FROM jobs j WHERE j.job = l.job AND j.task = l.task) AS attempt
FROM lines l
JOIN records r ON r.experiment = l.experiment
WHERE l.is_last AND l.settled IS NOT NULL
""",
)
"""``seen``: every job as it stands; ``ended``: what a condition may ask of those that are settled, of each only what it asks."""
