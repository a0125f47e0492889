"""Configurations as HTML, for notebooks: what they are and their values, every text escaped."""

from __future__ import annotations

from html import escape

from xpm.plan.fields import MISSING
from xpm.plan.state import is_config, is_job, state_of, wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from xpm.plan.config import Config

DEEPEST = 8
LONGEST = 200
CELL = 'style="text-align: left; padding: 0 1em 0 0; vertical-align: top"'
MUTED = 'style="opacity: 0.65"'
FOLDER = 'style="opacity: 0.65; padding: 0; background: none; word-break: break-all"'


def config_html(config: Config, depth: int = 0) -> str:
    """A table of the values; of a submitted task also its state and folder."""
    wake(config)
    description = type(config).__xpm__
    head = f"<b>{escape(type(config).__name__)}</b> <span {MUTED}>{escape(str(description.identifier))}</span>"
    state = state_of(config)
    if state.handle is not None and is_job(config) and depth == 0:
        folder = escape(str(state.handle.jobpath))
        head += f" · {escape(state.handle.state)}<br><code {FOLDER}>{folder}</code>"
    rows = "".join(_rows(config, depth))
    table = f"<table>{rows}</table>" if rows else ""
    if depth == 0:
        return f"<div>{head}{table}</div>"
    return f"<details><summary>{head}</summary>{table}</details>"


def _rows(config: Config, depth: int) -> Iterator[str]:
    tags = state_of(config).tags or {}
    for name, argument in type(config).__xpm__.ready().items():
        value = config.__dict__.get(name, argument.default)
        is_own = name in config.__dict__ and name not in state_of(config).unset
        notes = [argument.role] if argument.role != "param" else []
        notes += ["tag"] if name in tags and tags[name].of_argument else []
        notes += ["default"] if not is_own and value is not MISSING else []
        yield (
            f"<tr><td {CELL}>{escape(name)}</td><td {CELL}>{_value(value, depth)}</td>"
            f"<td {CELL}><span {MUTED}>{', '.join(notes)}</span></td></tr>"
        )


def _value(value: object, depth: int) -> str:
    if value is MISSING:
        return f"<i {MUTED}>not set</i>"
    if depth < DEEPEST:
        if is_config(value):
            return config_html(value, depth + 1)
        configs = _configs(value)
        if configs:
            parts = "".join(config_html(each, depth + 1) for each in configs)
            return f"<details><summary>{len(configs)} of them</summary>{parts}</details>"
    text = repr(value)
    return f"<code>{escape(text if len(text) <= LONGEST else text[:LONGEST] + '…')}</code>"


def _configs(value: Any) -> list[Config]:
    """The configurations a list holds, if it holds nothing else."""
    items: list[Any] = [*value] if type(value) in (list, tuple) else []
    return items if all(map(is_config, items)) else []
