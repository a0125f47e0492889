"""scripts/testcluster does what tests count on."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster import RunningCluster, require_cluster_support

pytestmark = pytest.mark.cluster


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_job_submitted_on_the_login_node_runs_on_a_compute_node(cluster: RunningCluster) -> None:
    job = _submit(cluster, "hostname; id -un", "-w", "c1", "-o", "job.out")

    _eventually(lambda: _state(cluster, job) == "CD")

    assert cluster.on("login1", "cat", "job.out").endswith("c1\nalice\n")


def test_jobs_find_an_old_python_first_and_may_use_the_laptops_packages(
    cluster: RunningCluster,
) -> None:
    python = cluster.status()["python"]
    same_as_here = python["available"][python["laptop"]]

    version = cluster.on("c1", "/usr/bin/python3", "-V")
    imports = cluster.on("c2", "env", "PYTHONPATH=/opt/site", same_as_here, "-c", "import pytest")

    assert version.startswith(f"Python {python['default']}.")
    assert imports == ""


@pytest.mark.parametrize("node", ["login1", "c1", "tower"])
def test_a_node_sees_no_file_or_process_of_this_machine(
    cluster: RunningCluster, node: str, tmp_path: Path
) -> None:
    (tmp_path / "ours").touch()
    look = f"ls {tmp_path} {Path(__file__).parent} /home; command -v xpm pip; cat /proc/*/cmdline"

    seen = cluster.on(node, "sh", "-c", f"({look}) 2>/dev/null | tr '\\0' '\\n'", user="root")

    assert "alice" in seen.split()
    seen = seen.replace(look, "")
    for ours in ("ours", Path(__file__).name, "pytest"):
        assert ours not in seen
    assert not [line for line in seen.splitlines() if line.endswith(("/xpm", "/pip"))]


def test_the_plain_host_has_no_slurm(cluster: RunningCluster) -> None:
    done = cluster.ssh("tower", "hostname; command -v sbatch squeue slurmd munged")

    assert done.stdout.splitlines()[-1] == "tower"


@pytest.mark.parametrize("host", ["testcluster", "tower"])
def test_the_laptop_user_reaches_hosts_by_name(
    cluster: RunningCluster, home: Path, host: str
) -> None:
    done = cluster.laptop(home, "ssh", host, "id -un")

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "alice")


def test_the_laptop_user_has_few_rights_and_sees_no_cluster(
    cluster: RunningCluster, home: Path
) -> None:
    look = f"id -u; ls {cluster.root}; cat {cluster.root}/id_ed25519; ps ax; touch /etc/x"

    done = cluster.laptop(home, "sh", "-c", look)

    assert done.stdout.startswith("61000\n")
    assert "slurm" not in done.stdout
    assert "id_ed25519: No such file" in done.stderr
    assert "/etc/x': Permission denied" in done.stderr


def test_the_laptop_runs_the_python_of_the_tests(cluster: RunningCluster, home: Path) -> None:
    program = "import getpass, os, pytest; print(getpass.getuser(), os.path.expanduser('~'))"

    done = cluster.laptop(home, cluster.argv()[0], "-c", program)

    assert f"laptop {home}\n" == done.stdout


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -TERM $$", -signal.SIGTERM)])
def test_the_laptop_ends_as_its_command_does(
    cluster: RunningCluster, home: Path, script: str, code: int
) -> None:
    assert code == cluster.laptop(home, "sh", "-c", script).returncode


def test_the_laptop_hands_signals_to_its_command(cluster: RunningCluster, home: Path) -> None:
    script = "trap 'echo told; exit 3' INT; echo ready; sleep 60 & wait"

    with _started(cluster.laptop_argv(home, "sh", "-c", script)) as laptop:
        laptop.send_signal(signal.SIGINT)

        assert (_rest(laptop), laptop.wait(60)) == ("told\n", 3)


def test_killing_the_laptop_ends_all_it_runs(cluster: RunningCluster, home: Path) -> None:
    with _started(
        cluster.laptop_argv(home, "sh", "-c", "echo ready; setsid sleep 61.2 & wait")
    ) as it:
        it.kill()

    _eventually(lambda: not _is_running("61.2"))


def test_a_second_command_runs_on_the_same_laptop(cluster: RunningCluster, home: Path) -> None:
    with _started(cluster.laptop_argv(home, "sh", "-c", "echo ready; sleep 61.3")) as laptop:
        join = ("laptop", "--join", str(laptop.pid), "--", "ps", "-eo", "args")
        _eventually(lambda: "sleep 61.3" in cluster.do(*join))
        laptop.terminate()


def test_a_cut_ends_connections_and_refuses_new_ones(healthy_cluster: RunningCluster) -> None:
    with _started(_ssh(healthy_cluster, "echo ready; sleep 60")) as before:
        healthy_cluster.do("cut", "--host", "login1")
        code = before.wait(60)
    refused = healthy_cluster.ssh("testcluster", "true")
    other_host = healthy_cluster.ssh("tower", "true")
    healthy_cluster.do("heal")
    healed = healthy_cluster.ssh("testcluster", "true")

    assert code == 255
    assert (refused.returncode, other_host.returncode, healed.returncode) == (255, 0, 0)
    assert "Connection refused" in refused.stderr


def test_in_a_freeze_connections_hang_and_then_go_on(healthy_cluster: RunningCluster) -> None:
    with _started(_ssh(healthy_cluster, "echo ready; sleep 1; echo late")) as before:
        healthy_cluster.do("freeze")
        with pytest.raises(subprocess.TimeoutExpired):
            before.wait(2)
        new = healthy_cluster.ssh("testcluster", "true", "-o", "ConnectTimeout=1")
        healthy_cluster.do("heal")

        assert (_rest(before), before.wait(60)) == ("late\n", 0)
    assert "timed out" in new.stderr


def test_latency_is_added_to_round_trips(healthy_cluster: RunningCluster) -> None:
    fast = min(_seconds(lambda: healthy_cluster.ssh("testcluster", "true")) for _ in range(5))
    healthy_cluster.do("latency", "100")
    slow = min(_seconds(lambda: healthy_cluster.ssh("testcluster", "true")) for _ in range(5))

    assert slow - fast > 0.5


def test_without_slurmctld_jobs_go_on(healthy_cluster: RunningCluster) -> None:
    healthy_cluster.on("login1", "rm", "-f", "go-on", "went-on")
    job = _submit(healthy_cluster, "until test -e go-on; do sleep 0.1; done; touch went-on")
    _eventually(lambda: _state(healthy_cluster, job) == "R")

    healthy_cluster.do("slurmctld", "stop")
    ping = healthy_cluster.ssh("testcluster", "scontrol ping")
    healthy_cluster.on("login1", "touch", "go-on")
    _eventually(lambda: "went-on" in healthy_cluster.on("login1", "ls"))
    healthy_cluster.do("slurmctld", "start")

    assert "DOWN" in ping.stdout
    _eventually(lambda: _state(healthy_cluster, job) == "CD")


def test_accounting_may_be_away(healthy_cluster: RunningCluster) -> None:
    healthy_cluster.do("accounting", "off")
    off = healthy_cluster.ssh("testcluster", "sacct")
    healthy_cluster.do("accounting", "on")
    job = _submit(healthy_cluster, "true")

    assert (off.returncode, off.stderr) == (1, "Slurm accounting storage is disabled\n")
    _eventually(lambda: "COMPLETED" in healthy_cluster.on("login1", "sacct", "-nXPj", job))


def test_a_node_without_power_comes_back(healthy_cluster: RunningCluster) -> None:
    healthy_cluster.do("node-off", "c2")
    off = healthy_cluster.status()["nodes"]["c2"]
    healthy_cluster.do("node-on", "c2")

    assert off is None
    assert healthy_cluster.on("login1", "srun", "-w", "c2", "hostname") == "c2\n"


def test_processes_a_job_leaves_behind_end_with_it(cluster: RunningCluster) -> None:
    if cluster.status()["proctrack"] != "cgroup":
        pytest.skip("no cgroup v1 freezer here")

    cluster.on("login1", "rm", "-f", "leave")
    job = _submit(cluster, "setsid sleep 61.4 & until test -e leave; do sleep 0.1; done")
    _eventually(lambda: _is_running("61.4"))
    cluster.on("login1", "touch", "leave")

    _eventually(lambda: _state(cluster, job) == "CD")
    _eventually(lambda: not _is_running("61.4"))


def test_down_leaves_nothing(tmp_path: Path) -> None:
    require_cluster_support()
    own = RunningCluster(tmp_path / "root")
    before = _traces(own)

    try:
        own.do("up", "--set", "MinJobAge=20")
        was = own.status()
        own.do("up")
        assert was == own.status()  # nothing is started twice
        _submit(own, "sleep 61.5")
        _eventually(lambda: _is_running("61.5"))
    finally:
        own.do("down")

    assert before == _traces(own)
    assert not _is_running("61.5")
    assert not own.root.exists()


def test_down_ends_a_cluster_whose_up_was_killed(tmp_path: Path) -> None:
    require_cluster_support()
    own = RunningCluster(tmp_path / "root")
    before = _traces(own)

    with subprocess.Popen(own.argv("up", "--no-accounting"), stdout=subprocess.DEVNULL) as starting:
        _eventually((own.root / "pids" / "holder").exists)
        starting.kill()
    own.do("down")

    assert before == _traces(own)
    assert not own.root.exists()


def test_a_wrong_setting_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    require_cluster_support()
    own = RunningCluster(tmp_path / "root")

    done = subprocess.run(
        own.argv("up", "--no-accounting", "--set", "Nonsense=1"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "unrecognized key: Nonsense" in done.stderr
    assert not own.root.exists()


def _ssh(cluster: RunningCluster, script: str) -> list[str]:
    return ["ssh", "-F", str(cluster.root / "ssh_config"), "testcluster", script]


def _started(argv: list[str]) -> subprocess.Popen[str]:
    """Start a command; return once it has said `ready`."""
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    while line := process.stdout.readline():
        if line == "ready\n":
            return process
    raise AssertionError(f"{argv} ended with {process.wait()}")


def _rest(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.read()


def _submit(cluster: RunningCluster, script: str, *options: str) -> str:
    """Submit a job from the login node; return its id."""
    words = ["sbatch", "--parsable", *options, "--wrap", script]
    return cluster.on("login1", *words).strip()


def _state(cluster: RunningCluster, job: str) -> str:
    return cluster.on("login1", "squeue", "-h", "-t", "all", "-o", "%t", "-j", job).strip()


def _is_running(argument: str) -> bool:
    """Say whether a `sleep` with this argument runs anywhere on the machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == f"sleep\0{argument}\0".encode():
                return True
        except OSError:
            continue
    return False


def _traces(cluster: RunningCluster) -> list[str]:
    """List what a cluster could leave on this machine."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    links = [path.name for path in Path("/sys/class/net").iterdir()]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("*/xpm-testcluster-*")]
    mark = f"XPM_TESTCLUSTER_MARK={cluster.root}".encode()
    return sorted([*mounts, *links, *groups, *_processes_with(mark)])


def _processes_with(variable: bytes) -> list[str]:
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def _eventually(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def _seconds(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start
