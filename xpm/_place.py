"""The place that an experiment's tasks go to, as a plan sees it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpm.plan.tokens import Token


class Place:
    """The connector of an experiment's default launcher, as a plan sees it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def createtoken(self, name: str, total: int) -> "Token":
        """A counted right to run there."""
        from xpm.plan.tokens import Token

        return Token(name, total)
