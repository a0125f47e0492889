"""The main folder: where experiments, job folders and what the laptop alone knows lie.

::

    <main>/jobs/<task id>/<job id>/              a job's folder, made at submission; the mirror of a remote one
    <main>/jobs/<task id>/<job id>/.xpm/job.json what was submitted last (wire/jobfile.py), with "connector", "where", "at" and
                                                 "launcher"
    <main>/xp/<experiment id>/                   follow/records.py
    <main>/.xpm/                                 the local workspace (wire/workspace.py) and follow/outbox.py
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpm.connectors.jobs import JobRef
from xpm.errors import PlanProblem
from xpm.follow.outbox import Outbox
from xpm.follow.records import ExperimentRecord
from xpm.wire import files, jobfile, ledger

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


@dataclass(frozen=True, slots=True)
class LocalEnd:
    """What the ledger here says of a job's last attempt that is over."""

    state: str
    cause: str | None
    attempt: int
    generation: int
    batch_id: str | None
    message: str
    at: float


class MainFolder:
    """A main folder."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 (resolve follows links)
        self.own = self.path / ".xpm"
        self.outbox = Outbox(self.own)

    def prepare(self) -> None:
        """Make the folder, and see that it can be written.

        Raises:
            OSError: it cannot.
        """
        files.make_private(str(self.own))
        for folder in (self.own, self.path / "xp", self.path / "jobs"):
            folder.mkdir(parents=True, exist_ok=True)
            files.listing(str(folder))  # what killed runs have left there goes
            probe = folder / files.temporary_name()
            probe.touch()
            probe.unlink()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Say in words what went wrong when the main folder could not be written."""
        try:
            yield
        except OSError as error:
            raise PlanProblem(
                "the main folder cannot be written",
                on=str(error.filename or self.path),
                cause=error.strerror or str(error),
                hint="free some room or mend its permissions, or choose another folder with"
                " experiment(path, ...), --workdir or XPM_WORKDIR",
            ) from error

    @property
    def exists(self) -> bool:
        """Whether an experiment ever ran here."""
        return (self.path / "xp").is_dir()

    def experiment(self, experiment: str) -> ExperimentRecord:
        """The record of an experiment; its name must be fit for a folder."""
        if not _ID.fullmatch(experiment):
            raise PlanProblem(
                f"{experiment!r} cannot name an experiment",
                hint="use letters, digits and . _ - only, starting with a letter or digit",
            )
        return ExperimentRecord(self.path / "xp" / experiment)

    def experiments(self) -> Sequence[ExperimentRecord]:
        """The records of all experiments."""
        found = files.listing(str(self.path / "xp"))
        return [ExperimentRecord(self.path / "xp" / each) for each in found if _ID.fullmatch(each)]

    def job_folder(self, ref: JobRef) -> Path:
        """Where a job lies."""
        return self.path / "jobs" / ref.task / ref.job

    def note_job(self, connector: str, where: str, at: float, entry: Mapping[str, object]) -> None:
        """Make a job's folder and write what is submitted."""
        content = {"connector": connector, "where": where, "at": at, **entry}
        request = entry["request"]
        assert isinstance(request, Mapping)
        content["launcher"] = request["launcher"]
        try:
            jobfile.write(str(self.path), content)
        except jobfile.TooLarge as error:
            raise PlanProblem(
                f"the values of this {entry['task']} are too large to be submitted",
                cause=str(error), where=where,
                hint="keep data in files, and give their paths",
            ) from error  # fmt: skip

    def job(self, ref: JobRef) -> Mapping[str, object] | None:
        """What was submitted last of a job; None when nothing ever was."""
        return jobfile.read(str(self.path), ref.task, ref.job)

    def launcher(self, ref: JobRef) -> str:
        """The launcher a job was submitted with last; "" when nothing tells."""
        return str((self.job(ref) or {}).get("launcher") or "")

    def local_end(self, ref: JobRef) -> LocalEnd | None:
        """How the last attempt known here ended; None when it has not, as far as is known here."""
        return local_end(self.job_folder(ref))


def local_end(folder: Path) -> LocalEnd | None:
    """How the last attempt recorded in a job's folder ended; None when it has not."""
    slots = ledger.slots(str(folder))
    if not slots:
        return None
    last = slots[-1]
    try:
        final = ledger.entry(str(folder), last.attempt, last.slot)
        if final is None or final["kind"] not in ledger.FINAL:
            return None
        claim = ledger.entry(str(folder), last.attempt, last.slot - 1) if last.slot > 1 else None
    except ValueError:
        return None
    return LocalEnd(
        str(final["state"]),
        final.get("cause"),
        last.attempt,
        int(final.get("generation") or (claim or {}).get("generation") or 0),
        (claim or {}).get("batch_id"),
        ledger.words(final),
        float(final["at"]),
    )
