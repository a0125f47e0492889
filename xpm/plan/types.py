"""Declared types: what may turn into what, as normal forms.

A declared type is compiled once into a ``Kind``. ``Kind.convert`` takes a given value to its *normal form*, or raises
``Mismatch``. Nothing is parsed from text and nothing is rounded; the whole table::

    declared            accepted                                             normal form
    bool                bool                                                 bool
    int                 int, and what has __index__ (numpy integers, IntEnum); not bool      int
    float               float; int and what has __float__ if nothing is lost; not bool       float
    str                 str, its subclasses (a str Enum gives its text)      str
    bytes               bytes, bytearray                                     bytes
    Path                pathlib paths, str                                   Path
    an Enum             its members                                          the member
    None                None                                                 None
    list, Sequence      list, tuple                                          list
    tuple               tuple, list, of the declared length                  tuple
    set, frozenset      set, frozenset                                       set, frozenset
    dict, Mapping       dict and other mappings                              dict, in the given order
    Optional, Union     the alternative the value fits as it is, else the first that converts
    Literal             the member of equal type and value
    a configuration     its instances, subclasses included; of Box[int] those whose values are int as they are
    Any, object         any of the above, each as it is
"""

from __future__ import annotations

import sys

from xpm.plan.containers import (
    ANY,
    DictKind,
    ListKind,
    LiteralKind,
    TupleKind,
    UnionKind,
)
from xpm.plan.fields import MISSING
from xpm.plan.generic import said_by
from xpm.plan.kinds import (
    BoolKind,
    BytesKind,
    FloatKind,
    InstanceKind,
    IntKind,
    Kind,
    Mismatch,
    PathKind,
    StrKind,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Evaluate = Callable[[str], object]

HEAP_TYPE = 1 << 9
_SIMPLE: dict[object, Kind] = {
    bool: BoolKind("bool", bool),
    int: IntKind("int", int),
    float: FloatKind("float", float),
    str: StrKind("str", str),
    bytes: BytesKind("bytes", bytes),
    type(None): Kind("None", type(None)),
    None: Kind("None", type(None)),
    object: ANY,
}
_CONTAINERS = (list, tuple, dict, set, frozenset)
_ABSTRACT = {
    "Sequence": list,
    "MutableSequence": list,
    "Iterable": list,
    "Collection": list,
    "Mapping": dict,
    "MutableMapping": dict,
    "Set": set,
    "MutableSet": set,
}


def compile_type(declared: Any, evaluate: Evaluate) -> Kind:
    """The kind of a declared type; text in it is given to ``evaluate``.

    Raises:
        TypeError: xpm cannot keep values of this type.
    """
    if isinstance(declared, str):
        return compile_type(evaluate(declared), evaluate)
    try:
        simple = _SIMPLE.get(declared)
    except TypeError:  # unhashable
        simple = None
    if simple is not None:
        return simple
    typing = sys.modules.get("typing")
    if typing is not None and declared is typing.Any:
        return ANY
    if isinstance(declared, type) and not hasattr(declared, "__origin__"):
        return _compile_class(declared)
    return _compile_form(declared, evaluate)


def _compile_class(cls: type) -> Kind:
    if hasattr(cls, "__xpm__"):
        return InstanceKind(cls, holds=True)
    if cls in _CONTAINERS:
        return _compile_container(cls, (), lambda text: text)
    if cls.__module__ == "collections.abc" and cls.__name__ in _ABSTRACT:
        return _compile_container(_ABSTRACT[cls.__name__], (), lambda text: text)
    enum = sys.modules.get("enum")
    if enum is not None and issubclass(cls, enum.Enum):
        return InstanceKind(cls, holds=False)
    pathlib = sys.modules.get("pathlib")
    if pathlib is not None and issubclass(cls, pathlib.PurePath):
        return PathKind("Path")
    if cls.__flags__ & HEAP_TYPE:  # a mix-in or interface that configurations inherit from
        return InstanceKind(cls, holds=True)
    raise TypeError(f"xpm cannot keep values of type {cls.__name__}")


def _compile_form(form: Any, evaluate: Evaluate) -> Kind:
    """What ``typing`` and ``X | Y`` make."""
    typing: Any = sys.modules.get("typing")
    origin = getattr(form, "__origin__", None)
    args: tuple[Any, ...] = getattr(form, "__args__", ())
    for inner in ("__forward_arg__", "__supertype__", "__value__"):  # ForwardRef, NewType, type X =
        if hasattr(form, inner):
            return compile_type(getattr(form, inner), evaluate)
    if hasattr(form, "__metadata__"):  # Annotated
        return compile_type(origin, evaluate)
    if type(form).__name__ == "UnionType" or (typing is not None and origin is typing.Union):
        return UnionKind(tuple(compile_type(each, evaluate) for each in args))
    if typing is not None and origin is typing.Literal:
        return LiteralKind(args)
    if type(form).__name__ == "TypeVar":
        options = form.__constraints__ or ((form.__bound__,) if form.__bound__ else ())
        kinds = tuple(compile_type(each, evaluate) for each in options)
        return ANY if not kinds else kinds[0] if len(kinds) == 1 else UnionKind(kinds)
    if isinstance(origin, type):
        name = _ABSTRACT.get(origin.__name__) if origin.__module__ == "collections.abc" else None
        container = name or origin
        if container in _CONTAINERS:
            return _compile_container(container, args, evaluate)
        if hasattr(origin, "__xpm__"):
            return AliasKind(form)  # Box[int]
        return _compile_class(origin)
    raise TypeError(f"xpm cannot keep values of type {form!r}")


class AliasKind(InstanceKind):
    """Configurations of a generic class whose values fit what is said of its type variables: ``Box[int]``."""

    __slots__ = ("alias",)

    def __init__(self, alias: Any) -> None:
        super().__init__(alias.__origin__, holds=True)
        said = ", ".join(getattr(each, "__name__", str(each)) for each in alias.__args__)
        self.name = f"{self.name}[{said}]"
        self.alias = alias

    def convert(self, value: Any) -> object:
        """Instances, as they are: a value that had to be converted is refused."""
        super().convert(value)
        for name, argument in said_by(self.alias).items():
            if name in value.__dict__:
                given = value.__dict__[name]
                try:
                    normal = argument.kind.convert(given)
                except Mismatch:
                    normal = MISSING
                if type(normal) is not type(given) or normal != given:
                    raise Mismatch(self.name, value, hint=f"make it by {self.name}(...)")
        return value


def _compile_container(container: type, args: tuple[Any, ...], evaluate: Evaluate) -> Kind:
    if any(type(each).__name__ == "TypeVar" for each in args) and container is not tuple:
        args = tuple(object if type(each).__name__ == "TypeVar" else each for each in args)
    if container is dict:
        key, value = args or (object, object)
        return DictKind(compile_type(key, evaluate), compile_type(value, evaluate))
    if container is tuple and args and args[-1] is not Ellipsis:
        return TupleKind(tuple(compile_type(each, evaluate) for each in args if each != ()))
    item = compile_type(args[0], evaluate) if args else ANY
    accepted = (set, frozenset) if container in (set, frozenset) else (list, tuple)
    return ListKind(container, item, accepted)
