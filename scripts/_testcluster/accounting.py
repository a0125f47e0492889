"""The accounting database: MariaDB and slurmdbd on the controller's node."""

from __future__ import annotations

from pathlib import Path

from .base import CONTROLLER, USER, Cluster, wait_until
from .nodes import daemon, in_node, pid_of, service_pid
from .slurm import start_service
from .slurmconf import SLURMDBD

SOCKET = "/run/mysqld/mysqld.sock"
# Nothing here outlives the machine, so nothing needs to reach a disk.
SERVER = (
    "/usr/sbin/mariadbd --no-defaults --datadir=/var/lib/mysql --innodb-log-file-size=8M "
    "--innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-buffer-pool-size=64M "
    "--innodb-lock-wait-timeout=900 --innodb-use-native-aio=0"
).split()
# A tenth of what mariadb-install-db does, and of its time: help texts, time zones are not for us.
PREAMBLE = """\
CREATE DATABASE mysql;
USE mysql;
SET @auth_root_socket=NULL;
SET @skip_auth_anonymous=1;
"""
TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
GRANTS = """\
CREATE DATABASE IF NOT EXISTS slurm_acct_db;
CREATE USER IF NOT EXISTS slurm@localhost;
GRANT ALL ON slurm_acct_db.* TO slurm@localhost;
"""
ACCOUNT = "lab"


def start_database(cluster: Cluster) -> None:
    """Begin to start the database server, creating its files the first time."""
    root = _root(cluster)
    if service_pid(cluster, CONTROLLER, "mariadbd") is not None:
        return
    (root / "etc/grants.sql").write_text(GRANTS)
    configuration = root / "etc/slurm/slurmdbd.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(SLURMDBD)
    in_node(cluster, CONTROLLER, "chown", "slurm:slurm", "/etc/slurm/slurmdbd.conf")
    # The server wants to become its user by itself, and to find the place writable for that user.
    server = [*SERVER, "--user=mysql"]
    if not (root / "var/lib/mysql/mysql").exists():
        tables = "".join(Path("/usr/share/mysql", name).read_text() for name in TABLES)
        words = ["--bootstrap", "--enforce-storage-engine=", "--max-allowed-packet=8M"]
        in_node(cluster, CONTROLLER, *server, *words, stdin=PREAMBLE + tables)
    words = ["--skip-networking", f"--socket={SOCKET}", "--init-file=/etc/grants.sql"]
    daemon(cluster, CONTROLLER, "mariadbd", *server, *words)


def start(cluster: Cluster) -> None:
    """Start the database and slurmdbd, and register the cluster and its user; idempotent."""
    start_database(cluster)
    wait_until("start of mariadbd", 30, lambda: (_root(cluster) / SOCKET[1:]).exists())
    start_service(cluster, "slurmdbd")
    if "testcluster" in in_node(cluster, CONTROLLER, "sacctmgr", "-nP", "show", "cluster"):
        return
    commands = f"""\
add cluster testcluster
add account {ACCOUNT} Cluster=testcluster Description=lab Organization=lab
add user {USER} Account={ACCOUNT} DefaultAccount={ACCOUNT}
add user root Account={ACCOUNT} DefaultAccount={ACCOUNT}
"""
    in_node(cluster, CONTROLLER, "sacctmgr", "-i", stdin=commands)


def limit(cluster: Cluster, settings: list[str]) -> None:
    """Set limits of the user's association: MaxSubmitJobs=50; -1 lifts one."""
    words = ["-i", "modify", "user", USER, "set", *settings]
    in_node(cluster, CONTROLLER, "sacctmgr", *words)


def _root(cluster: Cluster) -> Path:
    return Path(f"/proc/{pid_of(cluster, CONTROLLER)}/root")
