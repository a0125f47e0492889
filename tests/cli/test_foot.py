"""Lines that are redrawn in place, on terminals that change their size."""

import io
from collections.abc import Iterator, Sequence

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.screen import Clipping, Folding
from xpm.cli import foot
from xpm.cli.foot import Foot

FOLDS = {"TERM": "xterm-256color"}
CUTS = {"TERM": "xterm", "XTERM_VERSION": "XTerm(390)"}


class Terminal(io.StringIO):
    """What is written to it is seen on a screen; lines of text come as a terminal driver makes them."""

    def __init__(self, screen: Clipping) -> None:
        super().__init__()
        self.screen = screen
        self._stream = pyte.Stream(screen)

    def write(self, text: str) -> int:
        self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    def isatty(self) -> bool:
        return True


class Person:
    """Somebody who looks at lines and notes, and changes the size of the window."""

    def __init__(self, screen: Clipping) -> None:
        self.screen = screen
        self.terminal = Terminal(screen)
        self.lines: Sequence[str] = ()
        self.foot = Foot(
            lambda columns, rows: [[(each, "")] for each in self.lines],
            self.terminal,
            FOLDS if isinstance(screen, Folding) else CUTS,
            lambda stream: (screen.columns, screen.lines),
        )
        self.foot.auto_refresh = False
        self.foot.start()

    def show(self, *lines: str) -> None:
        self.lines = lines
        self.foot.refresh()

    def resize(self, columns: int, rows: int) -> None:
        self.screen.sized(columns, rows)
        self.foot.refresh()


@pytest.fixture(params=[Clipping, Folding])
def person(request: pytest.FixtureRequest) -> Iterator[Person]:
    person = Person(request.param(80, 24))
    yield person
    person.foot.stop()


def test_lines_are_redrawn_in_place_and_notes_go_above_them(person: Person) -> None:
    person.show("one", "two", "three")
    person.foot.above("a note")
    person.show("other")

    assert ["a note", "other"] == person.screen.shown


def test_a_narrower_terminal_has_shorter_lines_and_nothing_torn(person: Person) -> None:
    person.foot.above("a note")
    person.show("a" * 79, "b" * 60, "漢" * 30)

    person.resize(20, 24)

    assert [
        "a note",
        "a" * 18 + "…",
        "b" * 18 + "…",
        "漢" * 9 + "…",
    ] == [line.replace("  ", "") for line in person.screen.shown][-4:]
    assert len([line for line in person.screen.shown if line.startswith(("a", "b"))]) == 3


def test_a_wider_terminal_has_whole_lines_again(person: Person) -> None:
    person.show("a" * 60, "b" * 60)
    person.resize(30, 24)
    person.resize(80, 24)

    assert ["a" * 60, "b" * 60] == person.screen.shown


def test_a_terminal_has_no_more_lines_than_it_has_rows(person: Person) -> None:
    person.show(*(f"line {n}" for n in range(9)))

    person.resize(80, 5)

    assert [f"line {n}" for n in range(4)] == person.screen.shown[-4:]


def test_what_is_typed_meanwhile_is_drawn_over(person: Person) -> None:
    person.show("a" * 79)
    person.terminal.write("^C")
    person.show("b")

    assert ["b"] == person.screen.shown


@given(
    is_folding=st.booleans(),
    moves=st.lists(
        st.one_of(
            st.tuples(st.integers(20, 120), st.integers(20, 30)),
            st.lists(st.text("ab漢é ", max_size=90).map("L".__add__), max_size=4),
            st.integers(1, 12),
        ),
        max_size=8,
    ),
)
def test_whatever_happens_the_lines_stand_there_once(
    is_folding: bool, moves: list[tuple[int, int] | list[str] | int]
) -> None:
    person = Person((Folding if is_folding else Clipping)(80, 24))

    for move in moves:
        if isinstance(move, tuple):
            person.resize(*move)
        elif isinstance(move, list):
            person.show(*move)
        else:
            person.foot.above("\n".join(["note"] * move))

    person.foot.stop()
    shown = [line for line in person.screen.shown if line.startswith("L")]
    assert len(person.lines) == len(shown)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "screen", "TMUX": "/tmp/tmux"}, True),
        ({"TERM": "screen"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "xterm", "XTERM_VERSION": "XTerm(390)"}, False),
    ],
)
def test_terminals_that_fold_lines_are_known(environ: dict[str, str], expected: bool) -> None:
    assert expected == foot.folds(environ)
