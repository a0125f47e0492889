"""Many no-op SLURM jobs of equal request, over 40 ms: against a bare array of the same jobs, and against submitit.

Ours, from a cold start to the last job's end, beside one ``sbatch --array`` of as many ``python -c pass``; how often sbatch was
called and the far side was asked for it; and slurmctld's own count (sdiag) of what it was asked per job, ours and submitit's.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from far_side import cluster, environ, testcluster, write_profile
from figures import Figure, Missing

HERE = Path(__file__).parent
NAME = "no-op SLURM jobs over 40 ms"
ONE_WAY_AND_BACK_MS = 40
BARE = """
mark=$HOME/bench.$$
array=$(sbatch --parsable --output=/dev/null --partition=cpu --array=0-{last} --wrap "{python} -c pass")
sbatch --parsable --output=/dev/null --partition=cpu --dependency=afterany:$array --wrap "touch $mark" > /dev/null
until [ -e "$mark" ]; do sleep 0.1; done
rm "$mark"
"""
SUBMITIT = """
import os, submitit
executor = submitit.AutoExecutor(folder=os.path.expanduser("~/{folder}"))
executor.update_parameters(slurm_partition="cpu", timeout_min=10, slurm_array_parallelism={count})
for job in executor.map_array(abs, range({count})):
    job.result()
"""
FIRST = {"detached": 0, "few": 1_000_000}
"""The number of the first job: other numbers are other jobs."""
OWN = ("REQUEST_STATS_INFO", "MESSAGE_NODE_REGISTRATION_STATUS", "REQUEST_PING")
"""What has nothing to do with jobs."""


def measure(count: int) -> Sequence[Figure | Missing]:
    """Seconds, calls and requests of so many jobs."""
    with cluster() as facts, tempfile.TemporaryDirectory(prefix="xpm-bench.") as folder:
        if isinstance(facts, str):
            return [Missing(f"{count:,} {NAME}", facts)]
        home = Path(folder)
        write_profile(home, facts)
        testcluster([*facts["root"], "latency", str(ONE_WAY_AND_BACK_MS)])
        try:
            figures = _against_bare(facts, home, count)
            few = max(20, count // 10)
            return [*figures, *_against_submitit(facts, home, few)]
        finally:
            testcluster([*facts["root"], "latency", "0"])


def _against_bare(facts: dict[str, Any], home: Path, count: int) -> "list[Figure]":
    bare = _seconds(lambda: _ssh(facts, BARE.format(last=count - 1, python=_python(facts))))
    _reset(facts)
    begin = time.perf_counter()
    exchanges = _ours(home, "detached", count, "--detach")
    sent = _requests(facts).get("REQUEST_SUBMIT_BATCH_JOB", 0)
    _ours(home, "detached", count)
    ours = time.perf_counter() - begin
    against = f"sbatch --array of {count:,} python -c pass"
    name = f"{count:,} {NAME}"
    return [
        Figure(name, ours, "s", against, bare, ours / bare, "< 2", ours < 2 * bare),
        _count("calls of sbatch for them", sent, 15),
        _count("exchanges until all are safe", exchanges, 30),
    ]


def _against_submitit(facts: dict[str, Any], home: Path, count: int) -> "list[Figure | Missing]":
    name = f"requests to slurmctld per job, {count} jobs"
    _reset(facts)
    _ours(home, "few", count)
    ours = _per_job(facts, count)
    _reset(facts)
    script = SUBMITIT.format(count=count, folder=f"bench-{home.name}/submitit")
    code = f"PYTHONPATH=/opt/site {_python(facts)} - <<'END'\n{script}\nEND"
    try:
        _ssh(facts, code)
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return [Missing(name, f"submitit does not run there: {' '.join(last)}")]
    theirs = _per_job(facts, count)
    return [Figure(name, ours, "", "submitit", theirs, ours / theirs, "< 1", ours < theirs)]


def _count(name: str, found: int, most: int) -> Figure:
    return Figure(name, found, "", "at most", most, found / most, f"<= {most}", found <= most)


def _ours(home: Path, main: str, count: int, *options: str) -> int:
    command = [sys.executable, str(HERE / "counted.py"), "run", str(HERE / "plans" / "many.py")]
    command += ["--launcher", "cpu", *options, "--", str(home / main), str(count), str(FIRST[main])]
    done = subprocess.run(command, env=environ(home), check=True, capture_output=True, text=True)
    (found,) = re.findall(r"^exchanges: (\d+)$", done.stderr, re.MULTILINE)
    return int(found)


def _seconds(action: Any) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _ssh(facts: dict[str, Any], script: str) -> None:
    command = ["ssh", "-F", str(facts["ssh_config"]), "testcluster", script]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def _python(facts: dict[str, Any]) -> str:
    return str(facts["python"]["available"][facts["python"]["laptop"]])


def _reset(facts: dict[str, Any]) -> None:
    _sdiag(facts, "--reset")


def _per_job(facts: dict[str, Any], count: int) -> float:
    time.sleep(3)  # the last jobs are still being put away
    return sum(each for name, each in _requests(facts).items() if name not in OWN) / count


def _requests(facts: dict[str, Any]) -> dict[str, int]:
    """How often slurmctld was asked for what, since the last reset."""
    text = (
        _sdiag(facts).partition("statistics by message type")[2].partition("statistics by user")[0]
    )
    return {name: int(count) for name, count in re.findall(r"(\w+)\s+\(\s*\d+\) count:(\d+)", text)}


def _sdiag(facts: dict[str, Any], *options: str) -> str:
    words = ["exec", "--node", "ctl", "--user", "root", "--", "sdiag", *options]
    return testcluster([*facts["root"], *words]).stdout
