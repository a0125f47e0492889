"""``xpm sync``: bring states and results here now."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions, telling


@click.command("sync")
@selecting.workdir_option
def command(workdir: Path | None) -> int:
    """Send what waits to be sent, hear what happened, bring the files of what is over."""
    main = selecting.main_folder(workdir)
    with sessions.opened(main) as session:
        problems = session.sync()
    for view in reversed(selecting.experiments(main)):
        render.line(telling.heading(view, telling.now()))
    sessions.insist(problems)
    return 0
