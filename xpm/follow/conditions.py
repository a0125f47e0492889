"""What jobs fulfil, in SQL over the view ``seen`` of xpm/follow/looking.py."""

from typing import NamedTuple


class Condition(NamedTuple):
    """SQL over the view ``seen``, and the values of its marks."""

    sql: str
    values: tuple[object, ...] = ()


ALL = Condition("1")
