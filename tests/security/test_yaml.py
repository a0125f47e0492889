"""Profiles are read as text with structure, never as objects; and no file makes that take long."""

import ast
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from xpm.launchers import load
from xpm.launchers.report import Report

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("xpm", "launchers", "connectors", "scripts")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.is_symlink() and "/xpm/launchers/" not in str(path)
]
UNSAFE = {
    "yaml": {
        "load", "load_all", "unsafe_load", "full_load", "unsafe_load_all", "full_load_all", "Loader", "UnsafeLoader",
        "FullLoader", "CLoader", "CUnsafeLoader", "CFullLoader",
    },
    "pickle": {"load", "loads", "Unpickler"},
    "marshal": {"load", "loads"},
    "shelve": {"open"},
}  # fmt: skip


def uses(tree: ast.AST) -> Iterator[str]:
    """The unsafe readers that a module names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in UNSAFE.get(node.value.id, ()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                if each.name in UNSAFE.get(node.module or "", ()):
                    yield f"{node.module}.{each.name}"


def test_nothing_of_ours_makes_objects_of_what_it_reads() -> None:
    found = {
        str(path.relative_to(ROOT)): list(uses(ast.parse(path.read_text("utf-8"))))
        for path in SOURCES
    }

    assert len(found) > 200
    assert {} == {path: used for path, used in found.items() if used}


def test_the_search_finds_what_it_looks_for() -> None:
    assert ["pickle.loads", "yaml.load"] == sorted(
        uses(ast.parse("import yaml\nyaml.load(x)\nfrom pickle import loads\nyaml.safe_load(x)"))
    )


def problems(text: str) -> list[str]:
    report = Report()
    load.parse(text, "profile.yaml", report)
    return [str(each) for each in report.problems]


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch OWNED']",
        "a: !!python/name:os.system",
        "!!python/object/new:subprocess.Popen [[touch, OWNED]]",
        "a: !<tag:yaml.org,2002:python/module:os> ''",
        "a: !custom {b: 1}",
    ],
)
def test_a_tag_is_refused_and_nothing_runs(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert "has no meaning here" in " ".join(problems(text))
    assert not (tmp_path / "OWNED").exists()


def laughs(levels: int) -> str:
    names = "abcdefghijklmnopqrstuvwxyz"[: levels + 1]
    lines = [f"{names[0]}: &{names[0]} [{', '.join(['lol'] * 10)}]"]
    for before, name in itertools.pairwise(names):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (laughs(20), "anchors expand to too many values"),
        ("a: &a [*a]", "an anchor contains itself"),
        ("a: " + "[" * 50_000 + "]" * 50_000, "nested too deeply"),
        ("- " * 5_000 + "x", "nested too deeply"),
    ],
    ids=["laughs", "circle", "lists", "items"],
)
def test_a_file_that_would_never_end_is_refused_soon(text: str, words: str) -> None:
    began = time.process_time()

    assert words in " ".join(problems(text))

    assert time.process_time() - began < 30


def test_a_file_that_is_no_profile_by_its_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "launchers.yaml"
    with path.open("wb") as file:
        file.truncate(10 * 1024 * 1024 * 1024)
    report = Report()

    assert load.load(path, report) is None
    assert "is this the right file?" in str(report.problems[0])
