import os
import time
from pathlib import Path

from xpm.agent import processes
from xpm.agent.owner import Owner
from xpm.agent.turns import STALE_S, Turn
from xpm.wire import files


def turn(tmp_path: Path, now: float = 0.0) -> Turn:
    return Turn(str(tmp_path / "advance"), lambda: now or time.time())


def dead() -> dict[str, object]:
    """A process of this machine that is no more."""
    return dict(processes.identity(), started=1)


def test_one_at_a_time_and_who_came_meanwhile_is_not_forgotten(tmp_path: Path) -> None:
    first, second = turn(tmp_path), turn(tmp_path)

    assert first.begin()
    assert not second.begin()

    assert first.end()
    assert second.begin()
    assert not second.end()


def test_the_turn_of_a_dead_process_is_nobodys(tmp_path: Path) -> None:
    assert turn(tmp_path).begin()
    owner = dict(dead(), at=time.time())
    files.write(str(tmp_path / "advance" / "owner.json"), files.dump(owner))

    assert turn(tmp_path).begin()


def test_a_turn_elsewhere_or_without_a_name_ends_after_a_while(tmp_path: Path) -> None:
    assert turn(tmp_path).begin()
    owner = dict(processes.identity(), host="elsewhere", at=time.time())
    files.write(str(tmp_path / "advance" / "owner.json"), files.dump(owner))
    assert not turn(tmp_path).begin()
    assert turn(tmp_path, time.time() + STALE_S + 1).begin()

    (tmp_path / "advance" / "owner.json").unlink()
    assert not turn(tmp_path).begin()
    assert turn(tmp_path, time.time() + STALE_S + 1).begin()


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    first, second = Owner(str(tmp_path / "s")), Owner(str(tmp_path / "s"))
    assert not first.is_there()

    assert first.take()
    assert not second.take()
    assert second.is_there()
    assert first.keeps()

    first.leave()
    assert not second.is_there()
    assert second.take()


def test_a_dead_owner_is_replaced_once(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    files.write(str(tmp_path / "s" / "owner.7"), files.dump(dead()))
    first, second = Owner(str(tmp_path / "s")), Owner(str(tmp_path / "s"))

    assert [first.take(), second.take()] == [True, False]
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["owner.8"]


def test_who_is_behind_the_times_is_not_the_owner(tmp_path: Path) -> None:
    """It saw owner.7 dead, and meanwhile two others came and one of them went."""
    (tmp_path / "s").mkdir()
    files.write(str(tmp_path / "s" / "owner.7"), files.dump(dead()))
    late = Owner(str(tmp_path / "s"))
    assert not late.is_there()
    files.write(str(tmp_path / "s" / "owner.9"), files.dump(processes.identity()))
    (tmp_path / "s" / "owner.7").unlink()

    assert not late.take()
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["owner.9"]


def test_a_recycled_pid_is_not_the_process_that_was_noted() -> None:
    mine = processes.identity()

    assert processes.is_alive(mine) is True
    assert processes.is_alive(dict(mine, started=1)) is False
    assert processes.is_alive(dict(mine, boot="another")) is False
    assert processes.is_alive(dict(mine, host="elsewhere")) is None


def test_a_machine_that_has_our_name_is_not_ours_before_a_restart() -> None:
    """Nobody can ask it; but what ran here before a restart has not been seen since."""
    other = dict(processes.identity(), boot="another")
    now = time.time()

    assert processes.is_alive(other, now) is None
    assert not processes.is_gone(other, now)
    assert processes.is_alive(other, 1.0) is False
    assert processes.is_alive(other, now - 2 * processes.SILENT_S) is False
    assert processes.is_gone(other, 1.0)


def test_an_owner_on_a_machine_that_has_our_name_is_not_replaced_while_it_lives(
    tmp_path: Path,
) -> None:
    (tmp_path / "s").mkdir()
    path = tmp_path / "s" / "owner.1"
    files.write(str(path), files.dump(dict(processes.identity(), boot="another")))
    here = Owner(str(tmp_path / "s"))

    assert (here.is_there(), here.take()) == (True, False)

    os.utime(path, (1, 1))  # it was this machine, before a restart

    assert (here.is_there(), here.take()) == (False, True)
