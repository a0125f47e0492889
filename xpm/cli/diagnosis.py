"""What the facts of a place mean for jobs sent there. Pure."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xpm.agent.limits import Partition, SiteLimits
from xpm.cli.findings import Finding
from xpm.connectors.measuring import Distance
from xpm.connectors.questions import Answer, Answers, Question, lines_of
from xpm.follow import sites
from xpm.launchers.placeholders import quoted
from xpm.launchers.surveying import Survey, python_check, with_variables
from xpm.wire import hints

SLURM = "slurm"
STAFF = "ask the staff of the site"
FAR_S = 0.5
SKEW_S = 30.0
FEW_INODES = 20_000
FEW_KIB = 2_000_000
NEARLY = 0.9
OLD_S = 20 * 86400.0


def examine(facts: Mapping[str, Any], kind: str) -> list[Finding]:
    """What the facts of a place (the verb ``probe``) mean for jobs sent there.

    Args:
        facts: what its agent told.
        kind: that of its connector: ``local``, ``ssh`` or ``slurm``.
    """
    memory = facts.get("memory_mib")
    has = f"{_count(facts['cores'], 'core')}, {_memory(memory) if memory else 'memory unknown'}"
    machine = Finding("host", "ok", f"{facts['host']}, {facts['system']}: {has}")
    return [machine, *(_cluster(facts) if kind == SLURM else _plain(facts))]


# --------------------------------------------------------------------------- the way there


def of_distance(distance: Distance) -> Iterator[Finding]:
    """Round trip, rates and clocks."""
    if distance.round_trip_s is not None:
        is_far = distance.round_trip_s > FAR_S
        do = "slow, not wrong: a nearer way (VPN, jump host) would help" if is_far else ""
        trip = f"{distance.round_trip_s * 1000:.1f} ms there and back"
        yield Finding("latency", "warn" if is_far else "ok", trip, do)
    rates = [(distance.down, "down"), (distance.up, "up")]
    told = [f"{hints.size(rate / 1024)}/s {way}" for rate, way in rates if rate is not None]
    slow = [rate for rate, _ in rates if rate is not None and rate < 200_000]
    if told:
        do = "pull only what you need, keep data there" if slow else ""
        yield Finding("bandwidth", "warn" if slow else "ok", ", ".join(told), do)
    if distance.ahead_s is not None:
        yield _of_clock("its clock", distance.ahead_s)


def _of_clock(whose: str, ahead_s: float) -> Finding:
    words = "ahead of" if ahead_s > 0 else "behind"
    if abs(ahead_s) < 1:
        return Finding("clock", "ok", f"{whose} and the laptop's agree within a second")
    told = f"{whose} is {hints.duration(abs(ahead_s))} {words} the laptop's"
    if abs(ahead_s) < SKEW_S:
        return Finding("clock", "ok", told)
    do = "times will look odd and pauses be off; let the clocks be set (NTP)"
    return Finding("clock", "warn", told, do)


def of_login(answers: Answers, survey: Survey) -> Iterator[Finding]:
    """The shell and what it prints, the mask of new files, the home."""
    if answers.noise:
        first = answers.noise.splitlines()[0][:60]
        yield Finding(
            "noise", "warn", f"the login prints {len(answers.noise)} bytes before commands: {first!r}",
            "xpm passes over it, rsync and scp may not: print only in interactive shells (.bashrc)",
        )  # fmt: skip
    shell = survey.shell.rpartition("/")[2]
    told = f"{survey.shell or 'unknown'} for you; jobs and questions run in sh"
    odd = shell in ("csh", "tcsh", "fish", "xonsh", "nu")
    do = "`pre:` lines are sh, not the language of your shell" if odd else ""
    yield Finding("shell", "warn" if odd else "ok", told, do)
    yield from _of_umask(survey.umask)


def _of_umask(text: str) -> Iterator[Finding]:
    try:
        mask = int(text, 8)
    except ValueError:
        return
    if not mask & 0o002:
        do = "`umask 022` in your login files there: others could change your jobs"
        yield Finding("umask", "warn", f"{text}: everybody may write what you make", do)
    elif not mask & 0o020:
        yield Finding("umask", "ok", f"{text}: your group may write what you make")
    elif mask & 0o070 == 0o070:
        yield Finding(
            "umask", "ok", f"{text}: nobody else reads your results (`share:` in the profile)"
        )
    else:
        yield Finding("umask", "ok", text)


# --------------------------------------------------------------------------- the workspace


def workspace_question(workspace: str, share: str | None = None) -> Question:
    """Asks about the file system of a workspace that is there: room, quota, clock, the oldest file, the home, who reads it."""
    shut = ""
    if share is not None:
        mode, folder, file = OPEN[share]
        shut = _SHUT.format(mode=mode, folder=folder, file=file)
    script = _WORKSPACE.format(workspace=quoted(workspace), quota=QUOTA, shut=shut)
    script = with_variables(script)
    return Question("workspace", script, 60)


def python_question(python: str | None) -> Question:
    """Asks which Python jobs would get."""
    return Question("python", with_variables(python_check(python)))


def of_python(answer: Answer | None) -> Finding:
    """What the answer to that question means."""
    lines = lines_of(answer)
    if answer is not None and answer.status == 0 and len(lines) >= 2:
        return Finding("python", "ok", f"of jobs: {lines[-2]} is {'.'.join(lines[-1].split())}")
    do = "name one of 3.9 or newer as `python:`; on many clusters `module avail python` lists them"
    return Finding("python", "bad", f"of jobs: {lines[-1] if lines else 'no answer'}", do)


QUOTA = (
    "timeout 15 quota -wp 2>/dev/null | awk 'NF>=9 && $2 ~ /^[0-9]/ {print \"quota\", $0}';"
    " command -v lfs >/dev/null 2>&1 && timeout 15 lfs quota -q -u $(id -un) . 2>/dev/null"
    " | awk 'NF>=8 {print \"quota\", $0}'; true"
)
"""Lines of sh that print a row for each quota of this user, and of Lustre's in the current folder."""
_WORKSPACE = """
w={workspace}; cd "$w" 2>/dev/null || {{ echo "lost $w"; exit 0; }}
echo "path $(pwd)"
echo "owner $(stat -c %U . 2>/dev/null)"
df -Pk . 2>/dev/null | awk 'NR>1{{print "kib " $(NF-2)}}' | tail -n 1
df -Pi . 2>/dev/null | awk 'NR>1{{print "inodes " $(NF-2)}}' | tail -n 1
df -PT . 2>/dev/null | awk 'NR>1{{print "type " $2}}' | tail -n 1
t=.xpm/~clock.$$; if (: > "$t") 2>/dev/null; then echo "here $(date +%s.%N)"; echo "file $(stat -c %Y "$t")"; rm -f "$t"; fi
[ -w "$HOME" ] && echo "home yes" || echo "home no"
timeout 10 find jobs -type f -printf 'oldest %T@ %A@\\n' 2>/dev/null | sort -n -k2 | head -n 1
{quota}
{shut}
true
"""
OPEN = {"group": ("g+rX", "050", "040"), "all": ("go+rX", "055", "044")}
"""What lets others read results, and what folders and files have then, by what the profile says of sharing."""
_SHUT = """
n=$(timeout 20 find jobs -name .xpm -prune -o \\( -type d ! -perm -{folder} -o -type f ! -perm -{file} \\) \\
  -printf x 2>/dev/null | wc -c)
echo "shut {mode} $n"
"""


