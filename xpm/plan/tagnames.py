"""Tags as a file name that is safe and unique everywhere, and back.

::

    name    = "untagged" | items [ "@" capitals ]
    items   = item *( "_" item )                    in the order of the keys
    item    = key "=" value
    key     = letters, digits, ``.+-_`` and escapes
    value   = letters, digits, ``.+-`` and escapes: a number or truth value as Python writes it, else text
    escape  = "%" and two hexadecimal digits: one byte of the text in UTF-8

The first letter of a text that reads like a number or a truth value, in whatever case, is escaped. So is the first
character where a name would be hidden, look like an option or be one of Windows' devices, and a final full stop.
``capitals``, there when a key or text has capital letters, is a hexadecimal number that has one bit per letter of keys
and texts, the last letter's being the lowest: without regard to case the name is unique all the same.
"""

from __future__ import annotations

from typing import Union

Tag = Union[str, int, float, bool]
LONGEST = 200
UNTAGGED = "untagged"
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{each}{n}" for each in ("com", "lpt") for n in range(10))]
)
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-")


def spell(tags: dict[str, Tag]) -> str:
    """The name of these tags."""
    if not tags:
        return UNTAGGED
    items: list[str] = []
    capitals = 0
    for key, value in sorted(tags.items()):
        name, text = _escaped(key, also="_"), _value(value)
        items.append(f"{name}={text}")
        for letter in _letters(name + text if isinstance(value, str) else name):
            capitals = 2 * capitals + letter.isupper()
    whole = _guarded("_".join(items)) + (f"@{capitals:x}" if capitals else "")
    if len(whole) <= LONGEST:
        return whole
    import hashlib

    digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
    return f"{whole[: LONGEST - 17].rstrip('.')}~{digest}"


def parse_tagspath(text: str) -> dict[str, str | int | float | bool]:
    """The tags that a name of ``tagspath`` stands for.

    Raises:
        ValueError: it is no such name, or one that was cut because it would have been too long.
    """
    if text == UNTAGGED:
        return {}
    items, _, _ = text.partition("@")
    found: dict[str, Tag] = {}
    pieces = items.split("=")
    key = pieces[0]
    try:
        for piece in pieces[1:-1]:
            value, _, following = piece.partition("_")
            found[_unescaped(key)] = _read(value)
            key = following
        found[_unescaped(key)] = _read(pieces[-1])
    except ValueError:  # % that is no escape
        found = {}
    if spell(found) != text:
        why = "it was cut" if "~" in text else "it is no name that tagspath gives"
        raise ValueError(f"{text!r} does not tell its tags: {why}")
    return found


def _value(value: Tag) -> str:
    if not isinstance(value, str):
        return repr(value)
    text = _escaped(value, also="")
    if text == value and _is_taken(text):
        return _first_escaped(text)
    return text


def _is_taken(text: str) -> bool:
    """Whether a text reads like a value of another type, on a file system without regard to case too."""
    return any(not isinstance(_read(each), str) for each in (text, text.lower(), text.capitalize()))


def _guarded(name: str) -> str:
    """The name without what some file system or shell would take for something else."""
    if name[0] in ".-" or name.partition(".")[0].lower() in _DEVICES:
        name = _first_escaped(name)
    return name[:-1] + "%2e" if name.endswith(".") else name


def _first_escaped(text: str) -> str:
    return f"%{ord(text[0]):02x}{text[1:]}"


def _letters(text: str) -> str:
    """The letters that are no part of an escape."""
    head, *rest = text.split("%")
    return "".join(each for each in head + "".join(piece[2:] for piece in rest) if each.isalpha())


def _escaped(text: str, also: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    return "".join(
        chr(each) if chr(each) in _SAFE or chr(each) in also else f"%{each:02x}" for each in raw
    )


def _unescaped(text: str) -> str:
    head, *rest = text.split("%")
    raw = head.encode()
    for each in rest:
        raw += bytes([int(each[:2], 16)]) + each[2:].encode()
    return raw.decode("utf-8", "surrogatepass")


def _read(text: str) -> Tag:
    if text in ("True", "False"):
        return text == "True"
    for read in (int, float):
        try:
            value = read(text)
        except ValueError:
            continue
        if _value(value) == text:
            return value
    return _unescaped(text)
