"""Tokens: named, counted rights to run."""

from __future__ import annotations

from xpm.errors import PlanProblem
from xpm.plan import places
from xpm.plan.problems import a
from xpm.plan.state import state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


class Token:
    """So many units of something; a task holds some while it runs.

    ``token(2, task)`` makes the task hold two and returns it; ``token.dependency(2)`` is the same for ``add_dependencies``.
    """

    __slots__ = ("name", "total")
    name: str
    total: int

    def __init__(self, name: str, total: int) -> None:
        from xpm.plan.names import valid

        where = places.show(places.caller())
        if not valid(name):
            raise PlanProblem(
                f"a token cannot be called {name!r}",
                hint="lower-case letters, digits and . _ -",
                where=where,
            )
        if not _is_count(total):
            raise PlanProblem(
                f"token {name} cannot have {total!r} units",
                hint="give a whole number of them, 1 or more",
                where=where,
            )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "total", total)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a token does not change: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a token does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and (self.name, self.total) == (other.name, other.total)

    def __hash__(self) -> int:
        return hash((self.name, self.total))

    def __reduce__(self) -> tuple[type[Token], tuple[str, int]]:
        return Token, (self.name, self.total)

    def __repr__(self) -> str:
        return f"Token({self.name!r}, {self.total})"

    def __call__(self, count: int, task: T) -> T:
        """Make a task hold so many units while it runs; the task itself."""
        self.hold(count, task)
        return task

    def dependency(self, count: int) -> TokenDependency:
        """So many units, for ``task.add_dependencies``."""
        self._check(count)
        return TokenDependency(self, count)

    def hold(self, count: int, task: object) -> None:
        """Note on a task that it holds so many units more."""
        from xpm.plan.tasks import Task

        if not isinstance(task, Task):
            raise PlanProblem(
                f"{a(task)} cannot hold token {self.name}",
                hint="token(count, task): first how many, then the task",
                where=places.show(places.caller()),
            )
        state = state_of(task)
        if state.seal is not None:
            from xpm.plan.setting import refuse_sealed

            refuse_sealed(task, state, f"token {self.name}")
        same = [each for each in state.tokens or () if each.token.name == self.name]
        self._check(count)
        smallest = min([self, *(each.token for each in same)], key=lambda token: token.total)
        smallest._check(sum(each.count for each in same) + count)
        state.tokens = [*(state.tokens or ()), TokenDependency(self, count)]

    def _check(self, count: int) -> None:
        where = places.show(places.caller())
        if not _is_count(count):
            raise PlanProblem(
                f"{count!r} units of token {self.name} cannot be held",
                hint=f"from 1 to {self.total}",
                where=where,
            )
        if count > self.total:
            raise PlanProblem(
                f"{count} units of token {self.name} can never be had: it has {self.total}",
                hint=f"ask for {self.total} at most, or create the token with more",
                where=where,
            )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


class TokenDependency:
    """Units of a token that a task is to hold."""

    __slots__ = ("count", "token")

    def __init__(self, token: Token, count: int) -> None:
        self.token = token
        self.count = count

    def __repr__(self) -> str:
        return f"{self.token!r}.dependency({self.count})"
