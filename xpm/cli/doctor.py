"""``xpm doctor``: whether a place works, what it has, and what to do where something is not right."""

import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import click

from xpm.cli import diagnosis, findings, online, probe_job, prompting, render
from xpm.cli.diagnosis import examine
from xpm.cli.findings import Finding
from xpm.cli.probe_job import ProbeJob
from xpm.connectors import measuring, questions
from xpm.connectors.hosts import Host
from xpm.connectors.measuring import Distance
from xpm.connectors.opening import open_connector, open_host, target_of
from xpm.connectors.specs import LocalSpec, SlurmSpec, Spec
from xpm.errors import DiskProblem, ProfileProblem, SiteProblem, UsageProblem
from xpm.follow import journal, unclaimed
from xpm.follow.main import MainFolder
from xpm.follow.world import World
from xpm.launchers import surveying
from xpm.launchers.profiles import Launcher, Profiles
from xpm.launchers.report import did_you_mean
from xpm.wire import hints
from xpm.words import telling

UNPREPARED = "cannot prepare the workspace"
"""How the words of the far side begin that could not make or open it."""
SCHEMA = 1

__all__ = ["Finding", "command", "examine", "examine_place"]


@click.command("doctor")
@click.argument("connector")
@click.option("--jobs", is_flag=True, help="Also run a job of a minute there (SLURM).")
@click.option("--launcher", "-l", metavar="NAME", help="With --jobs: one as this launcher's.")
@click.option("--yes", "-y", is_flag=True, help="With --jobs: do not ask.")
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
def command(connector: str, jobs: bool, launcher: str | None, yes: bool, as_json: bool) -> int:
    """Examine the place CONNECTOR leads to: the way there, the machine, its files, what it allows.

    With --jobs a job of a minute looks at it from a compute node; at a terminal it is told what the job asks
    for, and you are asked, since that may be charged. Exit code 0 when nothing there is bad,
    1 when something is, 3 when the host is out of reach, 4 when it wants a login.
    """
    profiles = World().profiles()
    spec = spec_of(profiles, connector)
    if jobs and not yes and isinstance(spec, SlurmSpec):
        probe = _probe_job(profiles, spec, launcher)
        jobs = probe is None or is_agreed(probe)
    prompting.install()
    host = open_host(target_of(spec), spec.name)
    try:
        return examine_place(profiles, spec, host, jobs, launcher, as_json)
    finally:
        host.close()


def examine_place(
    profiles: Profiles,
    spec: Spec,
    host: Host,
    jobs: bool = False,
    launcher: str | None = None,
    as_json: bool = False,
) -> int:
    """Examine a place over this way to its machine and tell; the exit code."""
    kind = type(spec).__name__.removesuffix("Spec").lower()
    probe = _probe_job(profiles, spec, launcher) if jobs else None
    found: list[Finding] = []
    for each in look(spec, kind, host, probe):
        found.append(each)
        if not as_json:
            findings.show([each])
    if kind == "slurm" and probe is None and not as_json:
        render.note(f"not tried, as it takes a job of a minute: `xpm doctor {spec.name} --jobs`")
    if as_json:
        rows = findings.rows(found)
        render.document({"schema": SCHEMA, "connector": spec.name, "kind": kind, "findings": rows})
    return int(findings.is_bad(found))


def look(spec: Spec, kind: str, host: Host, probe: ProbeJob | None = None) -> Iterator[Finding]:
    """Everything that can be found out, as it is found."""
    began = time.monotonic()
    answers = questions.ask(host, surveying.QUESTIONS, timeout_s=300)
    survey = surveying.read(answers, time.time())
    took = answers.first_s or time.monotonic() - began
    first = f"answers after {telling.duration(took) if took >= 1 else f'{took * 1000:.0f} ms'}"
    is_far = not isinstance(spec, LocalSpec)
    by = f", by {_transport(host)}; its host key is the recorded one" if is_far else ""
    yield Finding("login", "ok", first + by)
    distance = Distance(None, None, None, None)
    if is_far:
        with suppress(SiteProblem):
            distance = measuring.measure(host)
        yield from diagnosis.of_distance(distance)
        yield from diagnosis.of_login(answers, survey)
    is_told = False
    with tempfile.TemporaryDirectory() as scratch:  # the main folder, which only `local` uses
        for each in _agent(spec, kind, host, Path(scratch)):
            is_told = is_told or (each.topic, each.verdict) == ("workspace", "bad")
            yield each
    if not isinstance(spec, LocalSpec):
        mine = [
            diagnosis.python_question(spec.python),
            diagnosis.workspace_question(spec.workspace, spec.keeping.share),
        ]
        asked = questions.ask(host, mine)
        yield diagnosis.of_python(asked.found.get("python"))
        for each in diagnosis.of_workspace(asked.said("workspace"), time.time()):
            if not is_told or each.topic != "workspace":
                yield each
        mains = [each for each in map(MainFolder, journal.folders()) if each.exists]
        if count := len(unclaimed.forsaken(mains, spec.name)):
            told = f"{count} jobs sent there from here are in no plan any more"
            yield Finding("orphans", "ok", told, f"`xpm clean {spec.name}` shows what that takes")
    if isinstance(spec, SlurmSpec):
        if probe is not None:
            yield from probe_job.run(host, probe)
        else:
            yield from _sacct(host)


