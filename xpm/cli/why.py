"""``xpm why``: why a job waits, fails or is run again."""

from dataclasses import asdict
from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.follow.session import Session
from xpm.follow.views import JobView
from xpm.words import evidence, explaining, telling
from xpm.words.evidence import Case
from xpm.words.explaining import Because

SCHEMA = 1
LOCAL = "local"


@click.command("why")
@click.argument("job")
@click.option("--online", is_flag=True, help="Ask its connector first.")
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@selecting.workdir_option
def command(job: str, online: bool, as_json: bool, workdir: Path | None) -> int:
    """Explain why JOB (an id, the beginning of one, or a filter) waits, fails or is run again.

    From what is known here, with its age; --online asks its connector first.
    """
    main = selecting.main_folder(workdir)
    with sessions.opened(main) as session:
        chosen = selecting.job(session.look(), job)
        if online or chosen.connector == LOCAL:
            _ask(session, chosen)
        look = session.look()
        chosen = selecting.job(look, f"{chosen.task}/{chosen.id}")
        case = evidence.gather(look, chosen)
        told = explaining.explain(case, telling.now())
    if as_json:
        render.document(_as_json(chosen, told, case))
        return 0
    render.line(f"{chosen.task} {chosen.id}")
    tags = f" ({telling.tag_text(chosen.tags)})" if chosen.tags else ""
    render.line(f"{chosen.state}{tags}, on {telling.where(chosen)}")
    before = ""
    for each in told:
        render.line(f"  {'' if each.topic == before else each.topic:<8} {each.text}".rstrip())
        before = each.topic
    return 0


def _ask(session: Session, job: JobView) -> None:
    if not job.settled:
        sessions.remark(session.refresh({job.connector}, sessions.PATIENCE_S))


def _as_json(job: JobView, told: list[Because], case: Case) -> dict[str, object]:
    claim = case.claims.get(job.attempt, {})
    return {
        "schema": SCHEMA,
        "job": job.id,
        "task": job.task,
        "state": job.state,
        "cause": job.cause,
        "attempt": job.attempt,
        "connector": job.connector,
        "batch_id": job.batch_id,
        "queue": None if job.standing is None else asdict(job.standing),
        "seen_at": job.seen_at.isoformat(),
        "because": [{"topic": each.topic, "text": each.text} for each in told],
        "snapshot": claim.get("snapshot") or (case.noted.get("code") or {}).get("snapshot"),
        "environment": claim.get("environment")
        or (case.noted.get("request") or {}).get("environment"),
        "python": claim.get("python"),
        "modules": claim.get("modules") or [],
        "image": claim.get("image"),
    }
