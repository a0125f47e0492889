"""Tags as file names: safe and unique everywhere, and read back."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xpm import parse_tagspath
from xpm.plan.tagnames import spell

DEVICES = {"con", "prn", "aux", "nul", "com1", "lpt9"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"layers": 3, "epochs": 100}, "epochs=100_layers=3"),
        ({"learning_rate": 0.1, "b": "a_b"}, "b=a%5fb_learning_rate=0.1"),
        ({"a": "3", "b": 3, "c": 3.0}, "a=%33_b=3_c=3.0"),
        ({"a": True, "b": "True", "c": "true"}, "a=True_b=%54rue_c=%74rue"),
        ({"a": float("nan"), "b": "nan", "c": "NaN"}, "a=nan_b=%6ean_c=%4eaN@1"),
        ({"a": "x/y=z", "b": "é"}, "a=x%2fy%3dz_b=%c3%a9"),
        ({"model": "bert"}, "model=bert"),
        ({"model": "BERT"}, "model=BERT@f"),
        ({"model": "Bert", "lr": 1e-5}, "lr=1e-05_model=Bert@8"),
        ({"a": ""}, "a="),
        ({"a": "x."}, "a=x%2e"),
        ({"a": "..."}, "a=..%2e"),
        ({".hidden": 1}, "%2ehidden=1"),
        ({"-x": -1}, "%2dx=-1"),
        ({"nul.x": 1}, "%6eul.x=1"),
        ({"con": 1}, "con=1"),
        ({"_": 1, "__": 2}, "_=1___=2"),
        ({}, "untagged"),
    ],
)
def test_tags_are_spelled_in_the_order_of_their_names(
    values: dict[str, Any], expected: str
) -> None:
    assert expected == spell(values)
    assert repr(values) == repr({name: parse_tagspath(expected)[name] for name in values})


words = st.one_of(
    st.text(max_size=12),
    st.text("aAbB.-_~%@=tTrRuUeE1", max_size=8),
    st.sampled_from(["True", "TRUE", "1", "1.0", "1e5", "1E-05", "nan", "-inf", "Con", "con."]),
)
tag_values = st.dictionaries(
    words.filter(bool), st.one_of(st.booleans(), st.integers(), st.floats(), words), max_size=4
)


@given(tag_values)
def test_a_name_is_safe_everywhere_and_is_read_back(values: dict[str, Any]) -> None:
    text = spell(values)

    assert len(text.encode()) <= 200
    assert text.isascii()
    assert not set(text) & set('/\\:*?"<>| \0\n')
    assert text[0] not in ".-"
    assert text[-1] != "."
    assert text.partition(".")[0].lower() not in DEVICES
    if "~" not in text:
        assert repr(sorted(values.items())) == repr(sorted(parse_tagspath(text).items()))


@given(tag_values, tag_values)
@example({"a": "X"}, {"a": "x"})
@example({"a": True}, {"a": "true"})
@example({"a": 1e-05}, {"a": "1E-05"})
def test_different_tags_have_different_names_even_without_regard_to_case(
    left: dict[str, Any], right: dict[str, Any]
) -> None:
    same = repr(sorted(left.items())) == repr(sorted(right.items()))

    assert same == (spell(left).lower() == spell(right).lower())


@given(st.text("aAxX=_@%~.1", min_size=1, max_size=10))
def test_what_can_be_read_is_the_only_spelling_of_what_is_read(text: str) -> None:
    try:
        values = parse_tagspath(text)
    except ValueError:
        return

    assert text == spell(values)


def test_a_long_name_is_cut_and_still_unique() -> None:
    one, two = spell({"a": "x" * 300}), spell({"a": "x" * 299 + "y"})
    upper = spell({"a": "x" * 299 + "X"})

    assert len(one) == 200
    assert len({one, two, upper}) == 3
    with pytest.raises(ValueError, match="does not tell its tags: it was cut"):
        parse_tagspath(one)


@pytest.mark.parametrize("text", ["", "a", "a=1_a=2", "b=1_a=1", "a=%4", "a=X", "a=x@1", "a=%zz"])
def test_what_is_no_such_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it is no name that tagspath gives"):
        parse_tagspath(text)
