"""Requirements as text: ``"duration=4h & cuda(mem=24G)*2 & cpu(cores=8, mem=60G) | cpu(cores=32)"``.

::

    requirement := all { "|" all }            the first that can be had is taken
    all         := term { "&" term }          all at once
    term        := "(" requirement ")" | name compare value | name "(" [ given { "," given } ] ")" [ "*" count ]
    given       := name compare value | name
"""

from __future__ import annotations

import re

from xpm.plan import units
from xpm.plan.needs import GpuNeed, Need
from xpm.plan.units import Comparison

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn

TOKEN = re.compile(
    r"\s*(?:(?P<sign>>=|<=|==|=|>|<)|(?P<punct>[()&|,*])|"
    r"(?P<quoted>'[^']*'|\"[^\"]*\")|(?P<word>[^\s()&|,*=<>'\"]+))"
)
MOST = 64
"""Alternatives of one requirement."""

PLAIN = {
    "time": "time_s", "duration": "time_s", "cpus": "cpus", "cores": "cpus", "mem": "mem", "nodes": "nodes",
    "gpus": "gpus",
}  # fmt: skip
CALLS = {
    "cpu": ("cores", "cpus", "mem"),
    "gpu": ("mem", "vram", "type", "vendor", "capability"),
    "cuda": ("mem", "vram", "type", "capability"),
    "tokens": (),
    "tags": (),
}


class Unreadable(ValueError):
    """The text is no requirement; ``column`` counts from 1."""

    def __init__(self, words: str, text: str, column: int, hint: str = "") -> None:
        self.words = words
        self.column = column
        self.hint = hint
        line = " ".join(text.split("\n"))
        super().__init__(f"{words} at column {column}\n    {line}\n    {' ' * (column - 1)}^")


def parse(text: str) -> tuple[Need, ...]:
    """The alternatives, best first.

    Raises:
        Unreadable: it is none, with the column.
    """
    return _Parser(text).whole()


