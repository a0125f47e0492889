"""Every reason of every SLURM, in words."""

import time
from pathlib import Path

import pytest

from xpm.agent import slurm_reasons
from xpm.agent.slurm_parse import Row
from xpm.agent.slurm_reasons import FATAL, LATER, WAITING

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm"
ALL = (GOLDEN / "reasons.txt").read_text().splitlines()
"""What job_state_reason.c of 26.11, and job_reason_string of 22.05 and 23.11, may say, but for BlueGene's."""


@pytest.mark.parametrize("word", ALL)
def test_every_reason_of_slurm_has_words(word: str) -> None:
    reason = slurm_reasons.explain(word)

    assert (word == "None") == (reason.words == "")
    assert reason.kind in (WAITING, LATER, FATAL)
    assert reason.fix or reason.kind == WAITING


@pytest.mark.parametrize(
    ("word", "kind", "words"),
    [
        ("Priority", WAITING, "others come first (Priority)"),
        ("BeginTime", WAITING, "its time to begin has not come (--begin, or SLURM has requeued it) (BeginTime)"),
        ("Licenses", WAITING, "waits for a licence that others hold (Licenses)"),
        ("QOSGrpCpuLimit", WAITING, "your QOS has reached its limit of cores (QOSGrpCpuLimit)"),
        ("AssocGrpCPUMinutesLimit", LATER, "your account has used up its minutes of cores"),
        ("AssocMaxJobsLimit", WAITING, "you run as many jobs as your account allows"),
        ("QOSMaxSubmitJobPerUserLimit", WAITING, "you queue as many jobs as your QOS allows"),
        ("QOSMaxGRESPerUser", WAITING, "your jobs have reached the limit of GPUs or other GRES of your QOS"),
        ("MaxMemoryPerAccount", WAITING, "your jobs have reached the limit of memory of your QOS"),
        ("QOSMaxWallDurationPerJobLimit", FATAL, "asks for more time than its QOS allows a job"),
        ("AssocMaxWallDurationPerJobLimit", FATAL, "asks for more time than its account allows a job"),
        ("AssocMaxGRESPerJob", FATAL, "asks for more GPUs or other GRES than its account allows a job"),
        ("QOSMaxMemoryPerNode", FATAL, "asks for more memory than its QOS allows a node"),
        ("QOSMinGRES", FATAL, "asks for less than its QOS wants of a job (GPUs or other GRES)"),
        ("PartitionTimeLimit", FATAL, "asks for more time than its partition allows (PartitionTimeLimit): lower"),
        ("BadConstraints", FATAL, "no node can ever satisfy what it asks for"),
        ("JobHeldAdmin", LATER, "an administrator holds it (JobHeldAdmin)"),
        ("(ReqNodeNotAvail, UnavailableNodes:c[1-2])", WAITING,
         "the nodes it needs are down or reserved (ReqNodeNotAvail, UnavailableNodes:c[1-2])"),
        ("Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", WAITING,
         "the nodes it needs are down, drained or reserved"),
        ("launch failed requeued held", FATAL, "its node could not launch it, and SLURM holds it"),
        ("launch_failed_requeued_held", FATAL, "its node could not launch it"),
    ],
)  # fmt: skip
def test_reasons_say_whether_a_job_will_ever_start(word: str, kind: str, words: str) -> None:
    assert kind == slurm_reasons.explain(word).kind
    assert slurm_reasons.in_words(word).startswith(words)


def test_a_reason_nobody_has_heard_of_is_shown_as_it_is_and_ends_nothing() -> None:
    assert (WAITING, "") == slurm_reasons.explain("SolarFlare")[1:3]
    assert "SolarFlare" == slurm_reasons.in_words("SolarFlare")
    assert "" == slurm_reasons.in_words("None") == slurm_reasons.in_words("")


def test_how_long_a_job_has_waited_for_a_fatal_reason_is_carried_from_answer_to_answer() -> None:
    def rows(*reasons: str) -> list[Row]:
        return [Row(str(n), "PENDING", each, "x") for n, each in enumerate(reasons)]

    first = slurm_reasons.stuck_since({}, rows("BadConstraints", "Priority"), 10.0)
    second = slurm_reasons.stuck_since(first, rows("BadConstraints", "InvalidQOS"), 70.0)
    third = slurm_reasons.stuck_since(second, rows("Priority", "InvalidQOS"), 130.0)

    assert [{"0": 10.0}, {"0": 10.0, "1": 70.0}, {"1": 70.0}] == [first, second, third]


def test_when_slurm_expects_to_start_a_job_is_said_in_the_sites_time() -> None:
    zone = time.strftime("%z")

    assert (
        f"waits for free nodes (Resources); SLURM expects to start it by 2026-11-25 14:05 {zone}"
    ) == slurm_reasons.waiting("Resources", "2026-11-25T14:01:07")
    assert "others come first (Priority)" == slurm_reasons.waiting("Priority", "N/A")
    assert "" == slurm_reasons.waiting("None", "")


def test_fatal_reasons_come_with_the_fix() -> None:
    assert (
        "SLURM would never start it: asks for more time than its partition allows (PartitionTimeLimit)\n"
        "lower `time:`, or name a partition or QOS that allows it"
    ) == slurm_reasons.ending("PartitionTimeLimit")


@pytest.mark.parametrize(
    ("word", "cause", "certain"),
    [
        ("PartitionTimeLimit", "refused", False),
        ("DependencyNeverSatisfied", "dependency", True),
        ("JobHoldMaxRequeue", "launch", True),
        ("user env retrieval failed requeued held", "launch", True),
    ],
)
def test_what_slurm_has_put_aside_for_good_is_certain(word: str, cause: str, certain: bool) -> None:
    reason = slurm_reasons.explain(word)

    assert (cause, certain) == (reason.cause, reason.certain)
