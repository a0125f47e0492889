"""Which place takes a job: the order that decides, the reasons against the others, and what always holds."""

import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.launchers.profile import write
from xpm.agent import limits
from xpm.connectors.specs import Spec
from xpm.errors import ProfileProblem
from xpm.launchers.fitting import suits
from xpm.launchers.matching import Asked, Candidate, Match
from xpm.launchers.profiles import Launcher, load_profiles
from xpm.plan.needs import Need
from xpm.plan.requirements import Req

PROFILE = """
version: 1
catalog: {gpus: {old-8: {vram: 8GB, vendor: nvidia}, odd: {}}}
tokens: {gpu: {kind: gpu}, matlab: {kind: license}, lane: {kind: slots, total: 4}}
connectors:
  uni:
    kind: slurm
    ssh: {host: u}
    workspace: ~/xpm
    tags: [eu]
    slurm: {licenses: {matlab: matlab@flex}}
    partitions:
      cpu:   {time: 2d, nodes: 4, cpus: 64, mem: 256GB, cost: 1}
      short: {extends: cpu, time: 2h}
      gpu:
        time: 2d
        nodes: 4
        cpus: 64
        mem: 500GB
        gpus: {a100-80: {per_node: 4, cost: 10}, v100-32: {per_node: 4, cost: 4}, old-8: {per_node: 8, cost: 1}}
        cpus_per_gpu_max: 16
        qos: [{name: debug, time: 30m, submit: 2, cost_factor: 0.1}, {name: normal}]
      spare: {extends: gpu, time: 4d, preemptible: true, cost_factor: 0.3, qos: [{name: scavenger}]}
  centre:
    kind: slurm
    ssh: {host: c}
    workspace: ~/xpm
    tags: [eu, big]
    slurm: {gpu_flag: gres, gpu_type_in: constraint, mem_flag: from-cpus, mem_per_cpu: 4GB}
    partitions:
      v100:
        time: 100h
        nodes: 8
        cpus: 40
        gpus: {v100-32: {per_node: 4, constraint: v100-32g, cost: 3}}
        qos:
          - {name: dev, time: 2h, submit: 10}
          - {name: t3, time: 20h, default: true}
          - {name: t4, time: 100h, gpus: 8}
  box:
    kind: ssh
    ssh: {host: b}
    workspace: ~/xpm
    tags: [lab]
    host: {cpus: 16, mem: 64GB, gpus: {rtx4090: 2}, time: 1d}
    cost: 2
    only_if: {time: "<=8h"}
  plain: {kind: slurm, ssh: {host: p}, workspace: ~/xpm}
  amd: {kind: ssh, ssh: {host: a}, workspace: ~/xpm, host: {gpus: {mi210: 4}}}
launchers:
  all: {connectors: [box, uni, centre]}
  ordered: {connectors: [plain, uni]}
  uni: {connector: uni}
  centre: {connector: centre}
  amd: {connector: amd}
  spare: {connectors: [uni, centre], prefer: {preemptible: true}}
  big: {connectors: [uni, centre], prefer: {tags: [big]}}
  eu: {connectors: [box, uni], require: {tags: [eu]}}
  four: {connector: uni, require: {gpus: 4, gpu: {vram: ">=30GB"}}}
  debug: {connector: uni, partition: gpu, qos: debug}
"""


@cache
def launcher(name: str) -> Launcher:
    with tempfile.TemporaryDirectory() as folder:
        return load_profiles(write(Path(folder), PROFILE)).launcher(name)


def match(name: str, text: str) -> Match:
    return launcher(name).match(Asked(Req(text).alternatives if text else (Need(),)))


def way(candidate: Candidate | None) -> str:
    """A candidate in a few words."""
    if candidate is None:
        return "none"
    fit = candidate.fit
    words = [candidate.connector, fit.partition, fit.gpus.type if fit.gpus else ""]
    return " ".join(filter(None, [*words, fit.qos.name if fit.qos else ""]))


