"""The classic style: plain classes and functions, decorated."""

# mypy: disable-error-code="call-arg, attr-defined, operator, arg-type"
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false

from pathlib import Path
from typing import Any, List  # noqa: UP035

import pytest

from tests.plan.recording import Recording
from xpm import (
    Config,
    Identifier,
    Meta,
    Param,
    Task,
    argument,
    config,
    constant,
    identifier,
    option,
    param,
    pathoption,
    tag,
    tags,
    tagspath,
    task,
    type,
)  # fmt: skip
from xpm.errors import PlanProblem
from xpm.plan.restoring import restore

ns = Identifier("demo")
LOG: list[object] = []


@argument("layers", type=int, help="number of layers")
@argument("hidden", type=int, default=10)
@option("name", type=str, default="m")
@config(ns.model)
class Model:
    """A model."""

    def me(self) -> object:
        return __class__  # type: ignore[name-defined]

    def size(self) -> int:
        return self.layers * self.hidden  # type: ignore[no-any-return]


@argument("epochs", type=int, default=100, help="Number of learning epochs")
@argument("model", type=Model)
@pathoption("parameters", "parameters.pth")
@task(ns.learn)
class Learn:
    def execute(self) -> None:
        LOG.append(self.model.size())


@argument("strings", type=List[Learn])  # noqa: UP006
@task()
def concat(strings: Any, separator: str = "-") -> None:
    LOG.append((separator, len(strings)))


@param("inferred", default=0.5)
@param("anything")
@constant("version", 3)
@argument("maybe", type=int, required=False)
@argument("none", type=int, default=None)
@argument("quiet", type=bool, default=False, ignored=True)
@argument("checked", default=1, checker=lambda value: value > 0)
@type("demo.Kinds")
class Kinds:
    """Every sort of argument."""


class Base:
    """A plain class."""

    def greet(self) -> str:
        return "base"


@config
class Derived(Base):
    """Inherits from a plain class; annotated as well."""

    size: Param[int] = 1
    note: Meta[str] = ""

    def greet(self) -> str:
        return super().greet() + " derived"

    @property
    def twice(self) -> int:
        return self.size * 2

    @staticmethod
    def fixed() -> int:
        return 7


@argument("more", type=int, default=2)
@config(ns.further)
class Further(Derived):
    """Inherits from a configuration."""


@argument("late", type=int, default=1)
@task
class Mixed(Config):
    """A configuration made a task."""

    early: Param[int] = 1

    def execute(self) -> None:
        LOG.append(super().__class__)


def make(cls: Any, **values: Any) -> Any:
    return cls(**values)


def test_a_plain_class_becomes_a_configuration() -> None:
    model = make(Model, layers=3)
    model.hidden = 20

    assert isinstance(model, Config)
    assert model.size() == 60
    assert Model is model.me()
    assert Model.__doc__ == "A model."
    assert repr(model) == "Model(layers=3, hidden=20)"


def test_values_are_checked_as_in_the_other_style() -> None:
    with pytest.raises(PlanProblem, match=r"Model\.layers expects int, got 'a'"):
        make(Model, layers="a")
    with pytest.raises(PlanProblem, match="has no argument 'layer'"):
        make(Model, layer=1)


def test_defaults_and_options_do_not_count() -> None:
    plain = identifier(make(Model, layers=3))

    assert plain == identifier(make(Model, layers=3, hidden=10, name="other"))
    assert plain != identifier(make(Model, layers=3, hidden=11))


def test_both_styles_give_one_identity() -> None:
    class Annotated(Config):
        __xpmid__ = "demo.model"
        layers: Param[int]
        hidden: Param[int] = 10
        name: Meta[str] = "m"

    assert identifier(make(Model, layers=3)) == identifier(Annotated(layers=3))


def test_the_plan_of_the_contract_is_sealed(xp: Recording) -> None:
    model = make(Model, layers=tag(3))
    learn = make(Learn, epochs=tag(100))
    learn.model = model
    learn.submit()

    with pytest.raises(PlanProblem, match=r"sealed by demo\.learn"):
        learn.epochs = 3
    assert {"epochs": 100, "layers": 3} == learn.tags() == tags(learn)
    assert tagspath(learn) == "epochs=100_layers=3"
    assert xp.main / "jobs" / "demo.learn" / identifier(learn) == learn.jobpath
    assert learn.jobpath / "parameters.pth" == learn.parameters


