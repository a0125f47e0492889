"""Tokens that several users share through a folder that their group may write."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent_core.yard import Yard, job_id
from xpm.agent import admission, processes
from xpm.agent.tokens import Need
from xpm.wire import files, ledger

GROUP = 54_321
ALICE, BOB = 54_001, 54_002


@pytest.fixture
def lab() -> Iterator[Path]:
    """A folder of a group, with room for homes beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tokens").mkdir()
        if os.geteuid() == 0:
            os.chown(folder / "tokens", 0, GROUP)
        (folder / "tokens").chmod(0o2770)
        for home, user in (("alice", ALICE), ("bob", BOB)):
            (folder / home).mkdir()
            (folder / home).chmod(0o700)
            if os.geteuid() == 0:
                os.chown(folder / home, user, user)
        yield folder


def asks(yard: Yard, name: str, lab: Path, total: int = 1) -> tuple[Need, ...]:
    wish = [("io", 1, total, str(lab / "tokens"))]
    yard.ask(name, tokens=wish)  # type: ignore[arg-type]
    return (Need(*wish[0]),)


def takes(yard: Yard, name: str, needs: tuple[Need, ...]) -> bool:
    board = yard.board()
    return board.tokens.take(board.tokens.units.holder(job_id(name), 1), needs)


def test_it_is_counted_across_workspaces_and_comes_back_with_its_holders_end(lab: Path) -> None:
    one, two = Yard(lab / "alice"), Yard(lab / "bob")
    mine, theirs = asks(one, "a", lab), asks(two, "a", lab)  # the same job, in both

    assert takes(one, "a", mine)
    assert not takes(two, "a", theirs)
    assert takes(one, "a", mine)  # it has it already
    one.finish("a")

    assert takes(two, "a", theirs)
    assert not takes(one, "a", mine)


def test_a_run_that_died_on_this_machine_gives_back_what_it_held(lab: Path) -> None:
    one, two = Yard(lab / "alice"), Yard(lab / "bob")
    assert takes(one, "a", asks(one, "a", lab))
    needs = asks(two, "b", lab)

    one.claim("a", **processes.identity(), batch_id=None)
    assert not takes(two, "b", needs)
    entry = Path(one.folder("a"), ledger.FOLDER, "a1.1")
    claim = files.load(str(entry))
    assert claim is not None
    entry.write_bytes(files.dump({**claim, "started": 1}))  # another process has its number now

    assert takes(two, "b", needs)


def test_what_slurm_may_requeue_is_not_given_up(lab: Path) -> None:
    one, two = Yard(lab / "alice"), Yard(lab / "bob")
    assert takes(one, "a", asks(one, "a", lab))

    one.claim("a", **{**processes.identity(), "started": 1}, batch_id="7")

    assert not takes(two, "b", asks(two, "b", lab))


def test_a_folder_that_cannot_be_used_is_told_to_who_waits(lab: Path) -> None:
    yard = Yard(lab / "alice")
    asks(yard, "a", lab / "gone")
    yard.ask("b")
    board = yard.board()

    found = admission.look(board, Anywhere(), None, 0.0)

    assert [job_id("b")] == found.admitted
    [reason] = found.reasons.values()
    assert reason.startswith("waits for token io, but /")
    assert reason.endswith("gone/tokens cannot be used: No such file or directory")


class Anywhere:
    """A place with room for everything."""

    kind = "plain"

    def wants(self, _: object) -> tuple[()]:
        return ()

    def used(self, _: object) -> dict[str, int]:
        return {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_users_who_cannot_read_each_others_homes_share_it(lab: Path) -> None:
    def alice_takes() -> bool:
        yard = Yard(lab / "alice" / "xpm")
        return takes(yard, "a", asks(yard, "a", lab))

    def bob_takes() -> bool:
        yard = Yard(lab / "bob" / "xpm")
        return takes(yard, "b", asks(yard, "b", lab))

    def alice_ends() -> bool:
        yard = Yard(lab / "alice" / "xpm")
        yard.finish("a")
        admission.give_back(yard.board())
        return True

    assert as_user(ALICE, alice_takes)
    assert not as_user(BOB, bob_takes)
    unit = lab / "tokens" / "io" / "0.1"
    assert stat.S_IMODE(unit.stat().st_mode) == 0o664
    assert stat.S_IMODE(unit.parent.stat().st_mode) == 0o2770
    assert unit.parent.stat().st_gid == GROUP
    assert as_user(ALICE, alice_ends)
    assert as_user(BOB, bob_takes)
    assert not as_user(ALICE, alice_takes)


def as_user(user: int, act: Callable[[], bool]) -> bool:
    """What somebody else of the group gets, who lets nobody read what they write."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            os.setgroups([GROUP])
            os.setgid(user)
            os.setuid(user)
            os.umask(0o077)
            code = 0 if act() else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.WEXITSTATUS(status) in (0, 1)
    return os.WEXITSTATUS(status) == 0
