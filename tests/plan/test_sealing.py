"""Sealing and submitting: values fixed for ever, what cannot become a job refused."""

# ruff: noqa: RUF012

import inspect
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
    copyconfig,
    field,
    identifier,
    setmeta,
    task,
)  # fmt: skip
from xpm.errors import PlanProblem
from xpm.plan.jobpath import JobPath
from xpm.plan.sealing import seal


class Part(Config):
    x: Param[int] = 1
    items: Param[list[int]] = []


class Model(Config):
    layers: Param[int]
    part: Param[Part] = Part()
    table: Param[dict[str, list[int]]] = {}
    names: Param[set[str]] = set()


class Loaded(Config):
    path: Param[Path]
    inner: Param[Config | None] = None


class Learn(Task):
    __xpmid__ = "demo.learn"
    model: Param[Model]
    epochs: Param[int] = 1
    parameters: Meta[Path] = field(default_factory=PathGenerator("parameters.pth"))

    def execute(self) -> None:
        """Nothing."""


class Handing(Learn):
    __xpmid__ = "demo.handing"

    def task_outputs(self, dep: Callable[[Any], Any]) -> Any:
        return dep(Loaded(path=self.parameters))


class HandingPart(Learn):
    __xpmid__ = "demo.handingpart"

    def task_outputs(self, dep: Callable[[Any], Any]) -> Any:
        return {
            "model": dep(self.model),
            "both": [dep(Loaded(path=self.parameters, inner=self.model))],
        }


class Evaluate(Task):
    loaded: Param[Loaded]
    others: Param[dict[str, list[Task]]] = {}

    def execute(self) -> None: ...


class Use(Task):
    anything: Param[Any]

    def execute(self) -> None: ...


class Warm(LightweightTask):
    seed: Param[int] = 1

    def execute(self) -> None: ...


class Valid(Task):
    low: Param[int]
    high: Param[int]

    def __validate__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"{self.low} is above {self.high}")

    def execute(self) -> None: ...


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_a_submitted_task_is_sealed_deeply_and_says_by_whom_and_where(xp: Recording) -> None:
    learn = Learn(model=Model(layers=3))
    learn.submit()
    submitted = line() - 1

    with pytest.raises(PlanProblem) as refused:
        learn.model.part.x = 5
    changed = line() - 1

    assert refused.value.what == "Part.x cannot be changed"
    assert f"sealed by demo.learn (job {identifier(learn)[:12]})" in refused.value.cause
    assert refused.value.cause.endswith(f"test_sealing.py:{submitted}")
    assert refused.value.where.endswith(f"test_sealing.py:{changed}")
    assert isinstance(refused.value, AttributeError)


CHANGES: list[Callable[[Learn], object]] = [
    lambda learn: setattr(learn, "epochs", 3),
    lambda learn: delattr(learn, "model"),
    lambda learn: learn.model.part.items.append(3),
    lambda learn: learn.model.part.items.sort(),
    lambda learn: learn.model.table.update(a=[]),
    lambda learn: learn.model.table["a"].append(3),
    lambda learn: learn.model.table.pop("a"),
    lambda learn: learn.model.names.add("b"),
    lambda learn: learn.model.names.clear(),
    lambda learn: learn.tag("name", 3),
    lambda learn: learn.model.tag("name", 3),
    lambda learn: learn.add_dependencies(learn),
    lambda learn: Token("cpu", 3)(1, learn),
    lambda learn: setmeta(learn.model),
]


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_of_a_sealed_task_can_be_changed(
    xp: Recording, change: Callable[[Learn], object]
) -> None:
    learn = Learn(model=Model(layers=3, table={"a": [2, 1]}, names={"a"}))
    learn.submit()

    with pytest.raises(PlanProblem, match=r"cannot be changed: sealed by demo\.learn"):
        change(learn)


def test_sealed_containers_read_as_usual(xp: Recording) -> None:
    model = Model(layers=3, table={"a": [2, 1]}, names={"a"})
    Learn(model=model).submit()

    assert model.table == {"a": [2, 1]}
    assert isinstance(model.table["a"], list)
    assert {"a"} == model.names
    assert sorted(model.table["a"]) == [1, 2]


