"""Environment modules as batch jobs meet them: a plain sh, and what sites put into their profiles."""

import subprocess
from pathlib import Path

import pytest

from xpm.agent import modules

LMOD = Path("/usr/share/lmod/lmod/init/profile")
SHELLS = (["dash"], ["bash"], ["bash", "--posix"])


def run(shell: list[str], text: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/opt/mine/bin:/usr/bin:/bin", "HOME": "/"}
    return subprocess.run([*shell, "-c", text], env=environ, capture_output=True, text=True)


def command(profile: Path) -> str:
    """The lines that define ``module``, on a machine whose /etc/profile is this one and that has nothing else."""
    text = modules.COMMAND.replace("/etc/profile.d/", "/nowhere/")
    text = text.replace("/usr/share/", "/nowhere/").replace("/etc/profile ", f"{profile} ")
    assert str(profile) in text
    return text


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("content", [None, "a=(1 2)\n", "exit 3\n", "PATH=/bin\nfalse\n"])
def test_a_profile_that_sh_cannot_read_ends_no_job(
    tmp_path: Path, shell: list[str], content: str | None
) -> None:
    profile = tmp_path / "profile"
    if content is not None:
        profile.write_text(content)

    done = run(shell, f"{command(profile)}\necho on; echo $PATH")

    assert (0, "on") == (done.returncode, done.stdout.split()[0]), done.stderr
    assert done.stdout.split()[1].startswith("/opt/mine/bin:")


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_profile_defines_is_used(tmp_path: Path, shell: list[str]) -> None:
    profile = tmp_path / "profile"
    profile.write_text('PATH=/usr/bin:/bin\nmodule() { echo "module $*"; }\n')

    done = run(shell, f"{command(profile)}\nmodule load gcc")

    assert "module load gcc\n" == done.stdout


@pytest.mark.skipif(not LMOD.exists(), reason="Debian's lmod is not installed")
@pytest.mark.parametrize("shell", SHELLS)
def test_lmod_itself_loads_and_misses_modules(tmp_path: Path, shell: list[str]) -> None:
    for name, variable in (("gcc/12", "GCC"), ("cuda/12.4", "CUDA"), ("cuda/11.8", "CUDA")):
        path = tmp_path / "apps" / f"{name}.lua"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'setenv("{variable}", "{name}")\n')
    pre = modules.heeded([f"module use {tmp_path}/apps"])

    def ask(line: str) -> "tuple[int, str]":
        done = run(shell, "\n".join([*pre, line]))
        return done.returncode, done.stdout + done.stderr

    modules.check(["gcc/12", "cuda"], ask)
    with pytest.raises(modules.ModuleMissing) as caught:
        modules.check(["gcc/12", "cuda/12.6"], ask)
    loaded = ask("\n".join([*modules.lines(["gcc/12", "cuda/12.4"]), "echo $GCC $CUDA"]))

    told = "module 'cuda/12.6' is not there; there are cuda/11.8, cuda/12.4: mend"
    assert str(caught.value).startswith(told)
    assert (0, "gcc/12 cuda/12.4\n") == loaded
