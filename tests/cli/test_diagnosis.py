"""What ``xpm doctor`` makes of answers: verdicts, and what to do where something is not right."""

import subprocess
from pathlib import Path

import pytest

from xpm.agent import limits
from xpm.agent.limits import Association
from xpm.cli import diagnosis, probe_job
from xpm.cli.findings import Finding
from xpm.cli.probe_job import ProbeJob
from xpm.connectors.measuring import Distance
from xpm.connectors.questions import Answer, Answers

NOW = 1_790_000_000.0
JOB = ProbeJob("$HOME/xpm", ["--partition=cpu", "--time=600"], ["module load x"], None, "cpu", 60)
SEEN = """\
id 4211
took 3
now 1790000001.0
host c1
clock 1790000000.9
mark /home/a/xpm/.xpm/~doctor.login1.7
home yes
python /opt/python3 3.12.1
sbatch yes
sacct 0 COMPLETED
"""


def verdicts(found: list[Finding]) -> dict[str, str]:
    return {each.topic: each.verdict for each in found}


def workspace(*lines: str) -> list[Finding]:
    text = "\n".join(["path /home/a/xpm", "kib 100000000", "inodes 500000", *lines])
    found = list(diagnosis.of_workspace(text, NOW))
    assert all(each.do for each in found if each.verdict != "ok")
    return found


def test_a_workspace_with_room_is_well() -> None:
    found = workspace("type nfs4", "home yes", f"here {NOW}", f"file {NOW:.0f}")

    assert {"workspace": "ok", "inodes": "ok"} == verdicts(found)
    assert "/home/a/xpm, nfs4: 102.4 GB free" == found[0].what


@pytest.mark.parametrize(
    ("line", "topic", "verdict"),
    [
        ("kib 5", "workspace", "warn"),
        ("inodes 12", "inodes", "warn"),
        ("home no", "home", "warn"),
        ("shut g+rX 3", "share", "warn"),
        ("quota /dev/a 96 0 100 0 5 0 0 0", "quota", "warn"),
        ("quota /dev/a 10 0 100 0 100* 100 120 6days", "quota", "ok"),
        ("quota nas:/home 10 0 100 0 99 0 100 0", "quota", "warn"),
        ("quota nas:/home 100* 100 120 0 1 0 0 0", "quota", "ok"),
        ("quota nas:/home 120* 100 120 6days 1 0 0 0", "quota", "bad"),
        ("quota 95 0 100 - 1 0 0 -", "quota", "warn"),
    ],
)
def test_what_is_short_is_told_with_what_to_do(line: str, topic: str, verdict: str) -> None:
    found = [each for each in workspace(line) if each.topic == topic]

    assert verdict in [each.verdict for each in found], found


@pytest.mark.host
@pytest.mark.parametrize(("share", "count"), [("group", 2), ("all", 4)])
def test_results_that_others_cannot_read_yet_are_counted(
    tmp_path: Path, share: str, count: int
) -> None:
    for name, mode in (("open", 0o750), ("shut", 0o700)):
        job = tmp_path / "jobs" / name
        (job / ".xpm").mkdir(parents=True)
        (job / "out").write_text("x")
        (job / "out").chmod(mode & 0o640)
        job.chmod(mode)
        (job / ".xpm").chmod(0o700)
    (tmp_path / "jobs").chmod(0o755)

    script = diagnosis.workspace_question(str(tmp_path), share).script
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    (found,) = [e for e in diagnosis.of_workspace(done.stdout, NOW) if e.topic == "share"]

    assert found.what.startswith(f"{count} files and folders")
    assert f"chmod -R {'g' if share == 'group' else 'go'}+rX {tmp_path}/jobs" in found.do


def test_a_file_server_with_another_time_is_told() -> None:
    found = workspace(f"here {NOW}", f"file {NOW - 600:.0f}")

    assert "warn" == verdicts(found)["clock"]
    assert "10 min behind" in next(each.what for each in found if each.topic == "clock")


def test_old_files_on_a_scratch_file_system_may_be_purged() -> None:
    text = f"path /scratch/a/xpm\noldest {NOW - 30 * 86400} {NOW}"

    (found,) = [each for each in diagnosis.of_workspace(text, NOW) if each.topic == "purge"]

    assert ("warn", True) == (found.verdict, "30 d old" in found.what)


