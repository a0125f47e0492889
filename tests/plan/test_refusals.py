"""What a person reads who got something wrong: each refusal in one line, with what to do."""

# mypy: ignore-errors
# pyright: basic, reportAttributeAccessIssue=false, reportCallIssue=false, reportArgumentType=false

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plan.recording import Recording
from xpm import (
    Config,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Task,
    Token,
    argument,
    config,
    copyconfig,
    field,
    origin,
    setmeta,
    tag,
    tags,
    tagspath,
    task,
)
from xpm.errors import PlanProblem


class Color(enum.Enum):
    RED = 1


class Model(Config):
    layers: Param[int]
    rate: Param[float] = 0.1
    wide: Param[bool] = False
    color: Param[Color] = Color.RED
    sizes: Param[list[int]] = field(default_factory=list[int])
    table: Param[dict[str, float]] = field(default_factory=dict[str, float])
    path: Param[Path | None] = None
    forgotten: int
    out: Meta[Path] = field(default_factory=PathGenerator("out"))


class Learn(Task):
    model: Param[Any] = None

    def execute(self) -> None: ...


class Idle(Task):
    pass


class Wanting(Task):
    def execute(self, folder: Path, mode: str = "w") -> None: ...


class Yielding(Task):
    def execute(self):
        yield 1


@task("demo.later")
async def later(x=1): ...


class Asserting(Task):
    x: Param[int] = 0

    def __validate__(self) -> None:
        if self.x <= 0:
            raise ValueError

    def execute(self) -> None: ...


class Initial(LightweightTask):
    def execute(self) -> None: ...


TOKEN = Token("cpu", 3)


def set_to(name: str, value: object) -> Callable[[], object]:
    return lambda: Model(**{"layers": 1, name: value})


def declared(*decorators: Callable[[Any], Any]) -> None:
    class Made:
        def size(self): ...

    made: Any = Made
    for each in decorators:
        made = each(made)
    made()


def in_a_cycle() -> None:
    first = Learn()
    first.model = {"a": [first]}
    first.submit()


