"""What lands in site-packages, by wheel and by editable install, is xpm whole and xpm alone."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("xpm", "connectors", "launchers")
pytestmark = pytest.mark.host


def _run(*argv: str | Path, cwd: Path | None = None) -> str:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, argv)), cwd=cwd, capture_output=True, text=True, check=False, env=environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, so that building leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, checkout)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_module_below_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    own = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "xpm").rglob("*.py")
        if not {"connectors", "launchers"} & set(path.relative_to(ROOT).parts[1:2])
    }
    linked = {
        str(Path("xpm") / path.relative_to(ROOT))
        for name in PACKAGES[1:]
        for path in (ROOT / name).rglob("*.py")
    }
    page = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "xpm" / "monitor" / "static").rglob("*")
        if path.is_file()
    }
    assert own | linked | page | {"xpm/py.typed"} == names


@pytest.mark.parametrize("editable", [False, True], ids=["wheel", "editable"])
def test_an_installation_finds_its_parts_from_any_folder(
    editable: bool, wheel: Path, checkout: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    what = ["--editable", checkout] if editable else [wheel]

    _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", *what)

    code = (
        "import xpm, xpm.connectors.base, xpm.launchers.units, xpm.wire.travel as t;"
        "print(len(t.archive()[0]), xpm.connectors.base.__name__)"
    )
    assert _run(python, "-c", code, cwd=tmp_path) == "12 xpm.connectors.base\n"
