"""What the example profiles come to: for requests of many kinds the exact line of sbatch, or why not, as goldens.

Written anew by ``python -m tests.launchers.test_sbatch_lines``; each change is to be read.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from xpm.launchers import showing
from xpm.launchers.matching import ANYTHING, Asked
from xpm.launchers.profiles import Profiles, load_profiles
from xpm.plan.requirements import Req

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/sbatch"
PROFILES = ("laptop", "lab-box", "university", "national")
REQUESTS = (
    "",
    "time=1h & cpu(cores=4, mem=8GB)",
    "time=5m & cpus=1",
    "time=10h & gpus=1",
    "time=10h & cuda(mem=24G)*2 & cpu(cores=16, mem=120GB)",
    "time=50h & gpus=4",
    "time=30m & nodes=2 & cpus=8",
    "time=20h & gpu(vram>=80GB)*8 | time=20h & gpu(vram>=30GB)*4",
    "time=2h & mem=130GB",
    "time=1h & tokens(matlab)",
    "tags(eu) & time=1h",
)


def profiles(name: str, folder: Path) -> Profiles:
    """An example profile, where a user would have put it."""
    (folder / "launchers.yaml").write_text((ROOT / f"config/{name}.yaml").read_text("utf-8"))
    return load_profiles(folder)


def lines(name: str, folder: Path) -> Iterator[str]:
    """What each request comes to with each launcher."""
    loaded = profiles(name, folder)
    for launcher in [each for each in loaded.names if each != "local"]:
        yield f"== {launcher}"
        for text in REQUESTS:
            for is_resumable in (False, True) if text == "time=10h & gpus=1" else (False,):
                yield f"-- {text or 'nothing said'}{', resumable' if is_resumable else ''}"
                asked = Asked(Req(text).alternatives if text else ANYTHING)
                found = loaded.launcher(launcher).match(asked)
                if found.chosen is None:
                    yield from (
                        f"   no: {' '.join(filter(None, row[1:5]))}: {row[-1]}"
                        for row in showing.rows(found)
                    )
                elif found.chosen.blueprint.site.is_slurm:
                    line = showing.sbatch_line(found.chosen, is_resumable)
                    yield f"   {line.partition(' --export=ALL ')[2]}"
                else:
                    yield f"   {found.chosen.connector}: {showing.wants(found.chosen.needs)}"


@pytest.mark.parametrize("name", PROFILES)
def test_the_example_profiles_come_to_these_lines(name: str, tmp_path: Path) -> None:
    assert (GOLDEN / f"{name}.txt").read_text("utf-8").splitlines() == list(lines(name, tmp_path))


def test_a_whole_line_is_what_the_agent_types(tmp_path: Path) -> None:
    chosen = profiles("university", tmp_path).launcher("cpu").match(Asked()).chosen
    assert chosen is not None

    assert showing.sbatch_line(chosen) == (
        "sbatch --parsable --job-name=SUBMISSION --open-mode=append"
        " --output=/scratch/$USER/xpm/.xpm/submissions/SUBMISSION/log --chdir=/scratch/$USER/xpm --export=ALL"
        " --partition=cpu --account=nlp-lab --time=240 --nodes=1 --ntasks=1 --cpus-per-task=4 --mem=7630M"
        " --signal=B:USR1@180"
    )


EXCLUSIVE = (
    ("mem", "mem-per-cpu", "mem-per-gpu"),
    ("gres", "gpus-per-node", "gpus"),
    ("ntasks", "ntasks-per-node"),
)


@pytest.mark.parametrize("name", PROFILES)
def test_no_line_names_a_flag_twice_or_two_that_exclude_each_other(
    name: str, tmp_path: Path
) -> None:
    for line in lines(name, tmp_path):
        if not line.startswith("   --"):
            continue
        flags = [word.partition("=")[0].removeprefix("--") for word in line.split()]
        assert len(flags) == len(set(flags)), line
        for group in EXCLUSIVE:
            assert sum(flag in group for flag in flags) <= 1, line
        assert "nodes" in flags


if __name__ == "__main__":
    import tempfile

    GOLDEN.mkdir(parents=True, exist_ok=True)
    for each in PROFILES:
        with tempfile.TemporaryDirectory() as made:
            (GOLDEN / f"{each}.txt").write_text("\n".join(lines(each, Path(made))) + "\n", "utf-8")