REFUSED: list[tuple[Callable[[], object], str, str]] = [
    (set_to("layers", "3"), "Model.layers expects int, got '3' (str)", "text is not read as a number: write 3"),
    (set_to("layers", 3.0), "Model.layers expects int, got 3.0 (float)", "write 3"),
    (set_to("layers", True), "Model.layers expects int, got True (bool)", ""),
    (set_to("layers", None), "Model.layers expects int, got None (NoneType)",
     "None is for Optional[int] (classic style: required=False)"),
    (set_to("rate", "1e-3"), "Model.rate expects float, got '1e-3' (str)", "text is not read as a number: write 0.001"),
    (set_to("wide", 1), "Model.wide expects bool, got 1 (int)", "write True or False"),
    (set_to("color", "RED"), "Model.color expects Color, got 'RED' (str)", "write Color.RED"),
    (set_to("color", 1), "Model.color expects Color, got 1 (int)", "write Color.RED"),
    (set_to("color", "red"), "Model.color expects Color, got 'red' (str)", "one of Color.RED"),
    (set_to("sizes", "12"), "Model.sizes expects list[int], got '12' (str)", "text is not taken apart: give list([...])"),
    (set_to("sizes", {1}), "Model.sizes expects list[int], got {1} (set)", "give list(...) of it"),
    (set_to("sizes", range(3)), "Model.sizes expects list[int], got range(0, 3) (range)", "give list(...) of it"),
    (set_to("sizes", [1, [2]]), "Model.sizes[1] expects int, got [2] (list)", ""),
    (set_to("table", [("a", 1)]), "Model.table expects dict[str, float], got [('a', 1)] (list)", "give dict(...) of it"),
    (set_to("table", {"a": "b"}), "Model.table['a'] expects float, got 'b' (str)", ""),
    (set_to("path", b"x"), "Model.path expects Path or None, got b'x' (bytes)", ""),
    (set_to("layers", tag("x")), "Model.layers expects int, got 'x' (str)", ""),
    (set_to("forgotten", 1), "Model has no argument 'forgotten'", "declare it as an argument: forgotten: Param[int]"),
    (lambda: Learn(model=Model).submit(), "Learn.model expects a value xpm can keep, got", "give an instance: Model(...)"),
    (lambda: Learn().sumbit(), "Learn has no argument 'sumbit'", "did you mean 'submit'? (arguments: model)"),
    (lambda: Learn().jobpath, "this Learn has no job", "submit() it first"),
    (lambda: Learn().on_failed(print), "this Learn has no job", "submit() it first"),
    (lambda: Learn().submit().on_completed(None), "on_completed takes a function, got NoneType", "give the function itself"),
    (lambda: Model(layers=1).jobpath, "this Model has no job", "only tasks have a job"),
    (lambda: Model(layers=1).out, "Model.out has no value yet", ""),
    (lambda: Idle().submit(), "Idle does not say what to do", "define execute(self)"),
    (lambda: Wanting().submit(), "Wanting does not say what to do", "define execute(self)"),
    (lambda: Yielding().submit(), "Yielding does not say what to do", "define execute(self)"),
    (lambda: later().submit(), "later does not say what to do", "asyncio.run"),
    (lambda: Asserting().submit(), "Asserting is not valid", ""),
    (lambda: Initial().submit(), "an Initial cannot be submitted", "submit(init_tasks=[...])"),
    (lambda: Learn().submit(init_tasks=[Learn()]), "a Learn cannot be an initial task of Learn", "LightweightTask"),
    (lambda: Learn(model=[Learn()]).submit(), "Learn.model[0] is a task that has not been submitted", "submit() it first"),
    (lambda: Learn().add_dependencies(Learn()).submit(),
     "what Learn.add_dependencies() was given is a task that has not been submitted", "submit() it first"),
    (lambda: Learn().add_dependencies("x"), "Learn cannot depend on a str", "give submitted tasks"),
    (lambda: Learn().add_dependencies(TOKEN), "Learn cannot depend on a Token", "token.dependency(n)"),
    (in_a_cycle, "a Learn contains itself: Learn is again model['a'][0]", "not inside itself"),
    (lambda: TOKEN(Learn(), 2), "an int cannot hold token cpu", "first how many, then the task"),
    (lambda: Token("cpu", 9)(2, TOKEN(2, Learn())), "4 units of token cpu can never be had: it has 3", "ask for 3 at most"),
    (lambda: tags(3), "tags takes a configuration or a task, got an int", ""),
    (lambda: tagspath("x"), "tagspath takes a configuration or a task, got a str", ""),
    (lambda: copyconfig(Model), "copyconfig takes a configuration or a task, got a type", "give an instance: Model(...)"),
    (lambda: setmeta(None), "setmeta takes a configuration or a task, got a NoneType", ""),
    (lambda: origin([], "x"), "origin takes a configuration or a task, got a list", ""),
    (lambda: config()(3), "an int cannot be a configuration or a task: a class or a function can", ""),
    (lambda: declared(config(), argument("x y", int)), "'x y' cannot be the name of an argument of Made", "name=value"),
    (lambda: declared(config(), argument(3, int)), "3 cannot be the name of an argument of Made", "name=value"),
    (lambda: declared(config(), argument("size", int)), "Made.size is an argument and a method", "another name"),
    (lambda: declared(config(), argument("x", default=tag(3))), "the default of Made.x cannot be marked",
     "where the plan gives it"),
    (lambda: declared(config(), argument("x", int), argument("x", float)), "Made has two arguments 'x'", "remove one"),
    (lambda: declared(argument("x", int), argument("x", float), task()), "Made has two arguments 'x'", "remove one"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "what", "hint"), REFUSED, ids=[what for _, what, _ in REFUSED])
def test_a_mistake_is_refused_in_words_with_its_line(
    xp: Recording, action: Callable[[], object], what: str, hint: str
) -> None:
    with pytest.raises(PlanProblem) as refused:
        action()

    assert refused.value.what.startswith(what)
    assert hint in refused.value.hint
    assert bool(hint) == bool(refused.value.hint), refused.value.hint
    assert "test_refusals.py:" in refused.value.where


def test_a_wordless_refusal_is_shown_with_its_line(xp: Recording) -> None:
    with pytest.raises(PlanProblem) as refused:
        Asserting().submit()

    assert refused.value.cause.startswith("raise ValueError (")
    assert "test_refusals.py:" in refused.value.cause


def test_two_task_classes_of_one_identifier_are_refused_in_one_experiment(xp: Recording) -> None:
    @task("demo.twice")
    class One:
        def execute(self) -> None: ...

    @task("demo.twice")
    class Two:
        def execute(self) -> None: ...

    globals().update(One=One, Two=Two)
    One.__qualname__, Two.__qualname__ = "One", "Two"
    One().submit()
    with pytest.raises(PlanProblem, match=r"two classes have the identifier demo\.twice"):
        Two().submit()
