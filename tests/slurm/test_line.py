"""Where jobs stand in the line before a partition: what one answer of squeue about everybody's comes to."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pythons import interpreters
from xpm.agent import slurm_line, slurm_reasons
from xpm.agent.slurm_line import Stands
from xpm.wire import indices

REPOSITORY = Path(__file__).parents[2]
CAPTURED = """3|cpu|4294901757|Resources|(null)
6|cpu|4294901755|Dependency|(null)
7|cpu|4294901754|BeginTime|(null)
4_[0-39:3%4]|cpu|4294901656|Priority|(null)
5|cpu|0|JobHeldUser|(null)
8|gpu,cpu|4294901753|Priority|(null)
%xpm 0
"""
"""SLURM 22.05.8: an array of 14 of which 4 may run at once, a held job, one of two partitions, some that wait for more."""


def places(out: str, *mine: str) -> list[Stands]:
    waiting = slurm_line.parse(out)
    assert waiting is not None
    return slurm_line.stands(waiting, mine)


def line(*rows: str) -> str:
    return "\n".join([*rows, "%xpm 0", ""])


def test_what_cannot_start_anyway_is_ahead_of_nobody_and_an_array_counts_as_what_may_run() -> None:
    assert [Stands("3", "", "cpu", 1, 6), Stands("4", "0-39:3%4", "cpu", 3, 6)] == places(
        CAPTURED, "3", "4", "5", "6", "7"
    )


def test_a_job_of_several_partitions_stands_where_it_stands_best_and_counts_in_each() -> None:
    assert [Stands("8", "", "gpu", 1, 1)] == places(CAPTURED, "8")
    both = line(
        "1|gpu|9|Priority|", "2|gpu|8|Priority|", "3|gpu,cpu|7|Priority|", "4|cpu|8|Priority|"
    )
    assert [Stands("3", "", "cpu", 2, 2)] == places(both, "3")


def test_of_equal_priority_the_older_one_is_first_by_number_not_by_letter() -> None:
    out = line("10|cpu|5|Priority|", "9|cpu|5|Priority|", "11|cpu|6|Priority|")

    assert [("11", 1), ("9", 2), ("10", 3)] == [
        (each.batch_id, each.place) for each in places(out, "9", "10", "11")
    ]


def test_an_element_that_squeue_tells_apart_has_a_place_of_its_own() -> None:
    out = line("4_[2-3]|cpu|5|Priority|", "4_1|cpu|6|Resources|", "7|cpu|7|None|")

    assert [Stands("4_1", "", "cpu", 2, 4), Stands("4", "2-3", "cpu", 3, 4)] == places(out, "4")


def test_reasons_that_squeue_joins_for_an_array_are_read_one_by_one() -> None:
    assert slurm_reasons.awaits_turn("Priority")
    assert slurm_reasons.awaits_turn("(Resources)")
    assert slurm_reasons.awaits_turn("Resources,Priority")
    assert not slurm_reasons.awaits_turn("Priority,JobArrayTaskLimit")
    assert not slurm_reasons.awaits_turn("ReqNodeNotAvail, UnavailableNodes:c[1-2]")
    assert not slurm_reasons.awaits_turn("")
    assert not slurm_reasons.awaits_turn("None")


@pytest.mark.parametrize(
    "row",
    [
        "9|cpu|9|JobHeldAdmin|", "9|cpu|0|Priority|", "9|cpu|9|AssocGrpCpuLimit|", "9|cpu|9|Licenses|",
        "9|cpu|9|Priority|maintenance", "9|cpu|9|QOSMaxJobsPerUserLimit|", "9_[1-3]|cpu|9|JobArrayTaskLimit|",
        "9|short|9|Priority|", "*** 9|cpu|maintenance ***|Priority|on Monday", "9+1|cpu|9|Priority|",
    ],
)  # fmt: skip
def test_who_is_ahead_of_nobody(row: str) -> None:
    assert [Stands("12", "", "cpu", 1, 1)] == places(line(row, "12|cpu|5|Priority|"), "12")


@pytest.mark.parametrize(
    "row",
    [
        "9|cpu|9|Priority|(null)",
        "9|cpu|9|None|",
        "9|cpu,short|9|Resources|N/A",
        "9+0|cpu|9|Priority|",
    ],
)
def test_who_is_ahead(row: str) -> None:
    assert [Stands("12", "", "cpu", 2, 2)] == places(line(row, "12|cpu|5|Priority|"), "12")


@pytest.mark.parametrize("cut", ["4_[0,2,4,6,8", "4_[0-9,...]", "4_[]", "4_[9-3]", "4_[1:2]"])
def test_an_array_that_was_cut_leaves_its_partition_without_places(cut: str) -> None:
    out = line(f"{cut}|cpu|9|Priority|", "5|cpu|3|Priority|", "6|gpu|3|Priority|")

    assert [Stands("6", "", "gpu", 1, 1)] == places(out, "4", "5", "6")


@pytest.mark.parametrize(
    "out",
    [
        "", "1|cpu|5|Priority|\n", "1|cpu|5|Prio", "slurm_load_jobs error: Unable to contact slurm controller",
        "1|cpu|5|Priority|\n%xpm 0 ", "1|cpu|x|Priority|\n%xpm 0", "1x|cpu|5|Priority|\n%xpm 0",
    ],
)  # fmt: skip
def test_an_answer_that_is_cut_or_strange_says_nothing(out: str) -> None:
    assert slurm_line.parse(out.replace("0 ", "1")) is None


def test_nobody_waits() -> None:
    assert [] == places("%xpm 0\n", "7") == places("\n\n%xpm 0\n\n", "7")


def test_what_is_told_has_a_bound_and_those_who_stand_first_are_told() -> None:
    rows = [f"{n}_[0-{n},{n + 2}]|{'p' * 30}|{99999 - n}|Priority|" for n in range(1000, 4000)]
    out = line(*rows)

    found = places(out, *map(str, range(1000, 4000)))

    assert sum(len(str(list(each))) for each in found) < slurm_line.MOST_TOLD
    assert 300 < len(found) < 3000
    assert [1, 1003] == [each.place for each in found[:2]]


def test_the_question_is_one_for_all_partitions_and_its_answer_is_bounded(tmp_path: Path) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text('#!/bin/sh\necho "$SLURM_BITSTR_LEN $*" >asked\nexec sh ./answer\n')
    squeue.chmod(0o755)
    ask = slurm_line.command({"gpu", "c;u 'x", "cpu"})

    def said(answer: str) -> str:
        (tmp_path / "answer").write_text(answer)
        ran = subprocess.run(
            ask, cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert ran.stderr == ""
        return ran.stdout

    assert slurm_line.parse(said("echo '1|cpu|5|Priority|'")) is not None
    assert (tmp_path / "asked").read_text() == (
        "2048 -a -h -t PD -p c;u 'x,cpu,gpu -o %i|%P|%Q|%r|%v\n"
    )
    assert slurm_line.parse(said("echo '1|cpu|5|Priority|'; exit 1")) is None
    assert slurm_line.parse(said("echo no >&2; exit 1")) is None
    endless = said("exec yes '1|cpu|5|Priority|'")
    assert slurm_line.MOST_BYTES == len(endless)
    assert slurm_line.parse(endless) is None


PIECES = st.one_of(
    st.sampled_from(
        [
            "12",
            "3_4",
            "5_[1-9%2]",
            "6+0",
            "|",
            "gpu",
            "Priority",
            "(null)",
            "\n",
            "%xpm 0",
            "²",
            "٣",
        ]
    ),
    st.integers(0).map(str),
    st.text(max_size=3),
)


@given(st.lists(PIECES, max_size=30).map("".join), st.lists(st.sampled_from(["12", "3", "5", "6"])))
def test_whatever_is_answered_is_read_or_is_no_answer(said: str, mine: list[str]) -> None:
    for out in (said, f"{said}\n%xpm 0"):
        waiting = slurm_line.parse(out)
        for each in slurm_line.stands(waiting or [], mine):
            assert 1 <= each.place <= each.of
            assert each.batch_id.partition("_")[0] in mine


@pytest.mark.parametrize(
    "line",
    [
        "1|gpu|²|Priority|",
        f"1|gpu|{'9' * 5000}|Priority|",
        f"{'1' * 5000}|gpu|1|Priority|",
        f"1_{'1' * 5000}|gpu|1|Priority|",
    ],
)
def test_numbers_that_no_site_has_make_it_no_answer(line: str) -> None:
    assert slurm_line.parse(f"{line}\n%xpm 0") is None


SPANS = st.lists(st.integers(0, 60), min_size=1, max_size=30, unique=True)


@given(SPANS, st.integers(0, 8))
def test_indices_are_counted_as_if_they_were_spelt_out(chosen: list[int], at_once: int) -> None:
    chosen.sort()
    text = ",".join(map(str, chosen)) + (f"%{at_once}" if at_once else "")
    most = at_once or len(chosen)

    assert min(most, len(chosen)) == indices.count(text)
    for index in range(62):
        here = chosen.index(index) if index in chosen else None
        assert (None if here is None or here >= most else here) == indices.before(text, index)


@pytest.mark.parametrize(
    ("text", "spelt"),
    [("0-3", [0, 1, 2, 3]), ("0-39:13,50", [0, 13, 26, 39, 50]), ("5-9:3", [5, 8]), ("7", [7])],
)
def test_spans_and_steps_are_understood(text: str, spelt: list[int]) -> None:
    assert len(spelt) == indices.count(text)
    assert spelt == [n for n in range(60) if indices.before(text, n) is not None]
    assert list(range(len(spelt))) == [indices.before(text, n) for n in spelt]


@pytest.mark.parametrize(
    "text", ["", "a", "1-", "-1", "1,,2", "3-1", "1-9:0", "1%", "%3", "1" * 12, "1-5]"]
)
def test_what_are_no_indices_is_not_counted(text: str) -> None:
    assert (None, None) == (indices.count(text), indices.before(text, 1))


@pytest.mark.host
@pytest.mark.parametrize("python", interpreters((3, 6)))
def test_old_pythons_read_the_line(python: str) -> None:
    program = (
        "from xpm.agent import slurm_line, slurm_standing\n"
        f"print(slurm_line.stands(slurm_line.parse({CAPTURED!r}), ['4'])[0])"
    )

    said = subprocess.run(
        [python, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert "place=3, of=6" in said.stdout
