"""One main folder, from which plans are run again and again on a little cluster in memory."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.follow.fakes import Cluster, Lab
from xpm._experiment import Experiment
from xpm.follow.main import MainFolder
from xpm.follow.observer import WaitingNews
from xpm.follow.options import RunOptions
from xpm.follow.views import JobView, as_json, experiments
from xpm.follow.waiting import Waiting


class Lines:
    """An observer that remembers what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.counts: dict[str, int] = {}
        self._waiting = WaitingNews()

    def started(self, experiment: str, main: str) -> None: ...

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        self.counts = {state: count for state, count in counts.items() if count}

    def note(self, text: str) -> None:
        self.notes.append(text)

    def waiting(self, found: Sequence[Waiting]) -> None:
        self.notes += self._waiting.of(found)

    def heard(self, at: Mapping[str, float]) -> None: ...

    def ended(self, counts: Mapping[str, int]) -> None: ...


class Laptop:
    """One main folder, from which plans are run again and again."""

    def __init__(self, main: Path, *clusters: Cluster) -> None:
        self.main = main
        self.lab = Lab(*clusters)
        self.lines = Lines()

    def experiment(
        self, launcher: str | None = None, detach: bool = False, move: bool = False
    ) -> Experiment:
        self.lines = Lines()
        options = RunOptions(
            launcher=launcher,
            detach=detach,
            observer=lambda: self.lines,
            world=self.lab.world,
            move=move,
        )
        return Experiment(self.main, "exp", options=options)

    def run(
        self,
        plan: Callable[[Experiment], object],
        launcher: str | None = None,
        detach: bool = False,
        move: bool = False,
    ) -> None:
        with self.experiment(launcher, detach, move) as xp:
            plan(xp)

    def seen(self) -> dict[str, object]:
        (view,) = experiments(MainFolder(self.main))
        return as_json(view)

    def states(self) -> list[object]:
        jobs = self.seen()["jobs"]
        assert isinstance(jobs, list)
        return [each["state"] for each in jobs]
