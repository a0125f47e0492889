"""Environments of every kind on a cluster: built in a job, conda's, an image, a missing one; and what jobs tell of theirs."""

import json

import pytest

from tests.main_job.laptop import Laptop
from tests.sync import wheelhouse

pytestmark = pytest.mark.cluster

PROFILE = """\
version: 1
connectors:
  cluster:
    {{kind: slurm, ssh: {{host: testcluster}}, workspace: "$HOME/{name}", python: {python}, pre: ["PATH=$HOME/{name}.bin:$PATH"]}}
envs:
  built:
    uv: {{requirements: requirements.txt, build: job, find_links: ["FAR/index/tinylib", "FAR/index/tinydep"]}}
  wrong: {{uv: {{requirements: wrong.txt, build: job, find_links: ["FAR/index/tinylib"]}}}}
  chem: {{conda: chem}}
  gone: {{conda: {{name: gone}}}}
  box: {{apptainer: {{image: "$HOME/{name}.bin/box.sif", nv: auto, bind: ["/tmp"]}}}}
  hole: {{apptainer: {{image: "$HOME/no.sif"}}}}
launchers:
  built: {{connector: cluster, partition: cpu, cpus: 1, mem: 300MB, time: 10m, env: built}}
  wrong: {{extends: built, env: wrong}}
  chem: {{extends: built, env: chem}}
  gone: {{extends: built, env: gone}}
  box: {{extends: built, env: box}}
  hole: {{extends: built, env: hole}}
default: built
"""

PLAN = """\
from xpm import Param, Task, experiment


class Say(Task):
    __xpmid__ = "kinds.say"
    name: Param[str]

    def execute(self):
        import os, sys
        if self.name == "built":
            import tinylib
            print(tinylib.WORD)
        print(os.environ.get("CONDA_PREFIX"), os.environ.get("IN_BOX"), sys.prefix)


with experiment("main", "kinds") as xp:
    for name in ("built", "wrong", "chem", "gone", "box", "hole"):
        Say(name=name).submit(launcher=name)
"""

CONDA = """\
#!/bin/sh
[ "$1 $2" = "run -n" ] || exit 64
[ "$3" = chem ] || {{ echo "EnvironmentLocationNotFound: Not a conda environment: /opt/conda/envs/$3" >&2; exit 1; }}
shift 3
shift
exec {far}/conda-chem/bin/python "$@"
"""

BOX = """\
#!/bin/sh
echo "$@" >>{far}/box.calls
while [ $# -gt 0 ]; do
    case $1 in
        exec|--nv|--rocm|--cleanenv) shift ;;
        --bind|--pwd) shift 2 ;;
        *) break ;;
    esac
done
shift
PATH={far}/conda-chem/bin:$PATH IN_BOX=yes exec "$@"
"""


def test_every_kind_of_environment_on_a_cluster(laptop: Laptop) -> None:
    home = laptop.there("echo $HOME").strip()
    far = f"{home}/{laptop.name}.bin"
    facts = laptop.cluster.status()["python"]
    python = facts["available"].get(facts["laptop"]) or f"/opt/python/{facts['laptop']}/bin/python3"
    wheelhouse.make(laptop.home / "index")
    for path, text in {"conda": CONDA, "apptainer": BOX, "box.sif": ""}.items():
        laptop.write(f"tools/{path}", text.format(far=far))
    copied = laptop.sh(
        f"cd {laptop.home}; chmod +x tools/*; mkdir tools/index; cp -r index/* tools/index; tar -c -C tools . |"
        f" ssh testcluster 'mkdir -p {far} && tar -x -C {far}'"
    )
    assert copied.returncode == 0, copied.stderr
    laptop.there(f"{python} -m venv --without-pip {far}/conda-chem")
    laptop.write_profile(PROFILE.replace("FAR", far))
    laptop.write("project/requirements.txt", "tinydep==1.0\ntinylib==2.1\n")
    laptop.write("project/wrong.txt", "tinylib==3.0\n")
    plan = str(laptop.write("project/plan.py", PLAN))

    dry = laptop.xpm("run", "--dry-run", plan)
    done = laptop.xpm("run", plan, timeout_s=600)

    assert 0 == dry.returncode, dry.stderr
    assert f"apptainer exec --bind $HOME/{laptop.name} --bind /tmp" in dry.stdout, dry.stdout
    assert 1 == done.returncode
    jobs = {job["launcher"]: job for job in laptop.status()["jobs"]}
    folders = {name: laptop.main / "jobs" / job["task"] / job["id"] for name, job in jobs.items()}
    said = {
        name: (folders[name] / "stdout").read_text().split("\n")
        for name, job in jobs.items()
        if job["state"] == "done"
    }
    assert {"built", "chem", "box"} == set(said), done.stderr
    assert "lib and dep" == said["built"][0]
    assert f"/{laptop.name}/envs/" in said["built"][1]
    assert said["chem"][0].startswith(f"{far}/conda-chem None")
    assert said["box"][0].startswith("None yes")
    words = {name: laptop.xpm("why", jobs[name]["id"]).stdout for name in ("wrong", "gone", "hole")}
    assert "tinylib==3.0" in words["wrong"]
    assert "conda environment 'gone' does not work" in words["gone"]
    assert "Not a conda environment" in words["gone"]
    assert f"there is no image {home}/no.sif" in words["hole"]
    calls = laptop.there(f"grep ^exec {far}/box.calls").splitlines()
    assert 2 == len(calls)  # looked at once, and run
    assert all(f"--bind {home}/{laptop.name} --bind /tmp" in call for call in calls)
    why = json.loads(laptop.xpm("why", jobs["box"]["id"], "--json").stdout)
    assert f"{far}/box.sif" == why["image"]
    assert (why["snapshot"], why["environment"]) == tuple(
        jobs["box"][each] for each in ("snapshot", "environment")
    )
    assert why["environment"]
