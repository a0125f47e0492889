"""Profiles as commands and plans see them."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.launchers.profile import on_cluster, options, write
from xpm.connectors.specs import Capacity, KeeperWish, LocalSpec, SlurmSpec, SshSpec, SshTarget
from xpm.errors import ProfileProblem
from xpm.launchers.editors import schema_text
from xpm.launchers.profiles import check, examine, load_profiles

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"

SMALLEST = """\
version: 1
connectors:
  cluster: {kind: slurm, ssh: {host: mycluster}, workspace: "$HOME/xpm", python: /opt/python/3.12/bin/python3}
  tower:   {kind: ssh, ssh: {host: tower}, workspace: "~/xpm", capacity: {jobs: 4}}
launchers:
  cpu: {connector: cluster, partition: cpu, cpus: 2, mem: 1GB, time: 10m}
  box: {connector: tower}
default: cpu            # without it: this machine
"""


def test_the_smallest_useful_file(tmp_path: Path) -> None:
    profiles = load_profiles(write(tmp_path, SMALLEST))

    assert profiles.names == ("cpu", "box", "local")
    assert check(profiles) == []
    cpu, box = profiles.launcher(None), profiles.launcher("box")
    python = "/opt/python/3.12/bin/python3"
    assert SlurmSpec("cluster", SshTarget("mycluster"), "$HOME/xpm", python) == cpu.connector
    assert SshSpec("tower", SshTarget("tower"), "~/xpm", None, Capacity(4)) == box.connector
    assert options(cpu.request({})) == [
        "--partition=cpu",
        "--time=10",
        "--cpus-per-task=2",
        "--mem=954M",
    ]
    assert f"{tmp_path}/launchers.yaml:6" == cpu.where


def test_without_a_profile_there_is_this_machine(tmp_path: Path) -> None:
    profiles = load_profiles(tmp_path)

    local = profiles.launcher(None)
    assert (profiles.path, profiles.default, profiles.names) == (None, "local", ("local",))
    assert LocalSpec() == local.connector
    assert local.request({"cpu": 2}) == {
        "launcher": "local",
        "connector": "local",
        "kind": "plain",
        "options": [],
        "resources": {"cpus": None, "mem_mib": None, "gpus": None, "time_s": None},
        "python": None,
        "setup": [],
        "retry": {},
    }
    assert local.slots({"cpu": 2}) == {"cpu": 2}


def test_a_profile_may_describe_this_machine(tmp_path: Path) -> None:
    profiles = load_profiles(
        write(tmp_path, "version: 1\nconnectors: {local: {kind: local, capacity: 3, pre: [a]}}\n")
    )

    assert LocalSpec("local", None, Capacity(3)) == profiles.launcher(None).connector
    assert profiles.launcher("local").request({})["setup"] == ["a"]


def test_an_unknown_launcher_is_told_the_nearest_one(tmp_path: Path) -> None:
    profiles = load_profiles(write(tmp_path, SMALLEST))

    with pytest.raises(ProfileProblem) as caught:
        profiles.launcher("bux")

    assert caught.value.what == "unknown launcher 'bux', did you mean 'box'?"
    assert str(tmp_path / "launchers.yaml") in caught.value.hint


def test_a_projects_file_of_the_users_name_is_said_not_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = load_profiles(write(tmp_path, SMALLEST))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")

    with pytest.raises(ProfileProblem) as before:
        profiles.launcher("mine")
    (tmp_path / "project" / "launchers.yaml").write_text("version: 1\n")
    with pytest.raises(ProfileProblem) as caught:
        profiles.launcher("mine")

    assert "is not read" not in before.value.hint
    assert "a project's file is called xpm-launchers.yaml" in caught.value.hint


def test_the_folder_is_the_one_that_the_environment_names(tmp_path: Path) -> None:
    write(tmp_path, SMALLEST)
    program = "from xpm.launchers.profiles import load_profiles; print(load_profiles().default)"

    found = subprocess.run(
        [sys.executable, "-c", program],
        env={"XPM_CONFIG_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout == "cpu\n"


def test_a_file_of_nearly_the_right_name_is_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / "launchers.yml").write_text(SMALLEST)

    with pytest.raises(
        ProfileProblem, match=r"launchers\.yml: is not read, name it launchers\.yaml"
    ):
        load_profiles(tmp_path)


def test_a_folder_in_the_place_of_the_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "launchers.yaml").mkdir()

    with pytest.raises(ProfileProblem, match="cannot be read: Is a directory"):
        load_profiles(tmp_path)


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_profile_loads_without_a_word_and_gives_these_requests(
    path: Path, tmp_path: Path
) -> None:
    found = examine(write(tmp_path, path.read_text("utf-8")))

    assert [str(finding) for finding in found.problems] == []
    assert [str(finding) for finding in found.notes] == []
    assert found.profiles is not None
    requests = {name: found.profiles.launcher(name).request({}) for name in found.profiles.names}
    golden = Path(__file__).with_name("requests") / f"{path.stem}.json"
    assert json.loads(golden.read_text("utf-8")) == requests


def test_the_full_format_is_read_and_what_has_no_effect_yet_is_said(tmp_path: Path) -> None:
    full = Path(__file__).with_name("full")

    found = examine(write(tmp_path, (full / "launchers.yaml").read_text("utf-8")))

    assert [str(finding) for finding in found.problems] == []
    notes = [str(note).replace(f"{tmp_path}/", "") for note in found.notes]
    assert (full / "notes.txt").read_text("utf-8").splitlines() == notes


def test_the_schema_for_editors_is_current() -> None:
    assert schema_text() == (CONFIG / "launchers.schema.json").read_text("utf-8"), (
        "run: python -m xpm.launchers.editors > config/launchers.schema.json"
    )


def test_connectors_partitions_and_launchers_start_from_others(tmp_path: Path) -> None:
    text = """
    version: 1
    connector_templates:
      base: {kind: slurm, workspace: "{fast}/xpm", slurm: {account: a, gpu_flag: gres}}
    connectors:
      c: {extends: base, ssh: {host: c, keepalive: 30s}, fast: "/s/{user}", slurm: {account: b}}
      d: {extends: c, ssh: {host: d}, partitions: {p: {time: 1h}, q: {extends: p, name: qq}}}
    launchers:
      x: {connectors: [c], extra: [--a-flag]}
      y: {extends: x, connector: d, extra: [--b-flag], partition: q}
    """
    profiles = load_profiles(write(tmp_path, text))

    assert SlurmSpec("d", SshTarget("d", None, 30.0), "/s/$USER/xpm") == profiles.connectors["d"]
    assert options(profiles.launcher("x").request({})) == ["--account=b", "--a-flag"]
    assert options(profiles.launcher("y").request({})) == [
        "--partition=qq",
        "--account=b",
        "--b-flag",
    ]


def test_what_has_no_effect_on_a_kind_of_place_is_noted(tmp_path: Path) -> None:
    text = """
    version: 1
    connectors:
      here: {kind: local, workspace: /tmp/x}
      box: {kind: ssh, ssh: {host: h}, workspace: ~/xpm, partitions: {p: {}}}
    launchers:
      a: {connector: box, partition: p, cpus: 2}
      b: {connectors: [here, box]}
    """

    notes = [f"{note.path}: {note.text}" for note in check(load_profiles(write(tmp_path, text)))]

    assert notes == [
        "connectors.here.workspace: has no effect on a connector of kind local: the main folder is used",
        "connectors.box.partitions: has no effect on a connector of kind ssh",
        "launchers.a.partition: has no effect on a place without Slurm",
    ]


def test_an_environment_that_a_job_builds_where_jobs_reach_no_network_is_noted(
    tmp_path: Path,
) -> None:
    text = """\
