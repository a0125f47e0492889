"""A SLURM cluster behind SSH, made of namespaces on one machine.

Theory of operation. A *holder* process owns a private mount namespace, in which everything the
nodes share lives (one tmpfs: homes, Pythons, /usr as the nodes see it, the database), plus a
network namespace, whose bridge is the switch. A *node* is a process in mount, network, pid, uts,
ipc and cgroup namespaces of its own, derived from the holder's, with a root assembled from that
tmpfs. The machine itself sees one directory (the cluster's root), one end of a veth pair per
reachable node, and processes. Every process we start outside a node carries an environment variable
naming the root, so that `down` finds all of them whatever was lost; killing them ends the
namespaces, and with them every mount, every file and every link.

Invariants: nothing is mounted in the machine's own mount namespace; `state.json` exists only when
`up` has completed; who changes a cluster holds a lock on its root.
"""
