"""The command itself: help, versions, typos, exit codes and defects."""

import importlib
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.commands import CHECKOUT, python, xpm
from xpm.cli import main as entry
from xpm.errors import HostUnreachable, LoginNeeded, PlanProblem


def test_help_lists_every_verb_and_the_exit_codes(tmp_path: Path) -> None:
    told = xpm("--help", home=tmp_path)

    assert told.code == 0
    assert [verb for verb in entry.VERBS if f"  {verb} " not in told.out] == []
    assert "130 interrupted" in " ".join(told.out.split())


@pytest.mark.parametrize("verb", entry.VERBS)
def test_a_verb_says_in_the_list_what_its_own_help_begins_with(verb: str) -> None:
    command = importlib.import_module(entry.VERBS[verb].module).command

    assert isinstance(command, click.Command)
    assert command.name == verb
    assert command.help


def test_help_imports_no_verb_and_nothing_heavy() -> None:
    program = (
        "import sys\nfrom xpm.cli.main import main\nmain(['--help'])\n"
        "heavy = ('rich', 'yaml', 'paramiko', 'fabric', 'tenacity', 'sqlite3', 'xpm.follow.session')\n"
        "print('LOADED', [name for name in heavy if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )

    assert "LOADED []" in done.stdout


@pytest.mark.host
@pytest.mark.parametrize(
    ("arguments", "limit_s"),
    [(["-m", "xpm", "--help"], 0.15), (["-c", "import xpm"], 0.06)],
    ids=str,
)
def test_nobody_waits_for_the_start(arguments: list[str], limit_s: float, tmp_path: Path) -> None:
    def seconds() -> float:  # that it works: a busy machine takes longer
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python(arguments, tmp_path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(12)) < limit_s


def test_an_unknown_verb_is_answered_with_the_nearest(tmp_path: Path) -> None:
    told = xpm("statsu", home=tmp_path)

    assert told.code == 2
    assert "did you mean 'status'?" in told.err


def test_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    assert xpm("status", "--bogus", home=tmp_path).code == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PlanProblem("the plan is wrong", where="plan.py:3", hint="mend it"), 2),
        (HostUnreachable("no answer", on="jean-zay", hint="check the VPN"), 3),
        (LoginNeeded("a person is needed", on="jean-zay"), 4),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("of our own"), 1),
    ],
)
def test_every_error_becomes_words_and_an_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    ended = entry.guarded(failing, [])

    told = capsys.readouterr()
    assert code == ended
    assert told.out == ""
    assert (
        str(error) in told.err if not isinstance(error, KeyboardInterrupt) else "go on" in told.err
    )


def test_a_defect_asks_for_a_report_with_all_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def failing() -> None:
        raise ZeroDivisionError("of our own")

    entry.guarded(failing, [])

    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "please report" in told
    assert sys.version.split()[0] in told
