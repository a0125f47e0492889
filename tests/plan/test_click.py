"""Arguments as options of a command line."""

# mypy: disable-error-code="attr-defined"
# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner

from xpm import Config, Constant, Meta, Param, PathGenerator, argument, config, field
from xpm.click import arguments, forwardoption
from xpm.errors import PlanProblem


class Optimizer(enum.Enum):
    ADAM = 1
    SGD = 2


class Word(str, enum.Enum):  # noqa: UP042
    LOW = "l"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


def positive(value: int) -> None:
    if value <= 0:
        raise ValueError("it must be positive")


class Model(Config):
    layers: Param[int]
    """Number of layers"""
    hidden_units: Param[int] = field(default=10, checker=positive)
    rate: Param[float] = 0.1
    name: Meta[str] = "m"
    shuffle: Param[bool] = False
    keep: Param[bool] = True
    data: Param[Path] = Path("data")
    optimizer: Param[Optimizer] = Optimizer.ADAM
    word: Param[Word] = Word.LOW
    level: Param[Level] = Level.LOW
    sizes: Param[list[int]] = field(default_factory=list[int])
    words: Param[set[str]] = field(default_factory=set[str])
    colours: Param[tuple[Optimizer, ...]] = ()
    pair: Param[tuple[int, str]] = (1, "a")
    pairs: Param[list[tuple[int, str]]] = field(default_factory=list[tuple[int, str]])
    seed: Param[int | None] = None
    mode: Param[Literal["fast", "slow", 3]] = "fast"
    either: Param[int | str] = 1
    inner: Param[Config | None] = None
    table: Param[dict[str, int]] = field(default_factory=dict[str, int])
    raw: Param[bytes] = b""
    anything: Param[Any] = None
    version: Constant[int] = 1
    out: Meta[Path] = field(default_factory=PathGenerator("out"))


def run(argument: str, *words: str, **settings: Any) -> Any:
    """What the command gets for an argument of Model."""
    got: list[Any] = []

    @forwardoption(arguments(Model)[argument], **settings)
    @click.command()
    def command(**values: Any) -> None:
        got.append(values[argument])

    done = CliRunner().invoke(command, list(words))
    if done.exit_code:
        return done.output
    return got[0]


GIVEN: list[tuple[str, list[str], object]] = [
    ("layers", ["--layers", "3"], 3),
    ("hidden_units", [], 10),
    ("hidden_units", ["--hidden-units", "7"], 7),
    ("rate", ["--rate", "1e-3"], 0.001),
    ("rate", ["--rate", "3"], 3.0),
    ("name", ["--name", "x y"], "x y"),
    ("shuffle", [], False),
    ("shuffle", ["--shuffle"], True),
    ("keep", [], True),
    ("keep", ["--no-keep"], False),
    ("data", [], Path("data")),
    ("data", ["--data", "a/b"], Path("a/b")),
    ("optimizer", [], Optimizer.ADAM),
    ("optimizer", ["--optimizer", "SGD"], Optimizer.SGD),
    ("optimizer", ["--optimizer", "sgd"], Optimizer.SGD),
    ("word", [], Word.LOW),
    ("word", ["--word", "LOW"], Word.LOW),
    ("level", [], Level.LOW),
    ("level", ["--level", "high"], Level.HIGH),
    ("sizes", [], []),
    ("sizes", ["--sizes", "1", "--sizes", "2"], [1, 2]),
    ("words", ["--words", "a", "--words", "b"], {"a", "b"}),
    ("colours", ["--colours", "SGD"], (Optimizer.SGD,)),
    ("pair", [], (1, "a")),
    ("pair", ["--pair", "2", "b"], (2, "b")),
    ("pairs", ["--pairs", "2", "b", "--pairs", "3", "c"], [(2, "b"), (3, "c")]),
    ("seed", [], None),
    ("seed", ["--seed", "4"], 4),
    ("mode", ["--mode", "slow"], "slow"),
    ("mode", ["--mode", "3"], 3),
    ("either", ["--either", "4"], 4),
    ("either", ["--either", "four"], "four"),
]


