"""The words of a profile: every key, its kind and what it is for."""

from xpm.launchers.endings_vocabulary import RETRY_TABLE, STOP
from xpm.launchers.environs_vocabulary import AUTO, ENV, LINES, SETUP, TEXT
from xpm.launchers.kinds import (
    DURATION,
    SIZE,
    Bound,
    Choice,
    Number,
    Text,
    Truth,
    Whole,
)
from xpm.launchers.notices import NOTIFY
from xpm.launchers.policy_vocabulary import ARRAYS, POLICY
from xpm.launchers.results_vocabulary import RESULTS, RESULTS_ONLY
from xpm.launchers.schema import Either, Key, ListOf, MapOf, Record

VERSION = 1

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""Of connectors, launchers and tokens: they become names of files."""
UNLIMITED = Choice(("unlimited",))
LIMIT = Either((UNLIMITED, DURATION))
FOLDER = Text("~/xpm", r"[/~${].*", "an absolute folder (or one from ~, $VAR or {fast})")
GPUS = Either((Whole(1), Text("a100:2", r"[A-Za-z0-9_.-]+(:[1-9][0-9]*)?", "a GPU type and count")))
JOBS = Record({"jobs": Key(Whole(1), "how many jobs may run at once")}, "{jobs: 4}")

SSH = Record(
    {
        "host": Key(Text("mycluster"), "an alias of your ssh configuration, or a host name"),
        "config": Key(TEXT, "the ssh configuration file; default: ~/.ssh/config"),
        "keepalive": Key(DURATION, "how often to tell the host that we are still here"),
        "timeout": Key(DURATION, "how long to wait for a connection"),
        "transport": Key(
            Choice(("auto", "fabric", "openssh")),
            "what carries the bytes; auto: openssh where it is logged in or needed, else fabric",
        ),
    },
    "{host: mycluster}",
)

QOS = Record(
    {
        "name": Key(TEXT, "the name of the QOS at the site"),
        "time": Key(LIMIT, "the longest job"),
        "gpus": Key(Whole(), "the most GPUs at once"),
        "submit": Key(
            Whole(1), "the most jobs queued at once; such a QOS is used by those that name it only"
        ),
        "default": Key(Truth(), "whether the site gives it to jobs that name none"),
        "cost_factor": Key(Number(), "multiplies the cost"),
    },
    "{name: debug, time: 30m}",
)

GPU_OF_PARTITION = Record(
    {
        "per_node": Key(Whole(1), "how many a node has"),
        "name": Key(TEXT, "the type's name in the site's gres; default: the key"),
        "constraint": Key(TEXT, "the node feature that selects the type"),
        "cost": Key(Number(), "of one for an hour, in any unit"),
    },
    "{per_node: 4, name: a100}",
)

PARTITION = Record(
    {
        "extends": Key(TEXT, "another partition of this connector"),
        "name": Key(TEXT, "the partition's name at the site; default: the key"),
        "time": Key(LIMIT, "the longest job"),
        "nodes": Key(Whole(1), "the most nodes of a job"),
        "cpus": Key(Whole(1), "cores of a node"),
        "mem": Key(SIZE, "memory of a node"),
        "gpus": Key(MapOf(Either((Whole(1), GPU_OF_PARTITION))), "GPUs of a node, by type"),
        "cpus_per_gpu_max": Key(Whole(1), "the most cores for each GPU"),
        "account": Key(TEXT, "the account to charge here"),
        "constraint": Key(TEXT, "node features every job here needs"),
        "qos": Key(ListOf(QOS), "the QOS a job may name here"),
        "preemptible": Key(Truth(), "jobs may be interrupted; chosen last, unless named"),
        "cost": Key(
            Number(), "of a job for an hour, in any unit: the cheapest fitting partition is used"
        ),
        "cost_factor": Key(Number(), "multiplies the cost"),
    },
    "{time: 2d, cpus: 64, mem: 250GB}",
)

KEEPER = Record(
    {
        "partition": Key(TEXT, "where it runs; default: where the jobs it waits for do"),
        "account": Key(TEXT, "the account to charge"),
        "qos": Key(TEXT, "the QOS to use"),
        "time": Key(DURATION, "the longest it may take; default: 2m"),
    },
    "{partition: small}",
)

SLURM = Record(
    {
        "account": Key(TEXT, "the account to charge"),
        "gpu_flag": Key(Choice(("gpus-per-node", "gres", "gpus")), "how GPUs are asked for"),
        "gpu_type_in": Key(Choice(("flag", "constraint")), "where the type of GPU goes"),
        "mem_flag": Key(
            Choice(("mem", "mem-per-cpu", "mem-per-gpu", "from-cpus")),
            "how memory is asked for; from-cpus: by taking enough cores",
        ),
        "mem_per_cpu": Key(SIZE, "memory that comes with a core, for mem_flag: from-cpus"),
        "licenses": Key(MapOf(TEXT), "licences of the site: token name -> Slurm's name"),
        "extra": Key(LINES, "further sbatch flags, one per item"),
        "command_source": Key(Choice(("flags",)), "flags beat SBATCH_* variables"),
        "env": Key(
            Record(
                {
                    "scrub": Key(
                        LINES,
                        "variables not to inherit",
                        "has no effect: jobs inherit nothing but a short list of variables, and keep",
                    ),
                    "keep": Key(
                        LINES, "variables of the login that jobs inherit too; * is any text"
                    ),
                }
            ),
            "what a job inherits of the login",
        ),
        "keeper": Key(
            Either((Choice(("off",)), KEEPER)),
            "the small job that goes on with a plan when everybody else has died",
        ),
        "srun": Key(
            Choice(("never",)), "when srun starts jobs: a task that wants it calls it itself"
        ),
        "requeue": Key(Truth(), "whether Slurm may requeue jobs; default: as the site does"),
        "accounting": Key(
            Choice(("auto", "sacct", "none")), "whether to ask sacct; auto: where accounts are kept"
        ),
        "max_submit": Key(Whole(1), "the most jobs of yours in the queue at once"),
        "arrays": Key(ARRAYS, "limits of job arrays; auto: as the site says"),
    },
    "{account: mylab}",
)

HOST = Record(
    {
        "cpus": Key(Either((AUTO, Whole(1))), "cores"),
        "mem": Key(Either((AUTO, SIZE)), "memory"),
        "gpus": Key(
            Either((AUTO, Whole(), MapOf(Whole()), ListOf(Either((Whole(), TEXT)), "[0, 1]"))),
            "GPUs: how many, how many by type, or a list of those that jobs may use",
        ),
        "time": Key(LIMIT, "the longest job"),
    },
    "{cpus: 32, mem: 128GB}",
)

CONNECTOR = Record(
    {
        "extends": Key(TEXT, "a connector or connector template to start from"),
        "kind": Key(Choice(("local", "ssh", "slurm")), "what kind of place this is"),
        "ssh": Key(SSH, "how to reach it"),
        "workspace": Key(FOLDER, "the folder for jobs there"),
        "fast": Key(FOLDER, "a fast file system there, {fast} elsewhere"),
        "share": Key(
            Choice(("group", "all")), "who else may read results there; default: nobody is let in"
        ),
        **SETUP,
        "env": Key(TEXT, "the environment of jobs, one of envs"),
        "slurm": Key(SLURM, "the customs of the cluster"),
        "partitions": Key(MapOf(PARTITION), "the partitions jobs may use, with their limits"),
        "host": Key(HOST, "what the machine has"),
        "capacity": Key(Either((Whole(1), JOBS)), "how many jobs may run at once"),
        "licenses": Key(MapOf(Whole()), "licences counted here: token name -> how many"),
        "policy": Key(TEXT, "one of policies; default: the one named default"),
        "sync": Key(RESULTS_ONLY, "which files come back, over those of the profile"),
        "tags": Key(ListOf(TEXT), "words to select places by"),
        "internet_on_nodes": Key(Truth(), "false: jobs cannot reach the internet"),
        "cost": Key(Number(), "of a job for an hour, in any unit"),
        "only_if": Key(
            Record(
                {
                    "time": Key(Bound(DURATION), "only jobs of such a time"),
                    "mem": Key(Bound(SIZE), "only jobs of such a memory"),
                }
            ),
            "which jobs may come here",
        ),
    },
    '{kind: slurm, ssh: {host: mycluster}, workspace: "~/xpm"}',
    ("slurm", "ssh"),
)

GPU_WANTED = Record(
    {
        "vram": Key(Bound(SIZE, ">="), "memory of the GPU; without a sign: at least"),
        "vendor": Key(TEXT, "who makes it"),
        "capability": Key(
            Text("'>=8.0'", r"(>=|<=|>|<|==|=)? *[0-9]+(\.[0-9]+)*"), "its compute capability"
        ),
        "type": Key(TEXT, "its name in the catalog"),
    },
    '{vram: ">=24GB"}',
)

RESOURCES = {
    "cpus": Key(Whole(1), "cores of a job, on each node"),
    "mem": Key(SIZE, "memory of a job, on each node"),
    "time": Key(DURATION, "the longest a job may take"),
    "gpus": Key(GPUS, "GPUs of a job, on each node: 2 or 'a100:2'"),
    "nodes": Key(Whole(1), "nodes of a job"),
}

LAUNCHER = Record(
    {
        "extends": Key(TEXT, "a launcher to start from"),
        "connector": Key(TEXT, "the place of jobs"),
        "connectors": Key(ListOf(TEXT, "[cluster]", 1), "the places of jobs, best first"),
        "partition": Key(Text("cpu"), "the partition, or several separated by commas"),
        **RESOURCES,
        "account": Key(TEXT, "the account to charge"),
        "qos": Key(TEXT, "the QOS to use"),
        "constraint": Key(TEXT, "node features that jobs need"),
        "extra": Key(LINES, "further sbatch flags, one per item"),
        **SETUP,
        "env": Key(TEXT, "the environment of jobs, one of envs"),
        "tokens": Key(MapOf(Whole(1)), "tokens that every job takes: name -> units"),
        "sync": Key(RESULTS_ONLY, "which files come back, over those of the connector"),
        "retry": Key(RETRY_TABLE, "further attempts, by cause; over those of the policy"),
        "stop": Key(STOP, "the warning before the end"),
        "require": Key(
            Record(
                {
                    **RESOURCES,
                    "gpu": Key(GPU_WANTED, "what every GPU must be like"),
                    "tags": Key(ListOf(TEXT), "words that the place must have"),
                }
            ),
            "what jobs get at least, and what the place must be like",
        ),
        "prefer": Key(
            Record(
                {
                    "preemptible": Key(Truth(), "partitions that may interrupt jobs"),
                    "tags": Key(ListOf(TEXT), "places with these words"),
                }
            ),
            "what to choose when several places fit",
        ),
        "defaults": Key(
            Record(
                {
                    **RESOURCES,
                    "cpus_per_gpu": Key(Whole(1), "cores for each GPU"),
                    "mem_per_gpu": Key(SIZE, "memory for each GPU"),
                }
            ),
            "what jobs get that do not say",
        ),
    },
    "{connector: cluster, cpus: 2, mem: 1GB, time: 10m}",
    ("require", "defaults"),
)

TOKEN = Record(
    {
        "kind": Key(
            Choice(("slots", "cpu", "gpu", "license", "exclusive")), "what it is paid with"
        ),
        "total": Key(Whole(1), "how many units there are"),
        "shared": Key(
            Text("/shared/lab/tokens", "/.*", "an absolute folder"),
            "a folder at the site, writable for a group, that counts across its users",
        ),
    },
    "{kind: slots, total: 8}",
)

CODE = Record(
    {
        "exclude": Key(
            ListOf(Text(), '["data/", "*.ckpt"]'), "what stays at home, as in .xpmignore"
        ),
        "max_file": Key(SIZE, "the largest file that travels; default: 100MB"),
        "max_total": Key(SIZE, "the largest project that travels; default: 500MB"),
        "max_files": Key(Whole(1), "how many files may travel; default: 25000"),
        "from": Key(Choice(("git-tracked+dirty",)), "what git tracks, and changed and new files"),
        "to": Key(
            TEXT, "where it goes", "has no effect: code goes into .xpm/code of the workspace"
        ),
        "immutable": Key(
            Truth(), "never changed once there", "has no effect: it never is", (True,)
        ),
    },
    "{exclude: [data/], max_files: 50000}",
)

SYNC = Record(
    {
        "code": Key(CODE, "how much of the project travels to places"),
        "results": Key(RESULTS, "which files come back, from all places"),
    },
    "{results: {max_file: 1GB}}",
    ("results",),
)

GPU_TYPE = Record(
    {
        "vendor": Key(TEXT, "who makes it"),
        "vram": Key(SIZE, "its memory"),
        "capability": Key(Text("'8.0'", r"[0-9]+(\.[0-9]+)*"), "its compute capability"),
    },
    "{vendor: nvidia, vram: 80GB}",
)

PROFILE = Record(
    {
        "version": Key(Whole(1), "the version of this format: 1"),
        "catalog": Key(
            Record({"gpus": Key(MapOf(GPU_TYPE), "types of GPU")}), "what things are, at any place"
        ),
        "tokens": Key(
            MapOf(TOKEN, NAME, name="token name"),
            "what a token is paid with; one not named here is counted slots",
        ),
        "envs": Key(MapOf(ENV), "environments of jobs"),
        "sync": Key(SYNC, "what travels"),
        "policies": Key(MapOf(POLICY), "patience and retries"),
        "notify": Key(NOTIFY, "whom to tell how experiments end"),
        "connector_templates": Key(
            MapOf(CONNECTOR, NAME, name="connector name"), "what connectors have in common"
        ),
        "connectors": Key(MapOf(CONNECTOR, NAME, name="connector name"), "the places jobs may run"),
        "launchers": Key(MapOf(LAUNCHER, NAME, name="launcher name"), "the names that plans use"),
        "default": Key(TEXT, "the launcher of plans that name none; default: this machine"),
    }
)
