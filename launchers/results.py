"""What a profile says of results: which files come back from a place, when, and which stay there.

``sync: {results: ...}`` of the profile holds everywhere; a connector's says otherwise of its jobs, a launcher's of its own,
key by key. They are rules of this laptop, not of a job: those of the profile of now count whenever files are brought.
"""

from collections.abc import Iterator, Mapping, Sequence

from xpm.launchers.inherit import merge
from xpm.launchers.report import Report
from xpm.launchers.results_vocabulary import RESULTS
from xpm.launchers.schema import Values
from xpm.launchers.tree import Leaf, Table
from xpm.launchers.units import say_size
from xpm.sync.rules import ENDS, Choice, Rules


def effective(tree: Table, connector: str, launcher: str | None = None) -> Table:
    """What is said of the results of a place, or of a launcher's jobs there; each value with where it was written."""
    found = _said(tree)
    for section, name in (("connectors", connector), ("launchers", launcher)):
        if name is not None:
            found = merge(found, _said(tree.table(section).table(name)))
    return found


def read_results(tree: Table, connectors: Sequence[str]) -> Mapping[str, Rules]:
    """The rules of every connector."""
    launchers = {
        name: _places(tree.table("launchers").table(name))
        for name in tree.table("launchers").items
        if _said(tree.table("launchers").table(name)).items
    }
    return {
        name: Rules(
            choice(effective(tree, name)),
            {
                launcher: choice(effective(tree, name, launcher))
                for launcher, places in launchers.items()
                if name in places
            },
        )
        for name in connectors
    }


def choice(said: Table) -> Choice:
    """What a table says, as rules; what is wrong in it is left out."""
    values = RESULTS.read(said, "", Report()) or Values({}, {}, said.mark)
    live = values.texts("live")
    return Choice(
        pull=values.texts("pull"),
        skip=values.texts("skip"),
        most_each=values.get("max_file", int),
        most_all=values.get("max_total", int),
        live=live if "live" in values.values else None,
        pull_on=values.texts("pull_on") if "pull_on" in values.values else ENDS,
    )


def check_results(tree: Table, report: Report) -> None:
    """Say what of it has no effect."""
    for path, said in _places_that_say(tree):
        values = RESULTS.read(said, path, Report())  # its problems are said already
        if values is not None:
            _check(values, path, report)


def _check(values: Values, path: str, report: Report) -> None:
    skipped = set(values.texts("skip"))
    for key in ("pull", "live"):
        for pattern in values.texts(key):
            if pattern in skipped:
                words = f"{pattern!r} has no effect: 'skip' keeps it there"
                report.note(values.where(key), f"{path}.{key}", words)
    each, total = values.get("max_file", int), values.get("max_total", int)
    if each is not None and total is not None and each > total:
        words = f"has no effect: no job may bring more than {say_size(total)} (max_total)"
        report.note(values.where("max_file"), f"{path}.max_file", words)


def words(rules: Choice) -> str:
    """What rules say, in a line."""
    said = ["pull " + (", ".join(rules.pull) or "everything")]
    said += [f"skip {', '.join(rules.skip)}"] if rules.skip else []
    if set(rules.pull_on) != set(ENDS):
        said.append(f"after {', '.join(rules.pull_on)}" if rules.pull_on else "never, but for logs")
    said += [f"files up to {say_size(rules.most_each)}"] if rules.most_each is not None else []
    said += [f"{say_size(rules.most_all)} of a job at most"] if rules.most_all is not None else []
    if rules.live is not None:
        said.append(f"while it runs {', '.join(('logs', *rules.live))}")
    return "; ".join(said)


def as_document(rules: Choice) -> dict[str, object]:
    """Rules for programs."""
    return {
        "pull": list(rules.pull),
        "skip": list(rules.skip),
        "pull_on": list(rules.pull_on),
        "max_file": rules.most_each,
        "max_total": rules.most_all,
        "live": None if rules.live is None else list(rules.live),
    }


def _said(table: Table) -> Table:
    return table.table("sync").table("results")


def _places(launcher: Table) -> list[str]:
    """The connectors a launcher names."""
    one = launcher.text("connector")
    if one is not None:
        return [one]
    listed = getattr(launcher.items.get("connectors"), "items", ())
    return [str(each.value) for each in listed if isinstance(each, Leaf)]


def _places_that_say(tree: Table) -> Iterator[tuple[str, Table]]:
    yield "sync.results", _said(tree)
    for section in ("connectors", "launchers"):
        for name in tree.table(section).items:
            yield f"{section}.{name}.sync.results", _said(tree.table(section).table(name))