def test_sealed_parts_can_be_used_in_other_tasks(xp: Recording) -> None:
    model = Model(layers=3)
    Learn(model=model).submit()
    Learn(model=model, epochs=2).submit()

    assert len(xp.submitted) == 2


def test_an_unsealed_copy_can_be_changed(xp: Recording) -> None:
    learn = Learn(model=Model(layers=3, table={"a": [1]}))
    learn.submit()

    copied = copyconfig(learn, epochs=7)
    copied.model.table["a"].append(2)
    copied.submit()

    assert (learn.epochs, copied.epochs) == (1, 7)
    assert learn.model.table == {"a": [1]}
    assert learn.parameters != copied.parameters
    assert len({each.job for each in xp.submitted}) == 2


def test_equal_tasks_are_one_job(xp: Recording) -> None:
    Learn(model=Model(layers=3)).submit()
    Learn(model=Model(layers=3)).submit()

    assert xp.submitted[0].job == xp.submitted[1].job


def test_submitting_again_changes_nothing(xp: Recording) -> None:
    handing = Handing(model=Model(layers=3))

    assert handing.submit() is handing.submit()
    assert len(xp.submitted) == 1


def test_a_sealed_task_tells_its_job(xp: Recording) -> None:
    learn = Learn(model=Model(layers=3)).submit(launcher="gpu")

    sealed = xp.submitted[0]
    assert ("demo.learn", identifier(learn)) == (sealed.task, sealed.job)
    assert xp.launchers == ["gpu"]
    assert sealed.where.rpartition(":")[0].endswith("test_sealing.py")
    assert learn.jobpath == xp.main / "jobs" / "demo.learn" / sealed.job
    assert isinstance(learn.jobpath, JobPath)
    assert (
        learn.jobpath is learn.jobpath.jobpath is not None or learn.jobpath == learn.jobpath.jobpath
    )
    assert learn.state == "waiting"
    assert learn.jobpath / "stdout" == learn.stdout()
    assert learn.jobpath / "stderr" == learn.stderr()
    assert learn.jobpath / "parameters.pth" == learn.parameters


def test_what_is_below_a_job_path_is_a_path_to_link_to(xp: Recording, tmp_path: Path) -> None:
    learn = Learn(model=Model(layers=3)).submit()

    (tmp_path / "link").symlink_to(learn.jobpath / "runs")

    assert str(learn.jobpath / "runs") == str((tmp_path / "link").readlink())


def test_a_generated_path_is_unknown_before(xp: Recording) -> None:
    learn = Learn(model=Model(layers=3))

    with pytest.raises(PlanProblem, match="known when its task is submitted"):
        print(learn.parameters)


def test_a_task_without_a_job_says_what_to_do() -> None:
    with pytest.raises(PlanProblem) as refused:
        print(Learn(model=Model(layers=3)).jobpath)

    assert refused.value.hint == "submit() it first"


def test_missing_values_are_refused_all_at_once(xp: Recording) -> None:
    with pytest.raises(PlanProblem) as refused:
        Valid().submit()  # type: ignore[call-arg]

    assert "Valid.low has no value" in str(refused.value)
    assert "Valid.high has no value" in str(refused.value)
    assert xp.submitted == []


def test_missing_values_of_parts_say_where_they_are(xp: Recording) -> None:
    with pytest.raises(PlanProblem, match=r"Model\.layers has no value \(at model\)"):
        Learn(model=Model()).submit()  # type: ignore[call-arg]


def test_a_class_may_refuse_its_values(xp: Recording) -> None:
    with pytest.raises(PlanProblem, match="Valid is not valid: 3 is above 2"):
        Valid(low=3, high=2).submit()


def test_what_was_put_into_a_list_is_checked_too(xp: Recording) -> None:
    model = Model(layers=3)
    model.part.items.append("three")  # type: ignore[arg-type]

    with pytest.raises(PlanProblem, match=r"Part\.items\[0\] expects int, got 'three'"):
        Learn(model=model).submit()


