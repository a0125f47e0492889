"""Which files come back: said for all places, for one, for the jobs of one launcher."""

import json
from pathlib import Path

import pytest

from tests.launchers.profile import write
from xpm.cli.main import main
from xpm.launchers.profiles import examine, load_profiles
from xpm.sync.rules import ENDS, EVERYTHING, Choice

PROFILE = """\
version: 1
sync:
  results: {pull: ["*.json"], skip: [ckpt/], max_file: 1GB}
connectors:
  campus: {kind: slurm, ssh: {host: a}, workspace: ~/x, sync: {results: {max_file: 10GB, pull_on: [done, failed]}}}
  tower:  {kind: ssh, ssh: {host: b}, workspace: ~/x}
  here:   {kind: local}
launchers:
  train: {connectors: [campus, tower], sync: {results: {skip: [], live: ["*.csv"]}}}
  eval:  {connector: campus}
"""
GB = 10**9


def test_a_launcher_says_it_over_its_connector_and_that_over_the_profile(tmp_path: Path) -> None:
    profiles = load_profiles(write(tmp_path, PROFILE))

    campus, tower = profiles.rules("campus"), profiles.rules("tower")

    common = Choice(pull=("*.json",), skip=("ckpt/",), most_each=1 * GB)
    assert common == tower.usual == tower.of("eval")
    on_campus = Choice(("*.json",), ("ckpt/",), 10 * GB, pull_on=("done", "failed"))
    assert on_campus == campus.usual == campus.of("eval") == campus.of("a launcher that is gone")
    assert campus.of("train") == Choice(
        ("*.json",), (), 10 * GB, live=("*.csv",), pull_on=("done", "failed")
    )
    assert tower.of("train") == Choice(("*.json",), (), 1 * GB, live=("*.csv",))
    assert (campus.is_live, tower.is_live) == (True, True)


def test_without_a_word_about_results_all_of_them_come_at_every_end(tmp_path: Path) -> None:
    text = "version: 1\nconnectors:\n  a: {kind: ssh, ssh: {host: a}, workspace: ~/x}\n"

    rules = load_profiles(write(tmp_path, text)).rules("a")

    assert (rules.usual, rules.usual.pull_on, rules.is_live) == (EVERYTHING, ENDS, False)


def test_what_extends_takes_the_rules_too(tmp_path: Path) -> None:
    text = PROFILE + "  long: {extends: train, sync: {results: {max_total: 2GB}}}\n"

    rules = load_profiles(write(tmp_path, text)).rules("campus").of("long")

    assert (rules.most_all, rules.live) == (2 * GB, ("*.csv",))


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ("{pull: [a/], skip: [a/]}", "sync.results.pull: 'a/' has no effect: 'skip' keeps it there"),
        ("{live: [a], skip: [a]}", "sync.results.live: 'a' has no effect: 'skip' keeps it there"),
        ("{max_file: 3GB, max_total: 2GB}", "sync.results.max_file: has no effect: no job may bring more than 2GB (max_total)"),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_told(tmp_path: Path, said: str, note: str) -> None:
    found = examine(write(tmp_path, f"version: 1\nsync: {{results: {said}}}\n"))

    assert [each.path + ": " + each.text for each in found.notes] == [note]


def test_on_this_machine_nothing_has_to_come_back(tmp_path: Path) -> None:
    text = "version: 1\nconnectors:\n  here: {kind: local, sync: {results: {skip: [a]}}}\n"

    found = examine(write(tmp_path, text))

    words = "has no effect on a connector of kind local: its jobs run in the main folder"
    assert [(each.path, each.text) for each in found.notes] == [("connectors.here.sync", words)]


def test_show_tells_the_rules_and_which_lines_say_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XPM_CONFIG_DIR", str(write(tmp_path, PROFILE)))
    monkeypatch.chdir(tmp_path)

    assert main(["launchers", "show", "train", "--why"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert main(["launchers", "show", "campus", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert (
        "results from campus: pull *.json; after done, failed; files up to 10GB; while it runs logs, *.csv"
        in shown
    )
    assert "results from tower: pull *.json; files up to 1GB; while it runs logs, *.csv" in shown
    said = [line.split() for line in shown if ".skip: " in line or ".live: " in line]
    assert [line[0] for line in said] == [
        "launchers.train.sync.results.skip:", "launchers.train.sync.results.live:",
        "sync.results.skip:",
    ]  # fmt: skip
    assert [line[-1].rpartition("/")[2] for line in said] == [
        "launchers.yaml:9:63", "launchers.yaml:9:73", "launchers.yaml:3:37",
    ]  # fmt: skip
    assert told["results"] == {
        "campus": {
            "pull": ["*.json"], "skip": ["ckpt/"], "pull_on": ["done", "failed"],
            "max_file": 10 * GB, "max_total": None, "live": None,
        }
    }  # fmt: skip
