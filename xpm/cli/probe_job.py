"""A job of a minute that looks at a cluster from within: what its nodes see, and whether they may do what jobs do.

It runs in a folder of its own in the workspace, asks for what a launcher's jobs ask for, but a minute of time, and is
removed afterwards, whatever came of it.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xpm.cli.findings import Finding
from xpm.connectors import questions
from xpm.connectors.hosts import Host
from xpm.connectors.questions import Question
from xpm.launchers.placeholders import quoted
from xpm.launchers.surveying import SLURM_PATH, with_variables
from xpm.wire import hints

NAME = "xpm.doctor"
ACCOUNTING_S = 30
_NOT_ASKED = ("time", "signal", "requeue", "no-requeue")


@dataclass(frozen=True, slots=True)
class ProbeJob:
    """What the job asks for."""

    workspace: str
    options: Sequence[str]
    setup: Sequence[str]
    python: str | None
    launcher: str
    patience_s: int = 180


def run(host: Host, job: ProbeJob, clock_ahead_s: float = 0.0) -> list[Finding]:
    """Submit it, wait for it, and say what it saw; gone without a trace after that."""
    answers = questions.ask(host, [question(job)], job.patience_s + ACCOUNTING_S + 60.0)
    text = answers.found["probe"].text if "probe" in answers.found else ""
    return list(judged(text, job))


def flags(job: ProbeJob) -> list[str]:
    """What it asks SLURM for."""
    options = [each for each in job.options if each.lstrip("-").split("=")[0] not in _NOT_ASKED]
    return [*options, "--time=1"]


def question(job: ProbeJob) -> Question:
    """The lines that do it all there."""
    asked = shlex.join([*flags(job), f"--job-name={NAME}", "--open-mode=append"])
    lines = _LOGIN.format(
        enter=with_variables(f"cd {quoted(job.workspace)} || exit 1"), flags=asked, only=shlex.join(flags(job)),
        path=SLURM_PATH, patience=job.patience_s, accounting=ACCOUNTING_S // 2,
        setup="\n".join(job.setup), python=quoted(job.python) if job.python else "python3",
    )  # fmt: skip
    return Question("probe", lines, job.patience_s + ACCOUNTING_S + 50)


_LOGIN = """
{path}
{enter}
d=$(pwd)/.xpm/~doctor.$(hostname).$$; mkdir "$d" || exit 1
trap '[ -f "$d/out" ] || [ -z "$id" ] || scancel "$id" 2>/dev/null; rm -rf "$d"' EXIT
trap 'exit 1' TERM HUP INT PIPE
echo "$d" > "$d/mark"
cat > "$d/script" <<'XPM_END'
#!/bin/sh
cd "$1" || exit 1
exec > out.new 2>&1
{setup}
echo "host $(hostname)"
echo "clock $(date +%s.%N)"
echo "mark $(cat mark 2>&1)"
if [ -w "$HOME" ]; then echo "home yes"; else echo "home no"; fi
p={python}; v=$("$p" -ISc 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>&1) \\
  && echo "python $p $v" || echo "nopython $p $v"
if command -v sbatch >/dev/null 2>&1; then
  printf '#!/bin/sh\\n' > inner
  if e=$(sbatch --test-only {only} inner 2>&1); then echo "sbatch yes"; else echo "sbatch no $e" | tr '\\n' ' '; echo; fi
else echo "sbatch none"; fi
mv out.new out
XPM_END
printf '#!/bin/sh\\nexec sh "%s" "%s"\\n' "$d/script" "$d" > "$d/batch"
began=$(date +%s)
said=$(sbatch --parsable --output="$d/log" --chdir="$d" {flags} "$d/batch" 2>&1); rc=$?
id=$(echo "$said" | sed -n 's/^\\([0-9][0-9]*\\)\\(;.*\\)*$/\\1/p' | tail -n 1)
[ $rc = 0 ] && [ -n "$id" ] || {{ echo "refused $said" | tr '\\n' ' '; exit 0; }}
echo "id $id"
n=0; while [ $n -lt {patience} ] && [ ! -f "$d/out" ]; do ls "$d" >/dev/null; sleep 1; n=$((n+1)); done
if [ ! -f "$d/out" ]; then
  echo "waits $(squeue -h -j "$id" -o '%T %r' 2>&1)"; sed 's/^/log /' "$d/log" "$d/out.new" 2>/dev/null | tail -n 5; exit 0
