"""The workspace: where everything of ours lies on one side, and the formats of its shared files.

Version 1. Below the workspace's folder (here: the main folder itself)::

    jobs/<task id>/<job id>/          one folder per job (wire/ledger.py, wire/jobfile.py); made when the job first starts
    .xpm/workspace.json               {"format": 1, "id": 12 hex digits}; made once, by exclusive link
    .xpm/place.json                   {"format": 1, "kind": "slurm" | "plain", "capacity": {"jobs": n, "cpus": n, "mem_mib": n,
                                      "gpus": n or [id, ...]} (what is missing, the host tells), "python": path, "travel": sha12,
                                      "environ": {...}, "options": {...}}: how jobs are started here, recorded by the agent's
                                      ``open`` so that whoever advances does it alike. Options: those of site.json, of
                                      xpm/agent/slurm_wishes.py, "keeper" (keeper.py), "keep_environ" (place.py)
    .xpm/site.json                    {"squeue_every_s", "message_timeout_s", "lost_after_s", "commands_per_minute",
                                      "keeper_apart_s", "standing_every_s"}: what somebody who knows this site better has
                                      written by hand; goes before place.json's options
    .xpm/limits.json                  what the site allows, and when it was asked: xpm/agent/limits.py; a cache
    .xpm/limits.asked                 {"at", "failed"}: when somebody last asked for it, and whether nothing came back
    .xpm/refresh/<job>.json           newer code for a job that has not started: xpm/wire/refreshing.py
    .xpm/queue/<bundle>.json          a bundle of queue entries (below); immutable; named by the sha256 of its bytes
    .xpm/cancel/<job>.a<n>            {"at", "by"}: this attempt is to be cancelled; exclusive
    .xpm/attempts/<job>.a<n>          {"submission"}: the one submission this attempt has joined; exclusive
    .xpm/submissions/<id>/intent.json what is to be submitted (below); written before anything is submitted
    .xpm/submissions/<id>/index.json  {"format": 1, "elements": [position in the intent's jobs, ...]}: who has joined, by index;
                                      only where the intent has several jobs; exclusive (xpm/agent/members.py)
    .xpm/submissions/<id>/try.<k>     {"at", "host", "pid", "started", "boot", "inside": whether it is a batch job}: somebody is
                                      about to call sbatch for the k-th time; or {"at", "parts": [count, ...]}: it is never
                                      sent any more, its parts, consecutive elements, are the submissions
                                      <id>.0, <id>.1, ...; exclusive
    .xpm/submissions/<id>/sbatch.<k>.* of try k: in (its script), pid (of its shell), out, err (what it said), last rc (its exit
                                      code)
    .xpm/submissions/<id>/doubt.<k>   {"at"}: the first good look-up by name after try k that found nothing; exclusive
    .xpm/submissions/<id>/batch.json  {"batch_id", "at", "by": "sbatch" | "lookup" | "supervisor"}; exclusive
    .xpm/submissions/<id>/refused.json {"at", "message", "cause"}: a definite no from the batch system; exclusive
    .xpm/submissions/<id>/absent.<batch id>.json {"at", "heartbeat"}: the first good answer without it since its heartbeat last
                                      moved (its claim's mtime, null before); removed when it is seen again
    .xpm/submissions/<id>/log         what its batch script or runner printed, appended, and a line for each run that left;
                                      log.<index> for each element of an array; a done run removes an empty one
    .xpm/inbox/<job>.a<n>.<slot>      links to ledger entries: the doorbell
    .xpm/tokens/<name>/<unit>.<turn>  {"job", "attempt", "all": true}, {"job", "attempt", "ticket": [name, unit, turn]}
                                      or {"free": true}: who holds this unit since this turn; the highest turn counts, lower ones
                                      are removed; a unit is free when its holder's attempt is final; exclusive. Tickets:
                                      xpm/agent/tokens.py. <name> is percent-encoded. The same below a folder that several users
                                      share, with the holder's "workspace", "task" and "user" besides; a ticket there is
                                      [name, unit, turn, folder]
    .xpm/submissions/<id>/setup       on a plain host: the request's setup lines, then the start of the runner
    .xpm/submissions/<id>/lease.json  {"gpus": [id, ...], "at"}: the GPUs its run was given last, on a plain host (the lease is a
                                      lock: xpm/agent/leases.py)
    .xpm/keepers/<n>/...              xpm/agent/keeper.py
    .xpm/nodes.json                   {"format": 1, "at", "host", "said"}: a job has found that compute nodes cannot submit
    .xpm/squeue.json                  {"at", "ok", "rows": [[batch id, state, reason, name, start], ...], "others": n, "stuck":
                                      {batch id: at}, "turns": {batch id: partitions}}: the last good answer of squeue, for all;
                                      ``at``: when it was asked for, ``rows``: this workspace's batch jobs, ``others`` how many
                                      more the user has in the queue, ``stuck`` since which answer a batch job has waited for a
                                      fatal reason, ``turns`` where those wait that wait for nothing but their turn, arrays by
                                      their own id
    .xpm/quiet.json                   {"format", "at", "counts", "awaited"}: all is in the queue, and whose ends matter
                                      (xpm/agent/quiet.py)
    .xpm/commands/<site>/<minute>     a byte for each scheduler command, where the user has no state folder
                                      (xpm/agent/slurm_budget.py)
    .xpm/room.json                    what refusals have taught of the site's limits; a hint (xpm/agent/slurm_room.py)
    .xpm/sacct.json                   {"rows": {batch id: [...]}}: its last good answer, about jobs that ended without a record
                                      (xpm/agent/slurm_accounts.py)
    .xpm/sacct.asked                  {"at"}, and {"disabled": true} where it said that no accounts are kept
    .xpm/squeue.asked                 {"at", "early_at"}: when somebody last asked, and last asked early for new jobs
    .xpm/standing.json                {"at", "rows": [[batch id, indices, partition, place, of], ...]}: where batch jobs stood in
                                      the queue (xpm/agent/slurm_standing.py)
    .xpm/standing.asked               {"at", "next", "failures", "errand"}: when somebody last asked for that, when somebody may
                                      again, and the errand that nobody has heard yet
    .xpm/advance/, .xpm/advance.again a mkdir lock that only saves work, with owner.json; the mark of who came meanwhile
    .xpm/supervisor/owner.<k>         who supervises a plain host: a process or {"left": true}; the highest k counts; exclusive
    .xpm/supervisor/log               what supervisor and nursery printed
    .xpm/supervisor/wake              a FIFO-free doorbell: touched by who wants the supervisor to look at once
    .xpm/swept                        touched by who last removed what killed processes have left (xpm/agent/sweeping.py)
    .xpm/travel/<sha12>/xpm/...       our own packages, unpacked, one folder per version
    .xpm/blobs/<2 hex>/<sha256>       contents of code files, sent once
    .xpm/code/<snapshot>/...          a project folder as it was, hard-linked from blobs, made by rename
    .xpm/code/<snapshot>.json         what belongs into it: xpm/wire/trees.py
    .xpm/trash/<generation>/...       what is being cleaned away: xpm/agent/trash.py

    envs/...                          the environments of jobs: xpm/agent/environs.py

A *queue entry* says that a job is wanted, in an attempt not lower than its own::

    {"job": 64 hex, "task": task id, "attempt": n, "experiment": name,
     "parents": [[task id, job id], ...],      done before this one may start
     "tokens": [[name, count, total], ...],    units held while it runs; [..., folder]: counted there, with other users
     "request": {...},                          launchers/requests.py
     "document": {...},                         the sealed values, plan/documents.py
     "code": {"snapshot": id, "script": "plan.py" or null, "path": ["."], "argv": [...]},
     "tags": {...}}

``code``: the plan's files, as they were, in .xpm/code/<snapshot>. ``path`` lists the folders below it that go on
sys.path, in order; ``script`` is the plan's script below it (null: the plan was imported, not run) and ``argv`` its
arguments. ``.xpm/travel/<sha12>`` holds ``__main__.py`` beside ``xpm/``: ``python <that folder> VERB ARGS`` starts any of
our programs there (serve, run, supervise, advance).

A *request*, computed on the laptop by the launcher and sealed into the entry::

    {"launcher": name, "connector": name, "kind": "slurm" | "plain",
     "options": ["--partition=cpu", "--mem=954M", ...],       sbatch options; [] on plain hosts
     "resources": {"cpus": n or null, "mem_mib": n or null, "gpus": n or null, "time_s": n or null,
                   "exclusive": true},                        only when it wants a whole host
     "throttle": n,                                           Slurm, where known: how many like it its tokens let run at once
     "python": path or null,                                  null: the place's own
     "setup": ["module purge", "export A=b", ...],            sh lines before the runner starts
     "environment": id,                         absent: none; the recipe in .xpm/code that is made first (xpm/agent/environs.py)
     "resumable": true,                         absent: false; it goes on from what it finds in its folder
     "warning": {"signal": "USR1", "lead_s": n},  absent: none; what it is sent so long before its time is over
     "retry": {cause: rule, ...}}

A *rule* says how often an end is forgiven, and what the next attempt then asks for (xpm/decide/retry.py); what is absent
is 0, false or empty::

    {"max": n,                                  how many such ends are forgiven
     "renews": bool,                            progress makes earlier ones forgotten
     "backoff_s": x,                            how long to wait after the first one; doubles
     "exclude_node": bool,                      later attempts keep away from the nodes where it ended so
     "mode": "requeue" | "resubmit",            of timeout: under the same batch job, or as a new attempt
     "steps": [{"options": [...], "resources": {...}}, ...]}   after the n-th such end, these take the place of the
                                                request's options and resources of the same name; the last one stays


A *submission intent*::

    {"format": 1, "id": id, "at": t, "kind": "slurm" | "plain",
     "jobs": [[task id, job id, attempt], ...],   who may be in it; those who have joined are its elements, in this order
     "entries": {job id: bundle},                  where the runner finds each queue entry
     "request": {...},                             the one request they share, steps applied
     "part": true}                                 of a part only: all its jobs are in it

The batch id of a submission of one element is a job's, ``A``; those of several are ``A_<index>``.
"""

