"""Requirements: what a plan may write, how it is read, and that it never counts for the identity."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan.recording import Recording
from xpm import Config, Param, Req, Task, identifier, task
from xpm.errors import PlanProblem
from xpm.plan import context
from xpm.plan.needs import GpuNeed, Need
from xpm.plan.requirement_text import Unreadable, parse
from xpm.plan.units import Comparison

GB = 10**9
ANY: Any = Req
"""For values that type checkers refuse already."""
VRAM = (Comparison(">=", 24 * GB),)


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("duration=4h & cuda(mem=24G)*2 & cpu(cores=8, mem=60G)",
         [Need(8, 60 * GB, 14400, None, 2, GpuNeed(vram=VRAM, cuda=True))]),
        ("time=90m", [Need(time_s=5400)]),
        ("time=1-12:00:00", [Need(time_s=129600)]),
        ("gpu(type=a100-80, capability>=8.0, vram>=24GB, vram<80GB)",
         [Need(gpus=1, gpu=GpuNeed("a100-80", None, (*VRAM, Comparison("<", 80 * GB)), (">=8.0",)))]),
        ("gpu(vendor=amd)*4", [Need(gpus=4, gpu=GpuNeed(vendor="amd"))]),
        ("gpus=0 | gpus=2", [Need(gpus=0), Need(gpus=2)]),
        ("(gpus=1 | cpus=32) & mem=8GiB",
         [Need(gpus=1, mem=8 * 2**30), Need(cpus=32, mem=8 * 2**30)]),
        ("tokens(matlab, lane=2) & tags(eu, lab) & nodes=2",
         [Need(nodes=2, tokens=(("lane", 2), ("matlab", 1)), tags=("eu", "lab"))]),
        ("cpus=2&cpus=2", [Need(cpus=2)]),
        ("time='12:00:00'", [Need(time_s=43200)]),
    ],
)  # fmt: skip
def test_a_requirement_in_text_is_read(text: str, needs: list[Need]) -> None:
    assert tuple(needs) == parse(text)


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("duration=4 & cpus=2", 10, "4 has no unit"),
        ("cpus=2 & cuda2(mem=24G)", 10, "unknown word 'cuda2'"),
        ("cuda(mem=24G)*", 15, "expected a value, found the end"),
        ("cuda(mem=24G)*none", 15, "expected a whole number, 1 or more, found 'none'"),
        ("cpus=2 & cpus=3", 10, "cpus is said twice, differently,"),
        ("time>4h", 5, "'>' cannot be asked here, say how much with '=',"),
        ("cuda(men=3G)", 6, "unknown word 'men'"),
        ("cpu(cores=2 mem=3G)", 13, "expected ',' or ')', found 'mem'"),
        ("cpu(cores=2, cores=2)", 14, "cores is said twice"),
        ("cpu()", 5, "nothing is said of cpu"),
        ("cpus=2 & (gpus=1", 17, "expected ')', found the end"),
        ("cpus=2 gpus=1", 8, "expected '&', '|' or the end, found 'gpus'"),
        ("cpus=2 &", 9, "expected a need such as time=4h, found the end"),
        ("cuda & cpus=2", 6, "expected '(' after cuda, found '&'"),
        ("cpus=two", 6, "expected a whole number"),
        ("mem=12XB", 5, "'12XB' is not a size"),
        ("gpu(capability=new)", 16, "expected a version such as 8.0, found 'new'"),
        ("gpu(vram>=0GB)", 11, "no memory at all cannot be asked for"),
        ("cpus=2 & 'x", 10, '"\'" means nothing'),
    ],
)
def test_a_mistake_in_text_is_told_by_its_column(text: str, column: int, words: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)

    assert (column, words) == (caught.value.column, caught.value.words[: len(words)])
    assert f"    {text}\n    {' ' * (column - 1)}^" in str(caught.value)


@given(st.text(alphabet="cpugmetim=&|()*,<> 12GBh'\"\n", max_size=40))
def test_any_text_is_read_or_refused_with_a_column(text: str) -> None:
    problem: Unreadable | None = None
    found: tuple[Need, ...] = ()
    try:
        found = parse(text)
    except Unreadable as caught:
        problem = caught

    if problem is not None:
        assert 1 <= problem.column <= len(text) + 1
    elif text:
        assert found == parse(str(Req(text)))


def test_keywords_say_the_same_as_text() -> None:
    said = Req(cpus=8, mem="60GB", gpus=2, gpu={"vram": ">=24GB"}, time="12h", tokens={"matlab": 1})

    assert Req("time=12h & cpu(cores=8, mem=60GB) & gpu(vram>=24GB)*2 & tokens(matlab)") == said
    assert said == Req(str(said))
    assert said == pickle.loads(pickle.dumps(said))
    assert Req(gpu={"type": "a100"}).alternatives == (Need(gpus=1, gpu=GpuNeed("a100")),)


def test_requirements_are_combined() -> None:
    either = Req(gpus=1) | "cpus=32"

    assert either == Req("gpus=1 | cpus=32")
    assert either & Req(time="1h") == Req("(gpus=1 | cpus=32) & time=1h")
    assert Req("cpus=2", time="1h") == Req("cpus=2 & time=1h")
    with pytest.raises(PlanProblem, match="says cpus twice"):
        _ = Req(cpus=1) & Req(cpus=2)


def test_nearer_words_win_over_those_further_away_each_for_itself() -> None:
    plan = Req("time=4h & mem=8GB & gpu(vram>=24GB)*2 & tokens(lane=2)")

    assert Req("mem=16GB & tokens(lane)").over(plan) == Req(
        "time=4h & mem=16GB & gpu(vram>=24GB)*2 & tokens(lane=1)"
    )
    assert Req(gpus=0).over(plan) == Req("time=4h & mem=8GB & gpus=0 & tokens(lane=2)")
    assert Req("gpus=4 | cpus=8").over(plan).alternatives[0].gpus == 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ANY(mem=60), "mem is to be like '60GB', got 60"),
        (lambda: ANY(mem="60"), "mem: 60 has no unit"),
        (lambda: ANY(time=3600), "time is to be like '12h', got 3600"),
        (lambda: ANY(cpus="8"), "cpus is to be like 8, got '8'"),
        (lambda: ANY(cpus=True), "cpus is to be like 8, got True"),
        (lambda: ANY(cpus=0), "cpus: expected a whole number, 1 or more"),
        (lambda: ANY(gpu={"ram": "24GB"}), "nothing is known of a GPU's 'ram', did you mean 'vram'?"),
        (lambda: ANY(gpu={"vram": 24}), "gpu vram is to be like '>=24GB', got 24"),
        (lambda: ANY(gpu={"vram": ">=24"}), "gpu vram: 24 has no unit"),
        (lambda: ANY(tokens={"a": 0}), "tokens are like"),
        (lambda: ANY(tags="eu"), "tags are like"),
        (lambda: ANY("cpus=x"), "this requirement cannot be read"),
        (lambda: ANY(cpus=1) | 3, "'|' takes a requirement, got an int"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_the_line(make: Callable[[], object], words: str) -> None:
    with pytest.raises(PlanProblem) as caught:
        make()

    assert words in str(caught.value)
    assert Path(caught.value.where.partition(":")[0]).name == Path(__file__).name


class Model(Config):
    layers: Param[int]


class Learn(Task):
    __require__ = Req("gpus=1 & time=2h")
    model: Param[Model]

    def execute(self) -> None: ...


class Longer(Learn):
    __require__ = Req(time="8h")


@task("demo.required", require="cpus=4")
class Classic:
    def execute(self) -> None: ...


def submitted(one: Task, tmp_path: Path, require: Req | str | None = None) -> Req | None:
    recording = Recording(tmp_path, tmp_path)
    context.push(recording)
    try:
        one.submit(require=require)
    finally:
        context.pop(recording)
    return recording.requirements[0]


def test_a_class_and_a_submission_say_what_a_task_needs(tmp_path: Path) -> None:
    assert Req("gpus=1 & time=2h") == submitted(Learn(model=Model(layers=1)), tmp_path)
    assert Req("time=8h") == submitted(Longer(model=Model(layers=1)), tmp_path)
    assert Req("cpus=4") == submitted(Classic(), tmp_path)  # type: ignore[arg-type]
    found = submitted(Learn(model=Model(layers=1)), tmp_path, "gpus=2 | mem=4GB")
    assert Req("gpus=2 & time=2h | gpus=1 & time=2h & mem=4GB") == found


def test_what_a_task_needs_is_never_part_of_its_identity(tmp_path: Path) -> None:
    plain, needy = Learn(model=Model(layers=1)), Learn(model=Model(layers=1))
    before = identifier(plain)

    submitted(needy, tmp_path, Req(cpus=7, tokens={"lane": 1}))

    assert before == identifier(needy)


def test_a_wrong_requirement_of_a_submission_seals_nothing(tmp_path: Path) -> None:
    one = Learn(model=Model(layers=1))

    with pytest.raises(PlanProblem, match="this requirement cannot be read"):
        submitted(one, tmp_path, "cpus=many")

    one.model = Model(layers=2)
    assert one.model.layers == 2
