"""Why a job waits, fails or is run again."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.commands import xpm
from tests.cli.folders import Past, main_folder
from tests.cli.test_telling import JOB, NOW
from xpm.follow.journal import Place
from xpm.follow.standing import Standing
from xpm.follow.views import JobView
from xpm.words import explaining
from xpm.words.evidence import Case, Holder, Record
from xpm.words.explaining import Because

FRESH = replace(JOB, seen_at=NOW)
PARENT = replace(FRESH, id="11" * 32, task="demo.prepare")
REVOKED = {
    "kind": "revoked",
    "state": "lost",
    "cause": "lost",
    "message": "it left the queue\nmore",
}
OOM: Record = {
    "kind": "outcome", "state": "failed", "cause": "oom", "started_at": 10.0, "ended_at": 190.0,
    "hint": "raise `mem`",
}  # fmt: skip
CLAIM: Record = {"kind": "claim", "host": "n3"}


def case(job: JobView, **known: object) -> Case:
    """What is known of a job; nothing but itself, unless told."""
    bare = Case(job, {}, (), (), {}, {}, frozenset({1}), None, False, (), None, ())
    return replace(bare, **known)  # type: ignore[arg-type]


def told(job: JobView, **known: object) -> list[str]:
    """Every line, with its topic."""
    found = explaining.explain(case(job, **known), NOW)
    return [f"{each.topic}: {each.text}" for each in found]


def document(**values: object) -> Record:
    """A job's values, one of them of a part."""
    part = {"type": 1, "values": {"rate": 0.5}}
    other = {"type": 0, "job": ["demo.prepare", "11" * 32]}
    root = {"type": 0, "values": {"part": {"node": 1}, "after": {"node": 2}, **values}}
    return {"root": 0, "nodes": [root, part, other]}


def test_a_waiting_job_names_the_parent_it_waits_for_and_why_that_one_waits() -> None:
    pending = replace(PARENT, state="pending", reason="waits for free nodes (Resources)")
    done = replace(PARENT, id="22" * 32, state="done")

    assert [
        "waits: for demo.prepare 11111111, which is pending (waits for free nodes (Resources))"
    ] == told(replace(FRESH, state="waiting"), parents=[done, pending])


def test_a_job_tells_what_it_was_given() -> None:
    claim = {
        **CLAIM, "snapshot": "ab" * 32, "python": "/opt/my python/bin/python3 3.12.1", "environment": "cd" * 32,
        "modules": ["gcc/12", "cuda/12.4"], "image": "/images/torch.sif",
    }  # fmt: skip
    noted = {"code": {"snapshot": "ab" * 32}, "request": {"environment": "cd" * 32}}

    assert "with: code abababab, environment cdcdcdcd" in told(
        replace(FRESH, state="pending"), noted=noted
    )
    assert (
        "with: code abababab, Python 3.12.1 (/opt/my python/bin/python3), environment cdcdcdcd,"
        " modules gcc/12 cuda/12.4, image /images/torch.sif"
    ) in told(FRESH, claims={1: claim}, noted=noted)


def test_a_ready_job_tells_who_holds_its_token() -> None:
    ready = replace(FRESH, state="ready", reason="waits for token lane (1 of 2)")
    holder = Holder(replace(PARENT, state="running"), "lane", 2)

    assert [
        "waits: for token lane (1 of 2)",
        "token: wants 1 of 2 lane; held by demo.prepare 11111111 (2)",
    ] == told(ready, noted={"tokens": [["lane", 1, 2]]}, holders=[holder])


def test_a_ready_job_of_a_host_without_a_batch_system_waits_for_room_not_for_a_submission() -> None:
    ready = replace(FRESH, state="ready", reason="")

    assert ["waits: for its turn: cluster starts it when there is room for it"] == told(
        ready, noted={"request": {"kind": "plain"}}
    )
    assert ["waits: to be submitted: all it depends on is done"] == told(ready)


def test_a_pending_job_tells_slurms_reason_in_words_with_the_expected_start() -> None:
    reason = "others come first (Priority); SLURM expects to start it by 2026-11-24 21:00 +0000"

    assert [f"waits: {reason}"] == told(replace(FRESH, state="pending", reason=reason))


def test_a_pending_job_tells_its_place_before_the_expected_start_and_so_does_who_waits_for_it() -> (
    None
):
    start = "SLURM expects to start it by 2026-11-24 21:00 +0000"
    pending = replace(
        FRESH, state="pending", reason=f"others come first (Priority); {start}", standing=Standing(12, 340, "gpu")
    )  # fmt: skip
    why = f"others come first (Priority); about 12th of 340 waiting in gpu; {start}"

    assert [f"waits: {why}"] == told(pending)
    parent = replace(pending, id=PARENT.id, task=PARENT.task)
    assert [f"waits: for demo.prepare 11111111, which is pending ({why})"] == told(
        replace(FRESH, state="waiting"), parents=[parent]
    )