import errno
import json
import os

from xpm.wire import files

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Any, Dict

    Entry = Dict[str, Any]
else:
    Entry = dict

FORMAT = 1
FOLDER = ".xpm"

MADE = ("queue", "cancel", "attempts", "submissions", "inbox", "tokens", "travel", "blobs", "code")


class Layout:
    """The paths of one workspace. No I/O."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.own = os.path.join(root, FOLDER)
        self.identity = os.path.join(self.own, "workspace.json")
        self.place = os.path.join(self.own, "place.json")
        self.site = os.path.join(self.own, "site.json")
        self.limits = os.path.join(self.own, "limits.json")
        self.queue = os.path.join(self.own, "queue")
        self.cancel = os.path.join(self.own, "cancel")
        self.attempts = os.path.join(self.own, "attempts")
        self.submissions = os.path.join(self.own, "submissions")
        self.inbox = os.path.join(self.own, "inbox")
        self.tokens = os.path.join(self.own, "tokens")
        self.squeue = os.path.join(self.own, "squeue.json")
        self.supervisor = os.path.join(self.own, "supervisor")
        self.travel = os.path.join(self.own, "travel")
        self.blobs = os.path.join(self.own, "blobs")
        self.code = os.path.join(self.own, "code")

    def job(self, task: str, job: str) -> str:
        """The folder of a job."""
        return os.path.join(self.root, "jobs", task, job)

    def submission(self, submission: str) -> str:
        """The folder of a submission."""
        return os.path.join(self.submissions, submission)

    def blob(self, sha: str) -> str:
        """The path of a content."""
        return os.path.join(self.blobs, sha[:2], sha)

    def bundle(self, bundle: str) -> str:
        """The path of a bundle of queue entries."""
        return os.path.join(self.queue, bundle + ".json")


def prepare(root: str) -> "tuple[Layout, str]":
    """Make the workspace's folders; its layout and its id.

    Raises:
        OSError: the folder cannot be made or written.
        ValueError: it belongs to a newer format.
    """
    layout = Layout(root)
    if not os.path.isdir(layout.own):
        for folder in (root, layout.own):
            files.make_private(folder)
    for name in MADE:
        os.makedirs(os.path.join(layout.own, name), exist_ok=True)
    content = files.load(layout.identity)
    if content is None:
        import uuid  # here, since every job imports this module and none needs it

        fresh = {"format": FORMAT, "id": uuid.uuid4().hex[:12]}
        files.create(layout.identity, files.dump(fresh), sync=True)
        content = files.load(layout.identity)
        assert content is not None
    if content.get("format") != FORMAT:
        raise ValueError(
            "%s has format %r; this xpm reads %d" % (root, content.get("format"), FORMAT)
        )
    return layout, str(content["id"])


def found(root: str) -> "tuple[Layout, str]":
    """A workspace that was prepared before; its layout and its id.

    Raises:
        OSError: it is not there: its disk may be away, and must not be taken for a workspace without jobs.
    """
    layout = Layout(root)
    content = files.load(layout.identity)
    if content is None:
        raise _away(root)
    return layout, str(content["id"])


def require(layout: Layout) -> None:
    """Be sure that the workspace is still there.

    Raises:
        OSError: its disk is away.
    """
    try:
        os.stat(layout.identity)
    except (FileNotFoundError, NotADirectoryError):
        raise _away(layout.root) from None


def _away(root: str) -> OSError:
    return OSError(errno.ENODEV, "the workspace is not there", root)


def write_bundle(layout: Layout, entries: "list[Entry]") -> str:
    """Store queue entries durably; the bundle's name. Writing the same again changes nothing."""
    import hashlib  # here, since every job imports this module and none needs it

    body = json.dumps({"format": FORMAT, "jobs": entries}, sort_keys=True, separators=(",", ":"))
    raw = body.encode("ascii")
    name = hashlib.sha256(raw).hexdigest()
    path = layout.bundle(name)
    if not os.path.exists(path):
        files.create(path, raw, sync=True)
    return name