def test_an_unsubmitted_task_is_refused_as_argument(xp: Recording) -> None:
    inner = Learn(model=Model(layers=3))
    made = line() - 1

    with pytest.raises(PlanProblem) as refused:
        Use(anything={"a": [inner]}).submit()

    assert refused.value.what == "Use.anything['a'][0] is a task that has not been submitted"
    assert refused.value.on.endswith(f"test_sealing.py:{made}")


def test_nothing_stays_sealed_when_a_submission_is_refused(xp: Recording) -> None:
    learn = Learn(model=Model(layers=3, table={"a": [1]}))
    xp.refusal = PlanProblem("no such launcher")
    with pytest.raises(PlanProblem, match="no such launcher"):
        learn.submit()

    learn.epochs = 4
    learn.model.layers = 4
    learn.model.table["a"].append(2)
    xp.refusal = None
    learn.submit()

    assert learn.model.table == {"a": [1, 2]}
    assert learn.parameters.parent == learn.jobpath


def test_submitting_outside_an_experiment_is_refused() -> None:
    with pytest.raises(PlanProblem, match="outside an experiment"):
        Learn(model=Model(layers=3)).submit()


def test_a_configuration_cannot_be_sealed_as_a_task() -> None:
    with pytest.raises(PlanProblem, match="a Part cannot be submitted"):
        seal(Part())  # type: ignore[arg-type]


def test_a_local_class_is_refused_at_submission(xp: Recording) -> None:
    class Local(Task):
        x: Param[int] = 1

        def execute(self) -> None: ...

    with pytest.raises(PlanProblem) as refused:
        Local().submit()

    assert refused.value.cause == "it is defined inside a function"
    assert refused.value.hint == "move it to the top level of its module"
    assert "test_sealing.py:" in refused.value.where


def test_a_lambda_is_refused_at_submission(xp: Recording) -> None:
    made = task("demo.lambda")(lambda x: x)

    with pytest.raises(PlanProblem, match="a lambda has no name"):
        made(x=1).submit()


def test_a_submitted_task_is_a_dependency_at_any_depth(xp: Recording) -> None:
    first = Learn(model=Model(layers=1)).submit()
    second = Learn(model=Model(layers=2)).submit()
    loaded = Handing(model=Model(layers=3)).submit()
    evaluate = Evaluate(loaded=loaded, others={"a": [first, second], "b": [first]})
    evaluate.submit()

    learns, sealed = xp.submitted[:3], xp.submitted[3]
    assert {(each.task, each.job) for each in learns} == set(sealed.parents)
    assert len(sealed.parents) == 3


def test_only_the_nearest_tasks_are_dependencies(xp: Recording) -> None:
    first = Learn(model=Model(layers=1)).submit()
    second = Use(anything=first).submit()
    Use(anything=second).submit()

    assert ((xp.submitted[1].task, xp.submitted[1].job),) == xp.submitted[2].parents


def test_add_dependencies_waits_without_changing_the_identity(xp: Recording) -> None:
    first = Learn(model=Model(layers=1)).submit()
    loaded = Handing(model=Model(layers=3)).submit()
    plain = identifier(Learn(model=Model(layers=2)))

    Learn(model=Model(layers=2)).add_dependencies(first, [loaded]).submit()

    assert plain == xp.submitted[2].job
    assert [name for name, _ in xp.submitted[2].parents] == ["demo.learn", "demo.handing"]


def test_add_dependencies_refuses_what_has_no_job(xp: Recording) -> None:
    with pytest.raises(PlanProblem, match="has not been submitted"):
        Learn(model=Model(layers=2)).add_dependencies(Learn(model=Model(layers=1))).submit()
    with pytest.raises(PlanProblem, match="cannot depend on a str"):
        Learn(model=Model(layers=2)).add_dependencies("all")


def test_an_output_carries_the_identity_of_its_task(xp: Recording) -> None:
    one = Handing(model=Model(layers=1)).submit()
    two = Handing(model=Model(layers=2)).submit()

    assert isinstance(one, Loaded)
    assert identifier(one) != identifier(two)
    assert identifier(Use(anything=one)) != identifier(Use(anything=two))


