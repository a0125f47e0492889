"""What a host is, asked with nothing of ours there: its shell, folders, Pythons, machine, and SLURM where there is one."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xpm.agent import limits, modules, slurm_site
from xpm.agent.limits import SiteLimits
from xpm.connectors.questions import Answers, Question
from xpm.launchers.placeholders import quoted

SITE_S = 120
OLDEST = (3, 9)

SLURM_PATH = (
    "command -v sbatch >/dev/null 2>&1 || {"
    ' p=$(bash -lc "command -v sbatch" 2>/dev/null </dev/null | tail -n 1);'
    " case $p in /*) PATH=${p%/*}:$PATH;; *) PATH=$PATH:/usr/local/bin:/opt/slurm/bin:"
    "/usr/local/slurm/bin:/opt/slurm/current/bin;; esac; export PATH; }"
)
"""Makes SLURM's commands found where only login shells have them on their PATH."""

LOGIN_ENV = "bash -lc 'echo; echo %xpm-env; env' 2>/dev/null </dev/null | sed '1,/^%xpm-env/d'"
_FOLDER = re.compile(
    r"^(?!SLURM_|XDG_|OLDPWD$|PWD$|HOME$|TMPDIR$|MODULE|LMOD|BASH)"
    r"\w*(SCRATCH|WORK|FAST|PROJECT|STORE|LUSTRE|DATA)\w*$"
)
_USAGE = (
    'u() { if [ -d "$2" ] && [ -w "$2" ]; then'
    " k=$(df -Pk \"$2\" 2>/dev/null | awk 'NR>1{print $(NF-2)}' | tail -n 1);"
    " i=$(df -Pi \"$2\" 2>/dev/null | awk 'NR>1{print $(NF-2)}' | tail -n 1);"
    ' echo "$1|$2|${k:--}|${i:--}"; fi; }'
)
_VERSION = "import sys;print('%d.%d.%d' % sys.version_info[:3])"
_PYTHONS = f"""
for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 \\
  /opt/python/*/bin/python3 /usr/local/bin/python3 "$HOME"/.local/bin/python3 \\
  "$HOME"/miniforge3/bin/python3 "$HOME"/miniconda3/bin/python3; do
  q=$(command -v "$p" 2>/dev/null) || continue
  v=$("$q" -ISc "{_VERSION}" 2>/dev/null </dev/null) && echo "$q $v"
done"""
_MACHINE = """
nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1
awk '/^MemTotal:/{print int($2 / 1024)}' /proc/meminfo 2>/dev/null || echo 0
nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits 2>/dev/null | sed 's/^/gpu|/'
true"""
_LOGOUT = (
    "busctl get-property org.freedesktop.login1 /org/freedesktop/login1"
    " org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null | sed 's/^/kills /';"
    " loginctl show-user $(id -u) --property=Linger 2>/dev/null | sed 's/^/lingers /'; true"
)
_MODULES = f"""{modules.COMMAND} >/dev/null 2>&1
module -t avail python 2>&1 | grep -i '^python' | sort -r | head -n 5; true"""

QUESTIONS: Sequence[Question] = (
    Question("who", 'id -un; hostname; uname -srm; umask; echo "$SHELL"; date +%s.%N'),
    Question("env", "env"),
    Question("login_env", LOGIN_ENV),
    Question("pythons", _PYTHONS),
    Question("modules", _MODULES),
    Question("machine", _MACHINE),
    Question("logout", _LOGOUT),
    Question("tools", "for t in uv conda mamba apptainer rsync git; do command -v $t; done; true"),
    Question("sbatch", f"{SLURM_PATH}; command -v sbatch"),
    Question(
        "slurm",
        f"{SLURM_PATH}; command -v sbatch >/dev/null && {shlex.join(slurm_site.command())}",
        SITE_S,
    ),
)


@dataclass(frozen=True, slots=True)
class Room:
    """A folder where jobs could lie; ``name`` is the variable that leads there, or the path as a profile writes it."""

    name: str
    path: str
    free_kib: int | None
    free_inodes: int | None


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU of the machine itself."""

    name: str
    mib: int | None


@dataclass(frozen=True, slots=True)
class Survey:
    """What a host told."""

    user: str
    host: str
    system: str
    umask: str
    shell: str
    clock: float | None
    variables: Mapping[str, str]
    """Of a login shell, and of a command's own environment, which goes before."""
    login_only: frozenset[str]
    """Those that only a login shell has."""
    pythons: Sequence[tuple[str, tuple[int, ...]]]
    modules: Sequence[str]
    cores: int
    memory_mib: int
    gpus: Sequence[Gpu]
    kills: bool | None
    lingers: bool | None
    tools: Sequence[str]
    sbatch: str
    site: SiteLimits

    @property
    def is_slurm(self) -> bool:
        """Whether this is a place from where SLURM takes jobs."""
        return bool(self.sbatch) and self.site.at is not None

    @property
    def python(self) -> tuple[str, tuple[int, ...]] | None:
        """The newest Python that jobs may run under."""
        fit = [each for each in self.pythons if each[1] >= OLDEST]
        return max(fit, key=lambda each: each[1]) if fit else None


