"""Configurations: defined, given values, refused in words."""

# ruff: noqa: RUF012, UP007, UP045

import enum
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Generic, Optional, TypeVar, Union

import pytest

from xpm import (
    Config,
    Constant,
    Meta,
    Option,
    Param,
    PathGenerator,
    Task,
    arguments,
    copyconfig,
    field,
    identifier,
    origin,
)
from xpm.errors import PlanProblem


class Optimizer(enum.Enum):
    ADAM = 1
    SGD = 2


class Model(Config):
    layers: Param[int]
    """Number of layers"""
    hidden: Param[int] = 10
    dropout: Param[float] = field(default=0.1)
    optimizer: Param[Optimizer] = Optimizer.ADAM
    sizes: Param[list[int]] = []
    version: Constant[int] = 2
    note: Meta[str] = ""
    seed: Option[int] = 0
    choice: Param[Union[int, str, None]] = None


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_values_are_given_to_the_constructor_or_assigned() -> None:
    model = Model(layers=3)
    model.hidden = 20

    assert (
        model.layers, model.hidden, model.dropout, model.version, model.note,
    ) == (3, 20, 0.1, 2, "")  # fmt: skip


def test_c_is_the_class_itself() -> None:
    assert Model is Model.C
    assert identifier(Model(layers=3)) == identifier(Model.C(layers=3))


def test_an_optional_argument_is_none_when_nothing_is_given() -> None:
    class Maybe(Config):
        x: Param[Optional[int]]

    assert Maybe().x is None  # type: ignore[call-arg]


def test_a_default_is_not_shared_between_configurations() -> None:
    first, second = Model(layers=1), Model(layers=1)
    first.sizes.append(3)

    assert [] == second.sizes == Model(layers=1).sizes


def test_a_configuration_by_default_is_not_shared_either() -> None:
    class Holder(Config):
        model: Param[Model] = Model(layers=1)

    first = Holder()
    first.model.layers = 2

    assert Holder().model.layers == 1


def test_a_value_of_a_wrong_type_is_refused_with_argument_types_and_line() -> None:
    with pytest.raises(PlanProblem) as refused:
        Model(layers="3")  # type: ignore[arg-type]
    here = line() - 1

    assert refused.value.what == "Model.layers expects int, got '3' (str)"
    assert refused.value.where.endswith(f"test_config.py:{here}")


def test_an_assigned_value_of_a_wrong_type_is_refused_on_its_line() -> None:
    model = Model(layers=3)
    with pytest.raises(TypeError) as refused:
        model.sizes = [1, "2"]  # type: ignore[list-item]
    here = line() - 1

    assert isinstance(refused.value, PlanProblem)
    assert refused.value.what == "Model.sizes[1] expects int, got '2' (str)"
    assert refused.value.where.endswith(f"test_config.py:{here}")


def test_a_refused_enum_names_its_members() -> None:
    with pytest.raises(PlanProblem) as refused:
        Model(layers=3, optimizer="ADAM")  # type: ignore[arg-type]

    assert refused.value.hint == "write Optimizer.ADAM"
    with pytest.raises(PlanProblem) as refused:
        Model(layers=3, optimizer="sgd")  # type: ignore[arg-type]
    assert refused.value.hint == "one of Optimizer.ADAM, Optimizer.SGD"


@pytest.mark.parametrize("action", ["construct", "assign", "read"])
def test_a_misspelt_argument_is_refused_with_the_nearest_name(action: str) -> None:
    model: Any = Model(layers=3)
    actions: dict[str, Callable[[], object]] = {
        "construct": lambda: Model(layrs=3),  # type: ignore[call-arg]
        "assign": lambda: setattr(model, "layrs", 3),
        "read": lambda: model.layrs,
    }
    with pytest.raises(PlanProblem) as refused:
        actions[action]()

    assert refused.value.what == "Model has no argument 'layrs'"
    assert "did you mean 'layers'?" in refused.value.hint


def test_a_longer_word_for_an_argument_is_told_the_argument_not_some_method() -> None:
    class Train(Config):
        lr: Param[float]
        seed: Param[int]

    with pytest.raises(PlanProblem) as refused:
        Train(lrate=0.1)  # type: ignore[call-arg]

    assert "did you mean 'lr'? (arguments: lr, seed)" == refused.value.hint


