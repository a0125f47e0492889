import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.connectors.sshd import SSHD, Sshd, in_path, through
from tests.pythons import interpreters
from xpm.connectors import far
from xpm.connectors.bootstrap import Session, command, start
from xpm.connectors.fabric_host import FabricHost
from xpm.connectors.hosts import Stream
from xpm.connectors.local_host import LocalHost
from xpm.connectors.quoting import command_line
from xpm.errors import HostUnreachable, ProfileProblem, SiteProblem
from xpm.wire import frames, travel

pytestmark = pytest.mark.host
OLD = sorted(Path.home().glob(".pyenv/versions/2.7.*/bin/python2.7"))


class Within:
    """A local host whose commands run inside a prefix, as a login shell would run them."""

    name = "box"

    def __init__(self, *prefix: str) -> None:
        self._prefix = prefix
        self._host = LocalHost("box")
        self.sent = 0

    def open(self, argv: Sequence[str]) -> Stream:
        return Counting(self._host.open([*self._prefix, *argv]), self)

    def close(self) -> None:
        self._host.close()


class Heard(Within):
    """One whose first words have arrived when it is open."""

    def open(self, argv: Sequence[str]) -> Stream:
        stream = super().open(argv)
        words, read = [stream.read(100)], stream.read
        stream.read = lambda size: words.pop() if words else read(size)  # type: ignore[method-assign]
        return stream


class Counting:
    """A stream that adds what is sent to its host's count."""

    def __init__(self, stream: Stream, host: Within) -> None:
        self._stream = stream
        self._host = host
        self.read, self.close = stream.read, stream.close
        self.stderr, self.exit_status = stream.stderr, stream.exit_status

    def write(self, data: bytes) -> None:
        self._host.sent += len(data)
        self._stream.write(data)


@pytest.fixture
def within() -> Iterator[Callable[..., Within]]:
    hosts: list[Within] = []

    def make(*prefix: str) -> Within:
        hosts.append(Within(*prefix))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


def path_of(folder: Path, **programs: str | Path | None) -> str:
    """A PATH with ``sh`` and these programs only."""
    folder.mkdir()
    for name, path in {"sh": shutil.which("sh"), **programs}.items():
        assert path is not None
        (folder / name).symlink_to(path)
    return f"PATH={folder}"


def ask(session: Session, content: frames.Message) -> frames.Message:
    session.stream.write(frames.message(1, content))
    frame = session.next_frame()
    assert frame is not None
    [(_, reply, _)] = frames.Assembler().feed(frame)
    return reply


@pytest.mark.parametrize("python", interpreters((3, 6)))
def test_the_agent_starts_under_every_python(
    within: Callable[..., Within], tmp_path: Path, python: str
) -> None:
    session = start(within(), str(tmp_path / "ws"), python)

    sha12, _ = travel.archive()
    assert sha12 == session.hello["travel"]
    assert f".{session.hello['python'][1]}." in f"{python}."  # type: ignore[index]
    assert "error" in ask(session, {"verb": "no such verb"})
    assert (tmp_path / "ws" / ".xpm" / "travel" / sha12 / "xpm" / "agent").is_dir()


def test_what_travels_is_sent_once(within: Callable[..., Within], tmp_path: Path) -> None:
    first, second = within(), within()
    size = len(travel.archive()[1])

    start(first, str(tmp_path / "ws"), sys.executable)
    start(second, str(tmp_path / "ws"), sys.executable)

    assert size < first.sent
    assert second.sent < 300