def test_a_function_is_a_task(xp: Recording) -> None:
    learn = make(Learn, model=make(Model, layers=3)).submit()
    joined = make(concat, strings=[learn])
    joined.submit()
    sealed = xp.submitted[1]

    instance = restore(
        sealed.document, "/ws", "/code", lambda reference: globals()[reference["name"]]
    )
    instance.execute()

    assert sealed.task == "tests.plan.test_classic.concat"
    assert ((xp.submitted[0].task, xp.submitted[0].job),) == sealed.parents
    assert LOG.pop() == ("-", 1)


def test_an_argument_a_function_does_not_take_is_refused() -> None:
    with pytest.raises(PlanProblem) as refused:

        @argument("string", type=int)
        @task()
        def function(strings: Any) -> None:
            """Takes strings."""

    assert refused.value.what == "function() takes no 'string'"
    assert "did you mean 'strings'?" in refused.value.hint


def test_every_sort_of_argument() -> None:
    kinds = make(Kinds, anything=[1, "a"])

    assert (
        kinds.inferred, kinds.anything, kinds.version, kinds.maybe, kinds.none, kinds.quiet, kinds.checked,
    ) == (0.5, [1, "a"], 3, None, None, False, 1)  # fmt: skip
    kinds.none = 3
    with pytest.raises(PlanProblem, match="expects float"):
        kinds.inferred = "a"
    with pytest.raises(PlanProblem, match="is a constant"):
        kinds.version = 4
    with pytest.raises(PlanProblem, match="its checker says no"):
        kinds.checked = 0


def test_arguments_are_listed_in_reading_order() -> None:
    names = list(Kinds.__xpm__.ready())

    assert names == ["inferred", "anything", "version", "maybe", "none", "quiet", "checked"]


def test_plain_bases_methods_and_super_work() -> None:
    derived = make(Derived, size=3)

    assert (derived.greet(), derived.twice, derived.fixed()) == ("base derived", 6, 7)
    assert isinstance(derived, Base)


def test_a_decorated_class_inherits_arguments() -> None:
    further = make(Further, size=3)

    assert (further.size, further.more, further.greet()) == (3, 2, "base derived")


def test_a_configuration_can_be_made_a_task(xp: Recording) -> None:
    mixed = make(Mixed, early=3)
    mixed.submit()

    assert isinstance(mixed, Task)
    assert (mixed.early, mixed.late) == (3, 1)


def test_arguments_may_stand_below_the_decorator() -> None:
    @config("demo.below")
    @argument("x", type=int)
    @argument("y", type=int, default=2)
    class Below:
        """Decorated in the other order."""

    assert (make(Below, x=1).x, make(Below, x=1).y) == (1, 2)


@pytest.mark.parametrize("name", ["tags", "submit", "state"])
def test_an_argument_named_like_something_of_ours_is_refused(name: str) -> None:
    with pytest.raises(PlanProblem, match="cannot be an argument"):

        @argument(name, type=int)
        @config("demo.clash")
        class Clash:
            """Not possible."""


def test_a_required_argument_has_no_default() -> None:
    with pytest.raises(PlanProblem, match="is required and has a default"):
        argument("x", type=int, default=1, required=True)


def test_only_a_class_is_a_configuration() -> None:
    with pytest.raises(PlanProblem, match="only a class can"):
        config("demo.x")(make)


def test_identifiers_grow_by_attributes() -> None:
    assert ns.model == "demo.model"
    assert "demo.a.b" == ns.a.b == ns["a"]["b"] == ns("a")("b")
    assert Identifier("").model == "model"


def test_a_path_option_is_generated(xp: Recording) -> None:
    @pathoption("out")
    @config("demo.out")
    class Out:
        """Has a path of its argument's name."""

    assert str(Out.__xpm__.ready()["out"].generator.path) == "out"
    assert isinstance(make(Out, out="x").out, Path)


def test_arguments_without_config_or_task_are_refused_in_words() -> None:
    @argument("x", type=int)
    class Bare: ...

    @config("demo.finished")
    class Finished(Bare): ...

    with pytest.raises(PlanProblem, match="neither a configuration nor a task") as refused:
        Bare(x=3)

    assert "@task()" in str(refused.value)
    assert "test_classic.py" in str(refused.value)
    assert Finished() is not None
