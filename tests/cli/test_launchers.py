"""``xpm launchers check``: what there is, or everything that is wrong."""

import json
import shlex
from pathlib import Path

from tests.cli.commands import Ended, xpm
from xpm.launchers import schemas

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
    assert lines[1][-2].endswith("launchers.yaml:5")
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
    words = out.splitlines()[1].split()
    assert (words[:3], words[-1]) == (["local", "local", "local"], "default")
    assert "jobs run on this machine" in err


UNIVERSITY = (Path(__file__).parents[2] / "config/university.yaml").read_text()


def launchers(home: Path, *arguments: str, text: str = UNIVERSITY) -> Ended:
    (home / "config").mkdir(exist_ok=True)
    (home / "config/launchers.yaml").write_text(text)
    return xpm("launchers", *arguments, home=home)


def _line(text: str) -> int:
    return next(i for i, line in enumerate(UNIVERSITY.splitlines(), 1) if text in line)


def test_launchers_are_listed_with_what_they_ask_for(tmp_path: Path) -> None:
    told, programs = launchers(tmp_path, "list"), launchers(tmp_path, "list", "--json")

    assert "big       campus     slurm  32 cores, 240GB, 4 GPUs, 20h" in told.out
    told_all = json.loads(programs.out)
    assert told_all["schema"] == 1
    found = {each["name"]: each for each in told_all["launchers"]}
    assert found["cpu"]["default"] is True
    assert found["cpu"]["connectors"] == [{"name": "campus", "kind": "slurm"}]
    assert found["cpu"]["asks"] == {"cpus": 4, "mem_mib": 7630, "gpus": None, "time_s": 14400}


def test_a_launcher_is_shown_with_the_lines_that_say_so(tmp_path: Path) -> None:
    told = launchers(tmp_path, "show", "big", "--why", "--set", "launchers.big.mem=300GB")

    lines = {line.split(": ")[0]: line.split() for line in told.out.splitlines()}
    number = _line("require: {gpus: 4")
    path = tmp_path / "config/launchers.yaml"
    assert f"{path}:{number}:21" == lines["launchers.big.require.gpus"][-1]
    [mem] = [line for line in told.out.splitlines() if line.startswith("launchers.big.mem: ")]
    assert ["300GB", "--set", "launchers.big.mem=300GB"] == mem.split()[1:]
    assert "by itself: 32 cores, 300GB, 4 GPUs, 20h, on campus" in told.out
    assert any(line.startswith("sbatch --parsable ") for line in told.out.splitlines())
    assert lines["connectors.campus.slurm.account"][1] == "nlp-lab"
    assert lines["envs.torch.modules"][1] == "[cuda/12.4]"
    assert lines["policies.default.retry.oom.max"][1] == "2"


def test_what_is_shown_is_there_for_programs_too(tmp_path: Path) -> None:
    found = json.loads(launchers(tmp_path, "show", "campus", "--why", "--json").out)

    campus = found["values"]["connectors.campus"]
    assert campus["partitions"]["preempt"]["cpus"] == 64
    assert set(found["why"]) >= {"connectors.campus.kind", "connectors.campus.partitions.cpu.time"}


def test_an_unknown_name_is_told_the_nearest_one(tmp_path: Path) -> None:
    told = launchers(tmp_path, "show", "campos")

    assert (told.code, told.out) == (2, "")
    assert "there is no launcher or connector 'campos', did you mean 'campus'?" in told.err


def test_a_requirement_is_explained_with_its_line_of_sbatch(tmp_path: Path) -> None:
    asked = ("explain", "-l", "train", "time=3h & cuda(mem=40G)*2")
    told, programs = launchers(tmp_path, *asked), launchers(tmp_path, *asked, "--json")

    lines = told.out.splitlines()
    chosen = [line for line in lines if line.startswith("->")]
    assert [" ".join(line.split()) for line in chosen] == [
        "-> campus gpu 2 a100-80 normal 20 chosen"
    ]
    assert any("its jobs may be interrupted" in line for line in lines)
    assert any("no GPUs are listed for it" in line for line in lines)
    found = json.loads(programs.out)
    assert found["sbatch"] == lines[-1]
    assert "--gpus-per-node=a100:2" in shlex.split(lines[-1])
    assert [each["partition"] for each in found["candidates"] if each["chosen"]] == ["gpu"]


def test_what_cannot_be_had_is_refused_with_the_same_table(tmp_path: Path) -> None:
    told = launchers(tmp_path, "explain", "gpus=9")
    programs = launchers(tmp_path, "explain", "gpus=9", "--json")
    wrong = launchers(tmp_path, "explain", "gpus=9 & tmie=3h")
    assert ".py" not in wrong.err

    assert (told.code, programs.code, wrong.code) == (2, 2, 2)
    assert "9 GPUs, its nodes have 4" in told.out
    assert "no partition of campus can take this job" in told.err
    assert json.loads(programs.out)["connector"] is None
    assert "unknown word 'tmie' at column 10" in wrong.err


SMALL_AND_BIG = """\
version: 1
connectors:
  c:
    kind: slurm
    ssh: {host: c}
    workspace: "$HOME/xpm"
    partitions: {small: {time: 1h, cpus: 4}, big: {time: 2d, cpus: 64}}
launchers:
  small: {connector: c, partition: small, time: 1h}
  big: {connector: c, partition: big, time: 1h}
default: small
"""


def test_where_one_launcher_cannot_those_that_can_are_named_once(tmp_path: Path) -> None:
    told = launchers(tmp_path, "explain", "time=4h & cpus=8", text=SMALL_AND_BIG)
    never = launchers(tmp_path, "explain", "time=9d", text=SMALL_AND_BIG)
    odd = launchers(tmp_path, "show", "zzz", text=SMALL_AND_BIG)

    assert (told.code, never.code, odd.code) == (2, 2, 2)
    assert told.err.endswith("-> ask for less, or name a launcher that can: big\n")
    assert "->" not in never.err
    assert 1 == odd.err.count("small") == odd.err.count("local")


def test_a_check_is_there_for_programs_too(tmp_path: Path) -> None:
    good = launchers(tmp_path, "check", "--json")
    bad = launchers(tmp_path, "check", "--json", text=UNIVERSITY.replace("8GB", "8"))

    assert (good.code, json.loads(good.out)["problems"]) == (0, [])
    assert json.loads(good.out)["files"] == [str(tmp_path / "config/launchers.yaml")]
    [problem] = json.loads(bad.out)["problems"]
    assert bad.code == 2
    assert problem["path"] == "launchers.cpu.mem"
    assert problem["text"].startswith("8 has no unit")
    assert (problem["line"], problem["column"]) == (_line("8GB"), 42)


def test_the_schema_is_printed_as_it_is_kept_for_editors(tmp_path: Path) -> None:
    assert schemas.marked() == launchers(tmp_path, "schema").out