def of_workspace(text: str, now: float) -> Iterator[Finding]:
    """What the answer to that question means."""
    rows = [line.split() for line in text.splitlines() if line.strip()]
    said = {row[0]: row[1:] for row in rows if row[0] != "quota" and len(row) > 1}
    if "path" not in said:
        yield Finding("workspace", "bad", "it is not there", "mend `workspace:`")
        return
    kind = f", {said['type'][0]}" if "type" in said else ""
    kib, inodes = _number(said.get("kib")), _number(said.get("inodes"))
    room = f"{hints.size(kib)} free" if kib is not None else "room unknown"
    short = kib is not None and kib < FEW_KIB
    do = (
        "`workspace:` on a bigger file system ($SCRATCH, $WORK), or remove old results"
        if short
        else ""
    )
    yield Finding("workspace", "warn" if short else "ok", f"{said['path'][0]}{kind}: {room}", do)
    if inodes is not None and inodes:
        few = inodes < FEW_INODES
        do = "a job takes some 8 files besides its own: remove old results" if few else ""
        yield Finding("inodes", "warn" if few else "ok", f"{inodes} more files fit", do)
    for row in rows:
        if row[0] == "quota":
            yield from of_quota(row[1:])
    if "file" in said and "here" in said:
        yield from _of_file_server(float(said["file"][0]), float(said["here"][0]))
    if "shut" in said and int(said["shut"][-1]):
        do = f"`chmod -R {said['shut'][0]} {shlex.quote(said['path'][0] + '/jobs')}` there opens it"
        told = (
            f"{said['shut'][-1]} files and folders of earlier jobs are closed to others (`share:`)"
        )
        yield Finding("share", "warn", told, do)
    yield from _of_age(said, now)
    if said.get("home") == ["no"]:
        do = "caches of your tasks want another place: `export:` HF_HOME, XDG_CACHE_HOME and the like"
        yield Finding("home", "warn", "your home cannot be written", do)


