"""What xpm knows of a configuration class: its identifier and its arguments.

A class is read when it is defined; the types of its arguments are compiled when they are first needed, so that text
annotations may name what is defined later, and so that a job never pays for what only a plan needs.
"""

# What users give is checked at run time too.
# pyright: reportUnnecessaryIsInstance=false

from __future__ import annotations

import sys
from copy import copy

from xpm.plan import places
from xpm.plan.containers import ANY, UnionKind
from xpm.plan.fields import MISSING, ROLES, Declared, Field, PathGenerator, Role
from xpm.plan.generic import bindings, bound
from xpm.plan.kinds import Kind, Mismatch
from xpm.plan.problems import Definition
from xpm.plan.types import compile_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable


class Argument:
    """One argument of a configuration class."""

    __slots__ = (
        "checker", "coded", "declared", "default", "eager", "factory", "generator", "help",
        "ignore_default", "kind", "name", "plain", "role",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        role: str,
        declared: object,
        default: object = MISSING,
        factory: Callable[[], Any] | None = None,
        ignore_default: bool = True,
        help: str = "",
        checker: Callable[[Any], object] | None = None,
    ) -> None:
        self.name = name
        self.role = role
        self.declared = declared
        self.default = default
        self.generator = factory if isinstance(factory, PathGenerator) else None
        self.factory = None if self.generator else factory
        self.ignore_default = ignore_default
        self.help = help
        self.checker = checker
        self.kind: Kind = _UNREAD
        self.coded: Any = None  # what identity.py keeps of it
        self.eager = False  # a default that each configuration gets its own copy of
        self.plain = checker is None and role != "constant"  # nothing but the type to check

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is MISSING and self.factory is None and self.generator is None

    def fresh(self) -> object:
        """A default value of its own for one configuration."""
        if self.factory is not None:
            return self.kind.convert(self.factory())
        from xpm.plan.copying import copyvalue

        return copyvalue(self.default)


_UNREAD = Kind("not read yet")


