"""A click group that imports a command only when it is called."""

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

import click
from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command lives, and the line ``xpm --help`` shows without importing it."""

    module: str
    help: str


class LazyGroup(click.Group):
    """A group over a table of commands: their modules define ``command``."""

    def __init__(self, *args: object, table: Mapping[str, Lazy], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the table's order: that of a day's work."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in self.table:
            return None
        command = importlib.import_module(self.table[cmd_name].module).command
        assert isinstance(command, click.Command)
        if "_XPM_COMPLETE" in os.environ:
            from xpm.cli import completing

            completing.teach(cmd_name, command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, from the table alone, or what is asked of one."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=lazy.help)
            for name, lazy in self.table.items()
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in self.table.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command these arguments name; the nearest name is proposed for a typo."""
        name = args[0]
        if name in self.table or name.startswith("-"):
            return super().resolve_command(ctx, args)
        import difflib

        near = difflib.get_close_matches(name, self.table, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; commands: {', '.join(self.table)}"
        raise click.UsageError(f"no such command {name!r}{hint}", ctx)
