"""``xpm story``: what happened to one job, from its records."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.connectors.jobs import Stayed
from xpm.follow.views import JobView
from xpm.sync import staying
from xpm.words import history, telling
from xpm.words.history import Happening

SCHEMA = 1


@click.command("story")
@click.argument("job")
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@selecting.workdir_option
def command(job: str, as_json: bool, workdir: Path | None) -> int:
    """Tell what happened to JOB (an id, the beginning of one, or a filter that one passes), oldest first."""
    main = selecting.main_folder(workdir)
    with sessions.opened(main) as session:
        known = selecting.job(session.look(), job)
        sessions.remark(sessions.ask(session))
        look = session.look()
        known = selecting.job(look, f"{known.task}/{known.id}")
        told = history.happenings(look, known.ref)
    stayed = staying.noted(Path(known.path))
    if as_json:
        render.document(_document(known, told, stayed))
        return 0
    render.line(f"{known.task} {known.id}")
    if known.tags:
        render.line(f"tags     {telling.tag_text(known.tags)}")
    render.line(f"folder   {known.path}")
    for each in told:
        at = f"{history.local_time(each.at)}  "
        first, *rest = each.text.splitlines() or [""]
        render.line(at + first)
        for line in rest:
            render.line(" " * len(at) + line)
    remark = telling.remark(known)
    render.line(f"now      {known.state}" + (f" ({remark})" if remark else ""))
    for text in telling.kept(known, stayed):
        render.line(f"stayed   {text}")
    return 0


def _document(
    job: JobView, told: Sequence[Happening], stayed: Sequence[Stayed]
) -> dict[str, object]:
    return {
        "schema": SCHEMA, "job": job.id, "task": job.task, "state": job.state, "tags": dict(job.tags), "path": job.path,
        "happened": [{"at": datetime.fromtimestamp(each.at, UTC).isoformat(), "text": each.text} for each in told],
        "stayed": [{"path": each.path, "bytes": each.size, "why": each.why} for each in stayed],
    }  # fmt: skip
