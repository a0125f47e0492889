"""A profile drafted from what a place tells: it can be used, and a file of somebody's keeps its words."""

from pathlib import Path

import pytest

from xpm.agent import limits
from xpm.agent.limits import Association, Nodes, Partition, Qos, SiteLimits
from xpm.connectors.questions import Answer, Answers
from xpm.errors import ProfileProblem
from xpm.launchers import drafting, gpu_types, surveying, writing
from xpm.launchers.profiles import examine
from xpm.launchers.surveying import Gpu, Room, Survey

DAY = 86400
HOME = Room("$HOME", "/home/ann", 1000, 50)
SCRATCH = Room("$SCRATCH", "/scratch/ann", 10**9, None)


def partition(name: str, **known: object) -> Partition:
    row = {
        **dict.fromkeys(Partition._fields), "name": name, "state": "UP", "is_default": False,
        "denied_accounts": (), "denied_qos": (), **known,
    }  # fmt: skip
    return Partition(**row)  # type: ignore[arg-type]


def account(name: str, is_default: bool = False, qos: tuple[str, ...] = ()) -> Association:
    return Association(name, "", qos, None, is_default, None, None, None, {}, {})


def qos(name: str, wall_s: int | None = None) -> Qos:
    return Qos(name, (), wall_s, None, None, {}, {}, {})


SITE = limits.UNKNOWN._replace(
    at=1.0,
    version="23.11.4",
    max_array_size=1001,
    partitions=(
        partition("gpu@new", max_time_s=2 * DAY, max_nodes=4),
        partition("cpu", is_default=True, max_time_s=1800),
        partition("staff", accounts=("root",)),
        partition("old", state="DOWN"),
        partition("club", groups=("club",)),
    ),
    nodes=(
        Nodes("cpu", 8, 64, 256_000, {}),
        Nodes("gpu@new", 2, 32, 128_000, {"nvidia_a100-sxm4-80gb": 4}),
        Nodes("gpu@new", 1, 32, 128_000, {"": 2}),
    ),
    groups=("ann",),
    associations=(account("lab", True, ("normal", "debug")), account("side", qos=("normal",))),
    qos=(qos("normal"), qos("debug", 1800)),
)


def survey(site: SiteLimits = SITE, **known: object) -> Survey:
    values: dict[str, object] = {
        "user": "ann", "host": "login1", "system": "Linux", "umask": "0022", "shell": "/bin/bash",
        "clock": 1.0, "variables": {"HOME": "/home/ann"}, "login_only": frozenset[str](),
        "pythons": [("/usr/bin/python3", (3, 6, 8)), ("/opt/py/bin/python3", (3, 12, 1))],
        "modules": ["python/3.11"], "cores": 8, "memory_mib": 16000, "gpus": [], "kills": None,
        "lingers": None, "tools": [], "sbatch": "/usr/bin/sbatch", "site": site,
    }  # fmt: skip
    return Survey(**{**values, **known})  # type: ignore[arg-type]


def written(text: str, draft: drafting.Draft) -> str:
    text = writing.with_entries(text, "f", ["connectors"], {draft.name: draft.connector})
    launchers = {name: [line] for name, line in draft.launchers.items()}
    text = writing.with_entries(text, "f", ["launchers"], launchers)
    catalog = {name: [line] for name, line in draft.catalog.items()}
    return writing.with_entries(text, "f", ["catalog", "gpus"], catalog)


def test_a_cluster_becomes_a_profile_that_can_be_used(tmp_path: Path) -> None:
    draft = drafting.draft("campus", "ann@login", None, survey(), [SCRATCH, HOME])
    text = written("version: 1\n", draft)
    (tmp_path / "launchers.yaml").write_text(text)

    found = examine(tmp_path)

    assert ([], []) == (list(found.problems), list(found.notes)), text
    assert found.profiles is not None
    assert ("cpu", "gpu-new", "local") == tuple(found.profiles.names)
    request = found.profiles.launcher("gpu-new").request({})
    assert ["--partition=gpu@new", "--account=lab"] == request["options"][:2]  # type: ignore[index]
    assert "--gpus-per-node=1" in request["options"]  # type: ignore[operator]
    assert "--time=30" in found.profiles.launcher("cpu").request({})["options"]  # type: ignore[operator]
    assert 'ssh: {host: "ann@login"}' in text or "ssh: {host: ann@login}" in text
    assert 'workspace: "$SCRATCH/xpm"  # 1 TB free; such file systems are often purged' in text
    assert "python: /opt/py/bin/python3  # 3.12.1" in text
    assert "slurm: {account: lab}  # your other accounts: side" in text
    assert "qos: [{name: normal}, {name: debug, time: 30m}]" in text
    assert "nvidia_a100-sxm4-80gb: {vendor: nvidia, vram: 80GB" in text
    assert not [name for name in ("staff", "old", "club") if f"  {name}:" in text]

    (tmp_path / "launchers.yaml").write_text(text.replace("# sync:", "sync:"))
    found = examine(tmp_path)
    assert ([], []) == (list(found.problems), list(found.notes))
    assert found.profiles is not None
    assert ("ckpt/",) == tuple(found.profiles.rules("campus").usual.skip)


