"""The file trees that the nodes share, as the holder builds them in its own mount namespace."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from . import pythons
from .base import CLUSTER_NODES, SERVICE_IDS, TOWER, USER, USER_ID, Cluster, run
from .pythons import Python
from .state import Options

HIDDEN_COMMANDS = re.compile(r"(python|pip|pydoc|idle|2to3|virtualenv|pyenv)[\d.-]*\S*")
SLURM_COMMANDS = (
    "sacct sacctmgr salloc sattach sbatch sbcast scancel scontrol scrontab sdiag sh5util sinfo "
    "sprio squeue sreport srun sshare sstat strigger"
).split()
SLURM_DAEMONS = "slurmctld slurmd slurmdbd slurmstepd munged".split()
COPIED_ETC = (
    "alternatives bash.bashrc inputrc ld.so.conf.d login.defs mime.types protocols services "
    "ssl/openssl.cnf timezone localtime terminfo"
).split()

BASHRC = """\
# A noisy one, as they are: every `ssh host command` starts with this on its stdout.
[ -e ~/.hushbanner ] || echo '*** Welcome to the test cluster. Maintenance on 31/02. Jobs: 42 ***'
"""


def build(cluster: Cluster, options: Options) -> None:
    """Fill the store; runs as the holder, before it goes to sleep."""
    store = cluster.store
    store.mkdir(exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "xpm-testcluster", store])
    for name in ("template", "roots", "slurm", "ctl/spool", "ctl/mysql"):
        (store / name).mkdir(parents=True)
    os.chown(store / "ctl/spool", SERVICE_IDS["slurm"], SERVICE_IDS["slurm"])
    os.chown(store / "ctl/mysql", SERVICE_IDS["mysql"], SERVICE_IDS["mysql"])
    available = options.pythons
    _build_usr(store, available)
    _build_opt(store, available, options.packages)
    _build_etc(store / "template/etc", available)
    for place in (store / "shared", store / TOWER):
        _build_data(place, cluster.root / "id_ed25519.pub")
    if options.proctrack == "cgroup":
        _build_freezer(store / "freezer", cluster.freezer_group)
    run(["ldconfig", "-X", "-r", store / "template"])


def _build_usr(store: Path, available: Sequence[Python]) -> None:
    """Mount /usr without /usr/local and with our Pythons; without SLURM too for the plain host."""
    mask, no_slurm = store / "mask", store / "mask-slurm"
    _mask_pythons(mask, available)
    (mask / "local").mkdir()
    os.setxattr(mask / "local", "trusted.overlay.opaque", b"y")
    for name in SLURM_COMMANDS:
        _hide(no_slurm / "bin" / name)
    for name in SLURM_DAEMONS:
        _hide(no_slurm / "sbin" / name)
    _overlay(store / "template/usr", [mask])
    _overlay(store / "usr-tower", [no_slurm, mask])
    for link in Path("/").iterdir():
        if link.is_symlink() and str(link.readlink()).removeprefix("/").startswith("usr/"):
            (store / "template" / link.name).symlink_to(link.readlink())


def _mask_pythons(mask: Path, available: Sequence[Python]) -> None:
    """Hide this machine's Python commands and libraries, all but what stands for itself."""
    kept = {f"python{python.series}" for python in available if python.is_system}
    for path in Path("/usr/bin").iterdir():
        if HIDDEN_COMMANDS.fullmatch(path.name) and path.name not in kept:
            _hide(mask / "bin" / path.name)
    chosen = pythons.default(available)
    (mask / "bin/python3").unlink(missing_ok=True)
    (mask / "bin/python3").symlink_to(f"{chosen.home}/bin/python{chosen.series}")
    own = [python.series for python in available if not python.is_system]
    for library in [path for series in own for path in _system_libraries(series)]:
        _hide(mask / "lib" / library.parent.name / library.name)


def _system_libraries(series: str) -> list[Path]:
    """List the distribution's libpython, which the loader could take for that of our Python."""
    return list(Path("/usr/lib").glob(f"*/libpython{series}*"))


def _hide(path: Path) -> None:
    """Make an overlay forget a file of the layers below."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


def _overlay(target: Path, masks: list[Path]) -> None:
    target.mkdir()
    layers = ":".join([*map(str, masks), "/usr"])
    run(["mount", "-t", "overlay", "-o", f"ro,lowerdir={layers}", "overlay", target])


def _build_opt(store: Path, available: Sequence[Python], packages: str | None) -> None:
    """Put the Pythons under /opt/python, and the laptop's packages under /opt/site."""
    opt = store / "template/opt"
    for python in available:
        target = opt / "python" / python.series
        if python.is_system:
            (target / "bin").mkdir(parents=True)
            for name in ("python3", f"python{python.series}"):
                (target / "bin" / name).symlink_to(f"/usr/bin/python{python.series}")
        else:
            _bind(python.prefix, target)
    if packages:
        _bind(Path(packages), opt / "site")


def _bind(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    run(["mount", "-o", "bind,ro", source, target])


def _build_etc(etc: Path, available: Sequence[Python]) -> None:
    etc.mkdir()
    for name in COPIED_ETC:
        source, target = Path("/etc", name), etc / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.exists():
            shutil.copy2(source, target, follow_symlinks=name == "timezone")
    libraries = "".join(f"{python.home}/lib\n" for python in available if not python.is_system)
    (etc / "ld.so.conf").write_text(libraries + "include /etc/ld.so.conf.d/*.conf\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
    (etc / "profile").write_text(f"export PATH={':'.join(login_path())}\n. /etc/bash.bashrc\n")
    users = [("root", 0, "/root", "/bin/bash"), ("nobody", 65534, "/nonexistent", "/bin/false")]
    users += [(name, uid, "/nonexistent", "/bin/false") for name, uid in SERVICE_IDS.items()]
    users += [(USER, USER_ID, f"/home/{USER}", "/bin/bash")]
    passwd = [f"{name}:x:{uid}:{uid}:{name}:{home}:{shell}\n" for name, uid, home, shell in users]
    (etc / "passwd").write_text("".join(passwd))
    (etc / "group").write_text("".join(f"{name}:x:{uid}:\n" for name, uid, _, _ in users))
    # `*` is no password; `!` would be a locked account, which sshd refuses.
    (etc / "shadow").write_text("".join(f"{name}:*:19000:0:99999:7:::\n" for name, *_ in users))
    (etc / "shadow").chmod(0o640)


def login_path() -> list[str]:
    """Return the PATH of a login shell for users."""
    return ["/usr/local/bin", "/usr/bin", "/bin"]


def _build_data(place: Path, key: Path) -> None:
    """Make /home, /scratch and /shared of a cluster, or of the plain host."""
    for name in ("scratch", "shared"):
        (place / name).mkdir(parents=True)
        (place / name).chmod(0o1777)
    home = place / "home" / USER
    (home / ".ssh").mkdir(parents=True)
    (home / ".bashrc").write_text(BASHRC)
    (home / ".profile").write_text(". ~/.bashrc\n")
    shutil.copy(key, home / ".ssh/authorized_keys")
    for path in (home, home / ".ssh"):
        path.chmod(0o700)
    for path in (home, *home.rglob("*")):
        os.chown(path, USER_ID, USER_ID)


def _build_freezer(mount_point: Path, group: str) -> None:
    mount_point.mkdir()
    run(["mount", "-t", "cgroup", "-o", "freezer", "cgroup", mount_point])
    for node in CLUSTER_NODES:
        (mount_point / group / node).mkdir(parents=True, exist_ok=True)
