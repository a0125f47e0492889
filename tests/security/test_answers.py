"""Whatever an agent answers, it is understood or refused in words: nothing else is raised, nothing strange gets in."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpm.agent import limits
from xpm.connectors import answers
from xpm.connectors.base import JobRef, News, Snapshot
from xpm.connectors.link import checked
from xpm.connectors.remote import AgentConnector
from xpm.errors import Defect, XpmError
from xpm.follow import sites

REF = JobRef("digits.train", "a" * 64)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=6),
        st.sampled_from(["done", "running", REF.task, REF.job, "\x1b[2J", "\ud800"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)  # fmt: skip
GOOD = {
    "task": REF.task, "job": REF.job, "state": "running", "cause": None, "attempt": 1,
    "generation": 1, "batch_id": "7", "reason": "", "message": "", "at": 5.0,
}  # fmt: skip
CHANGES = st.one_of(
    JSON,
    st.dictionaries(st.sampled_from(sorted(GOOD)), JSON).map(lambda more: {**GOOD, **more}),
)
NEWS = st.fixed_dictionaries(
    {},
    optional={
        "changes": st.one_of(JSON, st.lists(CHANGES, max_size=3)),
        "cursor": st.one_of(JSON, st.just("c")),
        "notes": st.one_of(JSON, st.lists(st.text(max_size=5), max_size=2)),
        "limits": JSON,
        "missing": JSON,
        "jobs": st.one_of(JSON, st.just([{"files": [["a", 1, 1, 1]]}])),
        "pieces": JSON,
    },
)


class Answering:
    """An agent that answers all alike."""

    life = 1
    workspace = "/far"

    def __init__(self, answer: object, payload: bytes = b"") -> None:
        self._answer = answer
        self._payload = payload

    def call(self, content: dict[str, Any], payload: bytes = b"") -> tuple[Any, bytes]:
        return checked("far", {"ok": self._answer}, self._payload)

    def stream(
        self, contents: Iterable[dict[str, Any]]
    ) -> Iterator[tuple[dict[str, Any], Iterator[bytes]]]:
        for content in contents:
            answer, payload = self.call(content)
            yield answer, iter([payload] if payload else [])

    def push(self, requests: Iterable[tuple[dict[str, Any], bytes]]) -> Iterator[dict[str, Any]]:
        for content, payload in requests:
            yield self.call(content, payload)[0]

    def nudge(self) -> None: ...

    def close(self) -> None: ...


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(answer=st.one_of(JSON, NEWS), payload=st.binary(max_size=9))
def test_any_answer_is_understood_or_refused_in_words(
    answer: object, payload: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    connector = AgentConnector("far", Answering(answer, payload))
    main = tmp_path_factory.mktemp("main")
    calls: list[Callable[[], object]] = [
        lambda: connector.observe(None, [REF], 0.0),
        lambda: connector.fetch([REF], str(main), lambda count: None),
        lambda: connector.submit([{"task": REF.task, "job": REF.job}]),
        lambda: connector.cancel([(REF, 1)]),
        lambda: connector.tail(REF, "stdout", 0, 10),
        lambda: connector.stage(Snapshot("s", {}), lambda done, total: None),
    ]
    for call in calls:
        with contextlib.suppress(XpmError):
            found = call()
            if isinstance(found, News):
                _is_sane(found)
    outside = {path.name for path in main.iterdir()} - {"jobs", ".xpm"}
    assert not outside


def _is_sane(news: News) -> None:
    for each in news.changes:
        assert each.state in answers.STATES
        assert 0 <= each.attempt < 2**31
        assert math.isfinite(each.at)
        for text in (each.reason, each.message, each.cause or "", each.batch_id or ""):
            assert all(c.isprintable() or c in "\n\t" for c in text)


@given(st.one_of(JSON, st.fixed_dictionaries({"error": JSON})))
def test_any_reply_grants_or_refuses(reply: object) -> None:
    said = ""
    try:
        granted, _ = checked("far", reply if isinstance(reply, dict) else {"ok": reply}, b"")
        assert isinstance(granted, dict)
    except XpmError as error:
        said = str(error)
    assert all(c.isprintable() or c in "\n\t" for c in said)


@given(said=JSON, name=st.sampled_from(sorted(limits.SiteLimits._fields)))
def test_what_a_site_says_it_allows_is_of_the_right_types_or_unknown(
    said: object, name: str
) -> None:
    told = {**limits.dump(limits.UNKNOWN), "problems": [], name: said}

    found = sites.parsed(told)

    kept = limits.dump(found)
    assert found == limits.UNKNOWN or {**told, "problems": ()} == {
        **kept, name: said if name != "problems" else (),
    }  # fmt: skip
    assert sites.parsed(kept) == found


@pytest.mark.parametrize(
    "row",
    [
        [], ["7", "", "gpu", 1], ["7", "", "gpu", 0, 3], ["7", "", "gpu", 4, 3], ["7", "", "gpu", True, 3],
        [7, "", "gpu", 1, 3], ["7", None, "gpu", 1, 3], ["7", "", "gpu", 1, 2**40], "7gpu1",
    ],
)  # fmt: skip
def test_a_place_that_is_none_refuses_the_whole_answer(row: object) -> None:
    answer = {"changes": [GOOD], "cursor": "c", "notes": [], "standing": [row]}

    with pytest.raises(Defect), answers.understood("far", "observe"):
        answers.news(answer)


def test_a_place_has_no_tricks_and_may_be_missing() -> None:
    answer = {"changes": [], "cursor": "c", "notes": []}
    row = ["7_\x1b[2J", "0-\u202e3", "g\x07pu", 1, 3]

    assert answers.news(answer).standing is None
    assert answers.news({**answer, "standing": []}).standing == []
    (found,) = answers.news({**answer, "standing": [row]}).standing or ()
    assert (found.batch_id + found.indices + found.partition).isprintable()


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "finished"}, {"attempt": 2**63}, {"attempt": True}, {"at": float("nan")},
        {"at": 10**400}, {"task": ["x"]}, {"reason": {"a": 1}},
    ],
)  # fmt: skip
def test_one_wrong_value_refuses_the_whole_answer(wrong: dict[str, object]) -> None:
    answer = {"changes": [GOOD, {**GOOD, **wrong}], "cursor": "c", "notes": []}
    connector = AgentConnector("far", Answering(answer))

    with pytest.raises(Defect, match="cannot be understood") as caught:
        connector.observe(None, [REF], 0.0)

    assert "nothing of the answer was used" in caught.value.hint


def test_words_of_the_far_side_cannot_move_the_cursor() -> None:
    change = {**GOOD, "message": "\x1b]0;owned\x07\x1b[2Jpwned\nline", "reason": "\u202egpj.exe"}
    answer = {"changes": [change], "cursor": "c", "notes": ["\x1b[31mred"]}

    news = AgentConnector("far", Answering(answer)).observe(None, [REF], 0.0)

    assert news.changes[0].message == "\\x1b]0;owned\\x07\\x1b[2Jpwned\nline"
    assert news.changes[0].reason == "\\u202egpj.exe"
    assert list(news.notes) == ["\\x1b[31mred"]


def test_records_that_are_kept_until_the_end_are_limited(tmp_path: Path) -> None:
    from xpm.sync import fetching

    big = 4 * 1024 * 1024
    files = [[f".xpm/a{n}.1", big, 1, 0o644] for n in range(1, 500)]
    asked: list[object] = []

    class Endless(Answering):
        def call(self, content: dict[str, Any], payload: bytes = b"") -> tuple[Any, bytes]:
            if content["verb"] == "manifest":
                return {"jobs": [{"files": files}]}, b""
            asked.extend(content["items"])
            return {
                "pieces": [[n, item[3], 0, -1, 0, 0] for n, item in enumerate(content["items"])]
            }, b""

    fetching.fetch(Endless({}), [REF], tmp_path, lambda count: None)

    assert len(asked) <= fetching.MOST_RECORDS // big * fetching.ROUNDS
