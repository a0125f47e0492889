"""What the classes of identity_cases.py declare, written by hand for the second implementation."""

from typing import Any

from tests.plan import identity_cases as cases
from tests.plan.slow_identity import Class, Classes, Said

MODULE = "tests.plan.identity_cases"
LONG = f"{MODULE}.{'l' * (120 - len(MODULE) - 1)}-41b77632fe561461"
REQUIRED = Said("param")
META = Said("meta")
NONE = Said("param", None)
MODEL = {"layers": REQUIRED, "rate": Said("param", 0.5, ignored=False)}
THREE = cases.Model(layers=3)
TYPED = (
    "boolean floating integer text path color level names pair tags_ frozen table either choice paths files spot number"
    " shade many deep row raw"
)
RULES = {
    "bare": Said("param", 10),
    "counted": Said("param", 10, ignored=False),
    "ignored": Said("param", 10),
    "optional": NONE,
    "other": Said("param", 3),
    "fixed": Said("constant", 2),
    "meta": META,
    "option": META,
    "made": REQUIRED,
    "where": REQUIRED,
}
BELOW = {
    **RULES,
    "bare": Said("param", 11),
    "counted": Said("constant", 4),
    "more": Said("param", 1.0),
}
NONES = {
    "counted": Said("param", None, ignored=False),
    "fixed": Said("constant", None),
    "anything": NONE,
    "place": Said("constant"),
    "either": Said("param", "a"),
}
HOLDER = {
    "model": NONE,
    "models": Said("param", []),
    "named": Said("param", {}),
    "uncounted": META,
    "besides": META,
    "group": Said("param", set()),
    "keyed": Said("param", {}),
}
CLASSIC = {
    "layers": REQUIRED,
    "hidden": Said("param", 10),
    "version": Said("constant", 1),
    "name": META,
}


def declarations() -> Classes:
    """By class."""
    number = {"x": Said("param", 0)}
    unnamed: Any = cases.Unnamed
    found: dict[Any, Class] = {
        cases.Anything: Class("t.any", {"x": REQUIRED}),
        cases.Typed: Class(
            "t.typed", {**dict.fromkeys(TYPED.split(), NONE), "maybe": Said("param", [])}
        ),
        cases.Model: Class("demo.model", MODEL),
        cases.Rules: Class("t.rules", RULES),
        cases.Below: Class("t.below", BELOW),
        cases.Nones: Class("t.nones", NONES),
        cases.Partly: Class(
            "t.partly",
            {"model": Said("param", THREE), "strong": Said("param", THREE, ignored=False)},
        ),
        cases.Box: Class("t.box", {"content": REQUIRED}),
        cases.Holder: Class("t.holder", HOLDER),
        cases.Learn: Class("t.learn", {"epochs": Said("param", 1)}),
        cases.Warm: Class("t.warm", {"seed": REQUIRED}),
        cases.Classic: Class("t.classic", CLASSIC),
        cases.ClassicTask: Class(
            "t.classictask", {"epochs": Said("param", 100), "model": REQUIRED, "parameters": META}
        ),
        cases.function: Class("t.function", {"strings": REQUIRED, "k": Said("param", 3)}),
        unnamed: Class(f"{MODULE}.unnamed", number),
        unnamed.Modèle_ÉÀ: Class(f"{MODULE}.unnamed.mod-e8-le_-c9--c0-", number),
        cases.Long: Class(LONG, {}),
    }
    return found
