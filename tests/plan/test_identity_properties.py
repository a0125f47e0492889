"""Laws of identities, tried on generated configurations against a second implementation."""

# ruff: noqa: RUF012

import copy
import enum
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.slow_identity import Class, Said, slow_identity
from xpm import Config, Constant, Meta, Param, copyconfig, field, identifier, load, save


class Kind(enum.Enum):
    __xpmid__ = "p.kind"
    A = "a"
    B = 2


class Leaf(Config):
    __xpmid__ = "p.leaf"
    number: Param[int] = 3
    always: Param[float] = field(default=0.5)
    maybe: Param[str | None] = None
    note: Meta[str] = ""
    where: Param[Path | None] = None
    version: Constant[int] = 1


class Tree(Config):
    __xpmid__ = "p.tree"
    anything: Param[Any]
    leaf: Param[Leaf]
    leaves: Param[list[Leaf]] = []
    named: Param[dict[str, Leaf]] = {}
    pair: Param[tuple[int, float]] = field(default=(1, 2.0), ignore_default=True)


CLASSES = {
    Leaf: Class(
        "p.leaf",
        {
            "number": Said("param", 3),
            "always": Said("param", 0.5, ignored=False),
            "maybe": Said("param", None),
            "note": Said("meta", ""),
            "where": Said("param", None),
            "version": Said("constant", 1),
        },
    ),
    Tree: Class(
        "p.tree",
        {
            "anything": Said("param"),
            "leaf": Said("param"),
            "leaves": Said("param", []),
            "named": Said("param", {}),
            "pair": Said("param", (1, 2.0)),
        },
    ),
}

texts = st.text(
    alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("\ud800\udfff")), max_size=6
)
keys = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    texts,
    st.floats(allow_nan=False),
    st.binary(max_size=3),
)
atoms = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, st.binary(max_size=6), st.sampled_from(Kind),
    st.sampled_from([Path("a"), Path("/b")]),
)  # fmt: skip
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.sets(keys, max_size=3),
    ),
    max_leaves=8,
)
leaves = st.builds(
    Leaf,
    number=st.integers(0, 5),
    always=st.floats(),
    maybe=st.none() | texts,
    note=texts,
    where=st.none() | st.just(Path("x")),
)
trees = st.builds(
    Tree,
    anything=values,
    leaf=leaves,
    leaves=st.lists(leaves, max_size=2),
    named=st.dictionaries(texts, leaves, max_size=2),
    pair=st.tuples(st.integers(0, 2), st.floats()),
)


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same value, its sets and dictionaries built in another order."""
    if isinstance(value, dict):
        pairs = list(value.items())
        rng.shuffle(pairs)
        return {key: shuffled(each, rng) for key, each in pairs}
    if isinstance(value, list):
        return [shuffled(each, rng) for each in value]
    if isinstance(value, tuple):
        return tuple(shuffled(each, rng) for each in value)
    if isinstance(value, (Leaf, Tree)):
        made = type(value).__new__(type(value))
        made.__init__()  # type: ignore[misc]
        names = [each for each in type(value).__xpm__.ready() if each != "version"]
        rng.shuffle(names)
        for name in names:
            setattr(made, name, shuffled(getattr(value, name), rng))
        return made
    return value


@given(trees)
def test_a_second_implementation_of_the_definition_agrees(tree: Tree) -> None:
    assert slow_identity(tree, CLASSES) == identifier(tree)


@given(trees, st.randoms(use_true_random=False))
def test_the_order_in_which_values_are_set_is_not_part_of_an_identity(
    tree: Tree, rng: random.Random
) -> None:
    assert identifier(tree) == identifier(shuffled(tree, rng))


@given(trees)
def test_copies_have_the_identity_of_the_original(tree: Tree) -> None:
    assert identifier(tree) == identifier(copyconfig(tree))
    assert identifier(tree) == identifier(copy.copy(tree))
    assert identifier(tree) == identifier(copy.deepcopy(tree))


@settings(max_examples=30)
@given(tree=trees)
def test_saving_and_loading_keeps_the_identity(tmp_path_factory: Any, tree: Tree) -> None:
    file = tmp_path_factory.mktemp("saved") / "tree.json"

    loaded = load(save(tree, file))

    assert identifier(tree) == identifier(loaded)


CHANGES: list[tuple[str, Callable[[Tree], None]]] = [
    ("number", lambda tree: setattr(tree.leaf, "number", tree.leaf.number + 1)),
    ("always", lambda tree: setattr(tree.leaf, "always", 7.25 if tree.leaf.always != 7.25 else 8.0)),
    ("maybe", lambda tree: setattr(tree.leaf, "maybe", (tree.leaf.maybe or "") + "x")),
    ("anything", lambda tree: setattr(tree, "anything", [tree.anything])),
    ("leaves", lambda tree: setattr(tree, "leaves", [*tree.leaves, Leaf()])),
    ("named", lambda tree: setattr(tree, "named", {**tree.named, "seven letters": Leaf()})),
    ("pair", lambda tree: setattr(tree, "pair", (tree.pair[0] + 1, tree.pair[1]))),
    ("class", lambda tree: setattr(tree, "anything", Leaf() if not isinstance(tree.anything, Leaf) else 1)),
]  # fmt: skip


@given(trees, st.sampled_from(CHANGES))
def test_any_change_of_a_value_that_counts_changes_the_identity(
    tree: Tree, change: tuple[str, Callable[[Tree], None]]
) -> None:
    before = identifier(tree)

    change[1](tree)

    assert before != identifier(tree)


@given(trees, texts)
def test_a_change_of_what_does_not_count_changes_nothing(tree: Tree, note: str) -> None:
    before = identifier(tree)

    tree.leaf.note = note
    tree.leaf.where = Path("elsewhere")
    tree.tag("some", 3)

    assert before == identifier(tree)


@given(values, values)
def test_values_have_one_identity_only_if_they_are_of_one_type_and_equal(
    left: object, right: object
) -> None:
    same = identifier(Tree(anything=left, leaf=Leaf())) == identifier(
        Tree(anything=right, leaf=Leaf())
    )

    assert same == (counted(left) == counted(right))


def counted(value: Any) -> object:
    """A value told apart by type, whose paths are alike."""
    if isinstance(value, dict):
        return "dict", frozenset((counted(key), counted(each)) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple(counted(each) for each in value)
    if isinstance(value, set):
        return "set", frozenset(counted(each) for each in value)
    if isinstance(value, Path):
        return "path"
    return type(value).__name__, repr(value)
