"""The JSON schema of profiles: what editors say with it is what ``xpm launchers check`` says."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from tests.launchers.language_server import LanguageServer
from xpm.launchers import builtin
from xpm.launchers.editors import schema_text
from xpm.launchers.inherit import merge
from xpm.launchers.load import load
from xpm.launchers.report import Report
from xpm.launchers.schema import Values
from xpm.launchers.tree import plain
from xpm.launchers.vocabulary import PROFILE

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "config/launchers.schema.json"
GOOD = [
    *sorted((ROOT / "config").glob("*.yaml")),
    Path(__file__).with_name("full") / "launchers.yaml",
]


def complaints(path: Path) -> set[str]:
    """Where the schema finds a file wrong."""
    tree = load(path, Report())
    assert tree is not None
    validator = jsonschema.Draft7Validator(json.loads(schema_text()))
    errors = validator.iter_errors(json.loads(json.dumps(plain(tree))))
    return {".".join(map(str, error.absolute_path)) for error in errors}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_schema_accepts_what_we_accept(path: Path) -> None:
    assert complaints(path) == set()


@pytest.mark.parametrize("name", ["keys", "units"])
def test_the_schema_refuses_the_words_and_values_that_we_refuse(name: str) -> None:
    path = Path(__file__).with_name("bad") / f"{name}.yaml"
    report = Report()
    tree = load(path, report)
    assert tree is not None

    PROFILE.read(tree, "", report)

    found = complaints(path)
    ours = {finding.path for finding in report.problems}
    assert len(ours) > 8
    assert set() == {each for each in ours if not {each, each.rpartition(".")[0]} & found}


def test_the_built_in_layer_is_a_profile_too() -> None:
    layer = merge(builtin.layer(), builtin.layer())
    report = Report()

    assert isinstance(PROFILE.read(layer, "", report), Values)
    assert report.problems == []


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    """The real one, installed by scripts/editors when there is npm."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not here: the schema is not tried in an editor's server")
    made = subprocess.run(
        [str(ROOT / "scripts/editors")], capture_output=True, text=True, check=False, timeout=120
    )
    if made.returncode:
        pytest.skip(f"npm cannot install yaml-language-server: {made.stderr[-300:]}")
    with LanguageServer(["node", str(ROOT / made.stdout.strip()), "--stdio"], SCHEMA) as found:
        yield found


@pytest.mark.host
def test_an_editor_completes_keys_and_values_and_explains_them(server: LanguageServer) -> None:
    text = "version: 1\nconnectors:\n  c:\n    kind: s\n    wor\nlaunchers:\n  a:\n    \n"

    server.open("complete.yaml", text)

    assert "workspace" in server.complete("complete.yaml", 4, 7)
    assert {"connector", "partition", "require"} <= set(server.complete("complete.yaml", 7, 4))
    assert {"ssh", "slurm"} <= set(server.complete("complete.yaml", 3, 11))
    assert "what kind of place this is" in server.hover("complete.yaml", 3, 5)


@pytest.mark.host
def test_an_editor_flags_a_wrong_key_and_a_value_without_unit(server: LanguageServer) -> None:
    text = 'version: 1\nlaunchers:\n  a: {connector: local, tmie: 2h, time: 90, mem: "4GB"}\n'

    found = server.open("wrong.yaml", text)

    places = {
        (each["range"]["start"]["line"], each["range"]["start"]["character"]) for each in found
    }
    assert (2, text.splitlines()[2].index("tmie")) in places
    assert (2, text.splitlines()[2].index("90")) in places
    assert len(places) == 2
    assert server.open("right.yaml", (ROOT / "config/university.yaml").read_text()) == []
