"""Identities: pinned, the same everywhere, equal exactly when what counts is equal."""

# ruff: noqa: RUF012

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.plan import identity_cases
from tests.plan.identity_declarations import declarations
from tests.plan.slow_identity import slow_content, slow_identity
from tests.pythons import interpreters
from xpm import Config, Param, identifier
from xpm.errors import PlanProblem
from xpm.plan.identity import canonical

GOLDEN = Path(__file__).parents[1] / "golden" / "identity_v1.json"
CASES = Path(identity_cases.__file__)

SAME = [
    {"value: nan", "value: -nan"},
    {"value: enum", "value: enum alias"},
    {"value: set", "value: frozenset"},
    {"value: dict", "value: dict, other order"},
    {"value: list of paths", "value: other paths"},
    {"typed: int to float", "typed: float"},
    {"typed: int", "typed: int enum to int"},
    {"typed: str enum to str", "typed: str"},
    {"typed: path", "typed: nothing"},
    {"typed: tuple to list", "typed: list"},
    {"typed: files", "typed: other files"},
    {"typed: spot", "typed: other spot"},
    {"typed: list to many", "typed: many"},
    {"typed: row of ints", "typed: row"},
    {"typed: bytearray", "typed: bytes"},
    {"typed: box of int", "typed: box of declared int"},
    {
        "rule: defaults", "rule: bare default", "rule: counted", "rule: ignored", "rule: optional", "rule: meta",
        "rule: factory", "rule: path", "rule: generated",
    },
    {"rule: bare other", "rule: tagged"},
    {"rule: shared", "rule: equal"},
    {"rule: uncounted", "rule: meta part", "rule: nothing held", "rule: uncounted key", "rule: not forced"},
    {"rule: meta parts", "rule: forced in a list"},
    {"rule: below", "rule: below of bare 11"},
    {"rule: nones", "rule: nones given", "rule: path for a text"},
    {"rule: default part", "rule: default part given"},
    {"rule: classic", "rule: classic default"},
]  # fmt: skip


def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_text())["cases"]
    return found


@pytest.mark.parametrize("name", identity_cases.cases())
def test_an_identity_and_its_canonical_bytes_never_change(name: str) -> None:
    case = identity_cases.cases()[name]

    assert golden()[name] == {"id": identifier(case), "bytes": canonical(case).hex()}


@pytest.mark.parametrize("name", identity_cases.cases())
def test_a_second_implementation_of_the_page_agrees(name: str) -> None:
    case, declared = identity_cases.cases()[name], declarations()

    assert golden()[name]["id"] == slow_identity(case, declared)
    assert golden()[name]["bytes"] == slow_content(case, declared).hex()


def test_the_second_implementation_is_of_the_page_alone() -> None:
    source = (Path(__file__).parent / "slow_identity.py").read_text()

    assert "import xpm" not in source
    assert "from xpm" not in source


def test_every_golden_case_is_still_tried() -> None:
    assert set(golden()) == set(identity_cases.cases())


def test_cases_have_one_identity_exactly_where_the_rules_say_so() -> None:
    by_identity: dict[str, set[str]] = defaultdict(set)
    for name, case in identity_cases.cases().items():
        by_identity[identifier(case)].add(name)

    found = sorted(sorted(names) for names in by_identity.values() if len(names) > 1)

    assert sorted(sorted(names) for names in SAME) == found


def test_an_identity_is_64_lower_case_hexadecimal_digits() -> None:
    found = identifier(identity_cases.Model(layers=3))

    assert len(found) == 64
    assert set(found) <= set("0123456789abcdef")


@pytest.mark.host
@pytest.mark.parametrize("python", interpreters((3, 9)))
def test_every_python_gives_the_same_identities(python: str) -> None:
    environ = {**os.environ, "PYTHONHASHSEED": "random"}
    done = subprocess.run(
        [python, str(CASES)], capture_output=True, text=True, check=True, env=environ, timeout=60
    )

    assert golden() == json.loads(done.stdout)["cases"]


SCRIPT = """
import sys
from xpm import Config, Param, Task, identifier
import enum

class Colour(enum.Enum):
    RED = 1

class Model(Config):
    layers: Param[int]
    colour: Param[Colour] = Colour.RED

class Outer:
    class Learn(Task):
        model: Param[Model]
        second: Param[object]

if __name__ == "__main__" or "show" in sys.argv:
    print(identifier(Outer.Learn(model=Model(layers=3), second=Colour.RED)))
"""


@pytest.mark.parametrize("packaged", [False, True])
def test_a_class_run_as_a_script_and_imported_has_one_identifier(
    tmp_path: Path, packaged: bool
) -> None:
    folder = tmp_path / "lab" if packaged else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / "plan.py").write_text(SCRIPT)
    module = "plan"
    if packaged:
        (folder / "__init__.py").write_text("")
        module = "lab.plan"
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}

    def said(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        ).stdout

    as_script = said(str(folder / "plan.py"))
    as_module = said("-m", module)
    imported = said("-c", f"import sys; sys.argv.append('show'); import {module}")

    assert len(as_script) == 65
    assert {as_script} == {as_module, imported}


class Ring(Config):
    next_: Param[Config]
    others: Param[list[Config]] = []


def test_a_configuration_that_contains_itself_is_refused_with_the_path() -> None:
    first = Ring(next_=identity_cases.Model(layers=1))
    second = Ring(next_=first)
    first.others = [Ring(next_=second)]

    with pytest.raises(PlanProblem, match=r"Ring is again others\[0\]\.next_\.next_"):
        identifier(first)


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(PlanProblem, match="contains itself"):
        identity_cases.Anything(x=endless)


def test_ten_thousand_configurations_in_each_other_have_an_identity() -> None:
    chain: Config = identity_cases.Model(layers=1)
    for _ in range(10_000):
        chain = Ring(next_=chain)

    assert len(identifier(chain)) == 64


def test_a_missing_value_that_counts_has_no_identity() -> None:
    with pytest.raises(PlanProblem, match=r"Model\.layers has no value"):
        identifier(identity_cases.Model())  # type: ignore[call-arg]


def test_only_configurations_have_an_identity() -> None:
    with pytest.raises(PlanProblem, match="not a str"):
        identifier("demo")  # type: ignore[arg-type]


def test_an_integer_of_ten_thousand_digits_has_an_identity() -> None:
    assert len(identifier(identity_cases.Anything(x=10**10_000))) == 64


def test_the_example_of_the_documentation_is_right() -> None:
    expected = b"xpm1:config:s10:demo.models6:layersi1:3s4:ratef8:" + bytes.fromhex(
        "3fe0000000000000"
    )

    assert expected == canonical(identity_cases.Model(layers=3))
