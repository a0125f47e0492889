"""Between the cells of a notebook: what ended meanwhile is shown and told, though no cell runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from tests.notebook.test_notebook import GATED, folder, sockets
from tests.notebook.test_notebook import pytestmark as pytestmark
from tests.notify.test_notify import Inbox, inbox

__all__ = ["folder", "inbox"]  # fixtures


class Kernel:
    """A kernel whose messages are read when a test likes."""

    def __init__(self, folder: Path) -> None:
        self.manager: Any = KernelManager(kernel_name="python3", **sockets())
        self.manager.start_kernel(cwd=str(folder))
        self.client: Any = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def runs(self, cell: str) -> None:
        """Run a cell to its end."""
        reply = self.client.execute(cell, reply=True, timeout=60)
        assert "ok" == reply["content"]["status"], reply

    def shows(self, text: str) -> None:
        """Wait until a page that has this text is shown, in whatever cell."""
        while text not in json.dumps(self.client.get_iopub_msg(timeout=60)["content"]):
            pass

    def close(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def kernel(folder: Path) -> Iterator[Kernel]:
    (folder / "gated.py").write_text(GATED)
    made = Kernel(folder)
    try:
        yield made
    finally:
        made.close()


def test_what_ends_between_cells_is_shown_and_told_once(
    kernel: Kernel, folder: Path, tmp_path: Path, inbox: Inbox
) -> None:
    (tmp_path / "config").mkdir(exist_ok=True)
    profile = f"version: 1\nnotify: {{to: ['{inbox.url}']}}\n"
    (tmp_path / "config" / "launchers.yaml").write_text(profile)
    kernel.runs(
        "from gated import Wait\nfrom xpm import experiment\n"
        "xp = experiment('workdir', 'gated').start()\n"
        f"work = Wait(gate={str(folder / 'gate')!r}).submit()"
    )
    kernel.shows("1 running")

    (folder / "gate").touch()
    kernel.shows("1/1 \\u00b7 1 done")
    inbox.wait_for(1)
    kernel.runs("xp.wait()\nxp.close()")

    assert ["xpm: gated is done"] == [each["title"] for each in inbox.got]


def test_an_experiment_is_kept_current_while_a_cell_waits_for_another(
    kernel: Kernel, folder: Path
) -> None:
    kernel.runs(
        "from gated import Wait\nfrom xpm import experiment\n"
        "one = experiment('workdir', 'one').start()\n"
        f"Wait(gate={str(folder / 'one')!r}).submit()\n"
        "other = experiment('workdir', 'other').start()\n"
        f"Wait(gate={str(folder / 'other')!r}).submit()"
    )
    kernel.client.execute("other.wait()\nprint('waited')")

    (folder / "one").touch()
    kernel.shows(r"<b>one</b> <progress value=\"1\"")
    (folder / "other").touch()
    kernel.shows("waited")
    kernel.runs("one.close()\nother.close()")


def test_an_error_between_cells_is_raised_in_the_next_that_looks(
    kernel: Kernel, folder: Path
) -> None:
    kernel.runs(
        "from xpm import experiment\nimport threading\n"
        "xp = experiment('workdir', 'gated').start()\n"
        "def bad():\n    raise OSError('gone')\nxp._hear_all = bad\n"
        "print('begun')"
    )
    kernel.runs("import asyncio\nwhile xp._broken is None: await asyncio.sleep(0.05)")

    kernel.runs(
        "try:\n    xp.update()\nexcept OSError as error:\n    print('told', error)\ndel xp._hear_all"
    )
    kernel.shows("told gone")
    kernel.runs("xp.update()\nxp.close()")
