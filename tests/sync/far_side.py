"""A workspace of the far side, answered by the agent's own functions."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from xpm.agent import results
from xpm.connectors.base import JobRef
from xpm.sync import edits
from xpm.wire import frames, ledger, workspace

REF = JobRef("digits.train", "a" * 64)
Answer = tuple[frames.Message, bytes]


class FarSide:
    """What ``fetch`` calls; ``between`` may change things before each answer, or replace it after."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.layout, _ = workspace.prepare(str(root))
        self.calls: list[frames.Message] = []
        self.before: Callable[[frames.Message], None] = lambda request: None
        self.after: Callable[[frames.Message, Answer], Answer] = lambda request, answer: answer

    @property
    def workspace(self) -> str:
        return self.layout.root

    def job(self, ref: JobRef = REF) -> Path:
        path = Path(self.layout.job(ref.task, ref.job))
        path.mkdir(parents=True, exist_ok=True)
        return path

    def call(self, content: frames.Message, payload: bytes = b"") -> Answer:
        self.calls.append(content)
        self.before(content)
        verbs = {"manifest": results.manifest, "pull": results.pull, "digests": results.digests}
        return self.after(content, verbs[content["verb"]](self.layout, content))

    def stream(
        self, contents: Iterable[frames.Message]
    ) -> Iterator[tuple[frames.Message, Iterator[bytes]]]:
        for content in contents:
            answer, payload = self.call(content)
            yield answer, iter([payload])

    def record(self, kind: str, attempt: int, slot: int, ref: JobRef = REF, **more: object) -> None:
        entry = {
            "format": 1, "kind": kind, "task": ref.task, "job": ref.job, "attempt": attempt,
            "slot": slot, "at": 1.0, **more,
        }  # fmt: skip
        assert ledger.append(str(self.job(ref)), entry, None)

    def finish(self, attempt: int = 1, ref: JobRef = REF, state: str = "done") -> None:
        self.record("claim", attempt, 1, ref)
        self.record("outcome", attempt, 2, ref, state=state)


def tree(folder: Path) -> dict[str, bytes | str]:
    """Everything below a folder: contents of files, targets of links."""
    found: dict[str, bytes | str] = {}
    for here, folders, names in os.walk(folder):
        for name in [*names, *(each for each in folders if (Path(here) / each).is_symlink())]:
            path = Path(here) / name
            key = str(path.relative_to(folder))
            if key.endswith(edits.PATH):  # a note of the mirror's own
                continue
            found[key] = str(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found
