"""The identity of configurations: 64 hexadecimal digits computed from their values alone.

docs/identity.md is the definition, for a second implementer too. Each configuration has a digest over its own items, where
the configurations it holds stand by their digests, so each is hashed once.
"""

from __future__ import annotations

import hashlib

from xpm.errors import PlanProblem
from xpm.plan import places, walk
from xpm.plan.encoding import ENCODERS, NONE, PATH, encode, text
from xpm.plan.fields import MISSING
from xpm.plan.names import identifier_of
from xpm.plan.problems import a
from xpm.plan.state import is_config, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpm.plan.config import Config
    from xpm.plan.description import Argument, Description
    from xpm.plan.encoding import Digest

VERSION = 1
CONFIG = b"xpm1:config:"
OUTPUT = b"xpm1:output:"


def identifier(config: Config) -> str:
    """The identity of a configuration or task, sealed or not: 64 lower-case hexadecimal digits.

    Raises:
        PlanProblem: a value that counts is missing, or a configuration contains itself.
    """
    if not is_config(config):
        raise PlanProblem(
            f"only configurations have an identity, not {a(config)}",
            hint="give a Config or a Task",
            where=places.show(places.caller()),
        )
    return digest(config).hex()


def digest(config: Config) -> bytes:
    """The identity as 32 bytes."""
    state = state_of(config)
    if state.digest is not None:
        return state.digest
    return _Digesting(config).of(config)


class _Digesting:
    """Digests one configuration and its parts, each once: by recursion, and level by level where that would be deep."""

    DEEPEST = 40

    def __init__(self, root: Config) -> None:
        self.root = root
        self.known: dict[int, bytes] = {}
        self.active: list[int] = []

    def of_part(self, part: Config) -> bytes | None:
        """The digest of a part; None when it does not count."""
        state = state_of(part)
        if state.meta:
            return None
        return state.digest or self.known.get(id(part)) or self.of(part)

    def of(self, config: Config) -> bytes:
        """The digest of a configuration that is not known yet."""
        if id(config) in self.active:
            walk.order(self.root, ())  # says how the configuration contains itself
        if len(self.active) == self.DEEPEST:
            return self._by_level(config)
        self.active.append(id(config))
        found = self.known[id(config)] = _digest(config, self.of_part)
        self.active.pop()
        return found

    def _by_level(self, config: Config) -> bytes:
        for _, each in walk.order(config, self.known, _is_known):
            self.known[id(each)] = _digest(each, self.of_part)
        return self.known[id(config)]


def _is_known(config: Config) -> bool:
    return state_of(config).digest is not None


def _digest(config: Config, of_part: Digest) -> bytes:
    """One configuration, the digests of its parts being known."""
    raw = hashlib.sha256(_content(config, of_part)).digest()
    producer = state_of(config).producer
    if producer is None:
        return raw
    return hashlib.sha256(OUTPUT + raw + digest(producer)).digest()


def canonical(config: Config) -> bytes:
    """The bytes whose SHA-256 is the digest of a configuration that no task hands on; for explanations."""
    return _content(config, lambda part: None if state_of(part).meta else digest(part))


def _content(config: Config, of_part: Digest) -> bytes:
    """What is hashed of one configuration."""
    description = type(config).__xpm__
    coded = description.coded
    if coded is None:
        coded = description.coded = _code(description)
    own = config.__dict__
    parts = [CONFIG, coded.head]
    for name, head, unset, ignorable in coded.counted:
        if name in own:
            value = own[name]
            encoder = ENCODERS.get(type(value), encode)  # saves a call for most values
            code = encoder(value, of_part)
            if code and code not in (ignorable, PATH):
                parts.append(head)
                parts.append(code)
        elif unset is None:
            raise PlanProblem(
                f"{type(config).__name__}.{name} has no value, so there is no identity",
                hint=f"give {type(config).__name__}({name}=...), or a default in the class",
                where=places.show(state_of(config).place),
            )
        else:
            parts.append(unset)
    state = state_of(config)
    if coded.metas or state.init:
        parts.extend(_forced(coded, config, of_part))
    return b"".join(parts)


def _forced(coded: _Code, config: Config, of_part: Digest) -> Iterator[bytes]:
    """Uncounted arguments whose configuration counts all the same, and the initial tasks."""
    for name, head in coded.metas:
        value = config.__dict__.get(name)
        if is_config(value) and state_of(value).meta is False:
            yield head + encode(value, of_part)
    init = state_of(config).init
    if init:
        yield text("") + encode(list(init), of_part)


class _Code:
    """What the identity of a class's configurations always needs, encoded once."""

    __slots__ = ("counted", "head", "metas")

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.counted: list[tuple[str, bytes, bytes | None, bytes | None]] = []
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


def _default(argument: Argument) -> tuple[bytes | None, bytes | None]:
    """What stands for an unset value (None: a value is required), and the code that is left out."""
    if argument.default is MISSING:
        return None, None
    code = encode(argument.default, digest)
    if code == NONE or (argument.ignore_default and argument.role != "constant"):
        return b"", code
    if code == PATH:
        return b"", None
    return text(argument.name) + code, None