def test_what_is_old_says_so_and_what_is_not_sent_says_what_it_waits_for() -> None:
    old = replace(JOB, state="submitted", seen_at=NOW - timedelta(hours=3))
    place = Place("cluster", None, NOW.timestamp() - 7200, "no route\n  -> mend it")

    assert [
        "link: it waits on this machine until cluster answers",
        "link: waiting: cluster has not answered: no route; for 2 h now"
        " (its jobs go on; these are their last known states)",
        "link: -> mend it",
        "age: this is what was known 3 h ago (--online asks)",
    ] == told(old, place=place, is_unsent=True)[1:]


def test_a_running_job_tells_where_and_that_it_was_requeued() -> None:
    running = replace(FRESH, generation=2)

    assert [
        "runs: attempt 1 on n3", "runs: started 2 times: SLURM has requeued it",
    ] == told(running, claims={1: CLAIM})  # fmt: skip


def test_a_failed_job_tells_cause_hint_attempts_and_why_there_is_no_further_one() -> None:
    failed = replace(JOB, state="failed", cause="oom", message="killed", attempt=3)
    noted = {"request": {"retry": {"oom": {"max": 1}}}}

    assert [
        "ended: failed: it used more memory than it was given (OOM)",
        "ended: killed",
        "do: raise `mem`",
        "attempt: 1: lost, it left the queue",
        "attempt: 2: failed after 3 min on n3, it used more memory than it was given (OOM)",
        "attempt: 3: failed after 3 min, it used more memory than it was given (OOM)",
        "attempt: 2 was asked for by a run of the plan, or `xpm retry`",
        "attempt: 3 was asked for by the retry table",
        "retry: 'oom' is forgiven once, and has happened twice",
        "log: the last lines of /log:",
        "log: | Killed",
    ] == told(
        failed, noted=noted, claims={2: CLAIM}, ends={1: REVOKED, 2: OOM, 3: OOM},
        asked=frozenset({1, 2}), log=Path("/log"), lines=["Killed"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("exit", "not tried again by itself: the launcher's retry table forgives no 'exit'"),
        (
            "launch",
            "not tried again by itself: the launcher's retry table forgives no 'launch_fail'",
        ),
        ("refused", "not tried again by itself: it would be refused again"),
    ],
)
def test_what_is_not_tried_again_says_why(cause: str, words: str) -> None:
    failed = replace(JOB, state="failed", cause=cause)

    assert f"retry: {words}" in told(failed)


def test_a_skipped_job_names_what_failed() -> None:
    parent = replace(PARENT, state="failed", cause="timeout")

    assert [
        "skipped: demo.prepare 11111111 is failed (it ran out of its time (TIMEOUT))",
        "do: a new attempt of what failed (`xpm retry`, or the plan again) lets it go on",
    ] == told(replace(JOB, state="skipped", cause="dependency"), parents=[parent])


def test_a_job_that_was_not_reused_is_compared_with_the_done_one_that_is_nearest() -> None:
    here = {"document": document(k=3, name="a")}
    near = {"document": document(k=4, name="a")}
    far = {"document": document(k=1, name="b", more=2, less=3)}
    done = [(replace(PARENT, task="demo.learn", id=each * 32), it) for each, it in
            (("33", near), ("44", far))]  # fmt: skip

    assert ["reuse: demo.learn 33333333 is done, but another job: k is 3 here and 4 there"] == told(
        replace(FRESH, state="ready", reason="x"), noted=here, done=done
    )[1:]
    assert {
        "k": "3", "name": "'a'", "part.rate": "0.5", "after": "demo.prepare 11111111",
    } == explaining.values(here["document"])  # fmt: skip


def test_a_done_job_says_what_it_is_reused_by() -> None:
    found = explaining.explain(case(replace(JOB, state="done")), NOW)

    assert Because("done", "in attempt 1") == found[0]


def test_why_reads_the_records_and_opens_nothing(tmp_path: Path) -> None:
    past = Past(
        "ab" * 32, state="failed", cause="exit", stderr="Traceback\nValueError: no digits\n",
        error={"type": "ValueError", "message": "no digits", "traceback": ""},
    )  # fmt: skip
    main = main_folder(tmp_path / "main", "demo", [past]).path

    answer = xpm("why", "abab", "--workdir", str(main), home=tmp_path)
    programs = xpm("why", "state=failed", "--json", "--workdir", str(main), home=tmp_path)

    assert (0, "") == (answer.code, answer.err)
    assert f"demo.learn {'ab' * 32}\nfailed, on local 123_4\n" in answer.out
    assert (
        "  ended    failed: it ended with an error\n           ValueError: no digits\n"
        in answer.out
    )
    assert "           | ValueError: no digits\n" in answer.out
    content = json.loads(programs.out)
    assert (1, "failed", "exit", "ab" * 32) == (
        content["schema"], content["state"], content["cause"], content["job"],
    )  # fmt: skip
    assert {"topic": "ended", "text": "ValueError: no digits"} in content["because"]
