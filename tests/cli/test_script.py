"""A plan script, run in process: as ``python`` would, its failures told in its own terms."""

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.cli.commands import Ended, xpm


def run(folder: Path, text: str, *arguments: str) -> Ended:
    (folder / "plan.py").write_text(textwrap.dedent(text))
    return xpm("run", "plan.py", *arguments, home=folder)


def test_a_script_sees_what_python_would_show_it(tmp_path: Path) -> None:
    text = """
        import sys, pathlib
        import __main__
        print(__name__, sys.argv[1:], sys.path[0] == str(pathlib.Path(__file__).parent))
        print(pathlib.Path(__main__.__file__).name, __main__.__dict__ is globals())
    """

    told = run(tmp_path, text, "--", "--fast", "a b")

    notice = "plan.py opened no experiment, so nothing was submitted\n"
    assert Ended(0, "__main__ ['--fast', 'a b'] True\nplan.py True\n", notice) == told


def test_a_script_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("NAME = 'neighbour'\n")

    assert run(tmp_path, "import neighbour; print(neighbour.NAME)").out == "neighbour\n"


def test_a_script_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    told = xpm("run", "absent.py", home=tmp_path)

    assert told.code == 2
    assert "absent.py" in told.err


def test_a_syntax_error_is_told_with_file_and_line(tmp_path: Path) -> None:
    told = run(tmp_path, "x = 1\ny = = 2\n")

    assert told.code == 2
    assert f"{tmp_path}/plan.py:2: the plan does not import" in told.err
    assert "y = = 2" in told.err
    assert "Traceback" not in told.err


def test_a_missing_module_is_told_with_the_line_that_wants_it(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("\nimport no_such_module\n")

    told = run(tmp_path, "import neighbour\n")

    assert told.code == 2
    assert f"{tmp_path}/neighbour.py:2: the plan does not import" in told.err
    assert "no_such_module" in told.err
    assert "Traceback" not in told.err


def test_an_error_of_the_plan_shows_the_plans_frames_only(tmp_path: Path) -> None:
    text = """
        def broken():
            raise ValueError("too many cooks")

        broken()
    """

    told = run(tmp_path, text)

    assert told.code == 2
    assert told.err.startswith("Traceback (most recent call last):\n")
    assert told.err.endswith("ValueError: too many cooks\n")
    assert told.err.count("plan.py") == 2
    assert "xpm/cli" not in told.err


def test_an_exit_of_the_plan_is_the_commands(tmp_path: Path) -> None:
    assert run(tmp_path, "raise SystemExit(7)").code == 7


def test_a_word_to_exit_with_is_printed(tmp_path: Path) -> None:
    told = run(tmp_path, "raise SystemExit('nothing to do')")

    assert Ended(1, "", "nothing to do\n") == told


def test_a_plan_that_runs_out_of_input_is_not_an_interruption(tmp_path: Path) -> None:
    told = run(tmp_path, "input()")

    assert told.code == 2
    assert "EOFError" in told.err


def test_an_interrupted_plan_ends_with_130(tmp_path: Path) -> None:
    text = "import os, signal; os.kill(os.getpid(), signal.SIGINT); signal.pause()"

    told = run(tmp_path, text)

    assert told.code == 130
    assert "go on" in told.err


def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path: Path) -> None:
    command = f"{sys.executable} -m xpm --help | true"

    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert done.stderr == ""
