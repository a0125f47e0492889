"""The words of a profile about environments: what jobs run in, and how it is built."""

from xpm.launchers.kinds import Choice, Text, Truth, Whole
from xpm.launchers.schema import Either, Key, ListOf, MapOf, Record

TEXT = Text()
LINES = ListOf(TEXT, '["module purge"]')
ENVIRON = r"[A-Za-z_][A-Za-z0-9_]*"
EXPORT = MapOf(Either((TEXT, Whole())), ENVIRON, '{OMP_NUM_THREADS: "{cpus}"}', "variable name")
AUTO = Choice(("auto",))
PATH = Text("/opt/python/3.12/bin/python3", r"[/~${].*", "an absolute path (or one from ~ or $VAR)")
MODULES = ListOf(
    Text("cuda/12.4", r"[A-Za-z0-9][^\s;&|<>$`'\"()]*", "the name of a module"), "[cuda/12.4]"
)

SETUP = {
    "python": Key(
        PATH, "the Python (3.9 or newer) that jobs run under; default: the first fit one there"
    ),
    "pre": Key(LINES, "shell lines that run before the job"),
    "modules": Key(MODULES, "environment modules to load"),
    "export": Key(EXPORT, "environment variables; $VAR and ~ are expanded on the far side"),
}

SERIES = Text("'3.12'", r"3\.[0-9]+", "a version of Python, in quotes")
BUILD = {
    "build": Key(
        Choice(("login", "job")), "where it is built: on the login node, or in a batch job"
    ),
    "extra": Key(LINES, "further sbatch flags of the job that builds it"),
}

UV = Record(
    {
        "project": Key(TEXT, "the folder of the lock file, from the plan's project; default: ."),
        "lock": Key(TEXT, "the lock file; default: uv.lock"),
        "requirements": Key(TEXT, "requirements, with versions and best with hashes, instead"),
        "python": Key(SERIES, "the version of Python; default: that of the place"),
        "groups": Key(ListOf(TEXT, "[dev]"), "dependency groups to install"),
        "extras": Key(ListOf(TEXT, "[cuda]"), "extras of the project to install"),
        "index": Key(TEXT, "the package index, as the far side reaches it"),
        "find_links": Key(ListOf(PATH, "[/shared/wheels]"), "folders of wheels there, no index"),
        "platform": Key(
            ListOf(TEXT, "[manylinux_2_17_x86_64]"),
            "the platforms of wheels; default: Linux x86_64",
        ),
        **BUILD,
        "build": Key(
            Choice(("login", "job", "wheels")),
            "where it is built: on the login node, in a batch job, or from wheels sent from here",
        ),
        "where": Key(
            TEXT,
            "where it is built",
            "has no effect: environments are built in envs/ of the workspace, each named by all that goes into it",
        ),
    },
    "{lock: uv.lock}",
)

CONDA = Record(
    {
        "name": Key(TEXT, "an environment that exists there, by name or folder"),
        "file": Key(TEXT, "an environment.yml of the project, to build"),
        "explicit": Key(TEXT, "an explicit list (conda list --explicit) of the project, to build"),
        **BUILD,
    },
    "{name: torch}",
)

APPTAINER = Record(
    {
        "image": Key(TEXT, "the image: a file there, or docker://..."),
        "nv": Key(Either((AUTO, Truth())), "NVIDIA GPUs in it; auto: where there are some"),
        "rocm": Key(Truth(), "AMD GPUs in it"),
        "bind": Key(ListOf(TEXT, '["/data"]'), "folders to see in it besides the workspace"),
        "cleanenv": Key(Truth(), "leave the variables of the site outside"),
    },
    "{image: /images/torch.sif}",
)

ENV = Record(
    {
        **SETUP,
        "venv": Key(PATH, "a virtual environment that exists there"),
        "uv": Key(UV, "built there from a lock file, once"),
        "conda": Key(Either((TEXT, CONDA)), "a conda environment, existing or built once"),
        "apptainer": Key(APPTAINER, "a container image that jobs run in"),
    },
    "{python: ~/venvs/torch/bin/python}",
)
