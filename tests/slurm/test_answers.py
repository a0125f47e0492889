"""What SLURM's commands answered, captured from a real one, and what may be concluded from it."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.pythons import interpreters
from xpm.agent import slurm_commands, slurm_parse, slurm_states
from xpm.agent.slurm_parse import Accepted, Later, Refused, Row, Unclear

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm"


class Captured(NamedTuple):
    """One command's answer."""

    status: int
    out: str
    err: str


def captured(name: str) -> Captured:
    text = (GOLDEN / "22.05" / f"{name}.txt").read_text()
    status, _, rest = text.partition("\n---out\n")
    out, _, err = rest.partition("---err\n")
    return Captured(int(status), out, err)


def test_an_accepted_submission_has_its_id() -> None:
    answer = slurm_parse.submitted(*captured("sbatch_accepted"))

    assert isinstance(answer, Accepted)
    assert answer.batch_id.isdigit()


@pytest.mark.parametrize(
    "name",
    [
        "bad_memory", "bad_option", "bad_time", "no_constraint", "no_reservation", "no_script",
        "no_such_account", "no_such_licence", "no_such_partition", "no_such_qos", "too_much",
    ],
)  # fmt: skip
def test_what_sbatch_will_never_take_is_refused_in_its_words(name: str) -> None:
    answer = slurm_parse.submitted(*captured(f"sbatch_{name}"))

    assert isinstance(answer, Refused)
    assert answer.message
    assert "sbatch: error" not in answer.message


@pytest.mark.parametrize(
    ("name", "kind"),
    [("frozen", Unclear), ("stopped", Later), ("unconfigured", Later)],
)
def test_trouble_of_the_site_is_no_refusal(name: str, kind: type) -> None:
    assert isinstance(slurm_parse.submitted(*captured(f"sbatch_{name}")), kind)


FAILED = "sbatch: error: Batch job submission failed: "
MAY_HAVE_ARRIVED = [
    "Unable to contact slurm controller (receive failure)",
    "Unable to contact slurm controller (send failure)",
    "Unable to contact slurm controller (shutdown failure)",
    "Message send failure",
    "Message receive failure",
    "Communication shutdown failure",
    "Socket timed out on send/recv operation",
    "Zero Bytes were transmitted or received",
    "Header lengths are longer than data received",
    "Insane message length",
    "Unexpected message received",
    "Protocol authentication error",
    "Unspecified error",
    "Connection reset by peer",
    "Connection timed out",
    "Broken pipe",
]


@pytest.mark.parametrize("words", MAY_HAVE_ARRIVED)
def test_an_answer_lost_on_its_way_is_neither_a_no_nor_a_reason_to_send_again(words: str) -> None:
    assert isinstance(slurm_parse.submitted(1, "", FAILED + words), Unclear)


@pytest.mark.parametrize(
    "words",
    [
        "Unable to contact slurm controller (connect failure)",
        "Slurm temporarily unable to accept job, sleeping and retrying",
        "Slurm backup controller in standby mode",
        "I/O error writing script/environment to file",
        "Requested operation is presently disabled",
    ],
)
def test_a_no_for_now_is_tried_again_later(words: str) -> None:
    assert isinstance(slurm_parse.submitted(1, "", FAILED + words), Later)


@pytest.mark.parametrize(
    ("limit", "kind"),
    [
        ("AssocMaxSubmitJobLimit", Later),
        ("QOSMaxSubmitJobPerUserLimit", Later),
        ("QOSMaxWallDurationPerJobLimit", Refused),
        ("AssocMaxCpuPerJobLimit", Refused),
    ],
)
def test_a_quota_on_jobs_passes_by_and_a_limit_on_a_job_does_not(limit: str, kind: type) -> None:
    policy = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"

    assert isinstance(slurm_parse.submitted(1, "", f"{limit}\n{FAILED}{policy}"), kind)


@pytest.mark.parametrize("status", [None, -9, 124, 129, 137, 143])
def test_an_sbatch_that_was_killed_says_nothing_whatever_it_wrote(status: "int | None") -> None:
    assert isinstance(slurm_parse.submitted(status, "", FAILED + "Invalid qos"), Unclear)


@pytest.mark.parametrize("status", [1, 2, 255])
def test_a_no_without_a_word_is_none(status: int) -> None:
    assert isinstance(slurm_parse.submitted(status, "", ""), Unclear)


@pytest.mark.parametrize("status", [125, 126, 127])
def test_an_sbatch_that_could_not_be_started_is_started_later(status: int) -> None:
    assert isinstance(slurm_parse.submitted(status, "", "sbatch: not found"), Later)


