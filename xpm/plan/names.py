"""Identifiers of configurations and tasks."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xpm.plan.description import Description

LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
LONGEST = 150
LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # Unicode's own table grows


class Identifier(str):
    """A text whose attributes, items and calls are names below it: ``Identifier("demo").model`` is ``demo.model``."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Identifier:
        if name.startswith("__"):
            raise AttributeError(name)
        return Identifier(f"{self}.{name}" if self else name)

    def __getitem__(self, name: object) -> Identifier:
        """The name below, when it is no Python name."""
        return Identifier(f"{self}.{name}" if self else str(name))

    __call__ = __getitem__


def valid(text: object) -> bool:
    """Whether it may name a folder and a batch job anywhere."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= LONGEST
        and LETTERS.issuperset(text)
        and text[0] not in "._-"
    )


def identifier_of(description: Description) -> str:
    """The identifier of a class: the given one, else ``<module>.<class>`` in lower case.

    A class of the script that runs has the module's name it would have if it were imported.
    """
    if not description.identifier:
        description.identifier = derived(description.cls)
    return description.identifier


def enum_identifier(cls: type) -> str:
    """The identifier of an Enum class: the given one (its own, not one inherited), else as for configurations."""
    given = vars(cls).get("__xpmid__")
    return derived(cls) if given is None else lower(str(given))


def derived(cls: type) -> str:
    """The identifier of a class that is given none."""
    return plain(f"{module_of(cls)}.{cls.__qualname__}")


def lower(text: str) -> str:
    """The text with A to Z in lower case; other letters are left alone, for every Unicode."""
    return text.translate(LOWER)


def module_of(cls: type) -> str:
    """The module a class would be imported from."""
    if cls.__module__ != "__main__":
        return cls.__module__
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    if file is None or file.startswith("<"):  # interactive, or read from a pipe
        return "__main__"
    if file not in _scripts:
        from xpm.plan.locate import script_module_name

        _scripts[file] = script_module_name(file)
    return _scripts[file]


_scripts: dict[
    str, str
] = {}  # the module name of each script that has been __main__: one, as a rule


def plain(name: str) -> str:
    """A name in lower case with every other character spelled as ``-<hexadecimal code point>-``."""
    text = "".join(
        each if each in LETTERS else f"-{ord(each):x}-"
        for each in lower(name.replace(".<locals>", ""))
    ).lstrip("._-")
    if len(text) > LONGEST:
        import hashlib

        text = f"{text[:120]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return text or "x"