def read(answers: Answers, at: float) -> Survey:
    """What the answers say."""
    who = [*answers.said("who").splitlines(), *[""] * 6]
    own, login = _variables(answers.said("env")), _variables(answers.said("login_env"))
    numbers = answers.said("machine").splitlines()
    logout = dict(_pair(line) for line in answers.said("logout").splitlines())
    slurm = answers.said("slurm")
    return Survey(
        user=who[0], host=who[1], system=who[2], umask=who[3], shell=who[4],
        clock=_float(who[5]),
        variables={**login, **own},
        login_only=frozenset(login.keys() - own.keys()),
        pythons=_pythons(answers.said("pythons")),
        modules=answers.said("modules").split(),
        cores=_int(numbers[0] if numbers else "") or 1,
        memory_mib=_int(numbers[1] if len(numbers) > 1 else "") or 0,
        gpus=[_gpu(line) for line in numbers if line.startswith("gpu|")],
        kills=_truth(logout.get("kills", "")),
        lingers=_truth(logout.get("lingers", "")),
        tools=answers.said("tools").split(),
        sbatch=answers.said("sbatch").strip().splitlines()[-1] if answers.said("sbatch") else "",
        site=slurm_site.parse(slurm, at) if slurm else limits.UNKNOWN,
    )  # fmt: skip


def rooms_question(survey: Survey) -> Question:
    """Asks which of the folders this host names have room for jobs, in the order they are to be preferred."""
    user = survey.user or "$USER"
    found = {
        f"${name}": value
        for name, value in sorted(survey.variables.items(), key=lambda each: _rank(each[0]))
        if _FOLDER.match(name) and value.startswith("/") and ":" not in value
    }
    for base in ("/scratch", "/work", "/fast", "/data", "/lustre"):
        found[f"{base}/$USER"] = f"{base}/{user}"
    found["$HOME"] = survey.variables.get("HOME", "")
    lines = [f"u {shlex.quote(name)} {shlex.quote(path)}" for name, path in found.items() if path]
    return Question("rooms", "\n".join([_USAGE, *lines, "true"]))


def rooms(text: str) -> list[Room]:
    """The folders that are there and can be written, each path once."""
    found: dict[str, Room] = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 4:
            name, path, kib, inodes = fields
            found.setdefault(path.rstrip("/"), Room(name, path, _int(kib), _int(inodes)))
    return list(found.values())


def with_variables(script: str) -> str:
    """The lines with the variables that they use and only login shells have; they end where one is not set at all."""
    names = sorted(set(re.findall(r"\$\{?([A-Z_][A-Z0-9_]*)", script)) - {"HOME", "USER", "PATH"})
    if not names:
        return script
    lines = [f"e=$({LOGIN_ENV} | grep -E '^({'|'.join(names)})=')"]
    for name in names:
        value = f'$(printf "%s\\n" "$e" | sed -n "s/^{name}=//p")'
        lines.append(f'[ -n "${{{name}:-}}" ] || {{ {name}={value}; export {name}; }}')
        lines.append(f': "${{{name}:?not set there, nor in a login shell}}"')
    return "\n".join([*lines, script])


def python_check(asked: str | None) -> str:
    """Lines that print the Python that jobs would get, and its version; they fail when it is not fit."""
    check = "import sys;print(*sys.version_info[:3]);sys.exit(sys.version_info<(3,9))"
    names = [quoted(asked)] if asked else ["python3", *(f"python3.{n}" for n in range(14, 8, -1))]
    return (
        f"for p in {' '.join(names)}; do r=$(\"$p\" -ISc '{check}' 2>&1 </dev/null)"
        ' && { echo "$p"; echo "$r"; exit 0; }; done; echo "$p: $r"; exit 1'
    )


def _rank(name: str) -> tuple[int, str]:
    order = ("SCRATCH", "PSCRATCH", "WORK", "FAST", "PROJECT")
    return (order.index(name) if name in order else len(order), name)


def _variables(text: str) -> dict[str, str]:
    """Variables on lines of their own; of a value with lines the first."""
    return dict(re.findall(r"^([A-Za-z_]\w*)=(.*)$", text, re.MULTILINE))


def _pythons(text: str) -> list[tuple[str, tuple[int, ...]]]:
    found: dict[str, tuple[int, ...]] = {}
    for path, version in re.findall(r"^(/\S+) (\d+\.\d+\.\d+)$", text, re.MULTILINE):
        found.setdefault(path, tuple(map(int, version.split("."))))
    return list(found.items())


def _gpu(line: str) -> Gpu:
    name, _, mib = line.removeprefix("gpu|").rpartition(",")
    return Gpu((name or mib).strip(), _int(mib.strip()))


def _pair(line: str) -> tuple[str, str]:
    name, _, rest = line.partition(" ")
    return name, rest


def _truth(text: str) -> bool | None:
    words = text.replace("=", " ").split()
    return {"yes": True, "true": True, "no": False, "false": False}.get(words[-1] if words else "")


def _int(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # a date(1) without %N
        return _int(text)
