"""Bad input, on the real cluster: one clear error, the right exit code, nothing half made, and mending is enough."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster import Done
from tests.main_job import plans
from tests.main_job.laptop import PROFILE, Laptop, wait_for

pytestmark = pytest.mark.cluster


def _refused(done: Done, code: int, *words: str) -> None:
    """One error on stderr, that says these words."""
    assert done.returncode == code, done.stderr
    assert done.stderr.count("error:") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for each in words:
        assert each in done.stderr, done.stderr


def _plan(laptop: Laptop) -> str:
    return str(laptop.write("project/plan.py", plans.steps(laptop.name, 1, 0.1)))


def _works_once(laptop: Laptop, plan: str, node: str = "login1", *options: str) -> None:
    """The same command works now, and every job takes effect once."""
    done = laptop.xpm("run", plan, *options)

    assert done.returncode == 0, done.stderr
    assert {"done"} == set(laptop.states())
    assert ["step0", "step1"] == laptop.effects(node)
    assert not [each for each in laptop.main.glob(".xpm/outbox/*/*") if each.is_file()]


def _address(laptop: Laptop, host: str = "testcluster") -> tuple[str, int]:
    facts = laptop.cluster.status()["hosts"][host]
    return facts["address"], facts["port"]


def _ssh_config(laptop: Laptop, **settings: object) -> None:
    """Let ``ssh odd`` mean the cluster, with these settings."""
    address, port = _address(laptop)
    ssh = laptop.home / ".ssh"
    found = {
        "HostName": address,
        "Port": port,
        "User": "alice",
        "IdentityFile": ssh / "id_ed25519",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": ssh / "known_hosts",
        **settings,
    }
    lines = [f"    {name} {value}" for name, value in found.items()]
    old = (ssh / "config").read_text().split("Host odd")[0]
    laptop.write(".ssh/config", old + "\n".join(["Host odd", *lines, ""]))


@pytest.fixture
def odd(laptop: Laptop) -> Laptop:
    """A laptop whose profile names the cluster by an alias of its own."""
    assert laptop.xpm("launchers", "check").returncode == 0  # this makes the home's .ssh
    laptop.write_profile(PROFILE.replace("host: testcluster", "host: odd"))
    return laptop


NOBODY: list[tuple[dict[str, object], tuple[str, ...]]] = [
    (
        {"HostName": "no-such-host.invalid"},
        ("odd", "'no-such-host.invalid' does not resolve", "`ssh -G odd`"),
    ),
    ({"Port": 1}, ("odd", "port 1 of", "connection refused", "check the host and port")),
]


def test_an_address_where_nobody_is_ends_the_run_with_3(odd: Laptop) -> None:
    plan = _plan(odd)
    for settings, words in NOBODY:
        _ssh_config(odd, **settings)

        _refused(odd.xpm("run", plan), 3, *words)

        assert ["waiting", "waiting"] == odd.states()
    assert words[1] in odd.xpm("status").stderr
    _ssh_config(odd)
    _works_once(odd, plan)


def test_jobs_that_never_left_for_a_broken_connector_may_go_elsewhere(odd: Laptop) -> None:
    _ssh_config(odd, Port=1)
    plan = _plan(odd)
    _refused(odd.xpm("run", plan), 3)

    _works_once(odd, plan, "tower", "--launcher", "box")


def test_a_host_key_that_is_unknown_or_another_is_refused_with_the_command_to_type(
    odd: Laptop,
) -> None:
    address, port = _address(odd)
    known = odd.home / ".ssh" / "known_odd"
    _ssh_config(odd, UserKnownHostsFile=known)
    plan = _plan(odd)

    unknown = odd.xpm("run", plan)

    _refused(unknown, 3, "odd", "known_hosts has no key for it", "SHA256:", "ssh-keyscan")
    tower = (odd.home / ".ssh" / "known_hosts").read_text().split(":2223 ", 1)
    other = tower[1] if len(tower) == 2 else (odd.home / ".ssh" / "known_hosts").read_text()
    kind, blob = _another_key(odd, other)
    odd.write(".ssh/known_odd", f"[{address}]:{port} {kind} {blob}\n")
    changed = odd.xpm("run", plan)
    _refused(changed, 3, f"{known}:1 records another key", "ssh-keygen -R")
    for told in (changed, unknown):  # what the errors say to type is typed
        command = told.stderr.split("-> ")[1].split("`")[1 if told is changed else 3]
        typed = subprocess.run(
            odd.cluster.laptop_argv(odd.home, "sh", "-c", command),
            capture_output=True,
            text=True,
            check=False,
        )
        assert typed.returncode == 0, typed.stderr
    _works_once(odd, plan)


def _another_key(laptop: Laptop, known_hosts: str) -> tuple[str, str]:
    """A key that is not the cluster's."""
    key = laptop.home / "another"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)
    kind, blob, *_ = key.with_suffix(".pub").read_text().split()
    assert blob not in known_hosts
    return kind, blob


