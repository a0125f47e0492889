"""The verbs of the agent: what the laptop may ask, what it gets.

Version 1. A request is ``{"verb": v, ...}``; its reply ``{"ok": {...}}`` or ``{"error": {"kind", "message", "hint"}}`` with
kind one of ``usage site disk busy defect`` (``disk``: full, or away; it heals). Either may carry a payload
(wire/frames.py). After MAGIC the agent sends, unasked and with id 0, its ``hello``::

    {"hello": {"protocol": 1, "python": [3, 6, 15], "pid", "host", "user", "home", "time", "travel": sha12}}

Verbs (W: the workspace must be open):

open      {"workspace": text, "kind": "slurm" | "plain", "capacity": as in place.json, "python": path or null,
           "options": {...}}
          -> {"workspace": absolute path, "id": workspace id, "python": [version] or null, "facts": {...}}
          ``~`` and ``$VAR`` are expanded on the far side, also with what only login shells set. Options: "keeper"
          (xpm/agent/keeper.py), "variables": [names], which jobs get too, "share": "group" | "all" (xpm/agent/sharing.py).
          Checks that the folder can be written and is this user's, that ``python`` starts and is 3.9 or newer, and,
          for slurm, that sbatch and squeue are found.
missing   W {"blobs": [sha256, ...]} -> {"missing": [...]}
put       W {"blobs": [[sha256, size], ...]} + payload (contents, joined) -> {}
part      W {"blob": sha256, "size": n, "offset": n} + payload (a piece of it) -> {"at": n}: up to there its bytes are here then
          With "damaged": true all of it had arrived and was not what its name says: it is to be sent again
tree      W {"snapshot": id, "files": [[path, sha256, mode], ...]} -> {"missing": [...]}  (empty: the tree is there)
          With something missing also "room": [bytes, files or null], what the file system still takes, and "arrived":
          {sha256: bytes}, of those of which pieces are there.
holds     W {"snapshot": id} -> {"holds": bool}                               whether that code is there already
queue     W {"jobs": [queue entry, ...]} -> {"bundle": name}                   durable before the reply; then advances
          or {"lacks": [tree, ...]}: nothing is queued, since these trees of code are not here, or not any more
observe   W {"cursor": text or null, "jobs": [[task, job], ...] or null, "wait_s": s, "gather_s": s, "progress_s": s}
          -> {"cursor": text, "changes": [change, ...], "notes": [text, ...], "time": t, "limits": {...}, "progress": [...]}
          Waits at most wait_s for something to report, and from then on gather_s (may be missing) for more. A null or
          unknown cursor reports every job of the queue plus those listed. change = {"task", "job", "state", "cause",
          "attempt", "generation", "batch_id", "submission", "reason", "message", "at"}; state as in DESIGN.md's table of
          words. ``limits``, only when they are news to this connection: what the site allows, as in limits.json
          (xpm/agent/limits.py). ``progress``, only with ``progress_s``: [task, job, at, fraction, description] of each job that
          runs and has said how far it is since that was told to this connection (xpm/agent/reports.py); where nothing else is
          news, that ends the wait once in progress_s. ``standing``, when it is news to this connection, and whenever all jobs
          are reported: [batch id, indices, partition, place, of] of each batch job that waits for its turn, as far as it is
          known where (xpm/agent/slurm_line.py); ends the wait when none was told before. Of an array, ``indices``
          (xpm/wire/indices.py) are those it is said of: the first has this place, the second the next.
nudge     -> {}: an observe that waits answers at once
cancel    W {"jobs": [[task, job, attempt], ...]} -> {"noted": n}
tail      W {"task", "job", "stream": "stdout" | "stderr", "offset": n, "limit": n}
          -> {"size": n, "offset": n, "begins": [[attempt, generation, offset], ...]} + payload; begins: the runs whose output
          begins in the payload or right behind it. A negative offset counts from the end; what it came to is answered
manifest  W {"jobs": [[task, job, since_ns], ...]} -> {"jobs": [{"task", "job", "files": [[path, size, mtime_ns, mode], ...],
          "links": [[path, target], ...], "problems": [text, ...]}, ...], "now": ns}
          since_ns may be missing; with it, files touched since (mtime or ctime) only. With "known": [fingerprint or null, ...]
          (xpm/wire/manifests.py), "same" stands for each whose manifest has that one
pull      W {"items": [[task, job, path, offset, length], ...], "limit": bytes}      length may be missing: to the end
          -> {"pieces": [[item index, offset, length, size, mtime_ns, crc32], ...]} + payload; as many as fit the limit
          size -1: it is gone; -2: its own mode or owner lets nobody of ours read it
digests   W {"items": [[task, job, path, offset, end], ...], "block": bytes}               end may be missing
          -> {"digests": [[item index, offset, count, size, mtime_ns], ...]} + payload: 16 bytes of blake2b for each block from
          the offset on; as many as are read in a moment, the last one may be short
experiments W {} -> {"experiments": [{"name", "jobs": n, "states": {state: n}, "first": t, "last": t}, ...]}
          for which jobs were ever sent here, the one that sent last first
wanted    W {"experiment": name or null, "after": text or null, "limit": bytes}
          -> {"entries": [[t, bytes], ...], "next": text or null} + payload (queue entries, joined), in the order they came
          Those of one experiment, or all. ``next`` is the ``after`` of the following request; null: there is no more.
probe     W {"refresh": bool}
          -> facts {"host", "system", "cores", "memory_mib", "sbatch": path or null, "limits": {...} or null, "asking": bool}
          ``limits`` as in limits.json. With ``refresh`` the site is asked again; while it is, ``asking`` is true: ask on,
          without ``refresh``. Of a plain host also "gpus": [id, ...], "logout": {"kills", "lingers": bool or null}
rubbish   W {} -> {"items": [[kind, name, paths], ...], "jobs": [[task, job, experiment, at, known, empty], ...]}
          what nobody needs (xpm/agent/rubbish.py), and the folders of jobs that are over (xpm/agent/orphans.py)
measure   W {"items": [[kind, name], ["job", job, task], ...]} -> {"sizes": [[files, bytes], ...]}: of the first of them
clean     W {"items": [[kind, name], ...], "jobs": [[task, job, fingerprint or null], ...]}
          -> {"kept": [[kind, name, why], ...], "left": bool}: with ``left``, ask on, without items and jobs
bye       -> {}: the agent ends
"""

PROTOCOL = 1
