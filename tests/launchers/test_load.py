"""YAML as we read it: scalars, marks, duplicate keys, anchors."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpm.launchers.load import load, parse
from xpm.launchers.report import Report
from xpm.launchers.tree import Leaf, Table, plain


def read(text: str) -> tuple[object, list[str]]:
    report = Report()
    tree = parse(text, "f.yaml", report)
    return (None if tree is None else plain(tree)), [str(problem) for problem in report.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:00:00", "12:00:00"),
        ("01:30", "01:30"),
        ("0123", "0123"),
        ("0x1F", 31),
        ("0xG", "0xG"),
        ("0o17", 15),
        ("0o18", "0o18"),
        ("0O17", "0O17"),
        ("-0o17", "-0o17"),
        ("-12:30:45", "-12:30:45"),
        ("12:30:00.5", "12:30:00.5"),
        ("1e", "1e"),
        ("+.5e-3", 0.0005),
        ("-0", 0),
        ("0.", 0.0),
        ("1,000", "1,000"),
        ("1 000", "1 000"),
        ("NO", "NO"),
        ("On", "On"),
        ("Null", None),
        ("nUll", "nUll"),
        ("<<", "<<"),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("n", "n"),
        ("y", "y"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        (".inf", float("inf")),
        ("-.Inf", float("-inf")),
        (".iNf", ".iNf"),
        (".nan", float("nan")),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("8.0", 8.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("00.5", "00.5"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("80GB", "80GB"),
        ("99999999999999999999", 99999999999999999999),
    ],
)
def test_a_plain_scalar_is_what_people_read_in_it(text: str, value: object) -> None:
    found, problems = read(f"a: {text}\n")

    assert problems == []
    assert repr({"a": value}) == repr(found)  # 1 is not 1.0, nor true


def test_a_key_is_text_however_it_looks() -> None:
    assert read("{on: 1, 12: 2, null: 3, true: 4}") == (
        {"on": 1, "12": 2, "null": 3, "true": 4},
        [],
    )


def test_every_key_and_value_knows_its_line_and_column() -> None:
    report = Report()

    tree = parse("a:\n  b: [x,\n      yy]\n", "f.yaml", report)

    assert isinstance(tree, Table)
    inner = tree.table("a")
    assert inner.keys["b"].exact == "f.yaml:2:3"
    items = inner.items["b"]
    assert items.mark.exact == "f.yaml:2:6"
    assert not isinstance(items, Leaf | Table)
    assert items.items[1].mark.exact == "f.yaml:3:7"


def test_anchors_and_merge_keys_are_understood_the_nearer_value_winning() -> None:
    found, problems = read(
        "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}\nd: *a\n"
    )

    assert problems == []
    assert isinstance(found, dict)
    assert found["c"] == {"x": 1, "y": 3, "z": 2}
    assert found["d"] == {"x": 1, "y": 1}


def test_anchors_that_multiply_without_end_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    _, problems = read("\n".join(lines))

    assert any("anchors expand to too many values" in problem for problem in problems)


def test_an_empty_file_says_nothing() -> None:
    assert read("# only a comment\n") == ({}, [])


def test_bytes_that_are_not_utf8_are_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "launchers.yaml"
    path.write_bytes(b"version: 1\n# caf\xe9\n")
    report = Report()

    assert load(path, report) is None
    assert [f"{path}:2:1: this line is not UTF-8 text, save the file as UTF-8"] == [
        str(problem) for problem in report.problems
    ]


@given(st.text(alphabet="ab:- {}[]&*!<>|'\"\n\t#,?%@0", max_size=60))
def test_any_text_is_read_or_refused_at_a_place(text: str) -> None:
    found, problems = read(text)

    assert found is not None or problems
    assert all(problem.startswith("f.yaml:") for problem in problems)
