"""How a job stands that is in nobody's queue here: by its own folder alone."""

from typing import Any, Dict

from xpm.wire import ledger

NOT_QUEUED = "not in this workspace's queue"


def change(task: str, job: str, folder: str) -> Dict[str, Any]:
    """What ``observe`` says of it; ``unknown`` when its folder says nothing."""
    slots = ledger.slots(folder)
    attempt = slots[-1].attempt if slots else 0
    entries = ledger.attempt_entries(folder, attempt) if slots else []
    last = entries[-1] if entries else {}
    claims = [each for each in entries if each["kind"] == "claim"]
    state = "unknown" if not entries else str(last.get("state", "running"))
    return {
        "task": task,
        "job": job,
        "state": state,
        "cause": last.get("cause"),
        "attempt": attempt,
        "generation": len(claims),
        "batch_id": claims[-1].get("batch_id") if claims else None,
        "submission": claims[-1].get("submission") if claims else None,
        "reason": "" if entries else NOT_QUEUED,
        "message": str(last.get("message") or ""),
        "at": float(last.get("at") or 0.0),
    }