fi
echo "took $(($(date +%s) - began))"; echo "now $(date +%s.%N)"; cat "$d/out"
n=0; while [ $n -lt {accounting} ]; do
  s=$(timeout 20 sacct -X -n -P -j "$id" -o State 2>&1) || {{ echo "sacct fails $s" | tr '\\n' ' '; echo; break; }}
  case $s in COMPLETED*|FAILED*) echo "sacct $((2 * n)) $s"; break;; esac
  n=$((n+1)); sleep 2
done
"""


def judged(text: str, job: ProbeJob) -> Iterator[Finding]:
    """What it saw, in findings."""
    said: dict[str, str] = {}
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        said.setdefault(word, rest.strip())
    launcher = f"(as launcher {job.launcher})" if job.launcher else "(with the site's defaults)"
    if "id" not in said:
        words = said.get("refused") or text.strip()[-300:] or "no answer"
        do = "mend the launcher: `xpm launchers check --online`, `xpm run PLAN --dry-run --online`"
        yield Finding("jobs", "bad", f"SLURM refused a job of a minute {launcher}: {words}", do)
        return
    if "took" not in said:
        state, _, reason = said.get("waits", "").partition(" ")
        words = f"job {said['id']} did not end within {job.patience_s} s: {state or 'gone'} {reason}".rstrip()
        log = " | ".join(line[4:] for line in text.splitlines() if line.startswith("log "))
        do = (
            f"look at the log: {log}"
            if log
            else "the cluster is busy: try again, or with another launcher"
        )
        yield Finding("jobs", "warn", f"{words} {launcher}; it was cancelled", do)
        return
    host = said.get("host", "a node")
    took = hints.duration(float(said["took"]))
    yield Finding(
        "jobs", "ok", f"a job of a minute {launcher} ran on {host}, {took} after it was sent"
    )
    yield from _seen(said)


def _seen(said: Mapping[str, str]) -> Iterator[Finding]:
    if said.get("mark", "").endswith("No such file or directory") or "~doctor" not in said.get(
        "mark", ""
    ):
        do = "`workspace:` on a file system that all nodes share"
        yield Finding("shared", "bad", "nodes do not see the workspace as the login node does", do)
    else:
        yield Finding("shared", "ok", "login node and compute nodes see the same workspace")
    if "nopython" in said:
        do = "name one that is on the nodes as `python:`"
        yield Finding("python", "bad", f"on the nodes: {said['nopython']}", do)
    elif "python" in said:
        path, _, version = said["python"].rpartition(" ")
        old = tuple(map(int, re.findall(r"\d+", version)[:2])) < (3, 9)
        do = "jobs need 3.9 or newer: `python:`" if old else ""
        yield Finding("python", "bad" if old else "ok", f"on the nodes: {path} is {version}", do)
    submits = said.get("sbatch", "")
    if submits.startswith("yes"):
        yield Finding("submit", "ok", "jobs may submit jobs: plans go on with the laptop closed")
    elif submits:
        words = "there is no sbatch on the nodes" if submits == "none" else submits[3:].strip()
        do = "plans go on only while xpm runs here, or as far as they are queued; ask the staff for AllocNodes"
        yield Finding("submit", "warn", f"jobs cannot submit jobs: {words}", do)
    if said.get("home") == "no":
        do = "caches of your tasks want another place: `export:` HF_HOME, XDG_CACHE_HOME and the like"
        yield Finding("home", "warn", "your home cannot be written on the nodes", do)
    yield from _accounts(said)


def _accounts(said: Mapping[str, str]) -> Iterator[Finding]:
    text = said.get("sacct", "")
    if text.startswith("fails"):
        do = "nothing depends on it, but why a job died is then told with less detail"
        yield Finding("accounting", "ok", f"sacct does not work: {text[6:].strip()}", do)
    elif text:
        yield Finding("accounting", "ok", f"sacct knew of the job's end after {text.split()[0]} s")
    else:
        do = "nothing depends on it, but why a job died may be told late"
        yield Finding(
            "accounting", "warn", f"sacct did not know of its end after {ACCOUNTING_S} s", do
        )
