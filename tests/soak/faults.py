"""The faults of a soak, by what they befall: each happens, lasts a while and is undone."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster import RunningCluster, run
from tests.soak import far as far_side
from tests.soak.far import COMPUTE, Far
from tests.soak.toll import Toll


@dataclass(frozen=True, slots=True)
class Scene:
    """What faults act on.

    Args:
        cluster: the cluster.
        far: its workspace.
        toll: who is told of what happened to whom.
        over: set when the soak is over: nothing lasts longer.
        end_a_run: kills a command of the laptop; False when there is none.
        scale: how long faults last, 1 being right for half an hour.
    """

    cluster: RunningCluster
    far: Far
    toll: Toll
    over: threading.Event
    end_a_run: Callable[[random.Random], bool]
    scale: float = 1.0

    def do(self, *words: str) -> None:
        """Run a command of the cluster."""
        self.cluster.do(*words, timeout_s=150)

    def last(self, chance: random.Random, low_s: float, high_s: float) -> None:
        """Wait for a while, but not beyond the end of the soak."""
        self.over.wait(chance.uniform(low_s, high_s) * self.scale)


def resume(cluster: RunningCluster) -> None:
    """Put nodes back that SLURM has drained: after it has lost jobs, it gives their ids to others, and calls that a defect."""
    words = ["exec", "--node", "ctl", "--user", "root", "--", "scontrol", "update"]
    for node in COMPUTE:  # of one that is not drained it says no
        run(cluster.argv(*words, f"nodename={node}", "state=resume"), 60)


Act = Callable[[Scene, random.Random], bool]
"""Makes a fault happen and undoes it; False when there was nobody to befall."""


# -------------------------------------------------------------------------------- link


def cut(scene: Scene, chance: random.Random) -> bool:
    """The link is reset, and nobody answers for a while."""
    scene.do("cut")
    scene.last(chance, 0, 15)
    scene.do("heal")
    return True


def blink(scene: Scene, chance: random.Random) -> bool:
    """All connections are reset; new ones work at once."""
    scene.do("cut")
    scene.do("heal")
    return True


def freeze(scene: Scene, chance: random.Random) -> bool:
    """Nothing moves on the link."""
    scene.do("freeze")
    scene.last(chance, 1, 25)
    scene.do("heal")
    return True


def latency(scene: Scene, chance: random.Random) -> bool:
    """The link is slow."""
    scene.do("latency", str(chance.choice((30, 120, 400))))
    scene.last(chance, 5, 25)
    scene.do("latency", "0")
    return True


def laptop(scene: Scene, chance: random.Random) -> bool:
    """`xpm run` is killed."""
    return scene.end_a_run(chance)


# --------------------------------------------------------------------------- processes


def agent(scene: Scene, chance: random.Random) -> bool:
    """A process of ours on the login node is killed: the agent, as a rule, or a command it started."""
    found = [each for each in scene.far.processes() if each.node == "login1"]
    ours = [each for each in found if "xpm" in " ".join(each.words) or "base64" in str(each.words)]
    return bool(ours) and far_side.kill(chance.choice(ours))


def command(scene: Scene, chance: random.Random) -> bool:
    """A sbatch, squeue or other command of SLURM is killed, or the shell it runs in."""
    names = ("sbatch", "squeue", "sacct", "scancel", "scontrol")
    for _ in range(40):
        found = [
            each
            for each in scene.far.processes()
            if any(word.rpartition("/")[2] in names for word in each.words)
        ]
        if found:
            return far_side.kill(chance.choice(found))
        if scene.over.wait(0.05):
            break
    return False


def runner(scene: Scene, chance: random.Random) -> bool:
    """The program inside a job is killed while its task runs."""
    return _kill_in_job(scene, chance, lambda inner, words, owner: inner == owner)


def task(scene: Scene, chance: random.Random) -> bool:
    """A task's process is killed, and not the runner that watches it."""

    def is_task(inner: int, words: str, owner: int) -> bool:
        return inner != owner and "travel" in words and " run " in words

    return _kill_in_job(scene, chance, is_task)


def finishing(scene: Scene, chance: random.Random) -> bool:
    """A job is killed that has published its end, and lets others go on."""
    for _ in range(40):
        jobs = scene.far.jobs()
        ended = {(job.claims[-1]["node"], job.claims[-1]["pid"]) for job in jobs if job.done}
        running = {(claim["node"], claim["pid"]) for claim in scene.far.running().values()}
        found = [
            each
            for each in scene.far.processes()
            if each.node in COMPUTE and (each.node, each.inner) in ended - running
        ]
        if found:
            return far_side.kill(chance.choice(found))
        if scene.over.wait(0.05):
            break
    return False


