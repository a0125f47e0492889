"""``xpm sync``: bring states and results here now."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions, telling
from xpm.follow import views


@click.command("sync")
@selecting.workdir_option
def command(workdir: Path | None) -> int:
    """Send what waits to be sent, hear what happened, bring the files of what is over."""
    main = selecting.main_folder(workdir)
    with sessions.opened(main) as session:
        problems = session.sync()
        look = session.look()
        for name in reversed(look.experiments()):
            found = views.summary(look, name, telling.ORDER, 0)
            render.line(telling.heading(found, telling.now()))
    sessions.insist(problems)
    return 0