@pytest.mark.parametrize(
    ("name", "text", "chosen"),
    [
        # cost, when all that fit say it
        ("all", "time=4h & cpus=8", "uni cpu"),
        ("all", "time=4h & gpus=1", "uni gpu old-8 normal"),
        ("all", "time=4h & gpu(vram>=20GB)", "box"),
        ("all", "time=4h & gpu(vram>=30GB)*2", "centre v100 v100-32 t3"),
        ("all", "time=4h & gpu(vram>=40GB)*2", "uni gpu a100-80 normal"),
        ("all", "time=9h & cuda(mem=24G)", "centre v100 v100-32 t3"),
        # where somebody does not, the places in their order
        ("ordered", "time=4h & cpus=8", "plain"),
        ("ordered", "time=4h & gpu(vram>=40GB)", "uni gpu a100-80 normal"),
        # tightness
        ("uni", "time=1h & cpus=8", "uni short"),
        ("uni", "time=3h & cpus=8", "uni cpu"),
        ("uni", "cpus=8", "uni cpu"),
        ("centre", "time=10h & gpus=1", "centre v100 v100-32 t3"),
        ("centre", "time=50h & gpus=1", "centre v100 v100-32 t4"),
        # a QOS for few jobs only by name
        ("uni", "time=10m & gpu(type=v100-32)", "uni gpu v100-32 normal"),
        ("debug", "time=10m & gpu(type=v100-32)", "uni gpu v100-32 debug"),
        # interruptions last, unless wanted or nothing else is long enough
        ("uni", "time=3d & gpu(type=v100-32)", "uni spare v100-32 scavenger"),
        ("spare", "time=3h & gpu(type=v100-32)", "uni spare v100-32 scavenger"),
        # tags
        ("big", "time=3h & gpu(type=v100-32)", "centre v100 v100-32 t3"),
        ("eu", "time=3h & cpus=2", "uni cpu"),
        ("all", "time=3h & cpus=2 & tags(lab)", "box"),
        # alternatives
        ("all", "time=4h & gpu(type=h100-80) | time=4h & gpu(type=a100-80)", "uni gpu a100-80 normal"),
        ("all", "time=4h & gpu(type=a100-80)*2 | cpus=2", "uni gpu a100-80 normal"),
        # at least what the launcher requires
        ("four", "time=4h & gpus=1", "uni gpu v100-32 normal"),
        # tokens
        ("all", "time=4h & tokens(matlab)", "uni cpu"),
        # a vendor: what is not known to be another's may be nvidia's
        ("amd", "gpus=2", "amd"),
        ("amd", "gpu(vendor=amd, vram>=60GB)", "amd"),
        ("amd", "cuda()", "none"),
        # memory that comes with cores
        ("centre", "mem=160GB & gpus=1 & time=1h", "centre v100 v100-32 t3"),
        ("centre", "mem=164GB & gpus=1 & time=1h", "none"),
        ("uni", "gpus=9", "none"),
        ("uni", "nodes=5", "none"),
        ("uni", "cpus=17 & gpu(type=v100-32)", "none"),
        ("centre", "time=50h & gpus=4 & nodes=3", "none"),
        ("all", "tokens(unheard)", "none"),
        ("all", "tokens(lane=5)", "none"),
        ("all", "tags(us)", "none"),
    ],
)  # fmt: skip
def test_the_best_place_that_fits_is_taken(name: str, text: str, chosen: str) -> None:
    assert chosen == way(match(name, text).chosen)


def test_the_others_are_told_why_not() -> None:
    found = match("all", "time=9h & gpu(type=v100-32)*2 & cpu(cores=8, mem=60GB)")

    told = {
        way(each): verdict for each, verdict in zip(found.candidates, found.verdicts, strict=True)
    }
    assert told == {
        "box": "time 9h, only <=8h may come here; no such GPU, it has 2 rtx4090",
        "uni cpu": "no GPUs are listed for it",
        "uni short": "time 9h, its limit is 2h; no GPUs are listed for it",
        "uni gpu a100-80": "it is not such a GPU",
        "uni gpu v100-32 normal": "costs 8, not 6",
        "uni gpu old-8": "it is not such a GPU",
        "uni spare a100-80": "it is not such a GPU",
        "uni spare v100-32 scavenger": "its jobs may be interrupted",
        "uni spare old-8": "it is not such a GPU",
        "centre v100 v100-32 t3": "",
        "centre v100 v100-32 t4": "fits less tightly: up to 4d4h, not 20h",
    }


def test_a_refusal_is_a_table_of_every_place_and_its_reasons() -> None:
    with pytest.raises(ProfileProblem) as caught:
        launcher("all").ask(
            Asked(Req("time=9h & gpu(vram>=90GB) | nodes=9 & time=1h").alternatives)
        )

    assert caught.value.exit_code == 2
    assert str(caught.value).splitlines()[1:] == [
        "    for time=9h & gpu(vram>=90GB)*1",
        "    box: time 9h, only <=8h may come here; no such GPU, it has 2 rtx4090",
        "    uni cpu: no GPUs are listed for it",
        "    uni short: time 9h, its limit is 2h; no GPUs are listed for it",
        "    uni gpu: no such GPU, it has a100-80, v100-32, old-8",
        "    uni spare: no such GPU, it has a100-80, v100-32, old-8",
        "    centre v100: no such GPU, it has v100-32",
        "    for time=1h & nodes=9",
        "    box: 9 nodes, it is one",
        "    uni cpu: 9 nodes, its limit is 4",
        "    uni short: 9 nodes, its limit is 4",
        "    uni gpu: 9 nodes, its limit is 4",
        "    uni spare: 9 nodes, its limit is 4",
        "    centre v100: 9 nodes, its limit is 8",
    ]


def test_what_the_site_has_told_counts_where_there_is_a_choice() -> None:
    gpu = {"name": "cpu", "nodes": 2, "max_time_s": 7200}
    site = limits.parse({"format": 1, "at": 1.0, "partitions": [gpu]})

    def told(spec: Spec) -> tuple[limits.SiteLimits, str] | None:
        return (site, "2h ago") if spec.name == "uni" else None

    found = launcher("all").match(Asked(Req("time=4h & cpus=2").alternatives), told)

    verdicts = {way(each): v for each, v in zip(found.candidates, found.verdicts, strict=True)}
    assert way(found.chosen) == "box", verdicts
    assert "(the site said so 2h ago)" in verdicts["uni cpu"]