def test_what_travels_is_sent_again_where_a_purge_took_some_of_it(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    start(within(), str(tmp_path / "ws"), sys.executable)
    sha12, raw = travel.archive()
    folder = tmp_path / "ws" / ".xpm" / "travel" / sha12 / "xpm"
    (folder / "agent" / "serve.py").unlink()
    (folder / "runner" / "main.py").unlink()
    again = within()

    session = start(again, str(tmp_path / "ws"), sys.executable)

    assert session.hello["pid"]
    assert len(raw) < again.sent
    assert (folder / "agent" / "serve.py").is_file()
    assert (folder / "runner" / "main.py").is_file()


def test_a_python_is_found_without_being_named(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    path = path_of(tmp_path / "bin", **{"python3.11": sys.executable})

    session = start(within("env", "-i", path), str(tmp_path / "ws"), None)

    assert list(sys.version_info[:3]) == session.hello["python"]


def test_a_named_python_that_is_missing_does_not_keep_the_agent_away(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    path = path_of(tmp_path / "bin", python3=sys.executable)

    session = start(within("env", "-i", path), str(tmp_path / "ws"), "/no/such/python")

    assert session.hello["pid"]


@pytest.mark.skipif(not OLD, reason="needs a Python 2.7 to be too old")
def test_a_python_too_old_is_passed_over(within: Callable[..., Within], tmp_path: Path) -> None:
    path = path_of(tmp_path / "bin", python3=OLD[-1], **{"python3.9": sys.executable})

    session = start(within("env", "-i", path), str(tmp_path / "ws"), None)

    assert list(sys.version_info[:3]) == session.hello["python"]


def test_a_host_without_python_says_what_to_do(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    with pytest.raises(SiteProblem) as caught:
        start(within("env", "-i", path_of(tmp_path / "bin")), str(tmp_path / "ws"), None)

    assert caught.value.what == "the host has no Python of 3.6 or newer"
    assert "`python:`" in caught.value.hint
    assert not (tmp_path / "ws").exists()


@pytest.mark.skipif(not OLD, reason="needs a Python 2.7 to be too old")
def test_a_host_with_only_an_old_python_says_the_same(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    path = path_of(tmp_path / "bin", python3=OLD[-1])

    with pytest.raises(SiteProblem, match=r"no Python of 3\.6"):
        start(within("env", "-i", path), str(tmp_path / "ws"), None)


@pytest.mark.parametrize(
    ("workspace", "said"),
    [
        ("/dev/null/ws", "Not a directory"),
        ("/proc/ws", "No such file"),
        ("$NO_SUCH_VARIABLE/ws", "the variable $NO_SUCH_VARIABLE is not defined there"),
        ("${NO_SUCH_VARIABLE}/ws", "is not defined there"),
        ("~no-such-user/ws", "there is no such user"),
    ],
)
def test_a_workspace_that_cannot_be_says_so(
    within: Callable[..., Within], workspace: str, said: str
) -> None:
    with pytest.raises(SiteProblem) as caught:
        start(within(), workspace, sys.executable)

    assert said in caught.value.cause
    assert "`workspace:`" in caught.value.hint


@pytest.mark.parametrize("workspace", ["$WHERE/ws", "${WHERE}/ws", "~/ws", "ws"])
def test_variables_and_home_count_on_the_far_side(
    within: Callable[..., Within], tmp_path: Path, workspace: str
) -> None:
    host = within("env", f"WHERE={tmp_path}", f"HOME={tmp_path}")

    session = start(host, workspace, sys.executable)

    assert str(tmp_path / "ws") == session.workspace


def test_a_named_python_may_use_home_and_variables(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    (tmp_path / "my python").symlink_to(sys.executable)
    host = within("env", "-i", path_of(tmp_path / "bin"), f"HOME={tmp_path}", f"WHERE={tmp_path}")

    for python in ("~/my python", "$WHERE/my python"):
        assert start(host, str(tmp_path / "ws"), python).hello["pid"]


@pytest.mark.parametrize(
    "noise", ["Welcome!\\n", "\\223XPM\\032", "\\000\\001\\377", "x" * 200_000]
)
def test_what_a_shell_prints_before_is_no_matter(
    within: Callable[..., Within], tmp_path: Path, noise: str
) -> None:
    script = tmp_path / "shell"
    script.write_text(f"printf '{noise}'; printf '{noise[:100]}' >&2; exec \"$@\"\n")

    session = start(within("sh", str(script)), str(tmp_path / "ws"), sys.executable)

    assert session.hello["pid"]


def test_an_account_that_may_not_run_commands_is_quoted(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    script = "echo 'This account is currently not available.'; exit 1"

    with pytest.raises(SiteProblem) as caught:
        start(within("sh", "-c", script), str(tmp_path / "ws"), None)

    assert caught.value.cause == "This account is currently not available."


def test_a_login_whose_umask_takes_rights_from_its_owner_does_not_lock_us_out(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    host = within("sh", "-c", 'umask 0777; exec "$@"', "sh")

    start(host, str(tmp_path / "ws"), None).stream.close()

    made = [each.stat().st_mode & 0o777 for each in (tmp_path / "ws").rglob("*")]
    assert made
    assert {0o700, 0o600, 0o400} >= {mode & 0o700 | mode & 0o077 for mode in made}


def test_a_shell_that_never_answers_is_given_up(
    tmp_path: Path,
) -> None:
    host = Heard("sh", "-c", "echo hello; exec cat >/dev/null")

    with pytest.raises(HostUnreachable, match=r"not start within 0\.3 s") as caught:
        start(host, str(tmp_path / "ws"), None, timeout_s=0.3)

    host.close()
    assert "hello" in caught.value.cause
    assert "exec zsh" in caught.value.hint


def test_an_archive_that_cannot_run_says_so(within: Callable[..., Within], tmp_path: Path) -> None:
    raw = travel.pack([("__main__.py", b""), ("xpm/__init__.py", b"raise RuntimeError('broken')")])

    with pytest.raises(SiteProblem) as caught:
        start(within(), str(tmp_path / "ws"), sys.executable, lambda: (travel.sha12(raw), raw))

    assert "RuntimeError: broken" in caught.value.cause


def test_a_damaged_archive_is_refused(within: Callable[..., Within], tmp_path: Path) -> None:
    _, raw = travel.archive()

    with pytest.raises(SiteProblem) as caught:
        start(within(), str(tmp_path / "ws"), sys.executable, lambda: ("0" * 12, raw))

    assert "damaged" in caught.value.cause
    assert [p for p in (tmp_path / "ws" / ".xpm" / "travel").iterdir()] == []


def test_the_command_is_small_and_safe_in_any_login_shell() -> None:
    line = shlex.join(command("/opt/python/bin/python3"))

    assert len(line) < 8192
    assert not set(line) & set("!\n\r\t")


def test_a_python_of_the_profile_cannot_hide_a_command() -> None:
    assert '"a\\"; rm -rf \\`b\\`"' in command('a"; rm -rf `b`')[2]
    with pytest.raises(ProfileProblem):
        command("python\nrm")


def test_the_first_program_and_the_frames_agree() -> None:
    assert frames.MAGIC == far.MAGIC
    assert frames._HEADER.format == far.HEADER.format
    assert frames.MESSAGE == 1


def test_no_stray_print_of_the_far_side_gets_between_the_frames(
    within: Callable[..., Within], tmp_path: Path
) -> None:
    code = b"import os\nprint('stray')\nos.system('echo stray; cat >/dev/null')\n"
    name = "xpm/__init__.py"
    travelling = Path(frames.__file__).parents[1]
    rest = [
        (f"xpm/{path.relative_to(travelling)}", path.read_bytes())
        for folder in ("wire", "agent", "decide")
        for path in sorted((travelling / folder).glob("*.py"))
    ]
    errors = ("xpm/errors.py", (travelling / "errors.py").read_bytes())
    raw = travel.pack([("__main__.py", b""), (name, code), errors, *rest])

    session = start(
        within(), str(tmp_path / "ws"), sys.executable, lambda: (travel.sha12(raw), raw)
    )

    assert "error" in ask(session, {"verb": "no such verb"})


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "ksh", "fish", "tcsh", "csh"])
def test_the_agent_starts_whatever_the_login_shell_is(tmp_path: Path, shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"there is no {shell} here")
    odd = tmp_path / "it's =odd~ !x"  # as the path of a Python in the profile
    odd.symlink_to(sys.executable)
    line = command_line(command(str(odd)))

    process = subprocess.run([path, "-c", line], input=b"", capture_output=True, timeout=60)

    assert far.MAGIC in process.stdout, process.stderr


ssh_only = pytest.mark.skipif(SSHD is None, reason="needs an sshd (openssh-server)")


def over_ssh(tmp_path: Path, option: str, python: str | None = None) -> Session:
    sshd = Sshd(tmp_path / "sshd", [option])
    host = FabricHost(sshd.target)
    try:
        return start(host, str(tmp_path / "ws"), python)
    finally:
        host.close()
        sshd.stop()


@ssh_only
def test_over_ssh_a_noisy_shell_is_no_matter(tmp_path: Path) -> None:
    option = through('echo "Welcome to the cluster"; exec sh -c "$SSH_ORIGINAL_COMMAND"')

    assert over_ssh(tmp_path, option, sys.executable).hello["pid"]


@ssh_only
def test_over_ssh_a_missing_python_is_told(tmp_path: Path) -> None:
    with pytest.raises(SiteProblem, match=r"no Python of 3\.6"):
        over_ssh(tmp_path, in_path(tmp_path / "bin"))


@ssh_only
def test_over_ssh_a_forced_command_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(SiteProblem) as caught:
        over_ssh(tmp_path, through("echo only backups here; exit 3"))

    assert caught.value.cause == "only backups here"
    assert os.fspath(tmp_path)