def test_a_refused_key_ends_the_run_with_4_and_is_offered_once(odd: Laptop) -> None:
    _another_key(odd, "")
    key = odd.write("another", (odd.home / "another").read_text())
    key.chmod(0o600)
    _ssh_config(odd, IdentityFile=key)
    plan = _plan(odd)
    log = odd.cluster.root / "log" / "login1" / "sshd.log"
    before = log.read_text().count("authenticating user alice")

    done = odd.xpm("run", plan)

    _refused(done, 4, "odd", "no key was accepted for user alice", str(key), "`ssh odd`")
    assert log.read_text().count("authenticating user alice") == before + 1
    _ssh_config(odd)
    _works_once(odd, plan)


PYTHON = "python: {python}"
WORKSPACE = '"$HOME/{name}"'
SITES = {
    "a workspace that cannot be written": (
        (WORKSPACE, "/proc/xpm"),
        ("cannot prepare the workspace /proc/xpm", "`workspace:`"),
    ),
    "a variable that is not set there": (
        (WORKSPACE, "$NO_SUCH_PLACE/xpm"),
        ("variable $NO_SUCH_PLACE is not defined", "`workspace:`"),
    ),
    "a python that is missing": (
        (PYTHON, "python: /opt/no/python3"),
        ("/opt/no/python3", "does not start", "No such file", "python:"),
    ),
    "a python that is too old": (
        (PYTHON, "python: /opt/python/3.6/bin/python3"),
        ("/opt/python/3.6/bin/python3 is 3.6", "jobs need 3.9", "python:"),
    ),
}


def test_a_site_that_lacks_something_ends_the_run_with_2_until_the_profile_is_mended(
    laptop: Laptop,
) -> None:
    plan = _plan(laptop)
    for (right, wrong), words in SITES.values():
        laptop.write_profile(PROFILE.replace(right, wrong, 1))

        _refused(laptop.xpm("run", plan), 2, *words)

        assert ["waiting", "waiting"] == laptop.states()
    laptop.write_profile()
    _works_once(laptop, plan)


@contextmanager
def _without_python(laptop: Laptop) -> Iterator[None]:
    """Leave the tower's logins a PATH on which there is nothing but a shell."""
    folder = f"$HOME/{laptop.name}.bare"
    laptop.there(f"mkdir {folder}; ln -s /bin/sh {folder}/sh", "tower")
    laptop.there(f'cp ~/.bashrc {folder}/; echo "PATH={folder}" >> ~/.bashrc', "tower")
    try:
        yield
    finally:
        laptop.there(f"cat {folder}/.bashrc > ~/.bashrc", "tower")


def test_a_host_without_python_is_told_so(laptop: Laptop) -> None:
    plan = _plan(laptop)
    without = PROFILE.replace(", python: {python}}}\nlaunchers", "}}\nlaunchers")
    laptop.write_profile(without)

    with _without_python(laptop):
        done = laptop.xpm("run", plan, "--launcher", "box")

    _refused(done, 2, "tower", "no Python of 3.6 or newer", "install one", "`python:`")
    laptop.write_profile()
    _works_once(laptop, plan, "tower", "--launcher", "box")


