"""Why a job waits, fails or is run again, in words: pure functions of what is known of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from xpm._failures import CAUSES
from xpm.decide import retry
from xpm.decide.retry import End
from xpm.follow.views import OVER, JobView
from xpm.launchers.causes import CAUSES as RETRIED
from xpm.words import standing, telling
from xpm.words.evidence import Case, Record

DIFFERENCES = 3
"""A done job that differs in more values is not what a person had in mind."""
STALE_S = 10.0


@dataclass(frozen=True, slots=True)
class Because:
    """One thing that explains a job; ``topic`` is one of a few words."""

    topic: str
    text: str


def explain(case: Case, now: datetime) -> list[Because]:
    """Everything there is to say about why a job stands as it does, the most telling first."""
    told = [*_STATES.get(case.job.state, _of_reason)(case), *_of_link(case, now)]
    told += [*_of_attempts(case), *_of_retry(case), *_of_log(case), *_of_reuse(case)]
    return [*told, *_of_stayed(case), *_of_equipment(case)]


def named(job: JobView) -> str:
    """A job as a person finds it again: ``demo.learn 7f3a7f3a``."""
    return f"{job.task} {job.id[: telling.ID_SHOWN]}"


# ------------------------------------------------------------------------------- states


def _waiting(case: Case) -> Iterator[Because]:
    held = [each for each in case.parents if each.state != "done"]
    for each in held:
        reason = standing.placed(each.reason, each.standing)
        why = f" ({reason})" if reason else ""
        yield Because("waits", f"for {named(each)}, which is {each.state}{why}")
    if case.job.reason and not held:
        yield _wait(case.job.reason)
    elif not held:
        yield Because("waits", "nothing here says why: ask with --online")


def _ready(case: Case) -> Iterator[Because]:
    if (case.noted.get("request") or {}).get(
        "kind"
    ) == "plain":  # its supervisor keeps its reasons to itself
        otherwise = f"for its turn: {case.job.connector} starts it when there is room for it"
    else:
        otherwise = "to be submitted: all it depends on is done"
    yield _wait(case.job.reason or otherwise)
    yield from _of_tokens(case)


def _of_reason(case: Case) -> Iterator[Because]:
    words = {
        "submitted": "it is being submitted, or SLURM has not said yet how it is",
        "pending": "it is in SLURM's queue, which has not said yet why",
        "unknown": "the host answers, but nothing there tells how it is",
    }
    reason = case.job.reason or words.get(case.job.state, case.job.state)
    yield _wait(standing.placed(reason, case.job.standing))


def _wait(reason: str) -> Because:
    return Because("waits", reason.removeprefix("waits: ").removeprefix("waits "))


def _running(case: Case) -> Iterator[Because]:
    claim = case.claims.get(case.job.attempt, {})
    where = f" on {claim['host']}" if claim.get("host") else f" on {case.job.connector}"
    yield Because("runs", f"attempt {case.job.attempt}{where}")
    if case.job.generation > 1:
        yield Because("runs", f"started {case.job.generation} times: SLURM has requeued it")
    if case.job.reason:
        yield Because("runs", case.job.reason)


def _skipped(case: Case) -> Iterator[Because]:
    for each in case.parents:
        if each.state in OVER and each.state != "done":
            cause = f" ({_cause(each.cause)})" if each.cause else ""
            yield Because("skipped", f"{named(each)} is {each.state}{cause}")
    hint = "a new attempt of what failed (`xpm retry`, or the plan again) lets it go on"
    yield Because("do", hint)


def _ended(case: Case) -> Iterator[Because]:
    yield Because("ended", f"{case.job.state}: {_cause(case.job.cause)}")
    for line in (case.job.message or "").splitlines():
        yield Because("ended", line)
    hint = str(case.ends.get(case.job.attempt, {}).get("hint") or "")
    if hint and hint not in case.job.message:
        yield Because("do", hint)


def _done(case: Case) -> Iterator[Because]:
    yield Because("done", f"in attempt {case.job.attempt}")
    yield Because("done", "plans reuse it as long as the values of its arguments stay the same")


_STATES = {
    "waiting": _waiting,
    "ready": _ready,
    "running": _running,
    "skipped": _skipped,
    "failed": _ended,
    "lost": _ended,
    "cancelled": _ended,
    "done": _done,
}


# ------------------------------------------------------------------------------- topics


def _of_tokens(case: Case) -> Iterator[Because]:
    for name, count, total in case.noted.get("tokens") or ():
        held = [each for each in case.holders if each.token == name]
        told = ", ".join(f"{named(each.job)} ({each.count})" for each in held)
        text = f"wants {count} of {total} {name}; held by {told or 'no job known here'}"
        yield Because("token", text)


def _of_link(case: Case, now: datetime) -> Iterator[Because]:
    if case.is_unsent:
        text = f"it waits on this machine until {case.job.connector} answers"
        yield Because("link", text)
    if case.place is not None and case.place.down_since is not None:
        for_s = now.timestamp() - case.place.down_since
        text = telling.waits(case.job.connector, for_s, case.place.down_message or "")
        for line in text.splitlines():
            yield Because("link", line.strip())
    old_s = (now - case.job.seen_at).total_seconds()
    if case.job.state not in OVER and old_s > STALE_S:
        yield Because("age", f"this is what was known {telling.age(old_s)} ago (--online asks)")


def _of_stayed(case: Case) -> Iterator[Because]:
    for text in telling.kept(case.job, case.stayed):
        yield Because("stayed", text)


def _of_attempts(case: Case) -> Iterator[Because]:
    numbers = sorted({*case.claims, *case.ends})
    if len(numbers) < 2 and case.job.attempt < 2:
        return
    for number in numbers:
        yield Because("attempt", f"{number}: {_attempt(case, number)}")
    if case.job.attempt not in numbers:
        yield Because("attempt", f"{case.job.attempt}: {case.job.state}")
    for number in range(2, case.job.attempt + 1):
        who = "a run of the plan, or `xpm retry`" if number in case.asked else "the retry table"
        yield Because("attempt", f"{number} was asked for by {who}")


def _attempt(case: Case, number: int) -> str:
    claim, end = case.claims.get(number, {}), case.ends.get(number)
    where = f" on {claim['host']}" if claim.get("host") else ""
    if end is None:
        return f"started{where}"
    words = str(end.get("message") or "").partition("\n")[0] if end["kind"] == "revoked" else ""
    cause = f", {words or _cause(end.get('cause'))}" if end.get("cause") else ""
    started, ended = end.get("started_at"), end.get("ended_at")
    took = ""
    if isinstance(started, int | float) and isinstance(ended, int | float):
        took = f" after {telling.duration(ended - started)}"
    return f"{end.get('state')}{took}{where}{cause}"


def _of_retry(case: Case) -> Iterator[Because]:
    cause = case.job.cause
    if case.job.state not in ("failed", "lost") or not cause:
        return
    if cause == "refused":
        yield Because("retry", "not tried again by itself: it would be refused again")
        return
    rules = dict(retry.table((case.noted.get("request") or {}).get("retry") or {}))
    rule = rules.get(cause)
    if rule is None or not rule.most:
        key = next((key for key, each in RETRIED.items() if each == cause), cause)
        text = f"not tried again by itself: the launcher's retry table forgives no {key!r}"
    else:
        spent = retry.spent(cause, _ends(case), rule)
        text = f"{cause!r} is forgiven {_times(rule.most)}, and has happened {_times(spent)}"
    yield Because("retry", text)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _ends(case: Case) -> list[End]:
    last = max((n for n in case.asked if n <= case.job.attempt), default=1)
    return [
        End(str(end.get("cause") or ""), 1, 0.0, "")
        for number, end in sorted(case.ends.items())
        if number >= last
    ]


def _of_log(case: Case) -> Iterator[Because]:
    if case.job.state in ("failed", "lost", "cancelled") and case.log is not None:
        yield Because("log", f"the last lines of {case.log}:")
        for line in case.lines:
            yield Because("log", f"| {line}")


def _of_reuse(case: Case) -> Iterator[Because]:
    """The done job that is nearest to one that is not: what a person may have expected to be reused."""
    if case.job.state == "done" or not case.noted.get("document"):
        return
    mine = values(case.noted["document"])
    found = [(differing(values(each["document"]), mine), job) for job, each in case.done]
    near = min(found, key=lambda each: len(each[0]), default=None)
    if near is None or not 0 < len(near[0]) <= DIFFERENCES:
        return
    told = ", ".join(
        f"{name} is {mine.get(name, 'absent')} here and {there} there"
        for name, there in sorted(near[0].items())
    )
    yield Because("reuse", f"{named(near[1])} is done, but another job: {told}")


def _of_equipment(case: Case) -> Iterator[Because]:
    parts = telling.equipment(case.claims.get(case.job.attempt, {}), case.noted)
    if parts:
        yield Because("with", ", ".join(parts))


def values(document: Record) -> Mapping[str, str]:
    """The values of a job's arguments, those of its parts by path, as a plan would write them."""
    found: dict[str, str] = {}
    _flatten(document, int(document["root"]), "", found)
    return found


def _flatten(document: Record, index: int, prefix: str, found: dict[str, str]) -> None:
    from xpm.plan.differences import shown

    node: Mapping[str, Any] = document["nodes"][index]
    for name, value in (node.get("values") or {}).items():
        inner = value.get("node") if isinstance(value, dict) else None
        if inner is None:
            found[prefix + name] = shown(value)
        elif "job" in document["nodes"][inner]:
            task, job = document["nodes"][inner]["job"]
            found[prefix + name] = f"{task} {job[: telling.ID_SHOWN]}"
        else:
            _flatten(document, inner, f"{prefix}{name}.", found)


def differing(there: Mapping[str, str], here: Mapping[str, str]) -> dict[str, str]:
    """The values there that differ from those here."""
    names = {*there, *here}
    return {name: there.get(name, "absent") for name in names if there.get(name) != here.get(name)}


def _cause(cause: object) -> str:
    return CAUSES.get(str(cause or ""), str(cause or "no cause known"))