class Description:
    """The identifier and arguments of one class; ``ready`` before the types are used."""

    __slots__ = (
        "bases", "cls", "coded", "decorated", "eager", "eager_names", "identifier", "own", "place", "quick", "scope",
        "table",
    )  # fmt: skip

    def __init__(self, cls: type, bases: list[Description], place: places.Place) -> None:
        self.cls = cls
        self.bases = bases
        self.place = place
        self.own: dict[str, Argument] = {}
        self.decorated: set[str] = set()  # arguments declared by decorators
        self.scope: dict[str, object] | None = None
        self.table: dict[str, Argument] | None = None
        self.eager: list[Argument] = []
        self.eager_names: tuple[str, ...] = ()
        self.quick: dict[str, type | None] = {}  # values of exactly this class need no conversion
        self.coded: Any = None
        self.identifier = ""

    def add(self, argument: Argument) -> None:
        """Declare an argument; one of the same name is replaced."""
        refuse_clash(self.cls, argument.name, self.place)
        if argument.role == "constant" and argument.required:
            raise Definition(
                f"the constant {self.cls.__name__}.{argument.name} has no value",
                hint=f"{argument.name}: Constant[int] = 1",
                where=places.show(self.place),
            )
        self.own[argument.name] = argument
        self.table = None
        self.coded = None

    def ready(self) -> dict[str, Argument]:
        """All arguments by name, inherited ones first, with their types compiled."""
        if self.table is not None:
            return self.table
        table: dict[str, Argument] = {}
        for base in reversed(self.bases):
            base.ready()
            table.update(base.own)
        for name, argument in self.own.items():
            if argument.kind is _UNREAD:
                if argument.declared is INHERITED:
                    _inherit(argument, table[name])
                else:
                    argument.kind = self._compile(argument)
                self._settle(argument)
            table[name] = argument
        self._bind(table)
        self.eager = [each for each in table.values() if each.eager]
        self.eager_names = tuple(each.name for each in self.eager)
        self.quick = {name: each.kind.fast for name, each in table.items() if each.plain}
        self.table = table
        self.scope = None
        return table

    def _bind(self, table: dict[str, Argument]) -> None:
        """Give inherited arguments the types that this class says for type variables: ``class Ints(Box[int])``."""
        inherited = {name: each for name, each in table.items() if name not in self.own}
        table.update(self.bound_by(inherited, bindings(self.cls)))

    def bound_by(self, table: dict[str, Argument], said: dict[object, Any]) -> dict[str, Argument]:
        """Those of these arguments in whose types there are such type variables, with what is said of them."""
        found: dict[str, Argument] = {}
        for name, argument in table.items() if said else ():
            declared = bound(argument.declared, said)
            if declared is not argument.declared:
                own = found[name] = copy(argument)
                own.declared, own.coded = declared, None
                own.kind = self._compile(own)
                self._settle(own)
        return found

    def _compile(self, argument: Argument) -> Kind:
        try:
            if isinstance(argument.declared, str):
                argument.declared = self._evaluate(argument.declared)
            return compile_type(argument.declared, self._evaluate)
        except (TypeError, NameError, AttributeError, SyntaxError) as error:
            raise Definition(
                f"the type of {self.cls.__name__}.{argument.name} cannot be used",
                cause=str(error),
                hint="write Param[int], Param[list[str]], Param[Model] or the like, of names that are"
                " known in its module",
                where=places.show(self.place),
            ) from error

    def _settle(self, argument: Argument) -> None:
        """Bring the default into normal form; an argument that may be None is None by default."""
        kind = argument.kind
        if argument.required and kind is not ANY and kind.fits(None):
            argument.default = None
        if argument.default is None and not kind.fits(None):  # x: Param[int] = None
            kind = argument.kind = UnionKind((kind, compile_type(None, self._evaluate)))
        if argument.default is not MISSING:
            try:
                argument.default = kind.convert(argument.default)
            except Mismatch as error:
                marked = bool(getattr(type(error.got), "_xpm_mark", ""))
                raise Definition(
                    f"the default of {self.cls.__name__}.{argument.name}{error.path}"
                    + (" cannot be marked" if marked else f" is no {error.expected}"),
                    cause=f"it is {error.got!r} ({type(error.got).__name__})",
                    hint="tag the value where the plan gives it" if marked else error.hint,
                    where=places.show(self.place),
                ) from None
        argument.eager = argument.factory is not None or (
            (kind.mutable or kind.holds) and argument.default not in (MISSING, None)
        )

    def _evaluate(self, text: str) -> object:
        module = sys.modules.get(self.cls.__module__)
        names = dict(vars(self.cls))
        if self.scope is not None:
            names = {**names, **self.scope}
        value = eval(text, dict(vars(module)) if module else {}, names)
        if isinstance(value, Role):
            return object
        return value.type if isinstance(value, Declared) else value


INHERITED = object()
"""The declared type of an argument of which only the default is given anew."""


def _inherit(argument: Argument, base: Argument) -> None:
    """Take from the argument above all that is not said anew."""
    argument.kind = base.kind
    argument.declared = base.declared
    argument.role = base.role
    argument.ignore_default = base.role != "constant" and argument.ignore_default
    argument.help = argument.help or base.help
    argument.checker = argument.checker or base.checker
    argument.plain = argument.checker is None and argument.role != "constant"


def describe(cls: type, frame: FrameType | None) -> Description:
    """Read a class as it is defined: take its annotations and defaults out of it, into a description."""
    place = (frame.f_code.co_filename, frame.f_lineno) if frame else ("?", 0)
    bases = [vars(each)["__xpm__"] for each in cls.__mro__[1:] if "__xpm__" in vars(each)]
    description = Description(cls, bases, place)
    annotations: dict[str, Any] = vars(cls).get("__annotations__", {})
    if not annotations and sys.version_info >= (3, 14):
        annotations = cls.__annotations__
    inherited = {name for base in bases for name in base.own}
    for name, annotation in list(annotations.items()):
        role, declared = declared_role(annotation)
        if role is not None:
            description.add(_argument(cls, name, role, declared, place))
            if isinstance(declared, str) or "'" in repr(declared):
                _remember(description, frame)
    for name in [each for each in vars(cls) if each in inherited and each not in annotations]:
        if not callable(vars(cls)[name]) and not hasattr(vars(cls)[name], "__get__"):
            description.add(_argument(cls, name, "", INHERITED, place))
    given = vars(cls).get("__xpmid__")
    if given is not None:
        description.identifier = explicit(given, place)
    cls.__xpm__ = description  # type: ignore[attr-defined]
    return description