def test_what_sbatch_refuses_fails_at_once_with_its_words(laptop: Laptop) -> None:
    plan = _plan(laptop)
    laptop.write_profile(PROFILE.replace("time: 10m", "time: 10m, constraint: nowhere"))

    done = laptop.xpm("run", plan)

    words = ("its site can never run it", "SLURM refuses it:", "Invalid feature specification")
    hint = ("--constraint=nowhere", "mend the launcher cpu in the profile", "run the plan again")
    _refused(done, 1, *words, *hint)
    jobs = laptop.status()["jobs"]
    assert [("failed", "refused"), ("skipped", "dependency")] == [
        (job["state"], job["cause"]) for job in jobs
    ]
    assert laptop.there("squeue -h --me") == ""
    laptop.write_profile()
    _works_once(laptop, plan)


def test_an_import_that_the_jobs_python_lacks_is_named_with_its_line(laptop: Laptop) -> None:
    text = plans.steps(laptop.name, 1, 0.1)
    laptop.write("project/helper.py", "import json\nimport sklearn\n")
    laptop.write_profile(PROFILE.replace(", export: {{PYTHONPATH: /opt/site}}", ""))
    cases = (
        ("import os, sklearn", ("cannot import sklearn (plan.py:1)", "install it there")),
        ("import helper", ("helper.py:2: the plan imports sklearn", "install sklearn there")),
    )
    for first, told in cases:
        plan = str(laptop.write("project/plan.py", f"{first}\n{text}"))

        done = laptop.xpm("run", plan, "--launcher", "box")

        _refused(done, 1, "/bin/python3", *told)
    laptop.write_profile()
    _works_once(laptop, plan, "tower", "--launcher", "box")


ENDINGS = (
    plans.HEAD
    + """
class Sleeper(Task):
    __xpmid__ = "test.sleeper"
    name: Param[str]

    def execute(self):
        effect("began-" + self.name)
        print("asleep", flush=True)
        print("dreaming", file=sys.stderr, flush=True)
        Path("pids").write_text("%d %d" % (os.getpid(), os.getppid()))
        while not (Path(os.environ["HOME"]) / "{name}.effects.awake").exists():
            time.sleep(0.1)

class After(Task):
    __xpmid__ = "test.after"
    sleeper: Param[Sleeper]

    def execute(self):
        effect("after-" + self.sleeper.name)

with experiment("main", "endings") as xp:
    for name in NAMES:
        After(sleeper=Sleeper(name=tag(name)).submit()).submit()
"""
).replace("import Meta", "import tag, Meta")


def _sleepers(laptop: Laptop) -> dict[str, dict[str, object]]:
    jobs = laptop.status()["jobs"]
    return {job["tags"]["name"]: job for job in jobs if job["task"] == "test.sleeper"}


def _ends(laptop: Laptop) -> dict[str, tuple[object, object]]:
    return {name: (job["state"], job["cause"]) for name, job in _sleepers(laptop).items()}