@pytest.mark.parametrize(
    ("out", "batch_id"),
    [
        ("77\n", "77"),
        ("77;cluster\n", "77"),
        ("Welcome to Stampede3\n12 nodes are down\n77\n\n", "77"),
        ("77\nhave a nice day\n", None),
        ("Stampede3\n", None),
        ("", None),
    ],
)
def test_only_a_last_line_that_is_an_id_is_one(out: str, batch_id: "str | None") -> None:
    expected = Accepted(batch_id) if batch_id else None
    answer = slurm_parse.submitted(0, out, "sbatch: warning: be quick")

    assert answer == expected if expected else isinstance(answer, Unclear)


def test_the_queue_is_read_whole() -> None:
    rows = slurm_parse.queue(*captured("squeue")[:2])

    assert rows is not None
    assert len(rows) == len(captured("squeue").out.splitlines())
    assert {"COMPLETED", "PENDING", "RUNNING"} <= {row.state for row in rows}
    assert [] == [row for row in rows if slurm_states.meaning(row.state) == slurm_states.UNKNOWN]
    assert any(row.name.startswith("xpm.") for row in rows)


def test_what_precedes_the_queue_is_left_out_and_a_failed_query_is_no_empty_queue() -> None:
    text = "** 5|nodes|down **\n7|7|N/A|RUNNING|None|a|b|c|a|name with | bars\n"

    assert [Row("7", "RUNNING", "None", "a|name with | bars", "b", "a")] == slurm_parse.queue(
        0, text
    )
    assert [] == slurm_parse.queue(0, "")
    assert slurm_parse.queue(1, text) is None
    assert slurm_parse.queue(None, text) is None


def test_an_array_that_is_too_long_is_not_refused_for_ever() -> None:
    answer = slurm_parse.submitted(*captured("sbatch_bad_array"))

    assert isinstance(answer, Later)
    assert slurm_parse.ARRAY_SIZE == answer.limit


@pytest.mark.parametrize(
    ("throttle", "array"),
    [(None, "--array=0-3"), (2, "--array=0-3%2"), (4, "--array=0-3"), (9, "--array=0-3")],
)
def test_an_array_says_how_many_of_it_can_run_at_once(throttle: int | None, array: str) -> None:
    argv = slurm_commands.sbatch("xpm.1", "/w/s", "/w", ["--mem=1M"], range(4), throttle)

    assert array == argv[-1]


def test_an_element_of_an_array_is_known_by_array_and_index_whatever_its_raw_id() -> None:
    text = "9|8|0|RUNNING|None|a|b|c|x\n8|8|1|PENDING|Resources|a,b|b|c|x\n"

    rows = slurm_parse.queue(0, text)

    expected = [
        Row("8_0", "RUNNING", "None", "x", "b", "a"),
        Row("8_1", "PENDING", "Resources", "x", "b", "a,b"),
    ]
    assert expected == rows
    assert {"x": "8"} == slurm_parse.by_name(rows)


def test_no_column_of_the_queue_is_cut() -> None:
    assert not re.search(r"%[.0-9]", slurm_commands.FORMAT)

    rows = slurm_parse.queue(*captured("squeue")[:2]) or []

    longest = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
    assert longest in {row.reason for row in rows}
    assert "ReqNodeNotAvail, UnavailableNodes:c[1-2]" in {row.reason for row in rows}
    assert 52 == max(len(row.name) for row in rows)


def test_of_two_jobs_of_one_name_the_newer_counts() -> None:
    rows = [Row("1000", "RUNNING", "", "x"), Row("999", "FAILED", "", "x")]

    assert {"x": "1000"} == slurm_parse.by_name(rows)


@pytest.mark.parametrize(
    ("word", "phase", "cause"),
    [
        ("CANCELLED by 1000", "over", "cancelled"),
        ("CANCELLED+", "over", "cancelled"),
        ("PREEMPTED", "pending", ""),
        ("COMPLETING", "running", ""),
        ("OUT_OF_MEMORY", "over", "oom"),
        ("A_WORD_OF_2030", "unheard", ""),
        ("", "unheard", ""),
    ],
)
def test_states_mean(word: str, phase: str, cause: str) -> None:
    found = slurm_states.meaning(word)

    assert (phase, cause) == (found.phase, found.cause)


def test_a_batch_script_quotes_its_paths() -> None:
    script = slurm_commands.script(["module load a"], ["/a b/python", "/t", "run", "/w$x", "s"])

    assert "#!/bin/sh\nmodule load a\nexec '/a b/python' /t run '/w$x' s\n" == script


@pytest.mark.host
@pytest.mark.parametrize("python", interpreters((3, 6)))
def test_old_pythons_read_the_same(python: str) -> None:
    code = (
        "from xpm.agent import slurm_parse, sending, slurm, errands\n"
        "print(slurm_parse.submitted(1, '', 'sbatch: error: Invalid qos specification'))\n"
        "print(slurm_parse.queue(0, '7|7|N/A|RUNNING|None|a|b|c|x'))\n"
    )

    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)

    assert (
        "Refused(message='Invalid qos specification')\n"
        "[Row(batch_id='7', state='RUNNING', reason='None', name='x', start='b', partition='a')]\n"
    ) == done.stdout