def _remember(description: Description, frame: FrameType | None) -> None:
    if frame is not None and frame.f_locals is not frame.f_globals:
        description.scope = frame.f_locals


def declared_role(annotation: Any) -> tuple[str | None, object]:
    """The role an annotation gives its name, and the type; None for other annotations."""
    if isinstance(annotation, Declared):
        return annotation.role, annotation.type
    if isinstance(annotation, Role):
        return annotation.role, object
    if isinstance(annotation, str):
        head = annotation.partition("[")[0].strip().rpartition(".")[2]
        if head in ROLES:
            return ROLES[head], annotation
        if head == "Annotated":
            for word in ROLES:
                if annotation.partition("[")[2].strip().startswith((word, f"xpm.{word}")):
                    return ROLES[word], annotation
    inner = getattr(annotation, "__origin__", None)
    if isinstance(inner, Declared) and hasattr(annotation, "__metadata__"):
        return inner.role, inner.type
    return None, None


def refuse_method(cls: type, name: str, place: places.Place) -> None:
    """Refuse an argument that would hide a method or property of its class."""
    value = vars(cls).get(name)
    if hasattr(value, "__code__") or isinstance(value, (property, classmethod, staticmethod)):
        raise Definition(
            f"{cls.__name__}.{name} is an argument and a {'property' if isinstance(value, property) else 'method'}",
            hint="give one of them another name",
            where=places.show(place),
        )


def _argument(cls: type, name: str, role: str, declared: object, place: places.Place) -> Argument:
    refuse_method(cls, name, place)
    default = vars(cls).get(name, MISSING)
    if name in vars(cls):
        delattr(cls, name)
    if isinstance(default, Field):
        return Argument(
            name, role, declared, default.default, default.factory, default.ignore_default,
            default.help, default.checker,
        )  # fmt: skip
    if isinstance(default, PathGenerator):
        return Argument(name, role, declared, factory=default)
    return Argument(name, role, declared, default, ignore_default=role != "constant")


def explicit(name: object, place: places.Place) -> str:
    """A given identifier, in lower case; refused when it cannot be a folder's name."""
    from xpm.plan.names import lower, valid

    text = lower(str(name))
    if not valid(text):
        raise Definition(
            f"{name!r} cannot be an identifier",
            hint="at most 150 of a-z 0-9 . _ -, starting with a letter or digit",
            where=places.show(place),
        )
    return text


def refuse_clash(cls: type, name: str, place: places.Place) -> None:
    """Refuse an argument whose name means something else already."""
    if not isinstance(name, str) or not name.isidentifier():
        raise Definition(
            f"{name!r} cannot be the name of an argument of {cls.__name__}",
            hint="a name such as in name=value",
            where=places.show(place),
        )
    if name.startswith("_"):
        reason = "names that begin with _ are not arguments"
    else:
        owner = next(
            (each for each in cls.__mro__[1:] if name in vars(each) and "__xpm__" in vars(each)
             and each.__module__.startswith("xpm.plan.")), None)  # fmt: skip
        if owner is None and name not in RESERVED:
            return
        reason = f"every configuration has a {name!r} of its own"
    raise Definition(
        f"{cls.__name__}.{name} cannot be an argument",
        cause=reason,
        hint=f"call it {name.strip('_')}_ or anything else",
        where=places.show(place),
    )


RESERVED = frozenset((
    "C", "tag", "tags", "submit", "state", "jobpath", "stdout", "stderr", "wait", "on_completed", "on_failed",
    "add_dependencies", "execute", "task_outputs", "remaining_time", "instance", "watch_output",
    "register_task_output",
))  # fmt: skip
