"""``xpm completion``: what a shell needs to complete commands, options, experiments, jobs, connectors and launchers."""

import sys

import click
from click.shell_completion import get_completion_class

from xpm.cli import render

VARIABLE = "_XPM_COMPLETE"
HINTS = {
    "bash": 'put into ~/.bashrc:  eval "$(xpm completion bash)"',
    "zsh": 'put into ~/.zshrc, below compinit:  eval "$(xpm completion zsh)"',
    "fish": "type once:  xpm completion fish > ~/.config/fish/completions/xpm.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(HINTS)))
def command(shell: str) -> int:
    """Print what SHELL needs to complete the words of xpm; on a terminal, also where to put it."""
    from xpm.cli.main import xpm

    found = get_completion_class(shell)
    assert found is not None  # click knows these three
    render.line(found(xpm, {}, "xpm", VARIABLE).source().strip("\n"))
    if render.is_terminal(sys.stdout):
        render.note(f"# {HINTS[shell]}")
    return 0
