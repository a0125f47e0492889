"""The command line of the test cluster."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from . import accounting, checks, laptop, network, nodes, proxy, pythons, slurm, ssh
from .base import COMPUTE, CONTROLLER, DEFAULT_ROOT, HOSTS, NODES, USER, Cluster, Fail, locked, run
from .lifecycle import PROXY, Request, down, start_controller, start_services, up
from .state import Options, completed, load, save, with_accounting, with_settings


def main() -> int:
    """Run one command; return its exit code."""
    os.umask(0o022)
    arguments = _parser().parse_args()
    root = arguments.root or os.environ.get("XPM_TESTCLUSTER_ROOT") or DEFAULT_ROOT
    cluster = Cluster(Path(root).absolute())
    try:
        checks.demand_root()
        return int(arguments.run(cluster, arguments) or 0)
    except Fail as failure:
        print(f"testcluster: {failure}", file=sys.stderr)
        return 1


def _check(_: Cluster, arguments: argparse.Namespace) -> None:
    checks.demand(arguments.accounting)


def _up(cluster: Cluster, arguments: argparse.Namespace) -> None:
    packages = arguments.with_packages
    if packages and not Path(packages).is_dir():
        raise Fail(f"--with-packages {packages}: there is no such folder")
    request = Request(
        accounting=arguments.accounting,
        proctrack=arguments.proctrack,
        settings=tuple(arguments.set),
        packages=str(Path(packages).resolve()) if packages else None,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # half a cluster is cleared away
    is_new = up(cluster, request)
    print(f"{'up' if is_new else 'already up'}: ssh -F {cluster.root}/ssh_config testcluster")


def _down(cluster: Cluster, _: argparse.Namespace) -> None:
    print("down" if down(cluster) else "nothing to take down")


def _status(cluster: Cluster, arguments: argparse.Namespace) -> int:
    options = load(cluster)
    if options is None or not options.complete:
        print(json.dumps({"up": False, "root": str(cluster.root)}) if arguments.json else "down")
        return 3
    facts = _facts(cluster, options)
    if arguments.json:
        print(json.dumps(facts, indent=1))
    else:
        for name, value in facts.items():
            print(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")
    return 0


def _facts(cluster: Cluster, options: Options) -> dict[str, object]:
    """Return everything a test may want to know."""
    available = options.pythons
    links = proxy.ask(cluster.control) if nodes.pid_of(cluster, PROXY) else {}
    return {
        "up": True,
        "root": str(cluster.root),
        "user": USER,
        "hosts": {
            HOSTS[node]: {"address": options.door(), "port": ssh.port_of(node), "node": node}
            | links.get(node, {"link": "dead"})
            for node in HOSTS
        },
        "ssh_config": f"{cluster.root}/ssh_config",
        "identity": f"{cluster.root}/id_ed25519",
        "known_hosts": f"{cluster.root}/known_hosts",
        "nodes": {
            node: {"pid": pid, "root": f"/proc/{pid}/root"} if pid else None
            for node in NODES
            for pid in [nodes.pid_of(cluster, node)]
        },
        "services": {
            name: slurm_pid is not None
            for name in ("slurmctld", "slurmdbd")
            for slurm_pid in [nodes.service_pid(cluster, CONTROLLER, name)]
        },
        "logs": str(cluster.logs),
        "slurm_version": run(["slurmd", "-V"]).split()[-1],
        "accounting": options.accounting,
        "proctrack": options.proctrack,
        "settings": list(options.settings),
        "python": {
            "default": pythons.default(available).series,
            "available": {python.series: f"{python.home}/bin/python3" for python in available},
            "laptop": f"{sys.version_info[0]}.{sys.version_info[1]}",
        },
        "packages": "/opt/site" if options.packages else None,
        "laptop_user_id": laptop.USER_ID,
    }


def _link(cluster: Cluster, arguments: argparse.Namespace) -> None:
    completed(cluster)
    hosts = nodes.hosts_or_all(arguments.host)
    proxy.ask(cluster.control, do=arguments.verb, hosts=hosts, ms=getattr(arguments, "ms", 0))


def _exec(cluster: Cluster, arguments: argparse.Namespace) -> None:
    completed(cluster)
    words = _words(arguments)
    argv = nodes.command(cluster, arguments.node, arguments.user, words)
    os.execvp(argv[0], argv)


def _service(cluster: Cluster, arguments: argparse.Namespace) -> None:
    name, verb = arguments.verb, arguments.do
    with locked(cluster):
        completed(cluster)
        if verb in slurm.SIGNALS:
            slurm.signal_service(cluster, name, verb)
        if verb in ("stop", "restart"):
            slurm.stop_service(cluster, name, hard=arguments.hard)
        if verb in ("start", "restart"):
            slurm.start_service(cluster, name)
        if verb in ("start", "restart") and name == "slurmctld":
            slurm.announce_nodes(cluster)
        if verb in ("start", "restart", "thaw") and name == "slurmctld":
            slurm.wait_until_usable(cluster, _powered(cluster))


def _accounting(cluster: Cluster, arguments: argparse.Namespace) -> None:
    with locked(cluster):
        options = with_accounting(completed(cluster), arguments.do == "on")
        slurm.write_configuration(cluster, options)
        save(cluster, options)
        if options.accounting:
            accounting.start(cluster)
        slurm.stop_service(cluster, "slurmctld")
        slurm.start_service(cluster, "slurmctld")
        if not options.accounting:
            slurm.stop_service(cluster, "slurmdbd")
        slurm.announce_nodes(cluster)
        slurm.wait_until_usable(cluster, _powered(cluster))


def _set(cluster: Cluster, arguments: argparse.Namespace) -> None:
    with locked(cluster):
        options = with_settings(completed(cluster), arguments.settings)
        slurm.write_configuration(cluster, options)
        save(cluster, options)
        slurm.stop_service(cluster, "slurmctld")
        slurm.start_service(cluster, "slurmctld")
        slurm.wait_until_usable(cluster, _powered(cluster))


def _limit(cluster: Cluster, arguments: argparse.Namespace) -> None:
    if not completed(cluster).accounting:
        raise Fail("limit: limits are kept by accounting; `testcluster accounting on`")
    accounting.limit(cluster, arguments.settings)


def _node_off(cluster: Cluster, arguments: argparse.Namespace) -> None:
    with locked(cluster):
        nodes.stop_node(cluster, completed(cluster), arguments.node)


def _node_on(cluster: Cluster, arguments: argparse.Namespace) -> None:
    with locked(cluster):
        options, node = completed(cluster), arguments.node
        if nodes.pid_of(cluster, node):
            return
        nodes.start_node(cluster, options, node)
        nodes.wait_for_node(cluster, node)
        network.connect(cluster, options, node)
        start_services(cluster, node)
        if node == CONTROLLER:
            start_controller(cluster, options)
        if node in HOSTS:
            ssh.wait_for_server(cluster, node)
        if node == CONTROLLER:
            slurm.announce_nodes(cluster)
            slurm.wait_until_usable(cluster, _powered(cluster))
        elif node in COMPUTE and nodes.service_pid(cluster, CONTROLLER, "slurmctld"):
            slurm.wait_until_usable(cluster, (node,))


def _node_cut(cluster: Cluster, arguments: argparse.Namespace) -> None:
    completed(cluster)
    network.isolate(cluster, arguments.node)


def _node_heal(cluster: Cluster, arguments: argparse.Namespace) -> None:
    with locked(cluster):
        completed(cluster)
        network.rejoin(cluster, arguments.node)
        if nodes.service_pid(cluster, CONTROLLER, "slurmctld"):
            slurm.announce_nodes(cluster)
            slurm.wait_until_usable(cluster, (arguments.node,))


def _laptop(cluster: Cluster, arguments: argparse.Namespace) -> int:
    words = _words(arguments)
    if arguments.join:
        return laptop.join_laptop(arguments.join, words)
    home = Path(arguments.home or cluster.root / "laptop")
    return laptop.run_as_laptop(
        cluster, home, [Path(path) for path in arguments.visible], arguments.linger, words
    )


def _hold(cluster: Cluster, _: argparse.Namespace) -> None:
    options = load(cluster)
    assert options
    nodes.hold(cluster, options)


def _proxy(cluster: Cluster, _: argparse.Namespace) -> None:
    options = load(cluster)
    assert options
    doors = {
        node: ((options.door(), ssh.port_of(node)), (options.address(network.WIRES[node][1]), 22))
        for node in HOSTS
    }
    proxy.serve(cluster.control, cluster.pids / PROXY, doors)


def _powered(cluster: Cluster) -> tuple[str, ...]:
    """List the compute nodes that have not been switched off."""
    return tuple(node for node in COMPUTE if nodes.pid_of(cluster, node))


def _words(arguments: argparse.Namespace) -> list[str]:
    words: list[str] = arguments.words
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise Fail(f"{arguments.verb}: which command? `testcluster {arguments.verb} -- hostname`")
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="testcluster",
        description="A real SLURM cluster and a plain SSH host, on this machine.",
    )
    parser.add_argument("--root", help=f"the cluster's folder ({DEFAULT_ROOT})")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", default=argparse.SUPPRESS, help="the cluster's folder")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    def verb(name: str, action: object, about: str | None) -> argparse.ArgumentParser:
        hidden = {} if about is None else {"help": about, "description": about}
        added = verbs.add_parser(name, parents=[common], **hidden)  # type: ignore[arg-type]
        added.set_defaults(run=action)
        return added

    _add_up(verb("up", _up, "start the cluster; does nothing when it is up"))
    able = verb("check", _check, "tell whether a cluster can be started on this machine")
    able.add_argument("--accounting", action=argparse.BooleanOptionalAction, default=True)
    verb("down", _down, "end the cluster, leaving nothing")
    verb("status", _status, "tell what there is").add_argument("--json", action="store_true")
    for name, about in {
        "cut": "reset the laptop's connections, refuse new ones",
        "freeze": "let the laptop's connections hang",
        "heal": "undo cut and freeze",
        "latency": "add MS milliseconds to each round trip",
    }.items():
        link = verb(name, _link, about)
        link.add_argument("--host", help="login1 or tower; all when not given")
        if name == "latency":
            link.add_argument("ms", type=float, metavar="MS")
    inside = verb("exec", _exec, "run a command in a node")
    inside.add_argument("--node", choices=NODES, default="login1")
    inside.add_argument("--user", default=USER)
    for name in ("slurmctld", "slurmdbd"):
        service = verb(name, _service, f"disturb {name}")
        service.add_argument("do", choices=["stop", "start", "restart", "freeze", "thaw"])
        service.add_argument("--hard", action="store_true", help="kill it, unsaved state is lost")
    switch = verb("accounting", _accounting, "with or without accounting, jobs go on")
    switch.add_argument("do", choices=["on", "off"])
    for name, action, about in (
        ("limit", _limit, "limit the user's association, as MaxSubmitJobs=50; -1: no more"),
        ("set", _set, "change slurm.conf, as MaxArraySize=11, and restart slurmctld"),
    ):
        verb(name, action, about).add_argument("settings", nargs="+", metavar="KEY=VALUE")
    for name, action, about in (
        ("node-off", _node_off, "cut a node's power"),
        ("node-on", _node_on, "start a node again"),
    ):
        verb(name, action, about).add_argument("node", choices=NODES)
    for name, action, about in (
        ("node-cut", _node_cut, "cut a compute node off the others, what runs there goes on"),
        ("node-heal", _node_heal, "undo node-cut"),
    ):
        verb(name, action, about).add_argument("node", choices=COMPUTE)
    inside.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD")
    _add_laptop(
        verb("laptop", _laptop, "run a command as a user who knows the cluster by ssh only")
    )
    verb("_hold", _hold, None)
    verb("_proxy", _proxy, None)
    return parser


def _add_up(starting: argparse.ArgumentParser) -> None:
    starting.add_argument("--accounting", action=argparse.BooleanOptionalAction, default=None)
    starting.add_argument("--proctrack", choices=["cgroup", "linuxproc"])
    starting.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    starting.add_argument("--with-packages", metavar="DIR", help="shown to jobs as /opt/site")


def _add_laptop(outside: argparse.ArgumentParser) -> None:
    outside.add_argument("--home", help="the user's home, made when missing")
    outside.add_argument(
        "--visible", action="append", default=[], metavar="DIR", help="show this too"
    )
    outside.add_argument("--join", type=int, metavar="PID", help="on the laptop of that process")
    outside.add_argument("--linger", action="store_true", help="let what it leaves behind live on")
    outside.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD")
