"""What experiments of this laptop still refer to, and what they do not any more: jobs there, and mirrors here."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xpm.connectors.base import JobRef
from xpm.connectors.tidying import Over
from xpm.follow import emptied, journal
from xpm.follow.main import MainFolder
from xpm.sync.folder import JobFolder
from xpm.sync.mirror import Local
from xpm.wire import files


@dataclass(slots=True)
class Claims:
    """What all main folders of this laptop refer to."""

    current: set[str] = field(default_factory=set)
    """The jobs of the latest run of each experiment."""
    ever: set[str] = field(default_factory=set)
    """The jobs of any run."""
    experiments: set[str] = field(default_factory=set)
    mains: list[MainFolder] = field(default_factory=list)

    def orphans(self, jobs: Sequence[Over]) -> list[Over]:
        """Those of which no latest run has any use, of experiments of ours.

        What another laptop has sent, and nobody here knows, is that laptop's.
        """
        return [
            each
            for each in jobs
            if not each.is_empty and each.ref.job not in self.current and self._is_ours(each)
        ]

    def _is_ours(self, job: Over) -> bool:
        return job.experiment in self.experiments or self.holder(job.ref) is not None

    def holder(self, ref: JobRef) -> MainFolder | None:
        """The main folder that has a job's folder."""
        return next((main for main in self.mains if main.job(ref) is not None), None)


def claims(main: MainFolder) -> Claims:
    """What is referred to, by this main folder and all others that this laptop knows."""
    found = Claims()
    for path in dict.fromkeys([main.path, *journal.folders()]):
        each = MainFolder(path)
        if not each.exists:
            continue
        found.mains.append(each)
        for record in each.experiments():
            latest = record.latest()
            found.experiments.add(record.id)
            for line in record.lines():
                found.ever.add(line.job)
                if latest is None or line.run == latest.run:
                    found.current.add(line.job)
    return found


def forsaken(mains: Sequence[MainFolder], connector: str | None = None) -> set[str]:
    """The jobs, of one connector or of all elsewhere, that no latest run has, and whose results were not cleaned away there."""
    ever: set[str] = set()
    current: set[str] = set()
    for main in mains:
        for record in main.experiments():
            latest = record.latest()
            for line in record.lines():
                if line.connector != "local" and connector in (None, line.connector):
                    ever.add(line.job)
                if latest is None or line.run == latest.run:
                    current.add(line.job)
        ever -= emptied.jobs(main)
    return ever - current


def local_state(main: MainFolder, ref: JobRef) -> Local:
    """What is here of a job's files."""
    with JobFolder(main.job_folder(ref)) as folder:
        return folder.scan()


def mirrors(main: MainFolder, claimed: Claims, over: Sequence[Over]) -> Iterator[Path]:
    """The copies here of jobs elsewhere whose experiments are gone.

    Args:
        main: the main folder.
        claimed: what is referred to.
        over: the job folders here that no live job needs.
    """
    for each in over:
        if each.ref.job in claimed.ever:
            continue
        noted = main.job(each.ref)
        if noted is None or noted.get("connector") in (None, "local"):
            continue
        folder = main.job_folder(each.ref)
        if main.local_end(each.ref) is not None and not folder.is_symlink():
            yield folder


def remove_mirror(main: MainFolder, folder: Path) -> None:
    """Remove a copy; first its name goes, so that a kill leaves nothing half."""
    aside = main.path / "jobs" / folder.parent.name / files.temporary_name()
    folder.rename(aside)
    shutil.rmtree(aside)


def own_jobs(main: MainFolder, jobs: Sequence[Over]) -> list[Over]:
    """Those that ran here."""
    noted: Mapping[JobRef, Mapping[str, object] | None] = {e.ref: main.job(e.ref) for e in jobs}
    return [each for each in jobs if (noted[each.ref] or {}).get("connector") in (None, "local")]