def test_values_without_names_are_refused_with_the_names() -> None:
    with pytest.raises(PlanProblem) as refused:
        Model(3, 10)  # type: ignore[call-arg]

    assert refused.value.hint == "perhaps Model(layers=3, hidden=10)"


def test_a_value_that_was_not_given_cannot_be_read() -> None:
    model = Model()  # type: ignore[call-arg]

    with pytest.raises(PlanProblem, match=r"Model\.layers has no value yet"):
        print(model.layers)
    assert not hasattr(model, "layers")


def test_a_constant_cannot_be_given() -> None:
    with pytest.raises(PlanProblem, match=r"Model\.version is a constant"):
        Model(layers=3, version=3)


def test_where_each_value_was_set_can_be_asked() -> None:
    model = Model(layers=3)
    made = line() - 1
    model.hidden = 4
    changed = line() - 1

    assert origin(model, "layers").endswith(f"test_config.py:{made}")
    assert origin(model, "hidden").endswith(f"test_config.py:{changed}")
    assert origin(model, "dropout") == "default"
    assert origin(model, "sizes") == "default"
    assert origin(copyconfig(model), "sizes") == "default"
    assert origin(Model(layers=3, sizes=[]), "sizes") != "default"


def test_where_a_value_below_was_set_can_be_asked() -> None:
    uses = Uses(data=Data[int](items=[1]))

    assert origin(uses, "data.items") == origin(uses.data, "items") == origin(uses, "data")
    with pytest.raises(PlanProblem, match="did you mean 'items'"):
        origin(uses, "data.itms")


class Documented(Model):
    layers: Param[int] = 7
    """How many of them,
    counted from one"""
    explained: Param[int] = field(default=1, help="given")
    """not this one"""
    silent: Param[int] = 1
    hidden: Param[int] = 3


def test_the_docstring_under_an_argument_is_its_help() -> None:
    found = {each.name: each.help for each in arguments(Documented)}

    assert found["layers"] == "How many of them,\ncounted from one"
    assert found["explained"] == "given"
    assert found["silent"] == found["hidden"] == ""
    assert arguments(Model).layers.help == "Number of layers"
    assert arguments(make_model()).layers.help == ""  # its source is nowhere


def make_model() -> type[Config]:
    names = {"__annotations__": {"layers": Param[int]}, "__module__": __name__}
    return type("Made", (Config,), names)


def test_arguments_can_be_asked() -> None:
    layers, hidden = arguments(Model).layers, arguments(Model)["hidden"]

    assert (layers.name, layers.type, layers.required, layers.role) == (
        "layers", "int", True, "param",
    )  # fmt: skip
    assert (hidden.default, hidden.required) == (10, False)
    assert "layers" in arguments(Model)
    assert "layers" in dir(arguments(Model))
    with pytest.raises(PlanProblem, match="did you mean 'layers'"):
        print(arguments(Model).layrs)
    with pytest.raises(PlanProblem, match=r"Model\.layers has no default"):
        print(layers.default)
    for wrong in (Model(layers=1), int, 3):
        with pytest.raises(PlanProblem, match="is no configuration class"):
            arguments(wrong)  # type: ignore[arg-type]


CLASHING = [
    "tags", "tag", "submit", "state", "jobpath", "wait", "stdout", "stderr", "on_completed", "on_failed", "C",
    "add_dependencies", "execute", "task_outputs", "remaining_time", "instance", "_hidden", "__dict__",
]  # fmt: skip


@pytest.mark.parametrize("name", CLASHING)
def test_an_argument_named_like_something_of_ours_is_refused_at_definition(name: str) -> None:
    with pytest.raises(PlanProblem, match=f"Clash.{name} cannot be an argument"):
        type("Clash", (Task,), {"__annotations__": {name: Param[int]}, "__module__": __name__})


def test_arguments_are_inherited_redefined_and_given_other_defaults() -> None:
    class Deep(Model):
        hidden: Param[float] = 2.5  # type: ignore[assignment]
        dropout = 0.5
        more: Param[int] = 1

    deep = Deep(layers=1)

    assert (deep.hidden, deep.dropout, deep.more, deep.version) == (2.5, 0.5, 1, 2)
    with pytest.raises(PlanProblem, match="expects float"):
        deep.dropout = "a"  # type: ignore[assignment]