@pytest.mark.parametrize(("argument", "words", "expected"), GIVEN)
def test_an_option_gives_a_value_the_argument_takes(
    argument: str, words: list[str], expected: object
) -> None:
    got = run(argument, *words)

    assert (type(expected), expected) == (type(got), got)
    model = Model(layers=1)
    setattr(model, argument, got)
    assert getattr(model, argument) == expected


@pytest.mark.parametrize(
    ("argument", "words", "said"),
    [
        ("layers", [], "Missing option '--layers'"),
        ("layers", ["--layers", "three"], "'three' is not a valid integer"),
        ("hidden_units", ["--hidden-units", "-1"], "it must be positive"),
        ("optimizer", ["--optimizer", "ADM"], "'ADM' is not one of"),
        ("mode", ["--mode", "medium"], "'medium' is not one of 'fast', 'slow', '3'"),
    ],
)
def test_a_wrong_value_is_refused_by_the_command_line(
    argument: str, words: list[str], said: str
) -> None:
    output = run(argument, *words)

    assert said in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        ("inner", "no option can give a Config"),
        ("table", r"no option can give a dict\[str, int\]"),
        ("raw", "no option can give a bytes"),
        ("anything", "its type is not declared"),
        ("version", "it is a constant"),
        ("out", "it is generated inside the job folder"),
    ],
)
def test_what_no_option_can_give_is_refused_where_it_is_declared(argument: str, why: str) -> None:
    with pytest.raises(PlanProblem, match=f"Model.{argument} cannot be an option: {why}") as bad:
        run(argument)

    assert "test_click.py:" in bad.value.where


def shown(*decorators: Callable[[Any], Any], above: bool) -> str:
    """The help of a command whose options stand above or below ``@click.command()``."""

    def cli(**values: Any) -> None:
        """Nothing."""

    made: Any = cli if not above else click.command()(cli)
    for each in reversed(decorators):
        made = each(made)
    return CliRunner().invoke(made if above else click.command()(made), ["--help"]).output


@pytest.mark.parametrize("above", [True, False])
def test_options_stand_above_or_below_the_command_with_help_and_default_in_reading_order(
    above: bool,
) -> None:
    output = shown(
        forwardoption(arguments(Model).layers),
        forwardoption.rate(Model),
        forwardoption.optimizer(Model, "my-optimizer"),
        forwardoption.shuffle(Model, "--mix", "-x"),
        above=above,
    )

    lines = [line.split() for line in output.splitlines()]
    options = [words[0].rstrip(",") for words in lines if words and words[0].startswith("-")]
    assert options == ["--layers", "--rate", "--my-optimizer", "-x", "--help"]
    assert "Number of layers" in output
    assert "[required]" in output
    assert "[default: 0.1]" in output
    assert "[ADAM|SGD]" in output.upper()
    assert "[default: ADAM]" in output
    assert "--mix / --no-mix" in output


@pytest.mark.parametrize("name", ["my-epochs", "--my-epochs", "my_epochs"])
def test_an_option_may_have_another_name(name: str) -> None:
    got: list[int] = []

    @click.command()
    @forwardoption.hidden_units(Model, name)
    def command(my_epochs: int) -> None:
        got.append(my_epochs)

    done = CliRunner().invoke(command, ["--my-epochs", "3"])

    assert done.exit_code == 0, done.output
    assert got == [3]


def test_settings_of_click_replace_what_follows_from_the_argument() -> None:
    assert run("layers", default=5) == 5
    assert "Missing option '--rate'" in run("rate", required=True)


def test_arguments_of_the_classic_style_are_options_too() -> None:
    @argument("epochs", type=int, default=100, help="Number of learning epochs")
    @config("demo.classic")
    class Classic:
        """A classic one."""

    output = shown(forwardoption.epochs(Classic), above=True)

    assert "Number of learning epochs" in output
    assert "[default: 100]" in output


def test_a_misspelt_argument_is_refused_with_the_nearest() -> None:
    with pytest.raises(PlanProblem, match="did you mean 'layers'"):
        forwardoption.layrs(Model)
    with pytest.raises(PlanProblem, match="did you mean 'layers'"):
        print(arguments(Model).layrs)
    with pytest.raises(PlanProblem, match="forwardoption takes an argument, got str"):
        forwardoption("layers")  # type: ignore[arg-type]
    with pytest.raises(PlanProblem, match="is no configuration class"):
        forwardoption.layers(int)
