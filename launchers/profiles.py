"""The launchers of this laptop: what ``launchers.yaml`` defines, and always ``local``, this machine."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xpm.connectors.specs import LocalSpec, Spec
from xpm.errors import ProfileProblem
from xpm.launchers import here, requests
from xpm.launchers.model import LOCAL, THIS_MACHINE, Blueprint, Setup
from xpm.launchers.report import Finding, Report, did_you_mean, in_file_order, refusal
from xpm.launchers.requests import SlotEntry

if TYPE_CHECKING:
    from xpm.agent.limits import SiteLimits

FILE = "launchers.yaml"


class Launcher:
    """A named way to run jobs: where, with what, prepared how."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint

    @property
    def name(self) -> str:
        """Its name in the profile."""
        return self._blueprint.name

    @property
    def connector(self) -> Spec:
        """The place its jobs go to."""
        return self._blueprint.site.spec

    @property
    def where(self) -> str:
        """File and line of its definition, empty without a profile."""
        return str(self._blueprint.mark or "")

    @property
    def setup(self) -> Setup:
        """What happens before its jobs, its environment included."""
        return self._blueprint.setup

    @property
    def before(self) -> tuple[list[str], list[str]]:
        """The shell lines before its modules are loaded, and those after; without what jobs ask for."""
        return requests.before(self._blueprint.setup, self._blueprint.site.words)

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
        blueprint = here.as_it_is(self._blueprint, tokens)
        return requests.request(blueprint, tokens, is_resumable, totals)

    def refuse(
        self, request: Mapping[str, object], site: "SiteLimits", age: str, where: str = ""
    ) -> None:
        """Raise what its place has said it can never give.

        Raises:
            ProfileProblem: with the reasons, the line of the plan and those of the profile.
        """
        from xpm.launchers.refusing import refuse  # late: only what is sent needs it

        refuse(self._blueprint, request, site, age, where)

    def slots(self, tokens: Mapping[str, int]) -> dict[str, int]:
        """The tokens that stay counted slots (name -> units), the launcher's own included."""
        return dict(requests.sort_tokens(self._blueprint, tokens).slots)

    def slot_entries(self, tokens: Iterable[tuple[str, int, int]]) -> list[SlotEntry]:
        """The tokens of a queue entry from those of a sealed task, (name, units, total)."""
        return requests.slot_entries(self._blueprint, tuple(tokens))


@dataclass(frozen=True, slots=True)
class Profiles:
    """All launchers; ``path`` is the profile file, None when there is none."""

    path: Path | None
    default: str
    launchers: Mapping[str, Launcher]
    connectors: Mapping[str, Spec]
    notes: Sequence[Finding] = ()

    @property
    def names(self) -> Sequence[str]:
        """The names a plan may use."""
        return tuple(self.launchers)

    def launcher(self, name: str | None) -> Launcher:
        """The launcher of this name, None: the default one.

        Raises:
            ProfileProblem: there is none of this name.
        """
        wanted = self.default if name is None else name
        found = self.launchers.get(wanted)
        if found is None:
            hint = did_you_mean(wanted, self.launchers, "known")
            there = f"see {self.path}" if self.path else f"define it in {_folder() / FILE}"
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


def load_profiles(folder: Path | None = None) -> Profiles:
    """The launchers of ``folder`` (default: ``$XPM_CONFIG_DIR`` or ``~/.config/xpm``).

    Raises:
        ProfileProblem: the file cannot be used, with everything that is wrong with it.
    """
    found = examine(folder)
    if found.profiles is None:
        raise refusal(found.problems)
    return found.profiles


def check(profiles: Profiles) -> list[Finding]:
    """What the profile says without effect, in the order of the file."""
    return list(profiles.notes)


def examine(folder: Path | None = None) -> Examination:
    """Everything there is to say about the profile of ``folder``; raises nothing for what is wrong in it."""
    path = (folder or _folder()) / FILE
    report = Report()
    try:
        exists = path.exists()
    except OSError as error:
        exists = True
        report.problem(None, str(path), f"cannot be read: {error.strerror}")
    misspelt = path.with_suffix(".yml")
    if not exists and misspelt.exists():
        report.problem(None, str(misspelt), f"is not read, name it {FILE}")
    profiles = None if exists else _built_in()
    if exists and not report.problems:
        from xpm.launchers.reading import read_profile  # late: PyYAML is imported only for a file

        profiles = _profiles(path, report, read_profile(path, report))
    problems, notes = in_file_order(report.problems), in_file_order(report.notes)
    return Examination(path, exists, None if problems else profiles, problems, notes)


def _folder() -> Path:
    chosen = os.environ.get("XPM_CONFIG_DIR")
    if chosen:
        return Path(chosen).expanduser()
    return Path("~/.config/xpm").expanduser()


def _built_in() -> Profiles:
    local = Launcher(Blueprint(LOCAL, THIS_MACHINE))
    return Profiles(None, LOCAL, {LOCAL: local}, {LOCAL: local.connector})


def _profiles(
    path: Path, report: Report, read: tuple[Mapping[str, Blueprint], Mapping[str, Spec], str | None]
) -> Profiles:
    blueprints, specs, default = read
    launchers = {name: Launcher(blueprint) for name, blueprint in blueprints.items()}
    connectors = {LOCAL: LocalSpec(), **specs}
    return Profiles(path, default or LOCAL, launchers, connectors, in_file_order(report.notes))