def test_an_identifier_is_not_inherited() -> None:
    class Named(Config):
        __xpmid__ = "demo.named"
        x: Param[int] = 1

    class Below(Named):
        pass

    assert identifier(Named()) != identifier(Below())


@pytest.mark.parametrize("given", ["", "a/b", "a b", ".hidden", "é", "x" * 200])
def test_an_identifier_that_cannot_be_a_folder_is_refused(given: str) -> None:
    with pytest.raises(PlanProblem, match="cannot be an identifier"):
        type("Odd", (Config,), {"__xpmid__": given, "__module__": __name__})


def test_identifiers_are_lower_case() -> None:
    class One(Config):
        __xpmid__ = "Demo.Model"

    class Two(Config):
        __xpmid__ = "demo.model"

    assert identifier(One()) == identifier(Two())


T = TypeVar("T")


class Data(Config, Generic[T]):
    items: Param[list[T]]


class Uses(Config):
    data: Param[Data[int]]
    described: Annotated[Param[int], "how many"] = 1
    inner: Param[Annotated[int, "how many"]] = 2


def test_generic_configurations_are_configurations() -> None:
    uses = Uses(data=Data[int](items=[1, 2]))

    assert uses.data.items == [1, 2]
    assert (uses.described, uses.inner) == (1, 2)


U = TypeVar("U")


class Box(Config, Generic[T]):
    item: Param[T]
    more: "Param[dict[str, list[T]]]" = {}
    either: Param[Optional[T]] = None


class Ints(Box[int]):
    extra: Param[int] = 1


class Again(Box[U], Generic[U]):
    """Generic still, in another variable."""


class Floats(Again[float]): ...


class Lower(Floats): ...


class Holder(Config):
    box: Param[Box[float]]


def test_what_is_said_in_brackets_is_checked() -> None:
    floats = Box[float](item=3, more={"a": [1]})

    assert (repr(floats.item), repr(floats.more)) == ("3.0", "{'a': [1.0]}")
    assert identifier(floats) == identifier(Box[float](item=3.0, more={"a": [1.0]}))
    floats.item = 4
    assert repr(floats.item) == "4.0"
    refused: list[Any] = ["x", None, True]
    for wrong in refused:
        with pytest.raises(PlanProblem, match=r"Box\.item expects float"):
            Box[float](item=wrong)
        with pytest.raises(PlanProblem, match=r"Box\.item expects float"):
            floats.item = wrong
        with pytest.raises(PlanProblem, match=r"Box\.item expects float"):
            copyconfig(floats).item = wrong
    assert Box(item="x").item == "x"  # nothing is said of T


def test_a_generic_argument_takes_what_fits_what_it_says() -> None:
    assert Holder(box=Box[float](item=3)).box.item == 3.0
    assert Holder(box=Floats(item=3)).box.item == 3.0
    refused: list[Any] = [Box(item="x"), Box[str](item="x"), Box[int](item=3), Ints(item=3)]
    for wrong in refused:
        with pytest.raises(PlanProblem, match=r"Holder\.box expects Box\[float\]") as error:
            Holder(box=wrong)
        assert "make it by Box[float](...)" in str(error.value)


def test_a_class_that_is_not_generic_says_so() -> None:
    with pytest.raises(TypeError, match="Uses is not generic"):
        Uses[int]  # type: ignore[misc]


def test_a_subclass_says_what_the_type_variables_are() -> None:
    assert Ints(item=3, more={"a": [1]}, either=2).item == 3
    assert Lower(item=3, more={"a": [1]}).item == 3.0
    assert Lower(item=3, more={"a": [1]}).more == {"a": [1.0]}
    for cls, wrong in ((Ints, 0.5), (Floats, "x"), (Lower, "x")):
        for values in (
            {"item": wrong},
            {"item": 1, "more": {"a": [wrong]}},
            {"item": 1, "either": wrong},
        ):
            with pytest.raises(PlanProblem, match="expects"):
                cls(**values)
    unbound: Any = Box
    assert unbound(item="x", more={"a": [1]}).item == "x"
    assert identifier(Ints(item=1)) != identifier(Floats(item=1))


