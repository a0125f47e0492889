"""The words that may stand for a command's arguments, for shells: from what is known here, without a connection."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from xpm.cli import selecting
from xpm.errors import XpmError
from xpm.follow.journal import Journal
from xpm.follow.looking import Look
from xpm.words import telling

MOST = 200
"""So many jobs at most are offered: who has more types another digit."""

Words = Callable[[click.Context, str], Iterator[CompletionItem]]


def teach(name: str, command: click.Command) -> None:
    """Let the parameters of a command of this name complete what xpm knows."""
    for parameter in command.params:
        words = _KNOWN.get((name, str(parameter.name))) or _KNOWN.get(("", str(parameter.name)))
        if words is not None:
            setattr(parameter, "shell_complete", _quietly(words))  # noqa: B010  a method, which mypy guards
    if isinstance(command, click.Group):
        for part, each in command.commands.items():
            teach(f"{name} {part}", each)


def experiments(context: click.Context, start: str) -> Iterator[CompletionItem]:
    """The experiments of the main folder."""
    with _look(context) as look:
        for name in look.experiments():
            yield CompletionItem(name, help="experiment")


def jobs(context: click.Context, start: str) -> Iterator[CompletionItem]:
    """The jobs whose ids begin like this, with what they are."""
    with _look(context) as look:
        for row in look.beginning(start.lower(), most=MOST):
            told = " ".join(
                part for part in (row.task, row.state, telling.tag_text(row.tags)) if part
            )
            shown = max(telling.ID_SHOWN, len(start))
            yield CompletionItem(row.id[:shown], help=told)


def targets(context: click.Context, start: str) -> Iterator[CompletionItem]:
    """Experiments and jobs."""
    yield from experiments(context, start)
    yield from jobs(context, start)


def connectors(context: click.Context, start: str) -> Iterator[CompletionItem]:
    """The connectors of the profiles."""
    from xpm.launchers.profiles import load_profiles

    for name in load_profiles(start=Path.cwd()).connectors:
        yield CompletionItem(name, help="connector")


def launchers(context: click.Context, start: str) -> Iterator[CompletionItem]:
    """The launchers of the profiles."""
    from xpm.launchers.profiles import load_profiles

    for name in load_profiles(start=Path.cwd()).launchers:
        yield CompletionItem(name, help="launcher")


def places(context: click.Context, start: str) -> Iterator[CompletionItem]:
    """Launchers and connectors."""
    yield from launchers(context, start)
    yield from connectors(context, start)


def cleanable(context: click.Context, start: str) -> Iterator[CompletionItem]:
    """Connectors and experiments."""
    yield from connectors(context, start)
    yield from experiments(context, start)


def hosts(context: click.Context, start: str) -> Iterator[CompletionItem]:
    """The hosts that this person's ssh configuration names itself."""
    text = (Path.home() / ".ssh" / "config").read_text("utf-8", "replace")
    for line in text.splitlines():
        word, *names = line.replace("=", " ", 1).split() or [""]
        if word.lower() == "host":
            for name in names:
                if not set(name) & set("*?!"):
                    yield CompletionItem(name, help="ssh host")


_KNOWN: Mapping[tuple[str, str], Words] = {
    ("status", "experiment"): experiments,
    ("wait", "experiment"): experiments,
    ("resume", "experiment"): experiments,
    ("sync", "experiment"): experiments,
    ("results", "targets"): experiments,
    ("graph", "experiment"): experiments,
    ("cancel", "targets"): targets,
    ("retry", "targets"): targets,
    ("pull", "jobs"): targets,
    ("clean", "names"): cleanable,
    ("connect", "host"): hosts,
    ("launchers show", "name"): places,
    ("", "job"): jobs,
    ("", "connector"): connectors,
    ("", "launcher"): launchers,
}


@contextlib.contextmanager
def _look(context: click.Context) -> Iterator[Look]:
    main = selecting.main_folder(context.params.get("workdir"))
    journal = Journal(main)
    try:
        yield Look(main, journal)
    finally:
        journal.close()


def _quietly(words: Words) -> Callable[[click.Context, str], list[CompletionItem]]:
    """Those words that begin as typed; none where nothing is known: nobody wants an error while typing."""

    def complete(context: click.Context, incomplete: str) -> list[CompletionItem]:
        try:
            found = list(words(context, incomplete))
        except (XpmError, OSError):
            return []
        begun = {str(each.value): each for each in reversed(found)}  # a name of two kinds: once
        return [begun[each] for each in reversed(begun) if each.startswith(incomplete.lower())]

    return complete
