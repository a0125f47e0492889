"""Plain lines tell what happens, not too often."""

import io

from xpm.follow.observer import PlainObserver, summary


def test_counts_are_said_at_most_once_a_second_and_once_more_at_the_end() -> None:
    now, out = [0.0], io.StringIO()
    observer = PlainObserver(out, lambda: now[0])
    observer.started("exp", "/main")

    observer.changed([], {"waiting": 2})
    now[0] = 1.5
    observer.changed([], {"waiting": 1, "done": 1})
    now[0] = 1.9
    observer.changed([], {"done": 2, "waiting": 0})
    observer.note("a word")
    observer.ended({"done": 2, "waiting": 0})

    assert out.getvalue().splitlines() == [
        "xpm: exp: 1 done, 1 waiting",
        "xpm: exp: a word",
        "xpm: exp: 2 done",
    ]


def test_what_is_good_comes_first() -> None:
    assert summary({"failed": 1, "done": 2, "running": 0}) == "2 done, 1 failed"
