"""Documents: sealed values that come back as the very objects, on any side."""

import copy
import enum
import json
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan import document_cases
from tests.plan.recording import Recording
from tests.plan.test_identity_properties import Leaf, Tree, trees
from xpm import (
    Config,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Task,
    copyconfig,
    field,
    identifier,
    setmeta,
)  # fmt: skip
from xpm.errors import Defect, PlanProblem
from xpm.plan import context
from xpm.plan.differences import GONE, Difference, shown
from xpm.plan.documents import differences, document
from xpm.plan.restoring import restore
from xpm.plan.sealing import Sealed
from xpm.wire import jobfile

GOLDENS = Path(__file__).parents[1] / "golden" / "documents"


class Mode(enum.Flag):
    R = 1
    W = 2


class Holder(Config):
    x: Param[Any]


class Model(Config):
    __xpmid__ = "d.model"
    layers: Param[int]
    hidden: Param[int] = 10
    scratch: Meta[Path] = field(default_factory=PathGenerator("scratch/model.bin"))
    prepared: Meta[bool] = False

    def __post_init__(self) -> None:
        self.prepared = True


class Loaded(Config):
    path: Param[Path]


class Learn(Task):
    __xpmid__ = "d.learn"
    model: Param[Model]
    twice: Param[Model | None] = None
    note: Meta[str] = "n"
    data: Param[Path | None] = None
    parameters: Meta[Path] = field(default_factory=PathGenerator("parameters.pth"))

    def task_outputs(self, dep: Callable[[Any], Any]) -> Any:
        return dep(Loaded(path=self.parameters))

    def execute(self) -> None:
        """Nothing."""


class Use(Task):
    anything: Param[Any]

    def execute(self) -> None:
        """Nothing."""


class Warm(LightweightTask):
    seed: Param[int] = 1

    def execute(self) -> None: ...


class Initialised(Config):
    x: Param[int] = 1

    def __init__(self) -> None:
        self.cache: dict[str, int] = {}


def find(reference: dict[str, Any]) -> type:
    """The class of a reference, in this process."""
    found: Any = sys.modules[reference["module"]]
    for part in reference["name"].split("."):
        found = getattr(found, part)
    assert isinstance(found, type)
    return found


def there(made: dict[str, Any], workspace: Path = Path("/ws")) -> Any:
    """What a document gives on the far side, after a journey as text."""
    return restore(json.loads(json.dumps(made)), str(workspace), "/code", find)


def run(workspace: Path, *jobs: Sealed) -> None:
    """Leave in the workspace what jobs that have run leave there."""
    for each in jobs:
        entry = {"task": each.task, "job": each.job, "attempt": 1, "document": each.document}
        (workspace / ".xpm").mkdir(parents=True, exist_ok=True)
        jobfile.write(str(workspace), entry)


EXACT: list[Any] = [
    None, True, 1, -1, 2**53, 2**53 - 1, -(2**70), 1.0, 0.1, -0.0, 5e-324, math.inf, -math.inf, "", "é", "\ud800", "\ud83d\udc0d",
    b"", b"\0\xff", [], [[1], "a"], (), (1, (2,)), set(), {1, "a"}, frozenset({1}), {}, {1: "a", (1,): [None]}, {"node": 0},
    {"path": "x"}, Mode.R | Mode.W, Mode(0),
]  # fmt: skip


@pytest.mark.parametrize("value", EXACT)
def test_every_value_comes_back_exactly(value: object) -> None:
    found = there(document(Holder(x=value))).x

    assert (type(value), value) == (type(found), found)
    assert (isinstance(value, (set, frozenset)) or repr(value)) == (
        isinstance(found, (set, frozenset)) or repr(found)
    )


def test_an_integer_of_five_thousand_digits_comes_back() -> None:
    assert there(document(Holder(x=10**5000))).x == 10**5000


