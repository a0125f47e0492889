import posixpath
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpm.sync import names

TASK, JOB = "digits.train", "a" * 64


@pytest.mark.parametrize(
    "path",
    ["model.bin", "runs/1/events", "a b/c'd", ".hidden", "été/ñ", "x/.xpm/y", "~tilde", "-rf"],
)
def test_ordinary_names_are_taken(path: str) -> None:
    assert names.refusal(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a/./b", "a\0b", "a\nb", "\x1b[2J", "a\x7f",
        "\ud800", "x" * 256, "/".join("d" * 65), ".XPM/a1.1", ".xpm./x", ".x\u200cpm/a1.1", "\u202egpj.exe", None, 3, ["a"],
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_or_deceive_are_refused(path: object) -> None:
    assert names.refusal(path)


def test_our_own_folder_goes_by_its_exact_name() -> None:
    assert names.refusal(".xpm/a1.1") is None


@given(st.text())
def test_what_is_shown_cannot_move_the_cursor(text: str) -> None:
    assert all(c.isprintable() for c in names.shown(text))


@pytest.mark.parametrize(
    ("path", "target", "here"),
    [
        ("last", "runs/3", "runs/3"),
        ("runs/last", "3", "3"),
        ("runs/last", "../model", "../model"),
        ("runs/last", "./../model", None),
        ("other", f"../../other.task/{'b' * 64}/out", f"../../other.task/{'b' * 64}/out"),
        ("abs", f"/scratch/me/xpm/jobs/other.task/{'b' * 64}/out", f"../../other.task/{'b' * 64}/out"),
        ("abs", f"/scratch/me/xpm/jobs/{TASK}/{JOB}/out", "out"),
        ("out", "../../../.xpm/place.json", None),
        ("out", "../../..", None),
        ("out", "../../../../../etc/passwd", None),
        ("out", "/etc/passwd", None),
        ("out", "/scratch/me/xpm/.xpm/place.json", None),
        ("out", "/scratch/me/xpm/jobs/../../x/y/z", None),
        ("out", "inner/../../../../../../etc", None),
        ("out", "../..", None),
        ("out", "", None),
        ("out", 3, None),
    ],
)  # fmt: skip
def test_a_link_is_remade_only_when_it_leads_into_jobs(
    path: str, target: object, here: str | None
) -> None:
    assert here == names.local_target(TASK, JOB, path, target, "/scratch/me/xpm")


PARTS = st.sampled_from(["..", ".", "a", "b", "", "jobs", "c"])
LINKS = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join),
    st.lists(PARTS, min_size=1, max_size=6).map("/".join),
    max_size=6,
)


@given(links=LINKS)
def test_no_set_of_links_leads_out_of_the_jobs_wherever_one_starts(links: dict[str, str]) -> None:
    tree = {
        f"/jobs/{TASK}/{JOB}/{path}": here
        for path, target in links.items()
        if (here := names.local_target(TASK, JOB, path, target, "/far")) is not None
    }

    for start in tree:
        assert followed(start, tree).startswith("/jobs/")


def followed(path: str, tree: dict[str, str]) -> str:
    """Where a path leads when every prefix that is a link is followed, as a kernel does."""
    seen = 0
    done: list[str] = []
    todo = path.strip("/").split("/")
    while todo and seen < 40:
        part = todo.pop(0)
        if part == "..":
            done = done[:-1]
            continue
        here = "/" + "/".join([*done, part])
        if here in tree:
            seen += 1
            todo = tree[here].split("/") + todo
        else:
            done.append(part)
        assert done[:1] in ([], ["jobs"]), path
    return "/" + "/".join(done) if seen < 40 else "/jobs/loop"


def test_the_kernel_agrees_with_the_rule_on_links_through_links(tmp_path: Path) -> None:
    job = tmp_path / "jobs" / TASK / JOB
    (job / "deep" / "er").mkdir(parents=True)
    (job / "deep" / "er" / "up").symlink_to("../..")

    trick = names.local_target(TASK, JOB, "out", "deep/er/up/../../../../x", "/far")

    assert trick is None
    assert posixpath.normpath("deep/er/up") == "deep/er/up"
