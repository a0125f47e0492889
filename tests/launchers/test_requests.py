"""From a launcher and a job's tokens to the request, above all the sbatch flags."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.launchers.profile import launcher, on_cluster, options, write
from xpm.agent import modules
from xpm.connectors.specs import Capacity, SshSpec
from xpm.errors import ProfileProblem
from xpm.launchers.profiles import examine, load_profiles

BASICS = "cpus: 2, mem: 1GB, time: 10m"


@pytest.mark.parametrize(
    ("keys", "flags"),
    [
        ("", []),
        ("partition: cpu", ["--partition=cpu"]),
        ("partition: 'a,b'", ["--partition=a,b"]),
        ("time: 10m", ["--time=10"]),
        ("time: 90s", ["--time=2"]),
        ("time: 12:00:00", ["--time=720"]),
        ("time: 1-00:00:00", ["--time=1440"]),
        ("cpus: 4", ["--cpus-per-task=4"]),
        ("mem: 1GB", ["--mem=954M"]),
        ("mem: 1GiB", ["--mem=1024M"]),
        ("gpus: 2", ["--gpus-per-node=2"]),
        ("gpus: 'a100:2'", ["--gpus-per-node=a100:2"]),
        ("gpus: a100", ["--gpus-per-node=a100:1"]),
        ("account: me", ["--account=me"]),
        ("qos: long", ["--qos=long"]),
        ("constraint: 'intel&ib'", ["--constraint=intel&ib"]),
        ("extra: [--exclusive, --hint=nomultithread]", ["--exclusive", "--hint=nomultithread"]),
        ("require: {gpus: 1}, defaults: {cpus_per_gpu: 8, mem_per_gpu: 2GiB, time: 1h}",
         ["--time=60", "--cpus-per-task=8", "--mem=2048M", "--gpus-per-node=1"]),
        ("time: 2h, defaults: {time: 1h}", ["--time=120"]),
    ],
)  # fmt: skip
def test_a_key_of_a_launcher_becomes_sbatch_flags(
    keys: str, flags: list[str], tmp_path: Path
) -> None:
    assert flags == options(on_cluster(tmp_path, keys).request({}))


@pytest.mark.parametrize(
    ("customs", "keys", "flags"),
    [
        ("account: lab", "", ["--account=lab"]),
        ("account: lab", "account: me", ["--account=me"]),
        ("gpu_flag: gres", "gpus: 'a100:2'", ["--gres=gpu:a100:2"]),
        ("gpu_flag: gpus", "gpus: 2", ["--gpus=2"]),
        ("gpu_type_in: constraint", "gpus: 'a100:2'", ["--gpus-per-node=2", "--constraint=a100"]),
        (
            "mem_flag: mem-per-cpu",
            "cpus: 3, mem: 1GiB",
            ["--cpus-per-task=3", "--mem-per-cpu=342M"],
        ),
        (
            "mem_flag: mem-per-gpu",
            "gpus: 2, mem: 1GiB",
            ["--mem-per-gpu=512M", "--gpus-per-node=2"],
        ),
        ("mem_flag: mem-per-gpu", "mem: 1GiB", ["--mem=1024M"]),
        ("mem_flag: from-cpus, mem_per_cpu: 4GB", "cpus: 2, mem: 17GB", ["--cpus-per-task=5"]),
        ("mem_flag: from-cpus, mem_per_cpu: 4GB", "cpus: 8, mem: 17GB", ["--cpus-per-task=8"]),
        (
            "extra: [--hint=nomultithread]",
            "extra: [--exclusive]",
            ["--hint=nomultithread", "--exclusive"],
        ),
    ],
)
def test_the_customs_of_a_cluster_decide_how_it_is_asked(
    customs: str, keys: str, flags: list[str], tmp_path: Path
) -> None:
    found = on_cluster(tmp_path, keys, f"slurm: {{{customs}}}").request({})

    assert flags == options(found)


def test_a_job_of_several_nodes_has_one_task_on_each(tmp_path: Path) -> None:
    found = on_cluster(tmp_path, "nodes: 4, gpus: 2", "slurm: {gpu_flag: gpus}").request({})

    assert found["options"] == ["--nodes=4", "--ntasks-per-node=1", "--gpus=8"]


@pytest.mark.parametrize(
    ("tokens", "flags", "slots"),
    [
        ({}, ["--cpus-per-task=2"], {}),
        ({"cpu": 3}, ["--cpus-per-task=3"], {}),
        ({"gpu": 1}, ["--cpus-per-task=2", "--gpus-per-node=1"], {}),
        ({"matlab": 2}, ["--cpus-per-task=2", "--licenses=matlab@flex:2"], {}),
        ({"lane": 2}, ["--cpus-per-task=2"], {"lane": 2}),
        ({"unheard": 5}, ["--cpus-per-task=2"], {"unheard": 5}),
        ({"cpu": 4, "lane": 1}, ["--cpus-per-task=4"], {"lane": 1}),
        ({"alone": 1}, ["--cpus-per-task=2", "--exclusive"], {}),
        (
            {"alone": 1, "cpu": 3, "gpu": 2, "lane": 1, "matlab": 1},
            [
                "--cpus-per-task=3",
                "--gpus-per-node=2",
                "--exclusive",
                "--licenses=matlab@flex:1",
            ],
            {"lane": 1},
        ),
    ],
)
def test_slurm_pays_tokens_of_every_kind_but_slots_which_are_counted(
    tokens: Mapping[str, int], flags: list[str], slots: Mapping[str, int], tmp_path: Path
) -> None:
    it = on_cluster(tmp_path, "cpus: 2", "slurm: {licenses: {matlab: matlab@flex}}")

    assert flags == options(it.request(tokens))
    assert slots == it.slots(tokens)


def test_a_token_named_cpu_is_counted_where_the_profile_gives_it_no_kind(tmp_path: Path) -> None:
    it = launcher(
        tmp_path,
        """
        version: 1
        connectors: {c: {kind: slurm, ssh: {host: h}, workspace: ~/xpm}}
        launchers: {it: {connector: c, cpus: 2}}
        """,
    )

    assert options(it.request({"cpu": 3})) == ["--cpus-per-task=2"]
    assert it.slots({"cpu": 3}) == {"cpu": 3}
    assert it.slot_entries([("cpu", 3, 5)]) == [("cpu", 3, 5)]


@pytest.mark.parametrize(
    ("customs", "flags"),
    [
        ("", ["--gpus-per-node=2"]),
        ("slurm: {gpu_flag: gres}", ["--gres=gpu:2"]),
        ("slurm: {gpu_flag: gpus}", ["--gpus=2"]),
    ],
)
def test_a_gpu_token_is_paid_as_the_cluster_is_asked_for_gpus(
    customs: str, flags: list[str], tmp_path: Path
) -> None:
    assert flags == options(on_cluster(tmp_path, "", customs).request({"gpu": 2}))


@pytest.mark.parametrize(
    ("tokens", "totals", "throttle"),
    [
        ({"lane": 1}, {}, 8),
        ({"lane": 3}, {}, 2),
        ({"lane": 2, "unheard": 2}, {"unheard": 5, "lane": 9}, 2),
        ({"unheard": 2}, {"unheard": 5}, 2),
        ({"cpu": 2}, {"cpu": 5}, None),
    ],
)
def test_counted_tokens_hint_how_many_of_an_array_may_run_at_once(
    tokens: Mapping[str, int], totals: Mapping[str, int], throttle: int | None, tmp_path: Path
) -> None:
    assert on_cluster(tmp_path).request(tokens, totals=totals).get("throttle") == throttle


def test_more_than_this_machine_has_is_refused_of_a_task_and_not_of_a_profile(
    tmp_path: Path,
) -> None:
    it = launcher(
        tmp_path,
        """
        version: 1
        connectors: {here: {kind: local}}
        tokens: {cpu: {kind: cpu}, gpu: {kind: gpu}}
        launchers: {it: {connector: here}, large: {connector: here, cpus: 9999, mem: 9999TB}}
        """,
    )
    large = load_profiles(tmp_path).launcher("large")

    with pytest.raises(ProfileProblem, match=r"here cannot take this job: 9999 cores, it has \d+"):
        it.request({"cpu": 9999})
    with pytest.raises(ProfileProblem, match=r"9999 GPUs, it has \d+"):
        it.request({"gpu": 9999})
    with pytest.raises(ProfileProblem, match=r"9999 cores, it has \d+; 9999TB of memory, it has"):
        large.request({})


@pytest.mark.parametrize(
    ("gpus", "wish", "problem"),
    [
        ("{rtx4090: 2}", "gpus: 'rtx4090:2'", ""),
        ("{rtx4090: 2}", "require: {gpu: {vram: '>=16GB'}}", ""),
        ("2", "gpus: 'a100:2'", ""),
        ("{rtx4090: 2}", "gpus: 'rtx4090:3'", "3 GPUs, it has 2"),
        ("{rtx4090: 2}", "gpus: a100", "no such GPU, it has 2 rtx4090"),
        ("{rtx4090: 2}", "require: {gpu: {vram: '>=30GB'}}", "no such GPU, it has 2 rtx4090"),
        (
            "{rtx4090: 1, a100: 1}",
            "gpus: a100",
            "no such GPU, it has 1 rtx4090, 1 a100, which are not told apart there",
        ),
    ],
)
def test_a_host_is_asked_for_gpus_that_it_has(
    gpus: str, wish: str, problem: str, tmp_path: Path
) -> None:
    text = f"""
    version: 1
    catalog: {{gpus: {{rtx4090: {{vram: 24GB}}}}}}
    connectors: {{b: {{kind: ssh, ssh: {{host: h}}, workspace: ~/xpm, host: {{gpus: {gpus}}}}}}}
    launchers: {{it: {{connector: b, {wish}}}}}
    """

    found = examine(write(tmp_path, text))

    expected = [f"b cannot take this job: {problem}"] if problem else []
    assert [each.text for each in found.problems] == expected


def test_a_profile_says_what_jobs_may_use_of_a_host(tmp_path: Path) -> None:
    text = """
    version: 1
    connectors:
      b: {kind: ssh, ssh: {host: h}, workspace: ~/xpm, capacity: 3,
          host: {cpus: 8, mem: 16GiB, gpus: [1, GPU-aa]}}
      c: {extends: b, host: {cpus: auto, gpus: {rtx4090: 2, a100: 1}}}
    launchers: {it: {connector: b}, c: {connector: c}}
    """
    found = load_profiles(write(tmp_path, text)).connectors

    assert isinstance(found["b"], SshSpec)
    assert isinstance(found["c"], SshSpec)
    assert found["b"].capacity == Capacity(3, 8, 16384, ("1", "GPU-aa"))
    assert found["c"].capacity == Capacity(3, None, 16384, 3)


def test_a_token_may_be_counted_across_users_of_a_folder(tmp_path: Path) -> None:
    it = launcher(
        tmp_path,
        """
        version: 1
        connectors: {c: {kind: slurm, ssh: {host: h}, workspace: ~/xpm}}
        tokens:
          io: {kind: slots, total: 4, shared: /shared/lab/tokens}
          cpu: {kind: cpu, shared: /shared/lab/tokens}
        launchers: {it: {connector: c}}
        """,
    )

    assert it.slot_entries([("io", 2, 9), ("own", 1, 2)]) == [
        ("io", 2, 4, "/shared/lab/tokens"),
        ("own", 1, 2),
    ]
    notes = [f"{note.path}: {note.text}" for note in load_profiles(tmp_path).notes]
    assert notes == [
        "tokens.cpu.shared: has no effect on a token of kind cpu, which the place gives"
    ]


def test_a_licence_that_the_site_does_not_list_is_counted(tmp_path: Path) -> None:
    assert on_cluster(tmp_path).slots({"matlab": 1}) == {"matlab": 1}


def test_on_a_plain_host_licences_and_lanes_are_counted_and_the_rest_is_of_the_host(
    tmp_path: Path,
) -> None:
    it = launcher(
        tmp_path,
        """
        version: 1
        connectors: {b: {kind: ssh, ssh: {host: h}, workspace: ~/xpm, licenses: {matlab: 3}}}
        tokens:
          cpu: {kind: cpu}
          gpu: {kind: gpu}
          alone: {kind: exclusive}
          matlab: {kind: license}
          lane: {kind: slots, total: 8}
        launchers: {it: {connector: b, tokens: {lane: 2, matlab: 1}}}
        """,
    )

    found = it.request({"cpu": 2, "gpu": 1, "alone": 1})
    assert found["options"] == []
    assert found["resources"] == {
        "cpus": 2, "mem_mib": None, "gpus": 1, "time_s": None, "exclusive": True,
    }  # fmt: skip
    assert "throttle" not in found
    assert it.slots({"cpu": 2, "lane": 3}) == {"lane": 3, "matlab": 1}
    assert it.slot_entries([("cpu", 2, 4), ("lane", 3, 5)]) == [("lane", 3, 5), ("matlab", 1, 3)]
    with pytest.raises(
        ProfileProblem, match="9 units of token 'lane' can never be had, there are 8"
    ):
        it.request({"lane": 9})


def test_resources_are_the_same_in_numbers(tmp_path: Path) -> None:
    found = on_cluster(tmp_path, BASICS).request({"gpu": 2})

    assert found["resources"] == {"cpus": 2, "mem_mib": 954, "gpus": 2, "time_s": 600}
    assert (found["launcher"], found["connector"], found["kind"]) == ("it", "c", "slurm")


def test_the_setup_is_that_of_connector_environment_and_launcher_in_this_order(
    tmp_path: Path,
) -> None:
    it = launcher(
        tmp_path,
        """
        version: 1
        envs:
          torch: {modules: [cuda/12], export: {A: env, B: env}, python: ~/env/bin/python}
        connectors:
          c:
            kind: slurm
            ssh: {host: h}
            workspace: ~/xpm
            fast: /scratch/{user}
            python: /usr/bin/python3
            pre: [module purge]
            modules: [gcc]
            export: {A: site, D: "{fast}/x"}
            env: torch
        launchers:
          it: {connector: c, cpus: 3, pre: ["cd {fast}"], export: {B: job, N: "{cpus}", G: "{gpus}"}}
        """,
    )

    found = it.request({})

    assert found["setup"] == [
        modules.COMMAND,
        "module purge",
        "cd /scratch/$USER",
        "module load gcc cuda/12",
        'export A="env"',
        'export D="/scratch/$USER/x"',
        'export B="job"',
        'export N="3"',
    ]
    assert found["python"] == "~/env/bin/python"
    assert it.connector.python == "/usr/bin/python3"


def test_retries_are_those_of_the_policy_in_the_words_of_a_record(tmp_path: Path) -> None:
    it = launcher(
        tmp_path,
        """
        version: 1
        policies:
          default: {retry: {launch_fail: {max: 3}, exit: {max: 0}}}
          hard: {retry: {oom: {max: 1}}}
        connectors:
          c: {kind: slurm, ssh: {host: h}, workspace: ~/xpm}
          d: {extends: c, policy: hard}
        launchers: {it: {connector: c}, hard: {connector: d}}
        """,
    )

    assert it.request({})["retry"] == {"launch": {"max": 3}, "exit": {"max": 0}}
    assert load_profiles(tmp_path).launcher("hard").request({})["retry"] == {"oom": {"max": 1}}


PARTITIONS = """partitions: {
  slow: {time: 7d, cpus: 64, cost: 2},
  fast: {time: 1h, cpus: 64, cost: 1},
  spot: {time: 7d, preemptible: true, cost: 0},
  gpu: {name: g1, time: 2d, cpus: 64, cost: 0, account: gpus, constraint: ib,
        gpus: {v100: {per_node: 4, cost: 1}, a100-80: {per_node: 8, name: a100, cost: 9}}}}"""


@pytest.mark.parametrize(
    ("keys", "flags"),
    [
        ("time: 30m", ["--partition=fast", "--time=30"]),
        ("time: 2h", ["--partition=slow", "--time=120"]),
        ("partition: spot, time: 2h", ["--partition=spot", "--time=120"]),
        ("partition: 'slow,fast'", ["--partition=slow,fast"]),
        (
            "gpus: 1",
            ["--partition=g1", "--account=gpus", "--gpus-per-node=v100:1", "--constraint=ib"],
        ),
        (
            "gpus: 8",
            ["--partition=g1", "--account=gpus", "--gpus-per-node=a100:8", "--constraint=ib"],
        ),
        (
            "gpus: v100, constraint: 'x|y'",
            ["--partition=g1", "--account=gpus", "--gpus-per-node=v100:1", "--constraint=(x|y)&ib"],
        ),
    ],
)
def test_without_a_name_the_best_listed_partition_that_fits_is_used(
    keys: str, flags: list[str], tmp_path: Path
) -> None:
    assert flags == options(on_cluster(tmp_path, keys, PARTITIONS).request({}))


def test_more_tokens_than_any_partition_gives_are_refused_with_the_reasons_and_the_line(
    tmp_path: Path,
) -> None:
    it = on_cluster(tmp_path, "", PARTITIONS)

    with pytest.raises(ProfileProblem) as caught:
        it.request({"gpu": 9})

    assert caught.value.where.startswith(str(tmp_path / "launchers.yaml") + ":")
    assert "    gpu a100-80: 9 GPUs, its nodes have 8" in str(caught.value)
    assert "    slow: no GPUs are listed for it" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a b", 'export A="a b"'),
        ("$HOME/x", 'export A="$HOME/x"'),
        ("${HOME}/x", 'export A="${HOME}/x"'),
        ("~/x", 'export A="$HOME/x"'),
        ("5$", 'export A="5\\$"'),
        ("$(rm)", 'export A="\\$(rm)"'),
        ("`rm`", 'export A="\\`rm\\`"'),
        ("a\\b", 'export A="a\\\\b"'),
        ('say "x"', 'export A="say \\"x\\""'),
        ("it's", 'export A="it\'s"'),
    ],
)
def test_an_exported_value_is_quoted_but_for_variables_of_the_far_side(
    value: str, line: str, tmp_path: Path
) -> None:
    quoted = value.replace("'", "''")

    assert [line] == on_cluster(tmp_path, f"export: {{A: '{quoted}'}}").request({})["setup"]