def of_quota(fields: Sequence[str]) -> Iterator[Finding]:
    """One row of quota(1) or lfs-quota(1): file system, then used, soft, hard, grace of KiB and of files."""
    if fields[0].strip("*").isdigit():  # a long name is on a line of its own
        fields = ["quota", *fields]
    numbers = [int(each.strip("*")) if each.strip("*").isdigit() else 0 for each in fields[1:8]]
    for unit, (used, soft, hard) in (("", numbers[:3]), ("files", numbers[4:7])):
        limit = hard or soft
        if limit:
            yield _of_usage(fields[0], unit, used, limit)


def _of_usage(where: str, unit: str, used: int, limit: int) -> Finding:
    told = [f"{count} {unit}" if unit else hints.size(count) for count in (used, limit)]
    text = f"{where}: {told[0]} of {told[1]} used"
    do = "remove what you do not need before jobs fail for it (old results, old environments)"
    if used < NEARLY * limit:
        return Finding("quota", "ok", text)
    return Finding("quota", "bad" if used >= limit else "warn", text, do)


def _of_file_server(file_s: float, here_s: float) -> Iterator[Finding]:
    skew = file_s - here_s
    if abs(skew) > 2 + 1:
        words = f"the file server's clock is {hints.duration(abs(skew))} {'ahead' if skew > 0 else 'behind'}"
        do = "heartbeats and pauses will be off by that; let its clock be set (NTP)"
        yield Finding(
            "clock", "warn" if abs(skew) > SKEW_S else "ok", words, do if abs(skew) > SKEW_S else ""
        )


def _of_age(said: Mapping[str, Sequence[str]], now: float) -> Iterator[Finding]:
    path = said["path"][0].lower()
    is_scratch = any(word in path for word in ("scratch", "/tmp", "/work/", "lustre", "fast"))
    oldest = said.get("oldest")
    age = max(0.0, now - float(oldest[0])) if oldest else 0.0
    told = (
        f"the oldest file of a job there is {hints.duration(age)} old"
        if oldest
        else "no job has left a file yet"
    )
    if not is_scratch:
        return
    do = "such file systems are often purged by age (14 to 90 days): read the site's rules, `xpm sync` what you want to keep"
    yield Finding("purge", "warn" if age > OLD_S else "ok", told, do if age > OLD_S else "")


# ----------------------------------------------------------------------------- machines


