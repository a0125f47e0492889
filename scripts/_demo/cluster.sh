# The part of scripts/demo that runs on the test cluster; sourced by it.
#
# The plan runs as an unprivileged user of this machine who knows the cluster by ssh only; the cluster does not see the
# checkout, the plan or the main folder, and has nothing of xpm installed.
# shellcheck shell=bash disable=SC2154

if [ "$(id -u)" != 0 ]; then
    echo "demo: --cluster makes namespaces and runs daemons: run it as root on Debian" >&2
    exit 2
fi
say "packages of the cluster"
scripts/system-packages

root=/run/xpm-demo.$$
cluster() { "$python" scripts/testcluster --root "$root" "$@"; }
leave='cluster down; '"$leave"

say "starting a SLURM cluster and an SSH host"
site=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
cluster up --with-packages "$site"
far=$(cluster status --json | "$python" -c \
    'import json, sys; p = json.load(sys.stdin)["python"]; print(p["available"][p["laptop"]])')

home=$folder/home
mkdir -p "$home/.config/xpm"
cat > "$home/.config/xpm/launchers.yaml" <<YAML
version: 1
connectors:
  cluster: {kind: slurm, ssh: {host: testcluster}, workspace: "\$HOME/xpm", python: $far}
  tower:   {kind: ssh, ssh: {host: tower}, workspace: "~/xpm", python: $far, capacity: {jobs: 2}}
launchers:
  cpu: {connector: cluster, partition: cpu, cpus: 1, mem: 500MB, time: 10m, export: {PYTHONPATH: /opt/site}}
  box: {connector: tower, export: {PYTHONPATH: /opt/site}}
default: cpu
YAML
cat "$home/.config/xpm/launchers.yaml"

laptop() { cluster laptop --home "$home" -- env -u XPM_CONFIG_DIR -u XDG_STATE_HOME "$@"; }

say "over SSH, on SLURM: xpm run examples/digits/plan.py --launcher cpu"
laptop "$python" -m xpm run examples/digits/plan.py --launcher cpu --workdir "$home/on-slurm"
say "the same again: no connection is opened"
laptop "$python" -m xpm run examples/digits/plan.py --launcher cpu --workdir "$home/on-slurm"
laptop "$python" -m xpm status --workdir "$home/on-slurm"
say "on an SSH host without SLURM: xpm run examples/digits/plan.py --launcher box"
laptop "$python" -m xpm run examples/digits/plan.py --launcher box --workdir "$home/on-tower"
say "results, from SLURM"
table "$home/on-slurm"
say "results, from the SSH host"
table "$home/on-tower"
