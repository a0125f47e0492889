"""``xpm connect``: a place asked over ssh, and a profile for it written from its answers."""

import datetime
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from xpm.cli import accounts, prompting, render
from xpm.connectors import questions
from xpm.connectors.hosts import Host
from xpm.connectors.opening import open_host
from xpm.connectors.specs import SshTarget
from xpm.errors import ProfileProblem, SiteProblem, UsageProblem
from xpm.launchers import drafting, editors, schemas, surveying, writing
from xpm.launchers.drafting import Draft
from xpm.launchers.layers import user_folder
from xpm.launchers.profiles import FILE, examine
from xpm.launchers.surveying import Room, Survey
from xpm.wire import files

HEAD = f"""\
{editors.LINE}
# Where jobs run (docs/profiles.md). Written by `xpm connect {{host}}` on {{day}}; yours to edit: `xpm launchers check` reads it.
version: 1
"""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person has said instead of leaving it to be found out."""

    kind: str | None
    workspace: str | None
    python: str | None


@click.command("connect")
@click.argument("host")
@click.option("--name", help="The connector's name; default: the host's.")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The profile to write; default: launchers.yaml in $XPM_CONFIG_DIR.",
)
@click.option(
    "--ssh-config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The ssh configuration file, instead of ~/.ssh/config.",
)
@click.option("--kind", type=click.Choice(["slurm", "ssh"]), help="Do not find out what it is.")
@click.option("--workspace", help="The folder of jobs there, instead of a guess.")
@click.option("--python", help="The Python of jobs there, instead of the newest one.")
@click.option("--account", help="The account that SLURM jobs are charged to, of several.")
@click.option("--dry-run", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--yes", "-y", is_flag=True, help="Replace a connector of this name without asking.")
@click.option("--no-doctor", is_flag=True, help="Do not examine the place afterwards.")
def command(
    host: str,
    name: str | None,
    to: Path | None,
    ssh_config: Path | None,
    kind: str | None,
    workspace: str | None,
    python: str | None,
    account: str | None,
    dry_run: bool,
    yes: bool,
    no_doctor: bool,
) -> int:  # fmt: skip
    """Ask HOST, an alias of your ssh configuration or user@host, what it is, and write a profile for it.

    Found are SLURM or a plain host, partitions with their limits, accounts, QOS, GPUs, Python and a
    folder for jobs; nothing is left there by that. Then the place is examined, as by `xpm doctor`,
    which makes the workspace. Where you have several accounts, you are asked which one jobs charge by default.
    """
    name = name or name_of(host)
    path = to or user_folder() / FILE
    target = SshTarget(host, ssh_config.absolute() if ssh_config else None)
    prompting.install()
    way = open_host(target, name)
    try:
        survey, rooms = ask(way)
        survey = accounts.settled(_as_wished(survey, kind, host), account, not yes, host)
        wishes = Wishes(kind, workspace, python)
        text, draft = write_into(path, name, target, survey, rooms, wishes)
        if dry_run:
            render.line(text.rstrip("\n"))
            render.note(f"nothing was written; this would be {path}")
            return 0
        _agree(path, name, yes)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(str(path), text.encode("utf-8"))
        if editors.LINE in text:
            files.write(str(path.parent / editors.FILE), schemas.marked().encode("utf-8"))
        render.line(f"wrote connector {name} and launchers {', '.join(draft.launchers)} to {path}")
        if no_doctor:
            return 0
        return _examine(path, name, way, draft)
    finally:
        way.close()


def name_of(host: str) -> str:
    """A connector's name for a host: without user, port and domain."""
    bare = host.removeprefix("ssh://").rpartition("@")[2].partition(":")[0].partition(".")[0]
    return re.sub(r"[^A-Za-z0-9._-]", "-", bare).lstrip("._-") or "host"


def ask(host: Host) -> tuple[Survey, Sequence[Room]]:
    """What a host tells of itself, and where jobs could lie there."""
    answers = questions.ask(host, surveying.QUESTIONS, timeout_s=300)
    survey = surveying.read(answers, datetime.datetime.now(datetime.UTC).timestamp())
    more = questions.ask(host, [surveying.rooms_question(survey)])
    return survey, surveying.rooms(more.said("rooms"))


