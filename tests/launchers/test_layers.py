"""The layers of a profile: which are read, which word wins, and that every value knows who said it."""

from pathlib import Path

import pytest

from xpm.errors import ProfileProblem, UsageProblem
from xpm.launchers.matching import Asked
from xpm.launchers.profiles import Profiles, examine, load_profiles
from xpm.launchers.showing import values
from xpm.launchers.tree import plain

FILES = {
    "config/launchers.d/uni.discovered.yaml": """
        version: 1
        connectors:
          uni:
            partitions: {cpu: {time: 1d, cpus: 32, mem: 100GB}, old: {time: 1h}}
            slurm: {account: found}
        """,
    "etc/launchers.yaml": """
        version: 1
        connectors:
          uni: {kind: slurm, ssh: {host: uni}, workspace: ~/xpm, slurm: {account: all, extra: [--x]}}
        launchers: {cpu: {connector: uni, time: 1h}}
        default: cpu
        """,
    "config/launchers.yaml": """
        version: 1
        connectors: {uni: {partitions: {cpu: {time: 2d}}, slurm: {extra: [--y, --z]}}}
        launchers: {mine: {extends: cpu, mem: 2GB}}
        """,
    "repository/xpm-launchers.yaml": """
        version: 1
        launchers: {cpu: {cpus: 4}}
        default: mine
        """,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "repository/.git").mkdir()
    (tmp_path / "repository/plans").mkdir()
    monkeypatch.setenv("XPM_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("XPM_ADMIN_DIR", str(tmp_path / "etc"))
    monkeypatch.chdir(tmp_path / "repository/plans")
    return tmp_path


def words(profiles: Profiles, name: str, root: Path) -> dict[str, str]:
    """Every value of a launcher or connector, with the file and line that say it."""
    for kind in ("launchers", "connectors"):
        tree = profiles.tree.table(kind).items.get(name)
        if tree is not None:
            found = values(tree)
            return {v.path: f"{v.text} ({v.mark})".replace(f"{root}/", "") for v in found}
    return {}


def test_nearer_layers_win_word_by_word_and_lists_are_replaced(home: Path) -> None:
    profiles = load_profiles()

    assert ["discovered", "admin", "user", "project"] == [each.name for each in profiles.files]
    assert "mine" == profiles.default
    assert words(profiles, "uni", home) == {
        "partitions.cpu.time": "2d (config/launchers.yaml:3)",
        "partitions.cpu.cpus": "32 (config/launchers.d/uni.discovered.yaml:5)",
        "partitions.cpu.mem": "100GB (config/launchers.d/uni.discovered.yaml:5)",
        "partitions.old.time": "1h (config/launchers.d/uni.discovered.yaml:5)",
        "slurm.account": "all (etc/launchers.yaml:4)",
        "slurm.extra": "[--y, --z] (config/launchers.yaml:3)",
        "kind": "slurm (etc/launchers.yaml:4)",
        "ssh.host": "uni (etc/launchers.yaml:4)",
        "workspace": "~/xpm (etc/launchers.yaml:4)",
    }
    assert words(profiles, "mine", home) == {
        "connector": "uni (etc/launchers.yaml:5)",
        "time": "1h (etc/launchers.yaml:5)",
        "cpus": "4 (repository/xpm-launchers.yaml:3)",
        "mem": "2GB (config/launchers.yaml:4)",
    }
    assert profiles.launcher(None).request({})["resources"] == {
        "cpus": 4, "mem_mib": 1908, "gpus": None, "time_s": 3600,
    }  # fmt: skip


def test_the_command_line_goes_over_everything(home: Path) -> None:
    sets = ["launchers.cpu.time=90m", "default=cpu", "launchers.new={extends: mine, cpus: 8}"]

    profiles = load_profiles(sets=sets)

    assert "90m (--set launchers.cpu.time=90m)" == words(profiles, "mine", home)["time"]
    assert "cpu" == profiles.default
    chosen = profiles.launcher("new").match(Asked()).chosen
    assert chosen is not None
    assert (8, 5400) == (chosen.needs.cpus, chosen.needs.time_s)


def test_a_wrong_word_of_the_command_line_is_told_with_that_word(home: Path) -> None:
    with pytest.raises(ProfileProblem) as caught:
        load_profiles(sets=["launchers.cpu.tmie=2h", "launchers.cpu.mem=4"])

    assert str(caught.value).splitlines()[1:] == [
        "--set launchers.cpu.mem=4: launchers.cpu.mem: 4 has no unit (example: 4GB or 512MiB)",
        "--set launchers.cpu.tmie=2h: launchers.cpu.tmie: unknown key, did you mean 'time'? (example: time: 90s)",
    ]
    with pytest.raises(UsageProblem, match=r"--set launchers\.cpu says nothing"):
        load_profiles(sets=["launchers.cpu"])


def test_the_mistakes_of_all_files_are_told_at_once_also_of_words_that_others_replace(
    home: Path,
) -> None:
    (home / "etc/launchers.yaml").write_text("version: 1\nlaunchers: {cpu: {time: 5}}\n")
    (home / "repository/xpm-launchers.yaml").write_text("launchers: {cpu: {time: 1h, cpu: 2}}\n")

    problems = [str(each).replace(f"{home}/", "") for each in examine().problems]

    assert [each.partition(": ")[0] for each in problems] == [
        "config/launchers.yaml:3:27",  # nothing says of what kind uni is
        "config/launchers.yaml:4:27",  # nothing says where mine goes
        "etc/launchers.yaml:2:25",  # this value is replaced
        "repository/xpm-launchers.yaml:1:1",  # no version
        "repository/xpm-launchers.yaml:1:18",  # nothing says where cpu goes
        "repository/xpm-launchers.yaml:1:29",  # no such key
    ]


def test_what_was_discovered_of_a_connector_that_is_gone_is_left_aside(home: Path) -> None:
    text = "version: 1\nconnectors: {gone: {partitions: {p: {time: 1h}}}, uni: {cost: 3}}\n"
    (home / "config/discovered").mkdir()
    (home / "config/discovered/both.yaml").write_text(text)

    profiles = load_profiles()

    assert "gone" not in profiles.connectors
    assert "3 (config/discovered/both.yaml:2)" == words(profiles, "uni", home)["cost"]


def test_a_folder_that_is_named_stands_alone(home: Path) -> None:
    (home / "alone").mkdir()
    (home / "alone/launchers.yaml").write_text("version: 1\n")

    assert ["user"] == [each.name for each in load_profiles(home / "alone").files]


def test_a_projects_file_is_looked_for_up_to_the_top_of_the_repository(home: Path) -> None:
    (home / "xpm-launchers.yaml").write_text("version: 1\ndefault: local\n")
    (home / "repository/xpm-launchers.yaml").unlink()

    assert "cpu" == load_profiles().default
    assert "local" == load_profiles(start=home).default


def test_without_any_file_the_users_folder_is_the_one_of_xdg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XPM_CONFIG_DIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert tmp_path / "xpm/launchers.yaml" == examine(start=tmp_path).path


def test_the_built_in_layer_knows_the_usual_gpus(home: Path) -> None:
    (home / "repository/xpm-launchers.yaml").unlink()
    text = "version: 1\ncatalog: {gpus: {a100-80: {vram: 79GB}, ours: {vram: 8GB}}}\n"
    (home / "config/launchers.yaml").write_text(text)

    gpus = load_profiles().tree.table("catalog").table("gpus")

    assert plain(gpus.table("a100-80")) == {"vendor": "nvidia", "capability": "8.0", "vram": "79GB"}
    assert plain(gpus.table("h100-80")) == {"vendor": "nvidia", "capability": "9.0", "vram": "80GB"}
    assert "built-in" == str(gpus.table("h100-80").items["vram"].mark)
