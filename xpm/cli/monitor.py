"""``xpm monitor``: the web page of a main folder."""

from pathlib import Path

import click

from xpm.cli import render, selecting

PORT = 12346


@click.command("monitor")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True,
    help="Where on this machine; 0: any that is free.",
)  # fmt: skip
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@selecting.workdir_option
def command(port: int, opens: bool, workdir: Path | None) -> int:
    """Serve a page that shows the jobs of the main folder as they run.

    Only this machine reaches it, with the link printed here; over SSH forward the port: `ssh -L 12346:127.0.0.1:12346 HOST`.
    Ctrl-C ends it; jobs go on.
    """
    main = selecting.main_folder(workdir)
    from xpm.monitor.serving import Server

    server = Server(main, port, follows=True)
    render.line(server.url)
    render.note(f"the jobs of {main.path}; Ctrl-C ends this page, jobs go on")
    if opens:
        import webbrowser

        if not webbrowser.open(server.url):
            render.note("no browser could be opened here: open the link above")
    server.run()
    return 0
