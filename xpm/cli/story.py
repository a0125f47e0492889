"""``xpm story``: what happened to one job, from its records."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.sync import staying
from xpm.words import history, telling


@click.command("story")
@click.argument("job")
@selecting.workdir_option
def command(job: str, workdir: Path | None) -> int:
    """Tell what happened to JOB (an id or the beginning of one), oldest first."""
    main = selecting.main_folder(workdir)
    with sessions.opened(main) as session:
        known = selecting.job(session.look(), job)
        sessions.remark(sessions.ask(session))
        look = session.look()
        known = selecting.job(look, f"{known.task}/{known.id}")
        told = history.happenings(look, known.ref)
    render.line(f"{known.task} {known.id}")
    if known.tags:
        render.line(f"tags     {telling.tag_text(known.tags)}")
    render.line(f"folder   {known.path}")
    for each in told:
        render.line(f"{history.local_time(each.at)}  {each.text}")
    remark = telling.remark(known)
    render.line(f"now      {known.state}" + (f" ({remark})" if remark else ""))
    for text in telling.kept(known, staying.noted(Path(known.path))):
        render.line(f"stayed   {text}")
    return 0
