"""Which workspace a main folder's jobs are in, by its id: so that a disk that is away is not taken for an empty one.

``<main>/.xpm/places/<connector>.json``: ``{"format": 1, "place": text, "id": workspace id}``, written when the workspace has
first accepted jobs, and again when the profile names another place (``place``: host, ssh configuration and folder).
"""

from pathlib import Path

from xpm.connectors.specs import SlurmSpec, SshSpec
from xpm.wire import files

FORMAT = 1


class Mark:
    """The mark of one connector in one main folder."""

    def __init__(self, spec: SshSpec | SlurmSpec, main: Path) -> None:
        self.path = main / ".xpm" / "places" / f"{spec.name}.json"
        self._place = f"{spec.ssh.host}\n{spec.ssh.config or ''}\n{spec.workspace}"
        self._noted: str | None = None

    def known(self) -> str | None:
        """The id the workspace there must have; None when nothing is known of it."""
        try:
            content = files.load(str(self.path)) or {}
        except ValueError:  # a power cut has torn it: the next jobs that are accepted mend it
            return None
        return str(content["id"]) if content.get("place") == self._place else None

    def note(self, identity: str) -> None:
        """This workspace has accepted jobs of this main folder."""
        if self._noted == identity:
            return
        if self.known() != identity:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            content = {"format": FORMAT, "place": self._place, "id": identity}
            files.write(str(self.path), files.dump(content))
        self._noted = identity
