"""The identity of configurations: 64 hexadecimal digits computed from their values alone.

docs/identity.md is the definition, for a second implementer too. Each configuration has a digest over its own items, where
the configurations it holds stand by their digests, so each is hashed once.
"""

from __future__ import annotations

import hashlib

from xpm.errors import PlanProblem
from xpm.plan import places, walk
from xpm.plan.encoding import NONE, PATH, encode, text
from xpm.plan.fields import MISSING
from xpm.plan.names import identifier_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from xpm.plan.config import Config
    from xpm.plan.description import Argument, Description

VERSION = 1
CONFIG = b"xpm1:config:"
OUTPUT = b"xpm1:output:"


def identifier(config: Config) -> str:
    """The identity of a configuration or task, sealed or not: 64 lower-case hexadecimal digits.

    Raises:
        PlanProblem: a value that counts is missing, or a configuration contains itself.
    """
    return digest(config).hex()


def digest(config: Config) -> bytes:
    """The identity as 32 bytes."""
    known: dict[int, bytes] = {}
    state = config.__dict__["_xpm"]
    if state.digest is not None:
        return state.digest  # type: ignore[no-any-return]
    if not any(True for _ in walk.children(config)):
        return _digest(config, known)
    for _, each in walk.order(config, (), _is_known):
        known[id(each)] = _digest(each, known)
    return known[id(config)]


def _is_known(config: Config) -> bool:
    return config.__dict__["_xpm"].digest is not None


def _digest(config: Config, known: dict[int, bytes]) -> bytes:
    """One configuration, the digests of its parts being known."""
    description = type(config).__xpm__
    coded = description.coded
    if coded is None:
        coded = description.coded = _code(description)
    own = config.__dict__
    state = own["_xpm"]

    def of_part(part: Any) -> Optional[bytes]:
        part_state = part.__dict__["_xpm"]
        if part_state.meta:
            return None
        return part_state.digest or known[id(part)]

    parts = [coded.head]
    for name, head, unset, ignorable in coded.counted:
        value = own.get(name, MISSING)
        if value is MISSING:
            if unset is None:
                raise PlanProblem(
                    f"{type(config).__name__}.{name} has no value, so there is no identity",
                    where=places.show(state.place),
                )
            parts.append(unset)
            continue
        code = encode(value, of_part)
        if code == ignorable or not code or code == PATH:
            continue
        parts.append(head)
        parts.append(code)
    for name, head in coded.metas:
        value = own.get(name)
        if hasattr(type(value), "__xpm__") and value.__dict__["_xpm"].meta is False:
            parts.append(head)
            parts.append(encode(value, of_part))
    if state.init:
        parts.append(text("") + encode(list(state.init), of_part))
    raw = hashlib.sha256(CONFIG + b"".join(parts)).digest()
    if state.producer is not None:
        producer = known.get(id(state.producer)) or digest(state.producer)
        raw = hashlib.sha256(OUTPUT + raw + producer).digest()
    return raw


class _Code:
    """What the identity of a class's configurations always needs, encoded once."""

    __slots__ = ("counted", "head", "metas")

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.counted: list[tuple[str, bytes, Optional[bytes], Optional[bytes]]] = []
        self.metas: list[tuple[str, bytes]] = []


def _code(description: Description) -> _Code:
    table = description.ready()
    coded = _Code(text(identifier_of(description)))
    for name in sorted(table):
        argument = table[name]
        if argument.role == "meta":
            if argument.kind.holds:
                coded.metas.append((name, text(name)))
        elif argument.generator is None:
            coded.counted.append((name, text(name), *_default(argument)))
    return coded


def _default(argument: Argument) -> tuple[Optional[bytes], Optional[bytes]]:
    """What stands for an unset value (None: a value is required), and the code that is left out."""
    if argument.default is MISSING:
        return None, None
    code = encode(argument.default, digest)
    if code == NONE or (argument.ignore_default and argument.role != "constant"):
        return b"", code
    if code == PATH:
        return b"", None
    return text(argument.name) + code, None