def test_a_partition_that_the_default_account_may_not_use_names_another() -> None:
    side = partition("side", accounts=("Side",))
    site = SITE._replace(partitions=(side, partition("barred", denied_accounts=("lab",))))

    lines = drafting.lines_of(drafting.discovered("campus", survey(site), is_slurm=True))

    text = "\n".join(lines)
    assert 2 == text.count("account: side")


def test_another_account_than_the_default_one_may_be_charged() -> None:
    charging = drafting.charging(survey(), "side")

    draft = drafting.draft("campus", "ann@login", None, charging, [])
    assert "slurm: {account: side}  # your other accounts: lab" in draft.connector
    assert ["side", "lab"] == drafting.accounts(charging.site)


def test_an_account_may_be_charged_where_nobody_tells_of_accounts() -> None:
    silent = survey(SITE._replace(associations=None))

    draft = drafting.draft("campus", "ann@login", None, drafting.charging(silent, "mine"), [])

    assert "slurm: {account: mine}" in draft.connector


def test_a_plain_host_becomes_a_profile_with_its_machine(tmp_path: Path) -> None:
    plain = survey(
        limits.UNKNOWN, sbatch="", gpus=[Gpu("NVIDIA GeForce RTX 4090", 24564)] * 2, pythons=[]
    )
    draft = drafting.draft("tower", "tower", "/home/me/ssh config", plain, [])
    text = written("version: 1\n", draft)
    (tmp_path / "launchers.yaml").write_text(text)

    found = examine(tmp_path)

    assert [] == list(found.problems), text
    assert "host: {cpus: 8, mem: 16000MiB, gpus: {geforce-rtx-4090: 2}}" in text
    assert 'config: "/home/me/ssh config"' in text
    assert "geforce-rtx-4090: {vendor: nvidia, vram: 24GB" in text
    assert "# python: ...  # none of 3.9 or newer was found" in text
    assert 'workspace: "$HOME/xpm-tower"  # no folder was found' in text


def test_what_was_discovered_is_a_layer_of_facts_alone(tmp_path: Path) -> None:
    lines = list(drafting.lines_of(drafting.discovered("campus", survey(), is_slurm=True)))

    text = "\n".join(lines)
    assert {"version": 1}.items() <= drafting.discovered("campus", survey(), is_slurm=True).items()
    assert "workspace" not in text
    assert "      cpu:" in lines
    assert "        gpus: {nvidia_a100-sxm4-80gb: 4, gpu: 2}" in lines


MINE = """\
# my own words
version: 1
connectors:
  # the old one
  cluster:
    kind: slurm   # as ever
    ssh: {host: mycluster}
    workspace: "~/xpm"

  # the tower
  tower: {kind: ssh, ssh: {host: tower}, workspace: "~/xpm"}

launchers:
  cpu: {connector: cluster, partition: cpu}   # mine

default: cpu
"""


def test_a_new_entry_goes_to_the_end_of_its_section_and_all_else_stays() -> None:
    text = writing.with_entries(MINE, "f", ["connectors"], {"new": ["kind: ssh"]})

    rows = text.splitlines()
    at = rows.index("  new:")
    assert "    kind: ssh" == rows[at + 1]
    assert rows[at - 1].startswith("  tower:")
    assert MINE.splitlines() == [*rows[:at], *rows[at + 2 :]]


