"""Named values, like ``typing.NamedTuple`` (which it is for type checkers), without its cost at import."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:

    class Record:
        """Takes its annotated names as arguments, in order or by name."""

        def __init__(self, *values, **named):
            names = type(self).__annotations__
            self.__dict__.update(zip(names, values), **named)
            for name in names:
                if not hasattr(self, name):
                    raise TypeError("%s lacks %s" % (type(self).__name__, name))


__all__ = ["Record"]
