"""``xpm story``: what happened to one job, from its records."""

from pathlib import Path

import click

from xpm.cli import history, render, selecting, sessions, telling


@click.command("story")
@click.argument("job")
@selecting.workdir_option
def command(job: str, workdir: Path | None) -> int:
    """Tell what happened to JOB (an id or the beginning of one), oldest first."""
    main = selecting.main_folder(workdir)
    known = selecting.job(main, job)
    with sessions.opened(main) as session:
        sessions.remark(sessions.ask(session))
        journal = session.journal.story(known.id)
    known = selecting.job(main, known.id)
    render.line(f"{known.task} {known.id}")
    if known.tags:
        render.line(f"tags     {telling.tag_text(known.tags)}")
    render.line(f"folder   {known.path}")
    for each in history.happenings(main, known.ref, journal):
        render.line(f"{history.local_time(each.at)}  {each.text}")
    remark = telling.remark(known)
    render.line(f"now      {known.state}" + (f" ({remark})" if remark else ""))
    return 0