def test_distances_and_clocks_are_told() -> None:
    near = list(diagnosis.of_distance(Distance(0.04, 0.2, 5e7, 2e7)))
    far = list(diagnosis.of_distance(Distance(0.9, -120.0, 1e5, 1e5)))

    assert {"latency": "ok", "bandwidth": "ok", "clock": "ok"} == verdicts(near)
    assert "40.0 ms there and back" == near[0].what
    assert {"latency": "warn", "bandwidth": "warn", "clock": "warn"} == verdicts(far)
    assert "2 min behind" in far[2].what
    assert all(each.do for each in far)


def test_limits_of_an_account_are_told() -> None:
    mine = Association("lab", "", (), None, True, 50, 200, 86400, {}, {})
    site = limits.UNKNOWN._replace(at=1.0, version="23.11", associations=(mine,))
    facts = {
        "host": "n", "system": "L", "cores": 1, "memory_mib": None, "asking": False,
        "limits": limits.dump(site),
    }  # fmt: skip

    found = next(each for each in diagnosis.examine(facts, "slurm") if each.topic == "limits")

    assert (
        "at most 200 queued (MaxSubmitJobs), 50 running (MaxJobs), 1 d long (MaxWall)" in found.what
    )


def test_a_python_that_is_too_old_is_bad() -> None:
    assert "bad" == diagnosis.of_python(Answer(1, "python3: 3 6 8")).verdict
    assert "ok" == diagnosis.of_python(Answer(0, "/opt/p\n3 12 1")).verdict
    assert "bad" == diagnosis.of_python(None).verdict


# ------------------------------------------------------------------------- a job's own look


def test_a_job_that_saw_everything_as_it_should_be_is_well() -> None:
    found = list(probe_job.judged(SEEN, JOB))

    assert {each: "ok" for each in ("jobs", "shared", "python", "submit", "accounting")} == (
        verdicts(found)
    )
    assert "a job of a minute (as launcher cpu) ran on c1, 3 s after it was sent" == found[0].what


@pytest.mark.parametrize(
    ("old", "new", "topic", "verdict"),
    [
        ("sbatch yes", "sbatch none", "submit", "warn"),
        ("sbatch yes", "sbatch no sbatch: error: Access/permission denied", "submit", "warn"),
        ("mark /home/a/xpm/.xpm/~doctor.login1.7", "mark cat: mark: No such file or directory",
         "shared", "bad"),
        ("python /opt/python3 3.12.1", "nopython /opt/python3 sh: not found", "python", "bad"),
        ("python /opt/python3 3.12.1", "python /opt/python3 3.8.1", "python", "bad"),
        ("home yes", "home no", "home", "warn"),
        ("sacct 0 COMPLETED", "", "accounting", "warn"),
        ("sacct 0 COMPLETED", "sacct fails disabled", "accounting", "ok"),
    ],
)  # fmt: skip
def test_what_a_job_misses_is_told_with_what_to_do(
    old: str, new: str, topic: str, verdict: str
) -> None:
    found = list(probe_job.judged(SEEN.replace(old, new), JOB))

    assert verdict == verdicts(found)[topic]
    assert all(each.do for each in found if each.verdict != "ok")


def test_a_job_that_is_refused_or_never_starts_is_told() -> None:
    (refused,) = probe_job.judged("refused sbatch: error: Invalid account", JOB)
    (waits,) = probe_job.judged("id 7\nwaits PENDING Priority", JOB)
    (nothing,) = probe_job.judged("", JOB)

    assert ("bad", "bad") == (refused.verdict, nothing.verdict)
    assert "Invalid account" in refused.what
    assert "warn" == waits.verdict
    assert "did not end within 60 s: PENDING Priority" in waits.what


def test_the_job_asks_for_a_minute_whatever_its_launcher_asks_for() -> None:
    assert ["--partition=cpu", "--time=1"] == probe_job.flags(JOB)
    script = probe_job.question(JOB).script

    assert "--partition=cpu --time=1 --job-name=xpm.doctor" in script
    assert "--time=600" not in script
    assert "module load x" in script


def test_a_noisy_login_and_an_odd_mask_are_told() -> None:
    from tests.launchers.test_drafting import survey

    noisy = Answers({}, 0.1, "Welcome!\nto all")
    found = list(diagnosis.of_login(noisy, survey(umask="0000", shell="/bin/tcsh")))

    assert {"noise": "warn", "shell": "warn", "umask": "warn"} == verdicts(found)
    assert all(each.do for each in found)
