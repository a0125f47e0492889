"""The script by which a node assembles its root, then becomes its pid 1."""

from __future__ import annotations

from .base import CLUSTER_NODES, CONTROLLER, SERVICE_IDS, TOWER, Cluster
from .state import Options

NETWORK_ADDRESSES = {"login1": 130, "ctl": 131, "c1": 132, "c2": 133}
GPU_NODE = "c2"
GPUS = 4

COMMON = """\
set -eu
umask 022
# This procfs still is the machine's, so the first field is our pid out there.
read -r pid _ </proc/self/stat
echo "$pid" >{pids}/{node}.new
mv {pids}/{node}.new {pids}/{node}
store={store}
mkdir -p $store/roots/{node} {logs}/{node}
cd $store/roots/{node}
mount -t tmpfs -o mode=755 root .
cd $store/roots/{node}
mkdir -p .old dev etc home opt proc root run/svc run/sshd scratch shared sys tmp usr \\
    var/lib var/log var/spool/slurmd var/cache var/empty
chmod 700 root
chmod 1777 tmp
mkdir -m 1777 var/tmp
ln -s /run var/run
cp -a $store/template/etc/. etc/
for link in $store/template/*; do [ ! -L "$link" ] || cp -a "$link" .; done
echo {node} >etc/hostname
cat >etc/hosts <<'HOSTS'
127.0.0.1 localhost
{hosts}HOSTS
mount --rbind {usr} usr
mount --rbind $store/template/opt opt
for name in home scratch shared; do mount --bind {data}/$name $name; done
mount --bind {logs}/{node} var/log
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 dev dev
mkdir dev/pts
mkdir -m 1777 dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=0 devpts dev/pts
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$device"
    mknod -m 666 dev/$name c $major $minor
done
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
hostname {node}
ip link set lo up
"""

IN_CLUSTER = """\
mkdir -p etc/slurm
mount --bind $store/slurm etc/slurm
for name in lib log; do install -d -m 700 -o {munge} -g {munge} var/$name/munge; done
install -d -m 755 -o {munge} -g {munge} run/munge
install -D -m 400 -o {munge} -g {munge} $store/munge.key etc/munge/munge.key
chown {munge}:{munge} etc/munge
"""

IN_CONTROLLER = """\
mkdir -p var/spool/slurmctld var/lib/mysql
mount --bind $store/ctl/spool var/spool/slurmctld
mount --bind $store/ctl/mysql var/lib/mysql
install -d -m 755 -o {mysql} -g {mysql} run/mysqld
"""

WITH_FREEZER = """\
mount -t tmpfs -o mode=755 cgroup sys/fs/cgroup
mkdir sys/fs/cgroup/freezer
mount -t cgroup -o freezer cgroup sys/fs/cgroup/freezer
"""

# bash reaps every orphan, and reads nothing more from the root we leave.
END = """\
pivot_root . .old
exec chroot . /bin/bash -c '
umount -l /.old && rmdir /.old && touch /run/ready
trap : HUP INT TERM
while :; do sleep 86400 & wait; done
'
"""


def init_script(cluster: Cluster, options: Options, node: str) -> str:
    """Return the bash program that runs in a node's fresh namespaces."""
    store, in_cluster = cluster.store, node != TOWER
    parts = [COMMON]
    parts += [IN_CLUSTER] if in_cluster else []
    parts += [IN_CONTROLLER] if node == CONTROLLER else []
    parts += [WITH_FREEZER] if in_cluster and options.proctrack == "cgroup" else []
    if node == GPU_NODE:
        parts += [f"mknod -m 666 dev/nvidia{gpu} c 1 3\n" for gpu in range(GPUS)]
    values = {
        "node": node,
        "pids": cluster.pids,
        "logs": cluster.logs,
        "store": store,
        "usr": store / ("template/usr" if in_cluster else "usr-tower"),
        "data": store / ("shared" if in_cluster else TOWER),
        "hosts": _hosts(options, node),
        **SERVICE_IDS,
    }
    return "".join(parts).format(**values) + END


def _hosts(options: Options, node: str) -> str:
    if node == TOWER:
        return f"127.0.1.1 {TOWER}\n"
    lines = [f"{options.address(NETWORK_ADDRESSES[name])} {name}\n" for name in CLUSTER_NODES]
    return "".join(lines)