class _Parser:
    """One reading of one text; ``_at`` is the index of the next token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise Unreadable(f"{text[at]!r} means nothing", text, at + 1)
            kind = match.lastgroup
            self._tokens.append((kind, match[kind], match.start(kind) + 1))
            at = match.end()
        self._tokens.append(("end", "", len(text.rstrip()) + 1))
        self._at = 0

    def whole(self) -> tuple[Need, ...]:
        found = self._any()
        if self._kind != "end":
            self._expected("'&', '|' or the end")
        return found

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _word(self) -> str:
        return self._tokens[self._at][1]

    @property
    def _column(self) -> int:
        return self._tokens[self._at][2]

    def _take(self, punct: str) -> bool:
        if self._kind == "punct" and self._word == punct:
            self._at += 1
            return True
        return False

    def _next(self, kind: str, words: str) -> str:
        if self._kind != kind:
            self._expected(words)
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _expected(self, words: str) -> NoReturn:
        found = repr(self._word) if self._kind != "end" else "the end"
        raise Unreadable(f"expected {words}, found {found}", self._text, self._column)

    def _refuse(self, words: str, column: int, hint: str = "") -> NoReturn:
        raise Unreadable(words, self._text, column, hint)

    def _any(self) -> tuple[Need, ...]:
        found = list(self._all())
        while self._take("|"):
            found += self._all()
        return tuple(dict.fromkeys(found))

    def _all(self) -> tuple[Need, ...]:
        found = self._term()
        while self._take("&"):
            column = self._column
            more = self._term()
            pairs = [one.beside(two) for one in found for two in more]
            for _, twice in pairs:
                if twice:
                    self._refuse(f"{twice} is said twice, differently,", column)
            if len(pairs) > MOST:
                self._refuse(f"more than {MOST} alternatives", column)
            found = tuple(need for need, _ in pairs)
        return found

    def _term(self) -> tuple[Need, ...]:
        if self._take("("):
            found = self._any()
            if not self._take(")"):
                self._expected("')'")
            return found
        column = self._column
        name = self._next("word", "a need such as time=4h")
        if self._kind == "sign":
            return (Need(**{self._plain(name, column): self._given(PLAIN[name])}),)
        if self._take("("):
            if name not in CALLS:
                self._unknown(name, column, [f"{each}(...)" for each in CALLS], "(...)")
            return (self._call(name),)
        if name in CALLS:
            self._expected(f"'(' after {name}")
        self._unknown(name, column, [*PLAIN, *CALLS], "")

    def _plain(self, name: str, column: int) -> str:
        if name not in PLAIN:
            self._unknown(name, column, list(PLAIN), "=")
        return PLAIN[name]

    def _unknown(self, name: str, column: int, known: list[str], after: str) -> NoReturn:
        import difflib

        close = difflib.get_close_matches(name + after.strip("="), known, 1, 0.6)
        meant = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        self._refuse(f"unknown word {name!r}", column, meant)

    def _given(self, what: str) -> Any:
        sign = self._next("sign", "'='")
        if sign not in ("=", "=="):
            self._at -= 1
            self._refuse(f"{sign!r} cannot be asked here, say how much with '=',", self._column)
        column = self._column
        return self._value(VALUES[what], self._text_value(), column)

    def _text_value(self) -> str:
        if self._kind == "quoted":
            self._at += 1
            return self._tokens[self._at - 1][1][1:-1]
        return self._next("word", "a value")

    def _value(self, read: Callable[[str], Any], text: str, column: int) -> Any:
        try:
            return read(text)
        except ValueError as problem:
            self._refuse(str(problem), column)

    def _call(self, name: str) -> Need:
        if name in ("tokens", "tags"):
            return self._names(name)
        column = self._column
        said: dict[str, Any] = {}
        while not self._take(")"):
            self._argument(name, said)
            if not self._take(",") and self._word != ")":
                self._expected("',' or ')'")
        if name == "cpu":
            if not said:
                self._refuse("nothing is said of cpu", column, "cpu(cores=8, mem=60GB)")
            return Need(**said)
        gpu = GpuNeed(**{key: value for key, value in said.items() if value}, cuda=name == "cuda")
        return Need(gpus=self._count(), gpu=gpu)

    def _argument(self, name: str, said: dict[str, Any]) -> None:
        column = self._column
        key = self._next("word", f"one of {', '.join(CALLS[name])}")
        if key not in CALLS[name]:
            self._unknown(key, column, list(CALLS[name]), "")
        if name == "cpu":
            field = PLAIN[key]
            value = self._given(field)
        elif key in ("mem", "vram"):
            sign, field = self._next("sign", "'=' or '>='"), "vram"
            column = self._column
            size = self._value(size_of, self._text_value(), column)
            value = (*said.pop("vram", ()), Comparison(">=" if sign == "=" else sign, size))
        elif key == "capability":
            sign, field = self._next("sign", "'=' or '>='"), key
            column = self._column
            version = self._value(version_of, self._text_value(), column)
            value = (*said.pop(key, ()), (">=" if sign == "=" else sign) + version)
        else:
            self._next("sign", "'='")
            field, value = key, self._text_value()
        if field in said:
            self._refuse(f"{key} is said twice", column)
        said[field] = value

    def _count(self) -> int:
        if not self._take("*"):
            return 1
        column = self._column
        return int(self._value(count_of, self._text_value(), column))

    def _names(self, name: str) -> Need:
        tokens: dict[str, int] = {}
        tags: list[str] = []
        while not self._take(")"):
            word = self._next("word", "a name")
            if name == "tags":
                tags.append(word)
            elif self._kind == "sign":
                self._next("sign", "'='")
                column = self._column
                tokens[word] = int(self._value(count_of, self._text_value(), column))
            else:
                tokens[word] = 1
            if not self._take(",") and self._word != ")":
                self._expected("',' or ')'")
        return Need(tokens=tuple(sorted(tokens.items())), tags=tuple(tags))


def size_of(text: str) -> int:
    """Bytes; here, where it cannot be mistaken, ``24G`` is 24GB.

    Raises:
        ValueError: it is no size.
    """
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?[KMGTP]i?", text):
        text += "B"
    size = _example(units.parse_size, text, units.SIZE_EXAMPLE)
    if not size:
        raise ValueError("no memory at all cannot be asked for")
    return size


def time_of(text: str) -> int:
    """Seconds.

    Raises:
        ValueError: it is no duration.
    """
    seconds = _example(units.parse_duration, text, units.DURATION_EXAMPLE)
    if not seconds:
        raise ValueError("no time at all cannot be asked for")
    return seconds


def _example(read: Callable[[str], int], text: str, example: str) -> int:
    try:
        return read(text)
    except units.NotAUnit as problem:
        raise ValueError(f"{problem} (example: {example})") from None


def count_of(text: str) -> int:
    """A whole number, one or more.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise ValueError(f"expected a whole number, 1 or more, found {text!r}")
    return int(text)


def number_of(text: str) -> int:
    """A whole number, zero or more.

    Raises:
        ValueError: it is none.
    """
    return 0 if text == "0" else count_of(text)


def version_of(text: str) -> str:
    """A version such as 8.0.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*", text):
        raise ValueError(f"expected a version such as 8.0, found {text!r}")
    return text


VALUES: dict[str, Callable[[str], Any]] = {
    "cpus": count_of,
    "nodes": count_of,
    "gpus": number_of,
    "mem": size_of,
    "time_s": time_of,
}
