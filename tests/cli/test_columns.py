"""Tables on terminals of any width."""

from hypothesis import given
from hypothesis import strategies as st

from xpm.cli import cells, columns

ROWS = [
    ["JOB", "TASK", "STATE", "REMARK"],
    ["7f3a0000", "demo.learn.with.a.long.name", "failed", "exit; ValueError: this went wrong, and badly"],
    ["8", "demo.漢字", "done", ""],
]  # fmt: skip


def shown(rows: list[list[str]], most: int | None) -> list[str]:
    return [columns.GAP.join(line) for lines in columns.laid_out(rows, most) for line in lines]


def test_what_fits_is_one_line_each_and_wide_characters_count_for_two() -> None:
    assert [
        "JOB       TASK                         STATE   REMARK",
        "7f3a0000  demo.learn.with.a.long.name  failed  exit; ValueError: this went wrong, and badly",
        "8         demo.漢字                    done",
    ] == shown(ROWS, 120)


def test_the_widest_columns_are_folded_between_words() -> None:
    assert [
        "JOB       TASK             STATE   REMARK",
        "7f3a0000  demo.learn.with  failed  exit;",
        "          .a.long.name             ValueError:",
        "                                   this went",
        "                                   wrong, and",
        "                                   badly",
        "8         demo.漢字        done",
    ] == shown(ROWS, 51)


def test_a_terminal_too_narrow_for_columns_has_the_cells_behind_each_other() -> None:
    assert [
        "JOB  TASK  STATE",
        "  REMARK",
        "7f3a0000",
        "  demo.learn.with.a.",
    ] == [line.rstrip() for line in shown(ROWS, 20)][:4]


def test_a_very_long_value_widens_no_other_row_and_fills_no_window() -> None:
    rows = [["A", "B"], ["x" * 3000, "b"], ["a", "b"]]

    assert f"{'a':<120}  b" == shown(rows, None)[2]
    assert f"{'x' * 3000}  b" == shown(rows, None)[1]
    assert 10 == len(shown(rows, 40))


@given(
    st.lists(st.lists(st.text(max_size=60), min_size=3, max_size=3), min_size=1, max_size=5),
    st.integers(16, 100),
)
def test_no_line_is_wider_than_the_terminal(rows: list[list[str]], most: int) -> None:
    for line in shown(rows, most):
        assert cells.width(line) <= most
        assert cells.harmless(line) == line
