"""Filters: which jobs a text like ``lr<0.1 and not state=done`` means.

::

    filter  = term { "or" term }
    term    = factor { "and" factor }
    factor  = "not" factor | "(" filter ")" | name operator value
    operator = "=" | "!=" | "<" | "<=" | ">" | ">="

A name is one of FIELDS, or else a tag; ``tag.NAME`` is a tag in any case. A value is a word or a quoted text; ``*`` in a word
stands for anything. Numbers are compared as numbers where both sides are, else as text. A job without the tag
equals nothing, and is neither less nor more.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from xpm.decide.states import WORDS
from xpm.errors import UsageProblem
from xpm.wire.ledger import CAUSES

if TYPE_CHECKING:
    from xpm.follow.looking import Row
    from xpm.follow.views import JobView

FIELDS = ("state", "task", "cause", "id", "connector", "launcher", "attempt", "experiment")
_TOKEN = re.compile(
    r"""\s*(?: (?P<operator>!=|<=|>=|==|=|<|>) | (?P<bracket>[()]) | (?P<text>"[^"]*"|'[^']*') | (?P<word>[^\s()=<>!"']+) )""",
    re.VERBOSE,
)
_WORDS = ("and", "or", "not")
_VALUES = {"state": WORDS, "cause": CAUSES}
_ORDERS: Mapping[str, Callable[[int], bool]] = {
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One name against one value."""

    name: str
    operator: str
    value: str
    is_quoted: bool

    @property
    def tag(self) -> str:
        """The tag, where the name is no field."""
        return self.name.removeprefix("tag.")

    @property
    def equal(self) -> "Comparison":
        """The same name and value, to be equal."""
        return Comparison(self.name, "=", self.value, self.is_quoted)


@dataclass(frozen=True, slots=True)
class Not:
    """Whatever does not pass."""

    inner: "Filter"


@dataclass(frozen=True, slots=True)
class Both:
    """What passes one and the other."""

    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Either:
    """What passes one or the other."""

    left: "Filter"
    right: "Filter"


Filter = Comparison | Not | Both | Either


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Filter:
    """The filter that a text stands for.

    Raises:
        UsageProblem: it is none; the message shows where it ends to be one.
    """
    return _Parser(text).whole()


def names(found: Filter) -> Iterator[str]:
    """The tags that a filter asks for."""
    if isinstance(found, Comparison):
        if found.name not in FIELDS:
            yield found.tag
    elif isinstance(found, Not):
        yield from names(found.inner)
    else:
        yield from names(found.left)
        yield from names(found.right)


def passes(found: Filter, job: "JobView | Row", experiment: str) -> bool:
    """Whether a job passes a filter."""
    if isinstance(found, Comparison):
        return _compare(found, job, experiment)
    if isinstance(found, Not):
        return not passes(found.inner, job, experiment)
    if isinstance(found, Both):
        return passes(found.left, job, experiment) and passes(found.right, job, experiment)
    return passes(found.left, job, experiment) or passes(found.right, job, experiment)


def _compare(asked: Comparison, job: "JobView | Row", experiment: str) -> bool:
    actual = _actual(asked.name, job, experiment)
    if asked.operator == "!=":
        return not _equals(actual, asked)
    if asked.operator == "=":
        return _equals(actual, asked)
    if actual is None:
        return False
    one, other = number(actual), None if asked.is_quoted else number(asked.value)
    if one is not None and other is not None:
        return _ORDERS[asked.operator]((one > other) - (one < other))
    text = _text(actual)
    return _ORDERS[asked.operator]((text > asked.value) - (text < asked.value))


def _actual(name: str, job: "JobView | Row", experiment: str) -> object:
    if name == "experiment":
        return experiment
    return getattr(job, name) if name in FIELDS else job.tags.get(name.removeprefix("tag."))


def _equals(actual: object, asked: Comparison) -> bool:
    if actual is None:
        return False
    text = _text(actual)
    if asked.is_quoted:
        return text == asked.value
    if asked.name == "id":
        return text.startswith(asked.value.lower())
    one, other = number(actual), number(asked.value)
    if one is not None and other is not None:
        return one == other
    return fnmatchcase(text, glob(asked.value))


def glob(value: str) -> str:
    """The pattern in which only ``*`` stands for anything."""
    return re.sub(r"([\[\]?])", r"[\1]", value)


def _text(actual: object) -> str:
    return str(actual).lower() if isinstance(actual, bool) else str(actual)


def number(value: object) -> float | None:
    """The number that a value is, or spells."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


class _Parser:
    """By recursive descent, one function per rule."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())

    def whole(self) -> Filter:
        found = self._filter()
        if self._tokens:
            raise self._problem("'and', 'or' or the end")
        return found

    def _filter(self) -> Filter:
        found = self._term()
        while self._takes("or"):
            found = Either(found, self._term())
        return found

    def _term(self) -> Filter:
        found = self._factor()
        while self._takes("and"):
            found = Both(found, self._factor())
        return found

    def _factor(self) -> Filter:
        if self._takes("not"):
            return Not(self._factor())
        if self._takes("("):
            found = self._filter()
            if not self._takes(")"):
                raise self._problem("')'")
            return found
        return self._comparison()

    def _comparison(self) -> Comparison:
        name = self._take("word", f"a tag or one of {', '.join(FIELDS)}")
        operator = self._take("operator", "= != < <= > or >=").text.replace("==", "=")
        value = self._take("word text", "a value")
        found = Comparison(name.text, operator, value.text, value.kind == "text")
        self._check_value(found, value)
        return found

    def _check_value(self, found: Comparison, value: _Token) -> None:
        known = _VALUES.get(found.name)
        if known is None or "*" in found.value or found.value in known:
            return
        import difflib

        near = difflib.get_close_matches(found.value, known, 1)
        raise UsageProblem(
            f"there is no {found.name} {found.value!r}",
            on=self._text,
            hint=f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)}",
        )

    def _split(self) -> Iterator[_Token]:
        at = 0
        while self._text[at:].strip():
            match = _TOKEN.match(self._text, at)
            if match is None:
                self._tokens = []
                raise self._problem("something else", at)
            kind = match.lastgroup or ""
            text = match.group(kind)
            is_keyword = kind == "word" and text.lower() in _WORDS
            yield _Token(
                "keyword" if is_keyword else kind,
                text.lower() if is_keyword else text[1:-1] if kind == "text" else text,
                match.start(kind),
            )
            at = match.end()

    def _takes(self, text: str) -> bool:
        if (
            self._tokens
            and self._tokens[0].kind in ("keyword", "bracket")
            and (self._tokens[0].text == text)
        ):
            self._tokens.pop(0)
            return True
        return False

    def _take(self, kinds: str, wanted: str) -> _Token:
        if not self._tokens or self._tokens[0].kind not in kinds.split():
            raise self._problem(wanted)
        return self._tokens.pop(0)

    def _problem(self, wanted: str, at: int | None = None) -> UsageProblem:
        if at is None:
            at = self._tokens[0].at if self._tokens else len(self._text)
        rest = self._text[at:].strip()
        return UsageProblem(
            "the filter cannot be read",
            on=self._text,
            cause=f"{wanted} is missing " + (f"at {rest!r}" if rest else "at its end"),
            hint="as in 'lr<0.1 and not state=done' or 'task=digits.* and (k=3 or k=5)'",
        )
