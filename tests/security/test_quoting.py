"""Whatever words are sent to a shell, it takes them as they are: tried with the real one."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xpm.agent import slurm_commands, starting
from xpm.connectors import bootstrap, quoting
from xpm.launchers import placeholders

TRICKS = [
    "", "-n", "a b", "'", '"', "\\", "$HOME", "`id`", "$(id)", "!!", "!x", "*", "~", "a\nb", "a\n", ";", "&", "|x", ">f", "#c",
    "\t", "\x01", "\x7f", "\u00e9", "\u202e", "\\n", "%s", "{a,b}", "=x", "\r",
]  # fmt: skip
BYTES = st.one_of(
    st.sampled_from([each.encode() for each in TRICKS]),
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\0", b"")),
)
SHELLS = [
    path for path in map(shutil.which, ("sh", "bash", "dash", "zsh", "ksh", "busybox")) if path
]


def printed(shell: str, line: bytes) -> list[bytes]:
    """The words that a shell makes of a line after printf's own."""
    argv = [shell, *(["sh"] if shell.endswith("busybox") else []), "-c"]
    done = subprocess.run(
        [*argv, b"printf '%s\\0' " + line], stdout=subprocess.PIPE, check=True, env={"LC_ALL": "C"}
    )
    return done.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("shell", SHELLS, ids=os.path.basename)
@settings(max_examples=60, deadline=None)
@given(words=st.lists(BYTES, min_size=1, max_size=6))
@example(words=[each.encode() for each in TRICKS])
def test_the_words_of_a_remote_command_arrive_as_they_are(shell: str, words: list[bytes]) -> None:
    line = quoting.command_line(list(map(os.fsdecode, words)))

    assert words == printed(shell, os.fsencode(line))


@settings(max_examples=60, deadline=None)
@given(words=st.lists(BYTES, min_size=4, max_size=4))
def test_a_batch_script_starts_just_what_it_names(
    words: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("script")
    fake = folder / "python"
    fake.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    fake.chmod(0o700)
    named = list(map(os.fsdecode, words[1:]))

    alone = starting._lines([], [str(fake), *named])
    batch = os.fsencode(slurm_commands.script([], [str(fake), named[0], "run", *named[1:]]))

    for script, expected in ((alone, words[1:]), (batch, [words[1], b"run", *words[2:]])):
        done = subprocess.run(["/bin/sh"], input=script, stdout=subprocess.PIPE, check=True)
        assert expected == done.stdout.split(b"\0")[:-1]


def test_a_python_of_the_profile_is_one_word_of_the_bootstrap(tmp_path: Path) -> None:
    for trick in TRICKS:
        if not trick or any(ord(c) < 32 for c in trick):
            continue
        argv = bootstrap.command(f"/nowhere/{trick}")
        marked = argv[2].replace(
            "command -v", f"touch {shlex.quote(str(tmp_path / 'ran'))}; command -v"
        )
        done = subprocess.run(["sh", "-n", "-c", marked], capture_output=True)
        assert done.returncode == 0, (trick, done.stderr)


@settings(max_examples=60, deadline=None)
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0${~"), max_size=12))
@example(value="`touch x`")
@example(value='"; touch x; "')
@example(value="\\\\`\\")
def test_an_exported_value_is_a_value_whatever_it_holds(value: str) -> None:
    line = f'export A={placeholders.quoted(value)}; printf "%s" "$A"'

    done = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, check=True)

    assert value.encode() == done.stdout


def test_a_command_in_an_exported_value_is_not_run(tmp_path: Path) -> None:
    for value in ("$(touch ran)", "`touch ran`", "${x:-$(touch ran)}", "$((1))", '";touch ran;"'):
        line = f"export A={placeholders.quoted(value)}"

        subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True)

        assert not (tmp_path / "ran").exists(), value
