"""Declaring arguments in the annotated style."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from pathlib import Path
    from typing import Annotated, Any, Callable, TypeVar, overload

    T = TypeVar("T")
    Param = Annotated[T, "counts for the identity"]
    Meta = Annotated[T, "never counts for the identity"]
    Option = Annotated[T, "never counts for the identity"]
    Constant = Annotated[T, "cannot be given, always counts for the identity"]


class Missing:
    """The absence of a value."""

    def __repr__(self) -> str:
        return "<no value>"


MISSING = Missing()


class Declared:
    """``Param[int]`` as an annotation: a role and a type."""

    __slots__ = ("role", "type")

    def __init__(self, role: str, type: object) -> None:
        self.role = role
        self.type = type

    def __call__(self) -> None:
        """Callable so that ``typing.Annotated`` takes it for a type."""

    def __repr__(self) -> str:
        return f"{self.role.capitalize()}[{getattr(self.type, '__name__', self.type)}]"


class Role:
    """``Param``, ``Meta`` or ``Constant`` itself."""

    def __init__(self, role: str, doc: str) -> None:
        self.role = role
        self.__doc__ = doc

    def __getitem__(self, type: object) -> Declared:
        return Declared(self.role, type)

    def __call__(self) -> None:
        """Callable so that ``typing.Annotated`` takes it for a type."""

    def __repr__(self) -> str:
        return f"xpm.{self.role.capitalize()}"


if not TYPE_CHECKING:
    Param = Role(
        "param", "``name: Param[type]`` declares an argument that counts for the identity."
    )
    Meta = Role(
        "meta", "``name: Meta[type]`` declares an argument that never counts for the identity."
    )
    Option = Meta
    Constant = Role(
        "constant",
        "``name: Constant[type] = value``: cannot be given, always counts for the identity.",
    )

ROLES = {"Param": "param", "Meta": "meta", "Option": "meta", "Constant": "constant"}


class Field:
    """What ``field(...)`` says of an argument."""

    __slots__ = ("checker", "default", "factory", "help", "ignore_default")

    def __init__(
        self,
        default: object,
        factory: Callable[[], Any] | None,
        ignore_default: bool,
        help: str,
        checker: Callable[[Any], object] | None,
    ) -> None:
        self.default = default
        self.factory = factory
        self.ignore_default = ignore_default
        self.help = help
        self.checker = checker


class PathGenerator:
    """A default that becomes a path inside the job folder when the task is sealed.

    Args:
        path: the name below the job folder.
    """

    __slots__ = ("path",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        from os import fspath
        from pathlib import PurePosixPath

        name = PurePosixPath(fspath(path))
        if name.is_absolute() or ".." in name.parts or not name.parts:
            from xpm.errors import PlanProblem
            from xpm.plan import places

            raise PlanProblem(
                f"a generated path stays inside the job folder, unlike {str(path)!r}",
                hint='give a relative name, such as "model.pth"',
                where=places.show(places.caller()),
            )
        self.path = str(name)

    def __call__(self) -> Path:
        """The name itself, relative to the job folder."""
        from pathlib import Path

        return Path(self.path)

    def __repr__(self) -> str:
        return f"PathGenerator({self.path!r})"


if TYPE_CHECKING:

    @overload
    def field(
        *,
        default: T,
        ignore_default: bool = False,
        help: str = "",
        checker: Callable[[T], object] | None = None,
    ) -> T: ...
    @overload
    def field(
        *,
        default_factory: Callable[[], T],
        ignore_default: bool = False,
        help: str = "",
        checker: Callable[[T], object] | None = None,
    ) -> T: ...
    @overload
    def field(*, help: str = "", checker: Callable[[Any], object] | None = None) -> Any: ...
    def field(**said: Any) -> Any:
        """As below."""

else:

    def field(
        *,
        default=MISSING,
        default_factory=None,
        ignore_default=False,
        help="",
        checker=None,
    ):
        """Say more of an argument than its type.

        Args:
            default: the value when none is given; part of the identity, unlike a bare ``= default``.
            default_factory: called for each configuration that is given no value; or a PathGenerator.
            ignore_default: leave the argument out of the identity when it equals its default.
            help: shown where the argument is explained.
            checker: called with each value; returns False or raises ValueError to refuse it.
        """
        if default is not MISSING and default_factory is not None:
            from xpm.plan import places
            from xpm.plan.problems import Definition

            raise Definition(
                "field() takes a default or a default_factory, not both",
                where=places.show(places.caller()),
            )
        if not isinstance(ignore_default, bool):  # as experimaestro once had it
            from xpm.plan import places
            from xpm.plan.problems import Definition

            raise Definition(
                f"field() takes ignore_default=True or False, not {ignore_default!r}",
                hint=f"field(default={ignore_default!r}, ignore_default=True)",
                where=places.show(places.caller()),
            )
        return Field(default, default_factory, ignore_default, help, checker)