def test_nan_comes_back() -> None:
    assert math.isnan(there(document(Holder(x=math.nan))).x)


@given(trees)
def test_any_configuration_comes_back_with_its_identity(tree: Tree) -> None:
    text = json.dumps(document(tree), allow_nan=False)

    found = restore(json.loads(text), "/ws", "/code", find, live=False)

    assert identifier(tree) == identifier(found)


@given(st.dictionaries(st.integers(), st.text(), max_size=5))
def test_a_dictionary_keeps_its_order(value: dict[int, str]) -> None:
    assert list(value) == list(there(document(Holder(x=value))).x)


def test_defaults_are_kept(xp: Recording) -> None:
    Learn(model=Model(layers=3)).submit()

    nodes = xp.submitted[0].document["nodes"]
    assert {name: value for name, value in nodes[0]["values"].items() if name != "scratch"} == {
        "layers": 3,
        "hidden": 10,
        "prepared": False,
    }
    assert nodes[1]["values"]["note"] == "n"


def test_the_instance_is_the_very_task_and_shared_parts_stay_shared(xp: Recording) -> None:
    model = Model(layers=3)
    Learn(model=model, twice=model).submit()

    task = there(xp.submitted[0].document)

    assert isinstance(task, Learn)
    assert task.model is task.twice
    assert task.model.prepared
    setattr(task, "anything_goes", 3)  # noqa: B010
    task.model.layers = 9


def test_generated_paths_are_in_the_job_folder_of_the_far_side(xp: Recording) -> None:
    Learn(model=Model(layers=3)).submit()
    sealed = xp.submitted[0]

    task = there(sealed.document)

    folder = Path("/ws/jobs/d.learn", sealed.job)
    assert folder / "parameters.pth" == task.parameters
    assert folder / "scratch" / "model.model.bin" == task.model.scratch


def test_paths_of_parents_are_in_the_folders_of_parents(xp: Recording, tmp_path: Path) -> None:
    learn = Learn(model=Model(layers=3))
    loaded = learn.submit()
    Use(anything=[loaded, learn, learn.jobpath / "runs"]).submit()
    parent = xp.submitted[0]

    run(tmp_path, parent)
    found = there(xp.submitted[1].document, tmp_path).anything

    folder = tmp_path / "jobs" / "d.learn" / parent.job
    assert folder / "parameters.pth" == found[0].path
    assert folder / "parameters.pth" == found[1].parameters
    assert folder / "runs" == found[2]


def test_a_part_sealed_by_an_unrelated_task_has_paths_in_each_job(xp: Recording) -> None:
    model = Model(layers=3)
    Learn(model=model).submit()
    Learn(model=model, note="other", twice=model).submit()
    Use(anything=model).submit()
    second, use = xp.submitted[1:]

    assert second.job in str(there(second.document).model.scratch)
    assert use.job in str(there(use.document).anything.scratch)


class HandOn(Task):
    before: Param[Learn]

    def task_outputs(self, dep: Callable[[Any], Any]) -> Any:
        return dep(Holder(x=self.before.model))

    def execute(self) -> None:
        """Nothing."""


def test_a_part_of_a_task_further_back_that_is_handed_on_keeps_its_paths(xp: Recording) -> None:
    learn = Learn(model=Model(layers=3))
    learn.submit()
    Use(anything=[HandOn(before=learn).submit()]).submit()
    sealed = xp.submitted[-1]

    assert Path("/ws", "jobs", "d.learn", identifier(learn)) in (
        there(sealed.document).anything[0].x.scratch.parents
    )


def test_paths_given_inside_the_project_are_relative_to_the_code(xp: Recording) -> None:
    Use(anything=[xp.project / "data" / "x.csv", xp.project]).submit()

    found = there(xp.submitted[0].document).anything

    assert [Path("/code/data/x.csv"), Path("/code")] == found