def test_where_its_parents_are_not_a_job_does_not_go() -> None:
    asked = Asked(Req("time=1h").alternatives, barred={"uni": "it depends on x, on box"})

    found = launcher("all").match(asked)

    assert way(found.chosen) == "box"
    assert "it depends on x, on box" in found.verdicts[1]


# ------------------------------------------------------------------------- what always holds

GB = 10**9
NEEDS = st.builds(
    Need,
    cpus=st.none() | st.sampled_from([1, 8, 17, 40, 64, 65]),
    mem=st.none() | st.sampled_from([4 * GB, 64 * GB, 160 * GB, 300 * GB, 600 * GB]),
    time_s=st.none() | st.sampled_from([600, 3600, 7201, 30000, 90000, 300000, 400000]),
    nodes=st.none() | st.sampled_from([1, 2, 5]),
    tags=st.sampled_from([(), ("eu",), ("lab",), ("us",)]),
    tokens=st.sampled_from([(), (("matlab", 1),), (("lane", 4),), (("lane", 9),)]),
).flatmap(
    lambda need: st.sampled_from(
        ["", "gpus=1", "gpus=2", "gpus=5", "cuda(mem=10G)*2", "gpu(vram>=30GB)*4", "gpu(vram<30GB)",
         "gpu(type=v100-32)*8", "gpu(vendor=amd)", "gpu(capability>=8.0)"]
    ).map(lambda text: need.over(Req(text).alternatives[0]) if text else need)
)  # fmt: skip
NAMES = st.sampled_from(["all", "uni", "centre", "spare", "big", "eu", "four", "ordered"])


def tried(name: str, *needs: Need) -> Match:
    return launcher(name).match(Asked(needs))


@settings(max_examples=150, deadline=None)
@given(NAMES, NEEDS, NEEDS)
def test_a_further_constraint_never_makes_a_refused_request_accepted(
    name: str, need: Need, more: Need
) -> None:
    both, twice = need.beside(more)
    if twice or tried(name, need).chosen is not None:
        return

    # launchers that fill in what is not said may ask for less when more is said: these have none of that
    assert tried(name, both).chosen is None


@settings(max_examples=150, deadline=None)
@given(NAMES, NEEDS)
def test_what_is_chosen_gives_what_is_needed(name: str, need: Need) -> None:
    chosen = tried(name, need).chosen
    if chosen is None:
        return

    needs, fit, site = chosen.needs, chosen.fit, chosen.blueprint.site
    assert (needs.cpus or 0) >= (need.cpus or 0)
    assert (needs.mem or 0) >= (need.mem or 0)
    assert needs.gpus.count >= (need.gpus or 0)
    assert set(need.tags) <= set(site.tags)
    for partition in fit.partitions:
        assert (partition.cpus or 99) >= (needs.cpus or 0)
        assert (partition.mem or 10**15) >= (needs.mem or 0)
        assert (partition.nodes or 99) >= needs.nodes
        limit = fit.time_limit
        assert limit is None or (needs.time_s or 0) <= limit
    if needs.gpus.count and fit.gpus is not None:
        assert suits(fit.gpus, needs.gpus, chosen.blueprint.catalog)
        assert (fit.gpus.per_node or 99) >= needs.gpus.count
    if not site.is_slurm:
        assert (site.host.cpus or 99) >= (needs.cpus or 0)
        assert (site.host.gpus or 0) >= needs.gpus.count
        assert site.only_if.time is None or site.only_if.time.holds(needs.time_s or 10**9)


@settings(max_examples=60, deadline=None)
@given(NAMES, st.lists(NEEDS, min_size=1, max_size=3))
def test_the_same_request_gives_the_same_choice_and_the_first_alternative_that_fits(
    name: str, needs: list[Need]
) -> None:
    first, again = tried(name, *needs), tried(name, *needs)

    assert first == again
    alone = [tried(name, need).chosen for need in needs]
    expected = next((each for each in alone if each is not None), None)
    assert way(expected) == way(first.chosen)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["all", "uni", "centre"]), NEEDS)
def test_nothing_that_fits_as_well_is_cheaper_nor_as_cheap_and_tighter(
    name: str, need: Need
) -> None:
    found = tried(name, need)
    best = found.chosen
    if best is None:
        return

    def kind(each: Candidate) -> tuple[bool, bool]:
        partitions = each.fit.partitions
        return any(p.preemptible for p in partitions), any(p.gpus for p in partitions)

    alike = [each for each in found.candidates if not each.reasons and kind(each) == kind(best)]
    if any(each.cost is None for each in alike):
        alike = [each for each in alike if each.place == best.place]
    assert (best.cost or 1.0) == min(each.cost or 1.0 for each in alike)
    for each in alike:
        if each.cost == best.cost and each.fit.gpus == best.fit.gpus and need.time_s:
            assert (best.fit.time_limit or 10**9) <= (each.fit.time_limit or 10**9)