def _agent(spec: Spec, kind: str, host: Host, main: Path) -> Iterator[Finding]:
    """What our own program says there, or why it does not."""
    connector = open_connector(spec, main, _Shared(host))
    try:
        facts = online.facts_of(spec, connector)
        yield from examine(cast("Mapping[str, Any]", facts), kind)
    except DiskProblem as problem:
        yield Finding("workspace", "bad", problem.what, problem.hint)
    except (SiteProblem, UsageProblem) as problem:
        if problem.cause.startswith(UNPREPARED):
            yield Finding("workspace", "bad", problem.cause, problem.hint)
        else:
            yield Finding("agent", "bad", str(problem).partition("\n")[0], problem.hint)
    finally:
        connector.close()


def _sacct(host: Host) -> Iterator[Finding]:
    line = (
        f"{surveying.SLURM_PATH}; timeout 20 sacct -X -n -P -S now-1hours -o JobID 2>&1 | tail -n 1"
    )
    began = time.monotonic()
    asked = questions.ask(host, [questions.Question("sacct", line, 25)]).found.get("sacct")
    took = hints.duration(time.monotonic() - began)
    if (
        asked is None
        or asked.status
        or "error" in asked.text.lower()
        or "disabled" in asked.text.lower()
    ):
        words = asked.lines[-1] if asked is not None and asked.lines else "no answer"
        do = "nothing depends on it, but why a job died is then told with less detail"
        yield Finding("accounting", "ok", f"sacct does not work: {words}", do)
    else:
        yield Finding("accounting", "ok", f"sacct answers within {took}")


def _probe_job(profiles: Profiles, spec: Spec, wanted: str | None) -> ProbeJob | None:
    """A job as a launcher of this place has them: the one asked for, else the first."""
    if not isinstance(spec, SlurmSpec):
        return None
    launcher: Launcher | None = None
    if wanted is not None:
        launcher = profiles.launcher(wanted)
        if spec not in launcher.connectors:
            words = f"launcher {wanted} is not of {spec.name}, but of {launcher.connector.name}"
            its = [each for each in profiles.names if spec in profiles.launcher(each).connectors]
            raise ProfileProblem(
                words, on=str(profiles.path or ""),
                hint=f"launchers of {spec.name}: {', '.join(its) or 'none'}",
            )  # fmt: skip
    else:
        mine = [profiles.launcher(name) for name in profiles.names]
        launcher = next((each for each in mine if spec == each.connector), None)
    if launcher is None:
        return ProbeJob(spec.workspace, [], [], spec.python, "")
    request = launcher.request({})
    if request["connector"] != spec.name:  # of several places it takes another first
        return ProbeJob(spec.workspace, [], [], spec.python, "")
    return ProbeJob(
        spec.workspace,
        [str(each) for each in cast("list[object]", request["options"])],
        [str(each) for each in cast("list[object]", request["setup"])],
        str(request["python"] or spec.python or "") or None,
        launcher.name,
    )


def is_agreed(probe: ProbeJob) -> bool:
    """Whether the job may be sent: whoever is at a terminal is asked, since it may be charged."""
    if not sys.stdin.isatty():
        return True
    asks = shlex.join(probe_job.flags(probe))
    return click.confirm(f"send a job of a minute ({asks})?", default=True, err=True)


def _transport(host: Host) -> str:
    """What carries the bytes."""
    return {"FabricHost": "fabric", "OpensshHost": "openssh"}.get(type(host).__name__, "ssh")


class _Shared:
    """A host that outlives the connector that uses it: one login serves all that is asked."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.name = host.name
        self.open = host.open

    def close(self) -> None:
        """Whoever opened it closes it."""


def spec_of(profiles: Profiles, name: str) -> Spec:
    """The connector of this name, to be looked at.

    Raises:
        ProfileProblem: there is none.
    """
    spec = profiles.connectors.get(name)
    if spec is None:
        hint = told_connectors(profiles)
        near = did_you_mean(name, profiles.connectors)
        raise ProfileProblem(
            f"unknown connector {name!r}{near}", on=str(profiles.path or ""), hint=hint
        )
    return spec


def told_connectors(profiles: Profiles) -> str:
    """What to do where a connector is not known."""
    if not profiles.path:
        return "there is no profile yet: `xpm connect HOST` writes one"
    return "`xpm launchers list` shows those there are; `xpm connect HOST` adds one"