def test_relative_paths_are_seen_from_the_current_folder(
    xp: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(xp.project)
    Use(anything=[Path("data/x.csv"), Path("../elsewhere")]).submit()

    found = there(xp.submitted[0].document).anything

    assert [Path("/code/data/x.csv"), xp.project.parent / "elsewhere"] == found


def test_other_paths_are_taken_as_they_are_on_the_far_side(xp: Recording) -> None:
    Use(anything=[Path("/data/x"), Path("~/y")]).submit()

    found = there(xp.submitted[0].document).anything

    assert [Path("/data/x"), Path("~/y").expanduser()] == found


def test_a_project_reached_through_a_link_is_recognised(xp: Recording, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(xp.project)
    Use(anything=tmp_path / "link" / "x.csv").submit()

    assert Path("/code/x.csv") == there(xp.submitted[0].document).anything


def test_a_job_path_inside_a_project_is_a_job_path(tmp_path: Path) -> None:
    with Recording(tmp_path / "runs", tmp_path) as recording:
        Use(anything=[tmp_path / "runs/jobs/a/b/c", tmp_path / "runs/notes"]).submit()

    found = there(recording.submitted[0].document).anything

    assert [Path("/ws/jobs/a/b/c"), Path("/code/runs/notes")] == found


def test_the_values_of_other_tasks_are_read_when_they_are_asked_for(
    xp: Recording, tmp_path: Path
) -> None:
    task = Learn(model=Model(layers=3), note="mine")
    task.submit()
    use = Use(anything=[task])
    use.submit()
    found = there(xp.submitted[-1].document, tmp_path).anything[0]

    assert isinstance(found, Learn)
    assert identifier(task) == identifier(found)
    with pytest.raises(PlanProblem, match="which this job uses, cannot be read") as refused:
        print(found.note)
    run(tmp_path, xp.submitted[0])

    assert found.note == "mine"
    assert found.model.layers == 3
    assert found.model.prepared
    assert refused.value.on.endswith(f"jobs/d.learn/{identifier(task)}/.xpm/job.json")


def test_tasks_before_tasks_are_found_however_far(xp: Recording, tmp_path: Path) -> None:
    last: Any = Use(anything=0)
    last.submit()
    for index in range(1, 100):
        last = Use(anything=[index, last])
        last.submit()
    run(tmp_path, *xp.submitted)

    found = there(xp.submitted[-1].document, tmp_path)
    for index in range(99, 0, -1):
        assert found.anything[0] == index
        found = found.anything[1]

    assert found.anything == 0


def test_a_document_does_not_grow_with_the_tasks_before(xp: Recording) -> None:
    last: Any = None
    for index in range(10, 60):
        last = Use(anything=[index, last])
        last.submit()

    sizes = {len(json.dumps(each.document)) for each in xp.submitted[1:]}

    assert len(sizes) == 1
    assert sizes.pop() < 600


def test_a_task_before_by_two_ways_is_one_object(xp: Recording, tmp_path: Path) -> None:
    first = Use(anything=1)
    first.submit()
    left, right = Use(anything=["l", first]), Use(anything=["r", first])
    left.submit()
    right.submit()
    Use(anything=[left, right]).submit()
    run(tmp_path, *xp.submitted)

    found = there(xp.submitted[-1].document, tmp_path).anything

    assert found[0].anything[1] is found[1].anything[1]


def test_classes_of_tasks_before_are_where_the_code_has_them_now(
    xp: Recording, tmp_path: Path
) -> None:
    first = Learn(model=Model(layers=3))
    first.submit()
    second = Use(anything=first)
    second.submit()
    Use(anything=second).submit()
    before = [copy.deepcopy(each) for each in xp.submitted[:2]]
    for each in before:
        for kind in each.document["types"]:
            kind["module"] = "was.here.once"
    run(tmp_path, *before)

    found = there(xp.submitted[2].document, tmp_path)

    assert found.anything.anything.model.layers == 3


class Eager(Task):
    x: Param[int]

    def __getattr__(self, name: str) -> Any:
        if name == "anything_else":
            return self.x + 1
        raise AttributeError(name)

    def execute(self) -> None:
        """Nothing."""


def test_a_class_that_answers_for_attributes_itself_has_its_values_at_once(
    xp: Recording, tmp_path: Path
) -> None:
    eager = Eager(x=3)
    eager.submit()
    Use(anything=eager).submit()
    run(tmp_path, *xp.submitted)

    found = there(xp.submitted[-1].document, tmp_path).anything

    assert (found.x, found.anything_else) == (3, 4)


def test_tasks_before_survive_copies_and_pickles(xp: Recording, tmp_path: Path) -> None:
    first = Learn(model=Model(layers=3))
    first.submit()
    Use(anything=first).submit()
    run(tmp_path, *xp.submitted)
    found = there(xp.submitted[-1].document, tmp_path)

    unpickled = pickle.loads(pickle.dumps(found))

    assert unpickled.anything.model.layers == 3
    assert copyconfig(found.anything).model.layers == 3
    assert repr(found.anything) == repr(unpickled.anything)


@pytest.mark.parametrize("version", [1, 2])
def test_documents_of_every_format_give_the_same_objects(version: int, tmp_path: Path) -> None:
    golden = json.loads((GOLDENS / f"format{version}.json").read_text())
    run(tmp_path, *document_cases.submitted().submitted)

    found = restore(golden["document"], str(tmp_path), "/project", find)

    assert golden["job"] == identifier(found)
    assert found.learn.model.layers == 3
    folder = tmp_path / "jobs" / "g.learn" / identifier(found.learn)
    assert folder / "parameters.pth" == found.learn.parameters
    assert found.loaded.path == found.learn.parameters
    assert found.loaded.inner.hidden == 10
    assert found.models[0] is found.models[1]
    assert found.models[0] is found.values[-1]
    assert repr(document_cases.VALUES[:8]) == repr(found.values[:8])
    assert [Path("/project/data.csv"), tmp_path / "jobs/a/b/c"] == found.values[14:16]
    assert found.uncounted.layers == 5
    assert [each.seed for each in found.__dict__["_xpm"].init] == [7]


def test_the_newest_format_is_written() -> None:
    golden = json.loads((GOLDENS / "format2.json").read_text())

    assert golden["document"] == document_cases.submitted().submitted[-1].document


def test_two_formats_of_a_job_have_no_differences() -> None:
    first, second = (json.loads((GOLDENS / f"format{n}.json").read_text()) for n in (1, 2))

    assert differences(first["document"], second["document"]) == []


def test_initial_tasks_come_back(xp: Recording) -> None:
    Learn(model=Model(layers=3)).submit(init_tasks=[Warm(seed=4)])

    task = there(xp.submitted[0].document)

    assert [each.seed for each in task.__dict__["_xpm"].init] == [4]


def test_an_initialiser_without_arguments_runs_in_the_job_only() -> None:
    made = Initialised()
    assert not hasattr(made, "cache")

    assert there(document(made)).cache == {}


def test_a_task_in_its_job_knows_its_folder_and_its_time(xp: Recording) -> None:
    Learn(model=Model(layers=3)).submit()
    sealed = xp.submitted[0]
    task = there(sealed.document)
    assert task.remaining_time() is None

    context.enter_job(context.JobContext("/ws", "/code", sealed.task, sealed.job, lambda: 7.5))
    try:
        assert Path("/ws/jobs", sealed.task, sealed.job) == task.jobpath
        assert task.remaining_time() == 7.5
    finally:
        context.leave_job()


def test_a_document_of_another_format_is_refused() -> None:
    with pytest.raises(Defect, match="format 3"):
        restore({**document(Leaf()), "format": 3}, "/ws", "/code", find)


def test_a_document_has_no_class_that_python_pickles() -> None:
    text = json.dumps(document(Holder(x=[Leaf(), {"a": Mode.R}])), allow_nan=False)

    assert text.isascii()


class Renamed(Config):
    __xpmid__ = "d.model"
    layers: Param[int]
    hidden: Param[int] = 20
    fresh: Param[bool] = False


def test_equal_documents_have_no_differences() -> None:
    model = Holder(x=[Model(layers=3), {1: Path("a")}])

    assert differences(document(model), document(copyconfig(model))) == []


def test_differences_name_the_argument_the_kind_and_both_values(tmp_path: Path) -> None:
    old, new = (Recording(tmp_path, tmp_path / "code") for _ in range(2))
    with old:
        Learn(model=Model(layers=3), note="a", data=Path("/x")).submit()
    with new:
        Learn(model=Model(layers=3), note="b", data=Path("/y")).submit()

    found = differences(old.submitted[0].document, new.submitted[0].document)

    assert old.submitted[0].job == new.submitted[0].job
    assert [
        Difference("note", "meta", "a", "b"),
        Difference(
            "data", "path", {"path": "/x", "base": "absolute"}, {"path": "/y", "base": "absolute"}
        ),
    ] == found


def test_a_changed_default_is_a_difference_wherever_it_is() -> None:
    old, new = document(Holder(x=[Model(layers=3)])), document(Holder(x=[Renamed(layers=3)]))

    found = differences(old, new)

    assert Difference("x[0].hidden", "default", 10, 20) in found
    assert Difference("x[0].fresh", "added", GONE, False) in found


def test_an_argument_that_is_gone_is_told_apart_from_a_changed_one() -> None:
    old, new = document(Holder(x=[Renamed(layers=3)])), document(Holder(x=[Model(layers=3)]))

    assert Difference("x[0].fresh", "gone", False, GONE) in differences(old, new)


def test_members_of_an_enum_are_the_same_whatever_their_place_in_the_list_of_types() -> None:
    old, new = document(Holder(x=[Leaf(), Mode.R])), document(Holder(x=[Leaf(), Mode.R]))
    old["types"].insert(0, {"module": "m", "name": "n"})
    for node in old["nodes"]:
        node["type"] += 1
    for each in (old["nodes"][-1]["values"]["x"][1]["flag"],):
        each[0] += 1

    assert differences(old, new) == []
    new["nodes"][-1]["values"]["x"][1]["flag"][1] = 2
    assert [each.kind for each in differences(old, new)] == ["default"]


def test_differing_values_are_shown_as_a_plan_has_them() -> None:
    values = [
        (1, "a"), {2}, {"a": [None]}, Mode.W, 2**60, math.inf, Path("/x"), Leaf(), "\ud800\udc00",
    ]  # fmt: skip
    made = document(Holder(x=values))

    assert shown(made["nodes"][-1]["values"]["x"]) == (
        "[tuple([1, 'a']), set([2]), {'a': [None]}, 2, 0x1000000000000000, inf, '/x', a configuration, eda080edb080]"
    )


def test_what_is_below_an_uncounted_configuration_is_uncounted() -> None:
    old = document(Holder(x=setmeta(Leaf(number=1), True)))
    new = document(Holder(x=setmeta(Leaf(number=2), True)))

    assert [Difference("x.number", "meta", 1, 2)] == differences(old, new)


def test_a_dictionary_in_another_order_is_no_difference() -> None:
    old, new = document(Holder(x={"a": 1, "b": 2})), document(Holder(x={"b": 2, "a": 1}))

    assert differences(old, new) == []


def test_a_document_is_the_same_in_every_process() -> None:
    code = (
        "import json\n"
        "from tests.plan.test_documents import Holder, document\n"
        "print(json.dumps(document(Holder(x=[{'b', 'a', 'c', 1, None}, frozenset('xyz')]))))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "123"
    }

    assert len(said) == 1
