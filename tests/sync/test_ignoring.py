import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpm.sync.ignoring import is_ignored, parse


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("*.ckpt", "a/b/model.ckpt", True),
        ("*.ckpt", "model.ckpt.txt", False),
        ("data", "src/data", True),
        ("/data", "src/data", False),
        ("/data", "data", True),
        ("docs/*.pdf", "docs/a.pdf", True),
        ("docs/*.pdf", "docs/b/a.pdf", False),
        ("docs/**/*.pdf", "docs/b/c/a.pdf", True),
        ("docs/**/*.pdf", "docs/a.pdf", True),
        ("**/logs", "a/b/logs", True),
        ("a/**", "a/b/c", True),
        ("[abc].txt", "b.txt", True),
        ("[!abc].txt", "b.txt", False),
        ("\\#x", "#x", True),
        ("# comment", "# comment", False),
        ("trailing   ", "trailing", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
    ],
)
def test_patterns_mean_what_git_means(pattern: str, path: str, ignored: bool) -> None:
    assert ignored == is_ignored(path, False, parse(pattern, ""))


def test_a_pattern_with_a_final_slash_is_for_folders() -> None:
    rules = parse("build/", "")

    assert is_ignored("build", True, rules)
    assert not is_ignored("build", False, rules)


def test_the_last_rule_decides() -> None:
    rules = parse("*.txt\n!keep.txt\n", "")

    assert is_ignored("a.txt", False, rules)
    assert not is_ignored("keep.txt", False, rules)


def test_rules_of_a_folder_hold_below_it() -> None:
    rules = parse("*.txt", "docs")

    assert is_ignored("docs/a.txt", False, rules)
    assert not is_ignored("a.txt", False, rules)


WORDS = st.sampled_from(["a", "b", "ab", "a.txt"])
GLOBS = st.lists(
    st.sampled_from(["a", "b", "*", "**", "?", "a*", "[ab]", "*.txt"]), min_size=1, max_size=3
).map("/".join)
PATTERNS = st.tuples(st.sampled_from(["", "/"]), GLOBS, st.sampled_from(["", "/"])).map("".join)


@pytest.mark.host
@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git")
@settings(max_examples=40, deadline=None)
@given(pattern=PATTERNS, path=st.lists(WORDS, min_size=1, max_size=3).map("/".join))
def test_git_itself_agrees(
    pattern: str, path: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", root], check=True)
    (root / ".gitignore").write_text(pattern + "\n")
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("x")
    asked = subprocess.run(["git", "-C", root, "check-ignore", "-q", path], check=False)

    rules = parse(pattern, "")
    parts = path.split("/")
    folders = ["/".join(parts[:n]) for n in range(1, len(parts))]
    mine = any(is_ignored(f, True, rules) for f in folders) or is_ignored(path, False, rules)

    assert (asked.returncode == 0) == mine, (pattern, path)
    assert Path(root / path).exists()
