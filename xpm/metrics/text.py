"""Metrics in JSON, lines of JSON or CSV."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

STEPS = ("step", "global_step", "iteration", "epoch")
"""What counts steps: the first of these that is there."""
Curves = dict[str, list[tuple[float, float]]]


def of_json(path: Path) -> Curves:
    """The numbers of a document: each a curve of one step, a list of them one of many."""
    content = json.loads(path.read_bytes())
    if isinstance(content, list):
        return _of_records(content)
    found: Curves = {}
    for name, value in _leaves(content, ""):
        if isinstance(value, list):
            found.update(_of_list(name, value))
        elif (number := _number(value)) is not None:
            found[name] = [(0.0, number)]
    return found


def of_lines(path: Path) -> Curves:
    """One object per line, each a step; a line still being written is left out."""
    records = []
    for line in path.read_bytes().split(b"\n"):
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return _of_records(records)


def of_csv(path: Path) -> Curves:
    """One row per step; empty cells say nothing."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        return _of_records(csv.DictReader(file))


def _of_records(records: Iterable[object]) -> Curves:
    """Records with the same keys, one per step."""
    found: Curves = {}
    key: str | None = None
    for row, record in enumerate(records):
        numbers = {
            name: number
            for name, value in _leaves(record, "")
            if (number := _spelled(value)) is not None
        }
        if key is None:
            key = next((each for each in STEPS if each in numbers), None)
        step = numbers.get(key, float(row)) if key else float(row)
        for name, number in numbers.items():
            if name != key:
                found.setdefault(name, []).append((step, number))
    return found


def _of_list(name: str, values: list[object]) -> Curves:
    numbers = list(map(_number, values))
    if values and all(number is not None for number in numbers):
        return {
            name: [(float(row), number) for row, number in enumerate(numbers) if number is not None]
        }
    if values and all(isinstance(value, dict) for value in values):
        return {f"{name}.{inner}": curve for inner, curve in _of_records(values).items()}
    return {}


def _leaves(content: object, before: str) -> Iterator[tuple[str, object]]:
    """What a document says, named by the keys on the way."""
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond all floats
        return None


def _spelled(value: object) -> float | None:
    """The number that a value is, or that a text spells, as in CSV."""
    if not isinstance(value, str):
        return _number(value)
    try:
        return float(value)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(value.lower())