def test_an_output_answers_for_its_job(xp: Recording) -> None:
    called: list[object] = []
    loaded = Handing(model=Model(layers=1)).submit()
    assert loaded is loaded.on_completed(called.append)

    assert loaded is loaded.on_failed(called.remove)
    loaded.wait()

    assert [("done", called.append, loaded), ("failed", called.remove, loaded)] == xp.jobs[
        0
    ].callbacks
    assert xp.jobs[0].jobpath == loaded.jobpath
    assert loaded.state == "done"
    assert loaded.path == loaded.jobpath / "parameters.pth"


def test_outputs_are_sealed(xp: Recording) -> None:
    loaded = Handing(model=Model(layers=1)).submit()

    with pytest.raises(PlanProblem, match=r"sealed by demo\.handing"):
        loaded.path = Path("x")


def test_a_part_handed_on_depends_on_the_task_and_the_part_itself_does_not(xp: Recording) -> None:
    model = Model(layers=1)
    before = identifier(model)
    outputs = HandingPart(model=model).submit()

    Use(anything=outputs["model"]).submit()
    Use(anything=model).submit()
    Use(anything=outputs["both"]).submit()

    assert before == identifier(model) != identifier(outputs["model"])
    assert [len(each.parents) for each in xp.submitted[1:]] == [1, 0, 1]


def test_initial_tasks_count_and_travel(xp: Recording) -> None:
    plain = Learn(model=Model(layers=1)).submit()
    warmed = Learn(model=Model(layers=1)).submit(init_tasks=[Warm(seed=3)])

    assert identifier(plain) != identifier(warmed)
    document = xp.submitted[1].document
    assert [{"x", "items"}, {"layers", "part", "table", "names"}, {"seed"}] == [
        set(node["values"]) for node in document["nodes"][:-1]
    ]
    assert document["nodes"][-1]["init"] == [2]


def test_only_lightweight_tasks_are_initial_and_they_are_only_that(xp: Recording) -> None:
    with pytest.raises(PlanProblem, match="cannot be an initial task"):
        Learn(model=Model(layers=1)).submit(init_tasks=[Learn(model=Model(layers=1))])  # type: ignore[list-item]
    with pytest.raises(PlanProblem, match="a Warm cannot be submitted"):
        Warm().submit()


@argument("model", type=Model)
@task("demo.classic")
class Classic:
    """A classic task that hands something on."""

    def config(self) -> Any:
        return Loaded(path=Path("x"))

    def execute(self) -> None:
        """Nothing."""


def test_a_classic_task_hands_on_what_its_config_returns(xp: Recording) -> None:
    made: Any = Classic
    loaded = made(model=Model(layers=1)).submit()
    Use(anything=loaded).submit()

    assert isinstance(loaded, Loaded)
    assert ((xp.submitted[0].task, xp.submitted[0].job),) == xp.submitted[1].parents


class One(Config):
    __xpmid__ = "demo.same"


class Two(Config):
    __xpmid__ = "demo.same"


def test_two_classes_of_one_identifier_in_one_task_are_refused(xp: Recording) -> None:
    with pytest.raises(PlanProblem, match=r"two classes have the identifier demo\.same"):
        Use(anything=[One(), Two()]).submit()


def test_a_chain_of_tasks_is_sealed(xp: Recording) -> None:
    last: Any = Learn(model=Model(layers=1)).submit()
    for _ in range(50):
        last = Use(anything=last).submit()

    assert len({each.job for each in xp.submitted}) == 51


def test_a_task_may_be_submitted_to_a_second_experiment_of_the_same_main_folder(
    xp: Recording,
) -> None:
    learn = Learn(model=Model(layers=1))
    learn.submit()

    with Recording(xp.main, xp.project) as second:
        assert learn is learn.submit()
        assert learn is learn.submit()
        assert [xp.submitted[0].job] == [each.job for each in second.submitted]
    with (
        Recording(xp.main.parent / "other", xp.project),
        pytest.raises(PlanProblem, match="was submitted to another main folder"),
    ):
        learn.submit()
    assert len(xp.submitted) == 1
