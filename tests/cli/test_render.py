"""The printer."""

import io
import json

import pytest

from xpm.cli import render
from xpm.errors import HostUnreachable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_aligned_and_every_cell_is_on_one_line() -> None:
    rows = [["JOB", "REMARK"], ["7f3a0000", "exit\nValueError: no"], ["8", ""]]

    assert render.aligned(rows) == [
        "JOB       REMARK",
        "7f3a0000  exit ValueError: no",
        "8",
    ]


def test_a_pipe_gets_a_plain_table(capsys: pytest.CaptureFixture[str]) -> None:
    render.table(("A", "B"), [("1", "2")], "title")

    assert capsys.readouterr().out == "title\nA  B\n1  2\n"


def test_a_problem_is_told_on_stderr_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    render.problem(HostUnreachable("no answer", on="jean-zay", cause="timed out", hint="the VPN?"))

    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "error: no answer (jean-zay): timed out\n  -> the VPN?\n")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert expected == render.has_colour(Terminal())
    assert not render.has_colour(io.StringIO())


def test_documents_stay_documents_whatever_they_hold(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"a": "\x9b2J\u202e\x1b\n漢"}]
    few: dict[str, object] = {"schema": 1, "rows": rows}
    many: dict[str, object] = {"schema": 1, "rows": rows * 1000, "more": {"b": []}}

    for content in (few, many):
        render.document(content)
        shown = capsys.readouterr().out
        assert content == json.loads(shown)
        assert not set(shown) & set("\x9b\u202e\x1b")
    assert 1006 == len(shown.splitlines())