class Textual(Config):
    later: "Param[Optional[Later]]"
    listed: Param["list[Later]"] = []
    inner: Param[list["Later"]] = []


class Later(Config):
    x: Param[int]


def test_annotations_may_be_text_and_name_what_is_defined_later() -> None:
    textual = Textual(later=Later(x=1), listed=[Later(x=2)], inner=[Later(x=3)])

    assert textual.later is not None
    assert textual.later.x == 1
    with pytest.raises(PlanProblem, match="expects Later or None"):
        Textual(later=3)  # type: ignore[arg-type]


def test_text_may_name_what_is_local_to_the_function_of_the_class() -> None:
    class Near(Config):
        x: Param[int]

    class Far(Config):
        near: "Param[Near]"

    assert Far(near=Near(x=3)).near.x == 3


def test_a_type_that_cannot_be_used_is_refused_with_the_class_and_line() -> None:
    class Wrong(Config):
        x: Param[complex]

    with pytest.raises(PlanProblem) as refused:
        Wrong(x=1j)

    assert refused.value.what == "the type of Wrong.x cannot be used"
    assert refused.value.cause == "xpm cannot keep values of type complex"
    assert "test_config.py:" in refused.value.where


def test_a_default_of_a_wrong_type_is_refused() -> None:
    class Wrong(Config):
        x: Param[list[int]] = ["a"]  # type: ignore[list-item]

    with pytest.raises(PlanProblem, match=r"the default of Wrong\.x\[0\] is no int"):
        Wrong()


def test_a_constant_without_a_value_is_refused() -> None:
    with pytest.raises(PlanProblem, match=r"the constant Wrong\.x has no value"):

        class Wrong(Config):
            x: Constant[int]


def even(value: int) -> bool:
    return value % 2 == 0


def positive(value: int) -> None:
    if value <= 0:
        raise ValueError("not positive")


class Checked(Config):
    x: Param[int] = field(default=2, checker=even, help="an even number")
    y: Param[int] = field(default=2, checker=positive)


def test_a_checker_refuses_by_false_or_by_an_error() -> None:
    Checked(x=4, y=3)

    with pytest.raises(PlanProblem, match=r"Checked\.x cannot be 3: its checker says no"):
        Checked(x=3)
    with pytest.raises(PlanProblem, match=r"Checked\.y cannot be 0: not positive"):
        Checked(y=0)


def test_a_field_has_one_sort_of_default() -> None:
    with pytest.raises(PlanProblem, match="not both"):
        field(default=1, default_factory=lambda: 1)  # type: ignore[call-overload]


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../b", ""])
def test_a_generated_path_stays_inside_the_job_folder(path: str) -> None:
    with pytest.raises(PlanProblem, match="stays inside the job folder"):
        PathGenerator(path)


def test_an_initialiser_with_arguments_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(PlanProblem) as refused:

        class Wrong(Config):
            def __init__(self, layers: int) -> None:
                self.layers = layers

    assert "__post_init__" in refused.value.hint


class WithProperty(Config):
    layers: Param[int]

    @property
    def double(self) -> int:
        return 2 * self.layers

    @double.setter
    def double(self, value: int) -> None:
        self.layers = value // 2


def test_properties_and_private_attributes_work_as_usual() -> None:
    config: Any = WithProperty(layers=2)
    config.double = 10
    config._cache = 1

    assert config.layers == 5
    assert config._cache == 1


def test_a_configuration_can_be_pickled_for_helpers_of_a_job() -> None:
    model = pickle.loads(pickle.dumps(Model(layers=3, sizes=[1])))

    assert identifier(Model(layers=3, sizes=[1])) == identifier(model)


def test_a_configuration_shows_what_was_given() -> None:
    assert repr(Model(layers=3, sizes=[1])) == "Model(layers=3, sizes=[1])"


def test_a_path_argument_takes_text() -> None:
    class Located(Config):
        path: Param[Path]

    assert Path("a/b") == Located(path="a/b").path  # type: ignore[arg-type]


def test_a_default_given_as_ignore_default_is_refused() -> None:
    with pytest.raises(PlanProblem, match=r"field\(default=0.1, ignore_default=True\)"):
        field(ignore_default=0.1)  # type: ignore[call-overload]