def _kill_in_job(
    scene: Scene, chance: random.Random, wanted: Callable[[int, str, int], bool]
) -> bool:
    running = list(scene.far.running().items())
    if not running:
        return False
    job, claim = chance.choice(running)
    processes = [each for each in scene.far.processes() if each.node == claim["node"]]
    if wanted(claim["pid"], "", claim["pid"]):
        found = [each for each in processes if each.inner == claim["pid"]]
    else:
        group = [p for p in processes if wanted(p.inner, " ".join(p.words), claim["pid"])]
        found = [each for each in group if _parent(each.pid, processes) == claim["pid"]]
    if not found:
        return False
    scene.toll.cost([job])
    return far_side.kill(chance.choice(found))


def _parent(pid: int, processes: "list[far_side.Process]") -> int | None:
    """What its node calls the parent of a process."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            outer = int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return None
    return next((each.inner for each in processes if each.pid == outer), None)


# -------------------------------------------------------------------------------- SLURM


def restart(scene: Scene, chance: random.Random) -> bool:
    """slurmctld ends in order and starts again."""
    scene.do("slurmctld", "stop")
    scene.last(chance, 0, 15)
    scene.do("slurmctld", "start")
    return True


def hard(scene: Scene, chance: random.Random) -> bool:
    """slurmctld is killed: what it had not saved is gone, jobs included."""
    scene.do("slurmctld", "stop", "--hard")
    scene.toll.cost(scene.far.exposed())
    scene.last(chance, 0, 8)
    scene.do("slurmctld", "start")
    resume(scene.cluster)
    return True


def forgetful(scene: Scene, chance: random.Random) -> bool:
    """slurmctld is killed within seconds of a submission."""
    before = _submissions(scene)
    for _ in range(200):
        if _submissions(scene) != before:
            scene.over.wait(chance.uniform(0, 3))
            return hard(scene, chance)
        if scene.over.wait(0.05):
            break
    return False


def _submissions(scene: Scene) -> int:
    return sum(1 for _ in scene.far.workspace.glob(".xpm/submissions/*/try.*"))


def silent(scene: Scene, chance: random.Random) -> bool:
    """slurmctld takes connections and does not answer."""
    scene.do("slurmctld", "freeze")
    scene.last(chance, 3, 20)
    scene.do("slurmctld", "thaw")
    return True


def dbd(scene: Scene, chance: random.Random) -> bool:
    """slurmdbd is away."""
    scene.do("slurmdbd", "stop")
    scene.last(chance, 5, 30)
    scene.do("slurmdbd", "start")
    return True


def unaccounted(scene: Scene, chance: random.Random) -> bool:
    """The site keeps no accounts for a while; slurmctld is restarted for it twice."""
    scene.do("accounting", "off")
    scene.last(chance, 5, 20)
    scene.do("accounting", "on")
    return True


def quota(scene: Scene, chance: random.Random) -> bool:
    """Only so many jobs may be in the queue."""
    if not scene.cluster.status()["accounting"]:
        return False
    scene.do("limit", f"MaxSubmitJobs={chance.choice((12, 24, 48))}")
    scene.last(chance, 10, 30)
    scene.do("limit", "MaxSubmitJobs=-1")
    return True


def requeue(scene: Scene, chance: random.Random) -> bool:
    """A running job is requeued by somebody."""
    running = list(scene.far.running().items())
    if not running:
        return False
    job, claim = chance.choice(running)
    scene.toll.cost([job])
    scene.cluster.on("ctl", "scontrol", "requeue", str(claim["batch_id"]), user="root")
    return True


# -------------------------------------------------------------------------------- nodes


def power(scene: Scene, chance: random.Random) -> bool:
    """A node loses its power, long enough for SLURM to notice or not."""
    node = chance.choice(COMPUTE)
    scene.do("node-off", node)
    scene.toll.cost(scene.far.exposed(node))
    scene.last(chance, 1, 70)
    scene.toll.cost(scene.far.exposed(node))  # and who was sent there before SLURM noticed
    scene.do("node-on", node)
    return True


def isolated(scene: Scene, chance: random.Random) -> bool:
    """A node is cut off the others; its jobs go on, and run again elsewhere once it counts as dead."""
    node = chance.choice(COMPUTE)
    scene.do("node-cut", node)
    scene.toll.cost(scene.far.exposed(node))
    scene.last(chance, 5, 80)
    scene.toll.cost(scene.far.exposed(node))
    scene.do("node-heal", node)
    return True


def login(scene: Scene, chance: random.Random) -> bool:
    """The login node loses its power."""
    scene.do("node-off", "login1")
    scene.last(chance, 0, 15)
    scene.do("node-on", "login1")
    return True


SORTS: dict[str, tuple[Act, ...]] = {
    "link": (cut, blink, freeze, latency),
    "laptop": (laptop,),
    "processes": (agent, command, runner, task, finishing),
    "slurm": (restart, hard, forgetful, silent, dbd, unaccounted, quota, requeue),
    "nodes": (power, isolated, login),
}
"""What each driver thread chooses from: those of one row never happen at once."""
PAUSES_S = {"link": 10.0, "laptop": 25.0, "processes": 4.0, "slurm": 20.0, "nodes": 60.0}
"""How long each waits between two, on average."""