@pytest.mark.parametrize(("launcher", "node"), [("cpu", "login1"), ("box", "tower")])
def test_jobs_ended_by_hand_are_told_by_their_cause_and_their_dependents_skipped(
    laptop: Laptop, launcher: str, node: str
) -> None:
    names = ["task-killed", "runner-killed", "cancelled"] + ["scancelled"] * (launcher == "cpu")
    text = ENDINGS.replace("{name}", laptop.name).replace("NAMES", repr(names))
    plan = str(laptop.write("project/plan.py", text))
    process = laptop.start("run", plan, "--launcher", launcher)
    wait_for("all sleep", lambda: len(laptop.effects(node)) == len(names))
    known = {name: ("running", None) for name in names}
    wait_for("it is known here", lambda: _ends(laptop) == known)
    jobs = _sleepers(laptop)

    def end(name: str, which: int, signum: str) -> None:
        job = jobs[name]
        there = f"$HOME/{laptop.name}/jobs/{job['task']}/{job['id']}/pids"
        where = laptop.there(f"squeue -h -j {job['batch_id']} -o %N") if launcher == "cpu" else node
        laptop.there(f"set -- $(cat {there}); kill {signum} ${which}", where.strip())

    first = str(jobs["task-killed"]["id"])
    assert laptop.xpm("logs", first[:10]).stdout == "asleep\n"
    assert laptop.xpm("logs", first[:10], "--stderr").stdout == "dreaming\n"
    following = laptop.start("logs", str(jobs["cancelled"]["id"]), "-f")
    end("task-killed", 1, "-9")
    end("runner-killed", 2, "-9")
    assert laptop.xpm("cancel", str(jobs["cancelled"]["id"])[:10]).returncode == 0
    if launcher == "cpu":
        laptop.there(f"scancel {jobs['scancelled']['batch_id']}")

    assert process.wait(90) == 1, (laptop.home / "run.log").read_text()
    assert following.wait(60) == 0
    ends = _ends(laptop)
    assert ends.pop("task-killed") == ("failed", "signal")
    assert ends.pop("runner-killed") == ("failed", "signal")
    assert {("cancelled", "cancelled")} == set(ends.values())
    skipped = [job["state"] for job in laptop.status()["jobs"] if job["task"] == "test.after"]
    assert ["skipped"] * len(names) == skipped
    story = laptop.xpm("story", first[:10]).stdout
    assert "attempt 1 started" in story
    assert "attempt 1 ended failed" in story

    laptop.there(f"touch $HOME/{laptop.name}.effects.awake", node)
    assert laptop.xpm("retry", first[:10]).returncode == 0
    assert laptop.xpm("wait").returncode == 1
    assert _ends(laptop)["task-killed"] == ("done", None)
    again = laptop.xpm("run", plan, "--launcher", launcher)
    assert again.returncode == 0, again.stderr
    assert {"done"} == set(laptop.states())


def test_ctrl_c_leaves_jobs_running_and_says_how_to_come_back(laptop: Laptop) -> None:
    plan = str(laptop.write("project/plan.py", plans.steps(laptop.name, 2, 0.0, held=True)))
    process = laptop.start("run", plan)
    wait_for("a step runs", lambda: "running" in laptop.states())

    process.send_signal(signal.SIGINT)

    log = laptop.home / "run.log"
    assert process.wait(60) == 130, log.read_text()
    assert "go on" in log.read_text()
    assert "run the plan again" in log.read_text().lower()
    assert "Traceback" not in log.read_text()
    laptop.release()
    assert laptop.xpm("wait").returncode == 0
    assert {"done"} == set(laptop.states())
    assert ["step0", "step1", "step2"] == laptop.effects()


@pytest.mark.parametrize(("launcher", "node"), [("cpu", "login1"), ("box", "tower")])
def test_a_launcher_whose_preparation_fails_says_what_it_printed_and_what_to_check(
    laptop: Laptop, launcher: str, node: str
) -> None:
    plan = _plan(laptop)
    broken = "export: {{PYTHONPATH: /opt/site}}, pre: ['echo no such module >&2; exit 3']"
    laptop.write_profile(PROFILE.replace("export: {{PYTHONPATH: /opt/site}}", broken))

    done = laptop.xpm("run", plan, "--launcher", launcher)

    words = ("could not be started", "no such module", "check `pre:`", "1 was not run")
    _refused(done, 1, *words)
    assert {"launch", "dependency"} == {job["cause"] for job in laptop.status()["jobs"]}
    laptop.write_profile()
    _works_once(laptop, plan, node, "--launcher", launcher)


def test_waiting_for_a_host_that_does_not_answer_says_so_and_goes_on(laptop: Laptop) -> None:
    plan = str(laptop.write("project/plan.py", plans.steps(laptop.name, 1, 3.0)))
    assert laptop.xpm("run", plan, "--detach").returncode == 0
    laptop.cluster.do("cut")

    waiting = laptop.start("wait")

    log = laptop.home / "run.log"
    wait_for("it says so", lambda: "no link to cluster" in log.read_text())
    laptop.cluster.do("heal")
    assert waiting.wait(60) == 0, log.read_text()
    assert "cluster answers again" in log.read_text()
    assert {"done"} == set(laptop.states())
