"""``xpm launchers check``: what there is, or everything that is wrong."""

from pathlib import Path

from tests.cli.commands import xpm

GOOD = """\
version: 1
connectors:
  cluster: {kind: slurm, ssh: {host: mycluster}, workspace: "$HOME/xpm"}
launchers:
  cpu: {connector: cluster, partition: cpu, mem: 1GB, time: 10m}
default: cpu
"""


def check(home: Path, text: str | None) -> tuple[int, str, str]:
    folder = home / "config"
    folder.mkdir(exist_ok=True)
    if text is not None:
        (folder / "launchers.yaml").write_text(text)
    told = xpm("launchers", "check", home=home)
    return told.code, told.out, told.err


def test_a_good_profile_is_listed_with_its_default(tmp_path: Path) -> None:
    code, out, err = check(tmp_path, GOOD)

    lines = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert lines[1][:3] == ["cpu", "cluster", "slurm"]
    assert lines[1][-1] == "default"
    assert lines[1][3].endswith("launchers.yaml:5")
    assert lines[2][:3] == ["local", "local", "local"]


def test_all_mistakes_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    text = GOOD.replace("mem: 1GB", "mem: 1").replace("time:", "tmie:").replace("slurm", "slrum")

    code, out, err = check(tmp_path, text)

    assert (code, out) == (2, "")
    assert "launchers.yaml:3" in err
    assert err.count("launchers.yaml:5") == 2
    assert "did you mean" in err


def test_without_a_profile_there_is_this_machine(tmp_path: Path) -> None:
    code, out, err = check(tmp_path, None)

    assert code == 0
    assert out.splitlines()[1].split() == ["local", "local", "local", "default"]
    assert "jobs run on this machine" in err
