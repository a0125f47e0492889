"""Tags, collected through everything a task uses, and the names made of them."""

import warnings
from typing import Any

import pytest

from tests.plan.recording import Recording
from xpm import (
    Config,
    Param,
    TagConflict,
    Task,
    copyconfig,
    identifier,
    parse_tagspath,
    stop_tags,
    tag,
    tags,
    tagspath,
)
from xpm.errors import PlanProblem


class Model(Config):
    layers: Param[int]
    name: Param[str] = "m"
    flag: Param[bool] = False
    rate: Param[float] = 0.5


class Learn(Task):
    model: Param[Any]
    epochs: Param[int] = 1

    def execute(self) -> None:
        """Nothing."""


def test_tags_are_collected_through_what_is_used_outermost_first() -> None:
    learn = Learn(epochs=tag(100), model=Model(layers=tag(3)))

    assert list(learn.tags().items()) == [("epochs", 100), ("layers", 3)]
    assert learn.tags() == tags(learn)


def test_every_plain_type_can_be_a_tag_and_the_value_is_plain() -> None:
    model = Model(layers=tag(3), name=tag("x"), flag=tag(True), rate=tag(0.1))

    assert [int, str, bool, float] == [
        type(each) for each in (model.layers, model.name, model.flag, model.rate)
    ]
    assert model.tags() == {"layers": 3, "name": "x", "flag": True, "rate": 0.1}
    assert identifier(model) == identifier(Model(layers=3, name="x", flag=True, rate=0.1))


def test_a_tagged_value_is_used_like_the_value() -> None:
    assert tag(3) + 1 == 4
    assert f"m{tag(3)}" == "m3"
    assert tag("a") == "a"
    assert not tag(False)


def test_assigning_a_tag_replaces_the_tag_before_and_a_plain_value_removes_it() -> None:
    model = Model(layers=tag(3))
    model.layers = tag(4)
    assert model.tags() == {"layers": 4}

    model.layers = 5

    assert model.tags() == {}


def test_named_tags_return_the_object() -> None:
    model = Model(layers=3)

    assert model is model.tag("size", "small")
    assert model.tags() == {"size": "small"}


@pytest.mark.parametrize("value", [None, [1], Model(layers=1)])
def test_only_plain_values_are_tags(value: object) -> None:
    with pytest.raises(PlanProblem, match="cannot be a tag"):
        tag(value)
    with pytest.raises(PlanProblem, match="cannot be a tag"):
        Model(layers=1).tag("x", value)


def test_a_tag_inside_a_container_is_refused_with_what_to_do() -> None:
    with pytest.raises(PlanProblem, match=r"use \.tag\(name, value\)"):
        Learn(model=[tag(3)])


def test_tags_are_collected_through_containers_and_tasks(xp: Recording) -> None:
    first = Learn(model={"a": [Model(layers=tag(3))]}, epochs=tag(7)).submit()

    second = Learn(model=[(first,)])
    second.submit()

    assert {"epochs": 7, "layers": 3} == second.tags() == xp.submitted[1].tags


def test_the_outermost_of_two_tags_wins_with_a_warning_of_both_lines() -> None:
    learn = Learn(model=Model(layers=tag(3))).tag("layers", 5)

    with pytest.warns(TagConflict, match=r"test_tags\.py:\d+\) and 3 \(.*test_tags\.py:\d+\)"):
        found = learn.tags()

    assert found == {"layers": 5}


def test_a_conflict_is_told_at_the_line_that_asks() -> None:
    learn = Learn(model=Model(layers=tag(7))).tag("layers", 5)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        learn.tags()

    assert said[0].filename == __file__


def test_a_report_on_a_sweep_is_told_once_for_each_tag_how_to_leave_it_out() -> None:
    learn = Learn(model=[Model(layers=tag(each)) for each in (1, 2, 3, 4)])

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        learn.tags()

    (only,) = said
    assert "tag 'layers' is 1 (" in str(only.message)
    assert "stop_tags(...) around an argument's value leaves its tags out" in str(only.message)


def test_equal_tags_are_no_conflict() -> None:
    learn = Learn(model=[Model(layers=tag(3)), Model(layers=tag(3))])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert learn.tags() == {"layers": 3}


def test_stop_tags_cuts_a_branch() -> None:
    model = Model(layers=tag(3))
    learn = Learn(model=stop_tags(model), epochs=tag(2))

    assert model is learn.model
    assert learn.tags() == {"epochs": 2}
    assert Learn(model=stop_tags([model]), epochs=tag(2)).tags() == {"epochs": 2}


def test_copies_keep_tags() -> None:
    learn = Learn(model=stop_tags(Model(layers=tag(3))), epochs=tag(2))

    assert copyconfig(learn).tags() == {"epochs": 2}
    assert copyconfig(learn, epochs=3).tags() == {}


def test_tags_are_no_part_of_the_document_or_identity(xp: Recording) -> None:
    Learn(model=Model(layers=3)).submit()
    Learn(model=Model(layers=tag(3))).submit()

    assert xp.submitted[0].job == xp.submitted[1].job
    assert xp.submitted[0].document == xp.submitted[1].document


def tagged(values: dict[str, Any]) -> Config:
    model = Model(layers=1)
    for name, value in values.items():
        model.tag(name, value)
    return model


@pytest.mark.parametrize("name", ["", 3, None])
def test_a_tag_has_a_name(name: Any) -> None:
    with pytest.raises(PlanProblem, match="a tag cannot be called"):
        Model(layers=1).tag(name, 1)


def test_the_path_of_a_configuration_is_that_of_its_tags() -> None:
    learn = Learn(epochs=tag(100), model=Model(layers=tag(3)))

    assert tagspath(learn) == "epochs=100_layers=3"
    assert parse_tagspath(tagspath(learn)) == learn.tags()
    assert tagspath(Model(layers=3)) == "untagged"
