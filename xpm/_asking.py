"""What a task that is submitted asks for, refused at once, with its line, when it can never be."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from xpm.errors import PlanProblem, ProfileProblem

if TYPE_CHECKING:
    from xpm.agent.limits import SiteLimits
    from xpm.connectors.specs import Spec
    from xpm.launchers.profiles import Answer, Launcher
    from xpm.plan.requirements import Req
    from xpm.plan.sealing import Sealed


class Asking:
    """What the tasks of one run ask their launchers for."""

    def __init__(self, told: "Callable[[Spec], tuple[SiteLimits, str] | None]") -> None:
        self._told = told
        self._totals: dict[str, tuple[int, str]] = {}

    def request(
        self,
        sealed: "Sealed",
        launcher: "Launcher",
        require: "Req | None" = None,
        barred: Mapping[str, str] | None = None,
    ) -> "Answer":
        """Where a task goes, its request, and the tokens that are counted.

        Args:
            sealed: the task.
            launcher: what runs it.
            require: what it needs, as the plan says.
            barred: connectors it cannot go to, and why.

        Raises:
            PlanProblem: the plan says two totals of one token.
            ProfileProblem: this launcher can never give that.
        """
        self._check_totals(sealed)
        from xpm.launchers.matching import ANYTHING, Asked  # late: only plans that submit need it

        counts = {name: count for name, count, _ in sealed.tokens}
        totals = {name: total for name, _, total in sealed.tokens}
        try:
            return launcher.ask(
                Asked(
                    require.alternatives if require is not None else ANYTHING,
                    counts,
                    totals,
                    barred or {},
                ),
                sealed.is_resumable,
                sealed.tokens,
                self._told,
            )
        except ProfileProblem as problem:
            if not problem.where:
                problem.where = sealed.where
            elif not problem.on:
                problem.on = f"submitted at {sealed.where}"
            if require is not None and not problem.hint:
                said = f"it needs {require}, as " if "\n" not in problem.what else ""
                problem.hint = f"{said}{require.where} says what it needs"
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
