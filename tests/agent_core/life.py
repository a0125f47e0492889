"""A site whose batch system runs what it has, as our runner would."""

import re
from collections import Counter
from pathlib import Path

from tests.agent_core.site import Site
from tests.agent_core.yard import eventually, job_id
from xpm.agent.advance import advance
from xpm.agent.board import Board
from xpm.agent.slurm import SlurmPlace
from xpm.runner.order import read_order


class Life:
    """A site whose batch system runs what it has, as our runner would."""

    def __init__(self, root: Path) -> None:
        self.site = Site(root)
        self.effects: Counter[str] = Counter()
        self.started: set[str] = set()
        self.names: dict[str, str] = {}

    def ask(self, name: str, **more: object) -> None:
        self.site.yard.ask(name, **more)  # type: ignore[arg-type]
        self.names[job_id(name)] = name

    def advance_once(self) -> None:
        """Somebody comes, advances and goes."""
        board = Board(self.site.yard.layout, fresh_s=0.0)
        place = SlurmPlace(self.site.yard.layout, self.site.content)
        advance(board, place, self.site.now, 10.0)
        eventually(place.is_idle)

    def run_batch_jobs(self) -> None:
        """Every batch job that has not run yet claims, takes effect and ends, or sees that it must not."""
        for number in self.site.queue:
            if number in self.started or self.site.batch(number)["state"] != "PENDING":
                continue
            self.started.add(number)
            self._run(number)

    def _run(self, number: str) -> None:
        yard = self.site.yard
        found = re.search(r"^exec .* (\S+)$", self.site.batch(number)["script"], re.MULTILINE)
        assert found
        array, _, index = number.partition("_")
        environ = {"SLURM_ARRAY_TASK_ID": index, "SLURM_ARRAY_JOB_ID": array} if index else {}
        order = read_order(yard.layout.root, found.group(1), None, environ)
        job, attempt = order.job, order.attempt
        name = self.names[job]
        if yard.claim(name, attempt, batch_id=number, submission=found.group(1)):
            self.effects[name] += 1
            yard.end(name, attempt=attempt)
        self.site.batch(number, state="COMPLETED")

    def heal(self, rounds: int = 24) -> None:
        """Let whoever comes advance, and batch jobs run, until nothing is left to do."""
        for _ in range(rounds):
            before = self._progress()
            self.site.come()
            self.site.advance(1)
            if not self.site.board.has_work():
                return
            self.run_batch_jobs()
            if self._progress() == before:
                self.site.ahead += 60

    def _progress(self) -> object:
        entries = sorted(path.name for path in Path(self.site.yard.layout.inbox).iterdir())
        return entries, self.site.queue, len(self.started)