def _plain(facts: Mapping[str, Any]) -> Iterator[Finding]:
    yield Finding("gpus", "ok", ", ".join(facts.get("gpus") or ()) or "none")
    logout = facts.get("logout") or {}
    linger = "`loginctl enable-linger` there keeps jobs alive after you log out"
    if logout.get("kills") is False or logout.get("lingers"):
        yield Finding("logout", "ok", "jobs go on after you log out")
    elif logout.get("kills") and logout.get("lingers") is False:
        yield Finding("logout", "bad", "systemd ends your jobs when you log out", linger)
    if facts.get("sbatch"):
        what = "SLURM is there, but jobs of this connector run on this very host"
        yield Finding("slurm", "warn", what, "`kind: slurm` in the profile sends them to its nodes")


def _cluster(facts: Mapping[str, Any]) -> Iterator[Finding]:
    site = sites.parsed(facts.get("limits"))
    if facts.get("asking") or site.at is None:
        what = "did not say in time what it allows"
        yield Finding("slurm", "warn", what, "try again when its commands are less slow")
    if site.at is None:
        return
    kept = {True: ", with accounting", False: ", without accounting", None: ""}
    told = f"SLURM {site.version or 'of unknown version'}{kept[site.has_accounting]}"
    yield Finding("slurm", "ok", told)
    for problem in site.problems:
        do = f"what it does not tell refuses no job here; {STAFF} to let you see it"
        yield Finding("slurm", "warn", f"did not say everything: {problem}", do)
    if site.max_array_size is not None:
        most = site.max_array_size
        yield Finding("arrays", "ok", f"MaxArraySize {most}" if most else "not allowed")
    yield from _of_limits(site)
    if site.partitions == ():
        yield Finding("partition", "bad", "none that you can see", f"{STAFF} which you may use")
    for partition in site.partitions or ():
        yield _partition(partition, site)


def _of_limits(site: SiteLimits) -> Iterator[Finding]:
    """How many jobs may be queued and may run at once, under each account."""
    for each in site.associations or ():
        known = {qos.name: qos for qos in site.qos or ()}
        qos = known.get(each.default_qos or (each.qos[0] if len(each.qos) == 1 else ""))
        submit = _least(each.max_submit, qos.max_submit if qos else None)
        run = _least(each.max_jobs, qos.max_jobs if qos else None)
        told = [f"{submit} queued (MaxSubmitJobs)"] if submit is not None else []
        told += [f"{run} running (MaxJobs)"] if run is not None else []
        told += [f"{hints.duration(each.max_wall_s)} long (MaxWall)"] if each.max_wall_s else []
        if told:
            text = f"account {each.account}: at most {', '.join(told)}; xpm sends more as places become free"
            yield Finding("limits", "ok", text)


def _least(*numbers: int | None) -> int | None:
    said = [number for number in numbers if number is not None]
    return min(said) if said else None


def _partition(partition: Partition, site: SiteLimits) -> Finding:
    name = f"{partition.name} (default)" if partition.is_default else partition.name
    alike = [each for each in site.nodes or () if each.partition == partition.name]
    parts = [f"at most {hints.duration(partition.max_time_s)}"] if partition.max_time_s else []
    for nodes in alike:
        has = [_count(nodes.cpus, "core")] if nodes.cpus else []
        has += [_memory(nodes.mem_mib)] if nodes.mem_mib else []
        has += [f"{_count(count, 'GPU')} {kind}".rstrip() for kind, count in nodes.gpus.items()]
        parts.append(_count(nodes.count, "node") + (f" with {', '.join(has)}" if has else ""))
    text = f"{name}: {'; '.join(parts) or 'no limits told'}"
    if partition.state == "UP":
        return Finding("partition", "ok", text)
    do = f"launchers had better name another one; {STAFF} when it is back"
    return Finding(
        "partition", "warn", f"{text}; it is {partition.state or 'in no known state'}", do
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _memory(mib: int) -> str:
    return hints.size(mib * 1024)


def _number(fields: Sequence[str] | None) -> int | None:
    return int(fields[0]) if fields and fields[0].isdigit() else None
