"""Editable and path dependencies: which folders beside a project travel with it, and what of them is imported from."""

import subprocess
import sys
from pathlib import Path

import pytest

from xpm.sync.beside import Beside, find

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "project"
    folder.mkdir(parents=True)
    return folder


def package(root: Path, name: str, source: str = "src") -> Path:
    """A package, in the src layout unless said otherwise."""
    folder = root / source / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("WORD = 1\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "{name}"\nversion = "0.1"\n'
    )
    return root


def test_what_a_lock_names_by_a_path_travels(project: Path) -> None:
    lib = package(project.parent / "lib", "lib")
    flat = package(project.parent / "flat", "flat", ".")
    (project / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "lib"\nsource = { editable = "../lib" }\n'
        '[[package]]\nname = "flat"\nsource = { directory = "../flat" }\n'
        '[[package]]\nname = "project"\nsource = { virtual = "." }\n'
        '[[package]]\nname = "gone"\nsource = { editable = "../gone" }\n'
    )

    assert [Beside(".beside/flat", flat, ["."]), Beside(".beside/lib", lib, ["src"])] == find(
        project
    )


@pytest.mark.parametrize(
    "line",
    ["-e ../lib", "--editable=../lib", "../lib", "-e ../lib[extra]", "lib @ file://HERE/lib", "-e file://HERE/lib"],
)  # fmt: skip
def test_what_requirements_name_by_a_path_travels(project: Path, line: str) -> None:
    lib = package(project.parent / "lib", "lib")
    text = f"numpy==1.26  # ../other\n{line.replace('HERE', str(project.parent))}\n-r more.txt\n"
    (project / "requirements.txt").write_text(text)

    assert [Beside(".beside/lib", lib, ["src"])] == find(project)


def test_uv_sources_and_packages_within_the_project_are_found(project: Path) -> None:
    package(project / "packages" / "inner", "inner")
    package(project.parent / "a" / "lib", "lib")
    package(project.parent / "b" / "lib", "lib")
    (project / "pyproject.toml").write_text(
        "[tool.uv.sources]\n"
        'inner = { path = "packages/inner", editable = true }\n'
        'one = { path = "../a/lib" }\ntwo = { path = "../b/lib" }\nindexed = { index = "x" }\n'
    )

    names = [(each.name, list(each.folders)) for each in find(project)]

    assert [(".beside/lib", ["src"]), (".beside/lib-2", ["src"]), ("", ["src"])] == names


def test_a_folder_around_the_project_is_not_sent_with_it(project: Path) -> None:
    (project / "requirements.txt").write_text("-e ..\n-e .\n")

    assert [] == find(project)


@pytest.mark.host
def test_what_pip_installed_as_editable_travels_when_it_is_imported_or_named(
    project: Path, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    python = str(venv / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    wanted: list[str] = []
    for name, source in (("lib", "src"), ("flat", "."), ("other", "src")):
        wanted += ["-e", str(package(tmp_path / "libs" / f"{name}-root", name, source))]
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", *wanted], check=True)
    (project / "pyproject.toml").write_text('[project]\nname = "p"\ndependencies = ["Flat>=0"]\n')
    script = (
        "import sys, pathlib; sys.path.append(sys.argv[1])\n"
        "import lib\n"
        "from xpm.sync import beside\n"
        "for each in beside.find(pathlib.Path(sys.argv[2])): print(each.name, *each.folders)\n"
    )

    done = subprocess.run(
        [python, "-c", script, str(ROOT), str(project)], capture_output=True, text=True
    )

    told = [".beside/flat-root .", ".beside/lib-root src"]
    assert told == done.stdout.splitlines(), done.stderr
