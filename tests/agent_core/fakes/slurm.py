# mypy: ignore-errors
# ruff: noqa
"""sbatch, squeue and scancel over a folder: they accept, refuse, lie and fall silent as a test says.

``$FAKE_SLURM/script`` has one line per coming call, ``<command> <mode>`` (``keeper`` for the sbatch of one, ``line`` for the squeue about everybody's jobs); without a line for a command, or a
mode, it behaves. What the batch system knows is ``jobs/<id>.json``, of an array with its ``elements``; every call is a line of ``calls``. Where there
is a file ``most``, no more jobs than it says may be in the queue; ``MaxArraySize`` likewise.
"""

import json
import os
import signal
import sys
import time

ROOT = os.environ["FAKE_SLURM"]


def main(command, argv):
    with open(os.path.join(ROOT, "calls"), "a") as file:
        file.write(
            json.dumps({"command": command, "argv": argv, "environ": dict(os.environ)}) + "\n"
        )
    if command in ("scontrol", "sinfo", "sacctmgr"):
        return tell(command, argv)
    is_keeper = any(each.startswith("--job-name=") and ".keeper." in each for each in argv)
    is_line = command == "squeue" and "-p" in argv
    how = mode("keeper" if is_keeper else "line" if is_line else command)
    verbs = {"sbatch": sbatch, "squeue": squeue, "scancel": scancel, "sacct": sacct}
    return verbs[command](argv, how)


def tell(command, argv):
    """What the site says of itself: the file ``<command>.<last word of argv>``, or nothing."""
    try:
        with open(os.path.join(ROOT, "%s.%s" % (command, argv[-1]))) as file:
            sys.stdout.write(file.read())
    except OSError:
        return say(command + ": error: not here")
    return 0


def mode(command):
    path = os.path.join(ROOT, "script")
    try:
        with open(path) as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    for line in lines:
        if line.split(" ", 1)[0] == command:
            lines.remove(line)
            with open(path, "w") as file:
                file.write("\n".join(lines))
            return line.partition(" ")[2]
    return ""


def sbatch(argv, how):
    if how == "refuse":
        return say(
            "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"
        )
    if how == "denied":
        return say("sbatch: error: Batch job submission failed: Access/permission denied")
    if how == "missing":
        say("timeout: failed to run command 'sbatch': No such file or directory")
        return 127
    if how == "partition":
        return say(
            "sbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: Invalid partition name specified"
        )
    if how == "quota":
        return say(
            "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
        )
    if how == "timeout":
        return say(
            "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
        )
    if how == "away":
        return say(
            "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)"
        )
    if how == "munge":
        return say("sbatch: error: Batch job submission failed: Protocol authentication error")
    if how == "silent":
        time.sleep(600)
    script = sys.stdin.read()
    options = dict(each.lstrip("-").partition("=")[::2] for each in argv)
    indices = spread(options["array"]) if "array" in options else []
    if indices and max(indices) >= limit("MaxArraySize"):
        return say("sbatch: error: Batch job submission failed: Invalid job array specification")
    if len(queued()) + max(1, len(indices)) > limit("most"):
        return say(
            "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
        )
    fresh = {"state": "PENDING", "reason": "Resources"}
    job = dict(fresh, name=options["job-name"], argv=argv, script=script)
    if indices:
        job["elements"] = {str(each): fresh for each in indices}
    number = accept(job)
    if how == "accepted-timeout":
        return say(
            "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
        )
    if how == "accepted-killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "accepted-silent":
        time.sleep(600)
    if how == "banner":
        print("Welcome to Stampede3\n3 nodes are down")
        sys.stderr.write("--> Verifying valid submit host (login3)...OK\n")
    print("%d;cluster" % number if how == "cluster" else number)
    return 0


def squeue(argv, how):
    if how == "fail":
        return say("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    if how == "banner":
        print("*** maintenance on Monday | 12:00 ***")
    if "-p" in argv:
        return everybody(how)
    for number, index, job in everything():
        raw = number if job["state"] == "PENDING" or not index else "%d" % (5000 + int(index))
        print(
            "|".join(
                [
                    raw,
                    number,
                    index or "N/A",
                    job["state"],
                    job["reason"],
                    job.get("partition", "cpu"),
                    "N/A",
                    "N/A",
                    job["name"],
                ]
            )
        )
    return 0


def everybody(how):
    """What waits in some partitions, of all users: the file ``line``."""
    if how == "slow":
        time.sleep(600)
    with open(os.path.join(ROOT, "line")) as file:
        sys.stdout.write(file.read())
    return 0


def sacct(argv, how):
    """What accounting says is ``accounts/<id>``: state, exit code, MaxRSS, nodes, seconds."""
    if how == "fail":
        return say("sacct: error: Problem talking to the database: Connection refused")
    if not os.path.isdir(os.path.join(ROOT, "accounts")):
        return say("Slurm accounting storage is disabled")
    for name in sorted(os.listdir(os.path.join(ROOT, "accounts"))):
        with open(os.path.join(ROOT, "accounts", name)) as file:
            print("%s|%s" % (name, file.read()))
    return 0


def everything():
    """(array's id, index, what is known) of each batch job."""
    found = []
    for name in sorted(os.listdir(os.path.join(ROOT, "jobs"))):
        with open(os.path.join(ROOT, "jobs", name)) as file:
            job = json.load(file)
        number = name[: -len(".json")]
        for index, element in sorted(job.get("elements", {}).items()):
            found.append((number, index, dict(element, name=job["name"])))
        if "elements" not in job:
            found.append((number, "", job))
    return found


def queued():
    return [job for _, _, job in everything() if job["state"] in ("PENDING", "RUNNING")]


def limit(name):
    try:
        with open(os.path.join(ROOT, name)) as file:
            return int(file.read())
    except OSError:
        return 1000000


def spread(text):
    """The indices that ``0-3,7`` stands for."""
    found = []
    for each in text.split(","):
        first, _, last = each.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def scancel(argv, how):
    if how == "fail":
        return say("scancel: error: Kill job error on job id: Unable to contact slurm controller")
    for each in argv:
        number, _, indices = each.partition("_")
        path = os.path.join(ROOT, "jobs", number + ".json")
        with open(path) as file:
            job = json.load(file)
        for index in spread(indices.strip("[]")) if indices else ():
            job["elements"][str(index)]["state"] = "CANCELLED"
        if not indices:
            job = dict(job, state="CANCELLED")
        os.rename(whole(job), path)
    return 0


def accept(job):
    number = 1000
    temporary = whole(job)
    while True:
        number += 1
        try:
            os.link(temporary, os.path.join(ROOT, "jobs", "%d.json" % number))
        except FileExistsError:
            continue
        os.unlink(temporary)
        return number


def whole(job):
    """A file that others see whole or not at all."""
    path = os.path.join(ROOT, "new.%d" % os.getpid())
    with open(path, "w") as file:
        json.dump(job, file)
    return path


def say(text):
    sys.stderr.write(text + "\n")
    return 1


sys.exit(main(sys.argv[1], sys.argv[2:]))