version: 1
envs:
  jobs: {uv: {lock: uv.lock, build: job}}
  here: {uv: {lock: uv.lock, build: login}}
  shelf: {uv: {lock: uv.lock, build: job, find_links: [/apps/wheels]}}
connectors:
  cut: {kind: slurm, ssh: {host: a}, workspace: /w, internet_on_nodes: false, env: jobs}
  open: {kind: slurm, ssh: {host: b}, workspace: /w, internet_on_nodes: true, env: jobs}
launchers:
  one: {connector: cut, env: here}
  two: {connectors: [open, cut], env: jobs}
  three: {connector: cut, env: shelf}
"""
    found = examine(write(tmp_path, text))

    assert ["connectors.cut.env", "launchers.two.env"] == [each.path for each in found.notes]
    assert "build: wheels" in found.notes[0].text


def test_an_ssh_configuration_is_found_beside_the_profile_or_at_home(tmp_path: Path) -> None:
    text = SMALLEST.replace("{host: tower}", "{host: tower, config: keys/ssh_config, timeout: 5s}")

    box = load_profiles(write(tmp_path, text)).launcher("box").connector

    assert isinstance(box, SshSpec)
    assert SshTarget("tower", tmp_path / "keys/ssh_config", 15.0, 5.0) == box.ssh


def test_a_request_is_the_same_however_often_it_is_made(tmp_path: Path) -> None:
    it = on_cluster(tmp_path, "cpus: 2")

    assert it.request({"lane": 1}) == it.request({"lane": 1})


def test_a_small_profile_loads_in_no_time_and_without_one_there_is_no_yaml(tmp_path: Path) -> None:
    program = "import sys; from xpm.launchers.profiles import *; load_profiles(); print('yaml' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={"XPM_CONFIG_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    write(tmp_path, SMALLEST)
    load_profiles(tmp_path)

    times: list[float] = []
    for _ in range(5):
        began = time.thread_time()
        load_profiles(tmp_path)
        times.append(time.thread_time() - began)

    assert found.stdout == "False\n"
    assert min(times) < 0.015


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("{}", KeeperWish()),
        ("{keeper: off}", KeeperWish(off=True)),
        ("{keeper: {partition: small, account: misc, time: 5m}}", KeeperWish(False, "small", "misc", None, 300)),
    ],
)  # fmt: skip
def test_keepers_are_as_the_profile_says(text: str, wish: KeeperWish, tmp_path: Path) -> None:
    here = f'{{kind: slurm, ssh: {{host: c}}, workspace: "~/x", slurm: {text}}}'
    path = write(
        tmp_path, f"version: 1\nconnectors:\n  c: {here}\nlaunchers: {{a: {{connector: c}}}}"
    )

    spec = load_profiles(path).launcher("a").connector

    assert isinstance(spec, SlurmSpec)
    assert wish == spec.keeper
