"""Texts as a terminal shows them: how many cells they take, cut or folded to fewer, with nothing in them that it obeys."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters of both sets, and those that turn the direction of a line; not tab and newline."""
Line = Sequence[tuple[str, str]]
"""Texts behind each other, each with its colour; "" is none."""
_SPACES = {ord(each): " " for each in "\t\n"}


def harmless(text: str) -> str:
    """A text whose control characters are spelled, not obeyed. Lines and tabs stay."""
    if text.isprintable():
        return text
    return _OBEYED.sub(lambda found: _spelled(found.group()), text)


def harmless_json(text: str) -> str:
    """The same of JSON, which spells them in its own way."""
    return "\n".join(map(_harmless_line, text.split("\n")))


def _harmless_line(text: str) -> str:
    if text.isprintable():  # much quicker than a search, and so of nearly every line
        return text
    return _OBEYED.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def one_line(text: str) -> str:
    """The same on one line, its words one space apart."""
    return harmless(
        " ".join(text.split()) if not text.isprintable() or "  " in text else text.strip()
    )


def flat(text: str) -> str:
    """The same with its spaces."""
    return harmless(text.translate(_SPACES))


def width(text: str) -> int:
    """How many cells a harmless line takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut(text: str, most: int) -> str:
    """So many cells of a line at most; where something is lost, it ends in ``…``."""
    if width(text) <= most:
        return text
    return f"{start(text, most - 1)}…" if most > 0 else ""


def start(text: str, most: int) -> str:
    """The beginning of a line, as much of it as so many cells take."""
    for at, character in enumerate(text):
        most -= _width(character)
        if most < 0:
            return text[:at]
    return text


def filled(text: str, cells: int) -> str:
    """A line with spaces behind it, to so many cells."""
    return text + " " * (cells - width(text))


def folded(text: str, most: int) -> list[str]:
    """A line as lines of so many cells at most: between words where that goes, else within them."""
    lines: list[str] = []
    left = ""
    for word in text.split(" "):
        longer = f"{left} {word}" if left else word
        if width(longer) <= most:
            left = longer
            continue
        if left:
            lines.append(left)
        *full, left = _pieces(word, most)
        lines += full
    return [*lines, left]


def _pieces(text: str, most: int) -> Iterator[str]:
    """A text in pieces of so many cells at most; of one character at least."""
    began, cells = 0, 0
    for at, character in enumerate(text):
        wide = _width(character)
        if cells + wide > most and at > began:
            yield text[began:at]
            began, cells = at, 0
        cells += wide
    yield text[began:]


def _width(character: str) -> int:
    if " " <= character <= "~":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