def write_into(
    path: Path, name: str, target: SshTarget, survey: Survey, rooms: Sequence[Room], wishes: Wishes
) -> tuple[str, Draft]:
    """The text of the profile with the place in it, checked, and what is new in it.

    Raises:
        ProfileProblem: it cannot be put there.
    """
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    is_new = not path.exists()
    text = HEAD.format(host=target.host, day=day) if is_new else path.read_text("utf-8")
    if wishes.workspace:
        rooms = [Room("", "", None, None)]
    taken = [each for each in writing.names(text, str(path), "launchers") if not is_new]
    config = str(target.config) if target.config else None
    draft = drafting.draft(name, target.host, config, survey, rooms, taken)
    draft = _with_wishes(draft, wishes)
    mine = f"# {target.host}, asked on {day}"
    text = writing.with_entries(text, str(path), ["connectors"], {name: [mine, *draft.connector]})
    launchers = {key: [line] for key, line in draft.launchers.items()}
    text = writing.with_entries(text, str(path), ["launchers"], launchers)
    known = writing.nested_names(text, str(path), ["catalog", "gpus"])
    catalog = {key: [line] for key, line in draft.catalog.items() if key not in known}
    text = writing.with_entries(text, str(path), ["catalog", "gpus"], catalog)
    if is_new:
        text += f"\ndefault: {draft.default}  # of plans that name no launcher; without it: this machine\n"
    _check(text, path)
    return text, draft


def _with_wishes(draft: Draft, wishes: Wishes) -> Draft:
    lines = list(draft.connector)
    for key, value in (("workspace", wishes.workspace), ("python", wishes.python)):
        if value:
            place = next(n for n, line in enumerate(lines) if re.match(rf"(# )?{key}:", line))
            lines[place] = f"{key}: {drafting.flow(value)}"
    return Draft(draft.name, lines, draft.launchers, draft.catalog, draft.default)


def _as_wished(survey: Survey, kind: str | None, host: str) -> Survey:
    """Never a guess that would start jobs on a login node: SLURM that does not answer is said."""
    from dataclasses import replace

    if kind == "ssh":
        return replace(survey, sbatch="")
    if survey.sbatch and not survey.is_slurm:
        problems = "; ".join(survey.site.problems[:2])
        raise SiteProblem(
            "there is sbatch, but SLURM does not answer", on=host, cause=problems,
            hint="try again later; or, if this is a plain host whose jobs run on it, --kind ssh",
        )  # fmt: skip
    if kind == "slurm" and not survey.is_slurm:
        raise SiteProblem(
            "no sbatch was found", on=host, cause="neither on the PATH nor in a login shell",
            hint="is this a login node of the cluster?",
        )  # fmt: skip
    return survey


def _agree(path: Path, name: str, yes: bool) -> None:
    """Nothing that is there is replaced without a word."""
    if not path.exists() or name not in writing.names(
        path.read_text("utf-8"), str(path), "connectors"
    ):
        return
    words = f"there is a connector {name} in {path}"
    if yes:
        return
    if not render.is_terminal(sys.stdin):
        raise UsageProblem(words, hint="--yes replaces it, --name gives the new one another name")
    if not click.confirm(f"{words}. Replace it?", err=True):
        raise click.Abort


def _check(text: str, path: Path) -> None:
    """What is written passes `xpm launchers check`."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_text(text, "utf-8")
        found = examine(Path(folder))
    if found.problems:
        words = "; ".join(str(each).replace(str(found.path), str(path)) for each in found.problems)
        raise ProfileProblem(
            "the profile would not be usable with this place in it", on=str(path), cause=words,
            hint="mend it (`xpm launchers check`), or write another one: --to FILE",
        )  # fmt: skip


def _examine(path: Path, name: str, host: Host, draft: Draft) -> int:
    """The doctor, over the connection that is open."""
    from xpm.cli import doctor

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_text(path.read_text("utf-8"), "utf-8")
        profiles = examine(Path(folder)).profiles
    assert profiles is not None
    render.line("")
    code = doctor.examine_place(profiles, profiles.connectors[name], host)
    render.note(f"now: xpm run PLAN.py --launcher {draft.default} (or --dry-run --online before)")
    return code