def test_an_entry_of_the_same_name_is_replaced_with_its_lines_only() -> None:
    text = writing.with_entries(MINE, "f", ["connectors"], {"cluster": ["kind: ssh"]})

    assert "as ever" not in text
    assert "  # the old one\n  cluster:\n    kind: ssh\n\n  # the tower\n  tower:" in text


def test_sections_are_made_where_there_are_none() -> None:
    text = writing.with_entries(
        "version: 1\nlaunchers: {}  # none yet\n", "f", ["launchers"], {"a": ["{connector: b}"]}
    )
    text = writing.with_entries(text, "f", ["catalog", "gpus"], {"x": ["{vendor: amd}"]})
    text = writing.with_entries(text, "f", ["catalog", "gpus"], {"y": ["{vendor: amd}"]})

    assert text == (
        "version: 1\nlaunchers:  # none yet\n  a: {connector: b}\n\n"
        "catalog:\n  gpus:\n    x: {vendor: amd}\n    y: {vendor: amd}\n"
    )


def test_a_section_in_braces_is_left_to_people() -> None:
    with pytest.raises(ProfileProblem) as told:
        writing.with_entries(
            "connectors: {a: {kind: local}}\n", "f", ["connectors"], {"b": ["x: 1"]}
        )

    assert "f:1" in str(told.value)
    assert "in braces" in str(told.value)


@pytest.mark.parametrize(
    ("name", "vendor", "gb"),
    [
        ("a100", "nvidia", None), ("nvidia_a100-sxm4-80gb", "nvidia", 80), ("1g.10gb", "nvidia", 10),
        ("v100-32g", "nvidia", 32), ("NVIDIA GeForce RTX 2080 Ti", "nvidia", 11), ("h100", "nvidia", 80),
        ("l4", "nvidia", 24), ("l40s", "nvidia", 48), ("mi300a", "amd", 128), ("rtx_a6000", "nvidia", 48),
    ],
)  # fmt: skip
def test_names_of_gpus_are_known_by_what_they_mean(name: str, vendor: str, gb: int | None) -> None:
    known = gpu_types.known(name)

    assert known is not None
    assert (vendor, None if gb is None else gb * 10**9) == (known.vendor, known.vram)


def test_a_name_nobody_knows_is_not_guessed() -> None:
    assert gpu_types.known("gpu") is None
    assert gpu_types.known("tesla") is None


def answers(**said: str) -> Answers:
    return Answers({name: Answer(0, text) for name, text in said.items()}, 0.1, "")


def test_a_survey_is_read_from_what_a_login_says() -> None:
    found = surveying.read(
        answers(
            who="ann\nlogin1\nLinux 6.1\n0077\n/bin/tcsh\n1790000000.5",
            env="HOME=/home/ann\nPATH=/bin",
            login_env="HOME=/home/ann\nSCRATCH=/scratch/ann\nFUNC=() {\n  x=1\n}",
            pythons="/usr/bin/python3 3.6.8\n/opt/x/python3 3.12.1\nnoise",
            machine="48\n191000\ngpu|NVIDIA A100-SXM4-40GB, 40960\ngpu|NVIDIA A100-SXM4-40GB, 40960",
            logout="kills b true\nlingers Linger=no",
            sbatch="",
        ),
        1.0,
    )

    assert ("ann", "0077", "/bin/tcsh", 1790000000.5) == (
        found.user, found.umask, found.shell, found.clock
    )  # fmt: skip
    assert ("/opt/x/python3", (3, 12, 1)) == found.python
    assert "/scratch/ann" == found.variables["SCRATCH"]
    assert "SCRATCH" in found.login_only
    assert (48, 191000, True, False) == (found.cores, found.memory_mib, found.kills, found.lingers)
    assert [Gpu("NVIDIA A100-SXM4-40GB", 40960)] * 2 == found.gpus
    assert not found.is_slurm
    script = surveying.rooms_question(found).script
    assert script.index("/scratch/ann") < script.index("/home/ann")


def test_rooms_are_those_that_can_be_written_each_once() -> None:
    text = "$SCRATCH|/scratch/ann|100|-\n/scratch/$USER|/scratch/ann/|100|5\n$HOME|/home/ann|5|7\nnoise"

    assert [Room("$SCRATCH", "/scratch/ann", 100, None), Room("$HOME", "/home/ann", 5, 7)] == (
        surveying.rooms(text)
    )
