"""Notebooks, run by a real kernel: what cells show, and that nothing but waiting blocks."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from tests.cli.commands import CHECKOUT, environment

EXAMPLE = CHECKOUT / "examples" / "notebook"

pytestmark = [
    pytest.mark.host,
    # of the kernel's client: sockets and loops of its own
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def sockets() -> dict[str, str]:
    """How a kernel is spoken to: by sockets in a folder. Ports are chosen before it binds them: others may be faster."""
    return {"transport": "ipc", "ip": tempfile.mktemp(dir=os.environ["JUPYTER_RUNTIME_DIR"])}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the example, with a kernel that is this Python, for a person of the test."""
    shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("workdir"))
    kernels = tmp_path / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    words = f'["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]'
    (kernels / "kernel.json").write_text(
        f'{{"argv": {words}, "display_name": "3", "language": "python"}}'
    )
    variables = {**environment(tmp_path), "JUPYTER_PATH": str(tmp_path / "jupyter")}
    with tempfile.TemporaryDirectory(prefix="xpm-k-", ignore_cleanup_errors=True) as short:
        # the names of sockets may not be long
        more = {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTER_RUNTIME_DIR": short}
        for name, value in {**variables, **more}.items():
            monkeypatch.setenv(name, value)
        yield tmp_path / "project"


def run(folder: Path, cells: Sequence[str]) -> list[Any]:
    """Run these cells; the outputs of each."""
    v4: Any = nbformat.v4
    book = v4.new_notebook(cells=[v4.new_code_cell(each) for each in cells])
    return execute(folder, book)


def execute(folder: Path, book: Any) -> list[Any]:
    """Run a notebook in a folder; the outputs of its code cells."""
    NotebookClient(
        book,
        timeout=60,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        config=Config({"KernelManager": sockets()}),
    ).execute()
    return [cell.outputs for cell in book.cells if cell.cell_type == "code"]


def html(outputs: Any) -> str:
    """All that a cell shows as HTML."""
    return "\n".join(
        each["data"]["text/html"] for each in outputs if "text/html" in each.get("data", {})
    )


def said(outputs: Any) -> str:
    """All that a cell prints."""
    return "".join(each["text"] for each in outputs if each["output_type"] == "stream")


def test_the_example_shows_configurations_progress_and_results(folder: Path) -> None:
    book: Any = nbformat.read(folder / "sweep.ipynb", as_version=4)  # type: ignore[no-untyped-call]

    _, config, submitted, xp, waited, task, results, closed = execute(folder, book)

    assert "<b>Learn</b>" in html(config)
    assert "<summary><b>Model</b>" in html(config)
    assert "0.1" in html(config)
    assert "notebook.learn" in html(submitted)
    assert "<b>notebook</b>" in html(xp)
    assert "3/3 · 3 done" in html(waited)
    assert "done" in html(task)
    assert "workdir/jobs/notebook.learn/" in html(task)
    assert "<th>accuracy</th>" in html(results)
    assert closed == []


GATED = """\
import time
from pathlib import Path
from xpm import Param, Task

class Wait(Task):
    __xpmid__ = "notebook.wait"
    gate: Param[str]

    def execute(self):
        while not Path(self.gate).exists():
            time.sleep(0.05)
"""


def test_only_waiting_blocks(folder: Path) -> None:
    (folder / "gated.py").write_text(GATED)
    gate = folder / "gate"

    outputs = run(
        folder,
        [
            "from gated import Wait\nfrom xpm import experiment\nheard = []",
            f"xp = experiment('workdir', 'gated').start()\nwork = Wait(gate={str(gate)!r}).submit()",
            "work.on_completed(heard.append)\n"
            "import time\nwhile xp.update() and work.state != 'running': time.sleep(0.05)\nprint(xp)",
            f"from pathlib import Path\nPath({str(gate)!r}).touch()\nxp.wait()",
            "len(heard)",
            "xp = experiment('workdir', 'gated').start()  # once more: the one before is closed\nxp.close()",
        ],
    )

    assert f"<experiment gated in {folder}/workdir: 1 running>\n" in said(outputs[2])
    assert "1/1 · 1 done" in html(outputs[3])
    assert "1" == outputs[4][0]["data"]["text/plain"]


def test_every_cell_that_shows_an_experiment_shows_it_once_as_it_is_now(folder: Path) -> None:
    (folder / "gated.py").write_text(GATED)
    gates = [str(folder / name) for name in "abc"]

    outputs = run(
        folder,
        [
            "from gated import Wait\nfrom xpm import experiment\n"
            "xp = experiment('workdir', 'gated').start()",
            f"for gate in {gates}: Wait(gate=gate).submit()",
            "xp.update()",
            "1 + 1",
            f"from pathlib import Path\nfor gate in {gates}: Path(gate).touch()\nxp.wait()",
        ],
    )

    assert ["", "3/3", "3/3", "", "3/3"] == [
        "3/3"[: 3 * html(each).count("3/3")] for each in outputs
    ]
    assert [0, 1, 1, 0, 1] == [html(each).count("<progress") for each in outputs]


def test_a_cell_that_waits_shows_an_experiment_that_is_over_already(folder: Path) -> None:
    (folder / "gated.py").write_text(GATED)
    (folder / "gate").touch()

    outputs = run(
        folder,
        [
            "from gated import Wait\nfrom xpm import experiment\n"
            "xp = experiment('workdir', 'gated').start()\n"
            f"Wait(gate={str(folder / 'gate')!r}).submit()\nxp.wait()",
            "xp.wait()\nprint('over')",
        ],
    )

    assert [1, 1] == [html(each).count("1/1 · 1 done") for each in outputs]


INTERRUPTING = (
    "import _thread, sys, threading, time, traceback\n"
    "def interrupt(main):\n"
    "    def waits():\n"
    "        stack = traceback.extract_stack(sys._current_frames()[main])\n"
    "        return any(each.filename.endswith('follow/session.py') for each in stack)\n"
    "    while not waits(): time.sleep(0.01)\n"
    "    _thread.interrupt_main()\n"
)


def test_a_cell_that_is_interrupted_says_so_in_words(folder: Path) -> None:
    (folder / "gated.py").write_text(GATED)
    interrupting = (
        f"{INTERRUPTING}"
        "threading.Thread(target=interrupt, args=(threading.get_ident(),)).start()\n"
        "xp.wait()"
    )

    with pytest.raises(CellExecutionError) as caught:
        run(
            folder,
            [
                "from gated import Wait\nfrom xpm import experiment\n"
                "xp = experiment('workdir', 'gated').start()\n"
                f"Wait(gate={str(folder / 'gate')!r}).submit()",
                interrupting,
            ],
        )
    (folder / "gate").touch()

    assert "interrupted: the jobs of gated go on; `xp.wait()` follows them again" in str(
        caught.value
    )
    assert "_experiment.py" not in str(caught.value)


def test_a_block_that_is_interrupted_says_to_run_the_cell_again(folder: Path) -> None:
    (folder / "gated.py").write_text(GATED)

    with pytest.raises(CellExecutionError) as caught:
        run(
            folder,
            [
                "from gated import Wait\nfrom xpm import experiment\n"
                f"{INTERRUPTING}"
                "with experiment('workdir', 'gated') as xp:\n"
                f"    Wait(gate={str(folder / 'gate')!r}).submit()\n"
                "    threading.Thread(target=interrupt, args=(threading.get_ident(),)).start()"
            ],
        )
    (folder / "gate").touch()

    assert "the jobs of gated go on; running the cell again follows them" in str(caught.value)
    assert "SystemExit" not in str(caught.value)


def test_what_is_shown_is_escaped(folder: Path) -> None:
    code = (
        "from xpm import Config, Param\nclass Say(Config):\n    word: Param[str]\n"
        "Say(word='<script>alert(1)</script>')"
    )

    (outputs,) = run(folder, [code])

    assert "<script>" not in html(outputs)
    assert "&lt;script&gt;" in html(outputs)


def test_a_failed_task_is_told_in_the_cell_that_waits(folder: Path) -> None:
    (folder / "bad.py").write_text(
        "from xpm import Task\nclass Bad(Task):\n    __xpmid__ = 'notebook.bad'\n"
        "    def execute(self):\n        raise ValueError('no luck')\n"
    )

    with pytest.raises(CellExecutionError, match="no luck") as caught:
        run(
            folder,
            [
                "from bad import Bad\nfrom xpm import experiment\n"
                "xp = experiment('workdir', 'bad').start()\nBad().submit()\nxp.wait()"
            ],
        )

    assert "submitted in cell In[1], line 4" in str(caught.value)
    assert "run the cell with `start()` and those below again" in str(caught.value)
    assert "_experiment.py" not in str(caught.value)


def test_a_callback_that_raises_is_told_with_the_cells_to_run_again(folder: Path) -> None:
    with pytest.raises(CellExecutionError) as caught:
        run(
            folder,
            [
                "from models import Learn, Model\nfrom xpm import experiment\n"
                "xp = experiment('workdir', 'called').start()\n"
                "Learn(model=Model(layers=1)).submit().on_completed(lambda task: 1 / 0)\n"
                "xp.wait()"
            ],
        )

    assert "a callback raised (called)" in str(caught.value)
    assert "mend the callback and run the cell with `start()` and those below again" in str(
        caught.value
    )


def test_a_task_submitted_outside_is_told_how_a_notebook_opens_an_experiment(folder: Path) -> None:
    with pytest.raises(CellExecutionError) as caught:
        run(folder, ["from models import Learn, Model\nLearn(model=Model(layers=1)).submit()"])

    assert "experiment(folder, name).start()" in str(caught.value)


def test_an_error_of_a_cell_names_the_cell(folder: Path) -> None:
    (folder / "gated.py").write_text(GATED)

    with pytest.raises(CellExecutionError) as caught:
        run(folder, ["from gated import Wait\n\nWait(gaet='x')"])

    assert "xpm: cell In[1], line 3: Wait has no argument 'gaet'" in str(caught.value)


def test_without_pandas_results_are_rows(folder: Path) -> None:
    (outputs,) = run(
        folder,
        [
            "import sys\nsys.modules['pandas'] = None\nfrom models import Learn, Model\n"
            "from xpm import experiment, tag\nxp = experiment('workdir', 'plain').start()\n"
            "Learn(model=Model(layers=tag(1))).submit()\nxp.wait()\n"
            "print([(row.state, row.tags, row.metrics) for row in xp.results()])"
        ],
    )

    assert "[('done', {'layers': 1}, {'accuracy': 0.9})]\n" == said(outputs)
