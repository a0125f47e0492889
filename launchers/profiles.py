"""The launchers of this laptop: what ``launchers.yaml`` defines, and always ``local``, this machine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from xpm.connectors.specs import LocalSpec, Spec
from xpm.errors import ProfileProblem
from xpm.launchers import builtin, here, layers, matching, paying, requests
from xpm.launchers.layers import Layer
from xpm.launchers.matching import Asked, Candidate, Match
from xpm.launchers.model import LOCAL, THIS_MACHINE, Blueprint, Setup
from xpm.launchers.notices import NOBODY, Notify
from xpm.launchers.paying import SlotEntry
from xpm.launchers.report import Finding, Report, did_you_mean, in_file_order, refusal
from xpm.launchers.tree import Table
from xpm.sync.rules import EVERYTHING_COMES, Rules

if TYPE_CHECKING:
    from xpm.agent.limits import SiteLimits
    from xpm.launchers.reading import Read
    from xpm.sync.sizes import Limits

FILE = layers.FILE


Told = Callable[[Spec], "tuple[SiteLimits, str] | None"]
"""What a place has told of its limits, and how long ago in words; None: nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a job is run: the place, its request, and the tokens that are counted; shared by jobs that ask alike."""

    connector: Spec
    request: Mapping[str, object]
    slots: Sequence[SlotEntry]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What happens before a job at a place: its setup, and the shell lines before and after modules are loaded."""

    place: Spec
    setup: Setup
    pre: Sequence[str]
    exports: Sequence[str]


class Launcher:
    """A named way to run jobs: where, with what, prepared how. ``blueprints``: one for each place, best first."""

    def __init__(self, *blueprints: Blueprint) -> None:
        self._blueprints = blueprints
        self._blueprint = blueprints[0]
        self._answers: dict[object, Answer] = {}  # of many tasks most ask for the same

    @property
    def name(self) -> str:
        """Its name in the profile."""
        return self._blueprint.name

    @property
    def connector(self) -> Spec:
        """The first of its places."""
        return self._blueprint.site.spec

    @property
    def connectors(self) -> Sequence[Spec]:
        """The places its jobs may go to."""
        return tuple(each.site.spec for each in self._blueprints)

    @property
    def where(self) -> str:
        """File and line of its definition, empty without a profile."""
        return str(self._blueprint.mark or "")

    def prepared(self, connector: str) -> Prepared:
        """What happens before its jobs at one of its places, their environment included."""
        found = [each for each in self._blueprints if each.site.spec.name == connector]
        blueprint = found[0] if found else self._blueprint
        setup, site = blueprint.setup, blueprint.site
        return Prepared(site.spec, setup, *requests.before(setup, site.words))

    def match(self, asked: Asked, told: Told | None = None) -> Match:
        """Every way to run a job that asks for this, and the one that is taken.

        Args:
            asked: what the job asks for.
            told: what places have said of themselves; asked where there is a choice.
        """
        gpus = any(need.wants_gpus for need in asked.alternatives)
        now = [here.as_it_is(each, asked.tokens, gpus) for each in self._blueprints]
        return matching.match(now, asked, _objecting(told) if told else None)

    def ask(
        self,
        asked: Asked,
        is_resumable: bool = False,
        sealed: Iterable[tuple[str, int, int]] = (),
        told: Told | None = None,
    ) -> Answer:
        """How a job is run that asks for this; ``sealed`` are its tokens as (name, units, total).

        Raises:
            ProfileProblem: no place of this launcher can ever give that; with the reasons of each.
        """
        sealed = tuple(sealed)
        key = (asked.key, is_resumable, sealed, told)
        if key not in self._answers:
            found = self.match(asked, told)
            if found.chosen is None:
                raise requests.refused(found)
            self._answers[key] = answer(found.chosen, asked, is_resumable, sealed)
        return self._answers[key]

    def at(self, connector: str) -> "Launcher":
        """The same launcher, at one of its places only."""
        return Launcher(*(each for each in self._blueprints if each.site.spec.name == connector))

    def request(
        self,
        tokens: Mapping[str, int],
        is_resumable: bool = False,
        totals: Mapping[str, int] | None = None,
    ) -> dict[str, object]:
        """The request of a job that holds these tokens (name -> units); see xpm/wire/workspace.py.

        Args:
            tokens: the tokens.
            is_resumable: whether the task goes on from what it finds in its folder.
            totals: how many units there are, as the plan says.

        Raises:
            ProfileProblem: this place can never give that.
        """
        return dict(self.ask(Asked(tokens=tokens, totals=totals or {}), is_resumable).request)

    def refuse(
        self, request: Mapping[str, object], site: "SiteLimits", age: str, where: str = ""
    ) -> None:
        """Raise what its place has said it can never give.

        Raises:
            ProfileProblem: with the reasons, the line of the plan and those of the profile.
        """
        from xpm.launchers.refusing import refuse  # late: only what is sent needs it

        place = request["connector"]
        mine = [each for each in self._blueprints if each.site.spec.name == place]
        refuse(mine[0] if mine else self._blueprint, request, site, age, where)

    def slots(self, tokens: Mapping[str, int]) -> dict[str, int]:
        """The tokens that stay counted slots (name -> units), the launcher's own included."""
        return dict(paying.sort_tokens(self._blueprint, tokens).slots)

    def slot_entries(self, tokens: Iterable[tuple[str, int, int]]) -> list[SlotEntry]:
        """The tokens of a queue entry from those of a sealed task, (name, units, total)."""
        return paying.slot_entries(self._blueprint, tokens)


