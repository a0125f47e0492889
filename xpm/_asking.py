"""What a task that is submitted asks for, refused at once, with its line, when it can never be."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xpm.errors import PlanProblem, ProfileProblem

if TYPE_CHECKING:
    from xpm.launchers.profiles import Launcher
    from xpm.launchers.requests import SlotEntry
    from xpm.plan.sealing import Sealed


class Asking:
    """What the tasks of one run ask their launchers for."""

    def __init__(self) -> None:
        self._totals: dict[str, tuple[int, str]] = {}

    def request(
        self, sealed: "Sealed", launcher: "Launcher"
    ) -> tuple[Mapping[str, object], "list[SlotEntry]"]:
        """The request of a task and the tokens that are counted.

        Raises:
            PlanProblem: the plan says two totals of one token.
            ProfileProblem: this launcher can never give that.
        """
        self._check_totals(sealed)
        counts = {name: count for name, count, _ in sealed.tokens}
        totals = {name: total for name, _, total in sealed.tokens}
        try:
            request = launcher.request(counts, sealed.is_resumable, totals)
            return request, launcher.slot_entries(sealed.tokens)
        except ProfileProblem as problem:
            if not problem.where:
                problem.where = sealed.where
            elif not problem.on:
                problem.on = f"submitted at {sealed.where}"
            raise

    def _check_totals(self, sealed: "Sealed") -> None:
        for name, _, total in sealed.tokens:
            known, where = self._totals.setdefault(name, (total, sealed.where))
            if known != total:
                raise PlanProblem(
                    f"token {name} has {total} units here, and {known} at {where}",
                    where=sealed.where,
                    hint="create it once, and let all who hold some share it",
                )