def answer(
    chosen: Candidate,
    asked: Asked,
    is_resumable: bool = False,
    sealed: Iterable[tuple[str, int, int]] = (),
) -> Answer:
    """How a job is run in the way that was chosen."""
    held = {name: (count, total) for name, count, total in sealed}
    tokens = [(name, count, total) for name, (count, total) in held.items()]
    for name, count in chosen.need.tokens:
        known = held.get(name)
        tokens = [each for each in tokens if each[0] != name]
        tokens.append((name, max(count, known[0]), known[1]) if known else (name, count, count))
    blueprint = chosen.blueprint
    return Answer(
        blueprint.site.spec,
        requests.request(chosen, is_resumable, asked.totals),
        paying.slot_entries(blueprint, tokens),
    )


def _objecting(told: Told) -> Callable[[Candidate], Sequence[str]]:
    def objecting(candidate: Candidate) -> Sequence[str]:
        found = told(candidate.blueprint.site.spec)
        if found is None:
            return ()
        from xpm.agent import never  # late: only what is sent needs it

        options = requests.request(candidate, False, {})["options"]
        site, age = found
        wrong = never.objections([str(each) for each in cast("list[object]", options)], site)
        return [f"{each.words} (the site said so {age})" for each in wrong]

    return objecting


@dataclass(frozen=True, slots=True)
class Profiles:
    """All launchers; ``path`` is the profile file, None when there is none."""

    path: Path | None
    default: str
    launchers: Mapping[str, Launcher]
    connectors: Mapping[str, Spec]
    notes: Sequence[Finding] = ()
    tree: Table = field(default_factory=builtin.layer)
    """All that is said, with the places that say it; connectors and launchers with what they extend."""
    files: Sequence[Layer] = ()
    """What was read, later ones over earlier ones."""
    results: Mapping[str, Rules] = field(default_factory=dict[str, Rules])
    """Which files come back, by connector."""
    notify: Notify = NOBODY
    """Whom to tell how experiments end."""

    @property
    def names(self) -> Sequence[str]:
        """The names a plan may use."""
        return tuple(self.launchers)

    def rules(self, connector: str) -> Rules:
        """Which files of its jobs come back from a connector."""
        return self.results.get(connector, EVERYTHING_COMES)

    @property
    def code(self) -> "Limits":
        """How big a project may be to travel, and what of it stays at home."""
        from xpm.launchers import code

        return code.limits(self.tree)

    def launcher(self, name: str | None) -> Launcher:
        """The launcher of this name, None: the default one.

        Raises:
            ProfileProblem: there is none of this name.
        """
        wanted = self.default if name is None else name
        found = self.launchers.get(wanted)
        if found is None:
            hint = did_you_mean(wanted, self.launchers, "known")
            there = (
                f"see {self.path}" if self.path else f"define it in {layers.user_folder() / FILE}"
            )
            here = layers.misnamed(Path.cwd())
            if here is not None:
                there += f"; {here} is not read: a project's file is called {layers.PROJECT_FILE}"
            raise ProfileProblem(f"unknown launcher {wanted!r}{hint}", hint=there)
        return found


@dataclass(frozen=True, slots=True)
class Examination:
    """What a look at a profile found; ``profiles`` is None when there are problems."""

    path: Path
    exists: bool
    profiles: Profiles | None
    problems: Sequence[Finding]
    notes: Sequence[Finding]


def load_profiles(
    folder: Path | None = None, start: Path | None = None, sets: Iterable[str] = ()
) -> Profiles:
    """The launchers of all layers (layers.py).

    Args:
        folder: the only folder to look in, instead of the usual ones.
        start: where the search for a project's file begins; default: the current folder.
        sets: what the command line says over them.

    Raises:
        ProfileProblem: a file cannot be used, with everything that is wrong with all of them.
    """
    found = examine(folder, start, sets)
    if found.profiles is None:
        raise refusal(found.problems)
    return found.profiles


def check(profiles: Profiles) -> list[Finding]:
    """What the profile says without effect, in the order of the file."""
    return list(profiles.notes)


def examine(
    folder: Path | None = None, start: Path | None = None, sets: Iterable[str] = ()
) -> Examination:
    """Everything there is to say about a profile (see ``load_profiles``); raises nothing for what is wrong in it."""
    where = layers.sources(folder, start, sets)
    path = where.folder / FILE
    report = Report()
    files = layers.files(where, report)
    profiles = None if files or where.sets else _built_in()
    if profiles is None and not report.problems:
        from xpm.launchers.reading import read_profile  # late: PyYAML is imported only for a file

        read = read_profile(files, where.sets, report)
        profiles = _profiles(files, report, read)
    problems, notes = in_file_order(report.problems), in_file_order(report.notes)
    exists = any(layer.path == path for layer in files)
    return Examination(path, exists, None if problems else profiles, problems, notes)


def _built_in() -> Profiles:
    local = Launcher(Blueprint(LOCAL, THIS_MACHINE))
    return Profiles(None, LOCAL, {LOCAL: local}, {LOCAL: local.connector})


def _profiles(files: Sequence[Layer], report: Report, read: "Read") -> Profiles:
    launchers = {name: Launcher(*blueprints) for name, blueprints in read.launchers.items()}
    if LOCAL not in launchers:  # no file says anything of it
        launchers[LOCAL] = Launcher(Blueprint(LOCAL, THIS_MACHINE))
    user = [layer.path for layer in files if layer.name == "user"]
    path = next(iter(user or [layer.path for layer in reversed(files)]), None)
    return Profiles(
        path,
        read.default or LOCAL,
        launchers,
        {LOCAL: LocalSpec(), **read.connectors},
        in_file_order(report.notes),
        read.tree,
        tuple(files),
        read.results,
        read.notify,
    )
