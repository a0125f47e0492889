"""A folded plan as lines, as mermaid's text or as an SVG picture: pure functions."""

from collections.abc import Sequence
from html import escape

from xpm.cli.folding import Kind
from xpm.words import telling

COLOURS = {
    "failed": "#d55e00", "lost": "#d55e00", "unknown": "#cc79a7", "running": "#0072b2", "pending": "#e69f00",
    "submitted": "#e69f00", "ready": "#8d99ae", "waiting": "#8d99ae", "skipped": "#f0e442", "cancelled": "#f0e442",
    "done": "#009e73",
}  # fmt: skip
"""Of Okabe and Ito, told apart by colour-blind people too; every state is also a word."""
_DARK = frozenset({"failed", "lost", "running", "done"})
"""Colours on which white letters can be read."""
WIDTH, HEIGHT, ACROSS, DOWN, EDGE = 220, 54, 90, 22, 20


def as_lines(kinds: Sequence[Kind]) -> list[str]:
    """One line per kind, what waits for others further to the right."""
    first = [f"{'   ' * kind.depth}{'└─ ' if kind.depth else ''}{kind.task}" for kind in kinds]
    width = max(map(len, first), default=0)
    return [
        f"{text.ljust(width)}  {telling.in_words(kind.states)}" + _after(kind)
        for text, kind in zip(first, kinds, strict=True)
    ]


def as_mermaid(kinds: Sequence[Kind]) -> str:
    """What mermaid draws, on GitHub for one."""
    names = {kind.task: f"t{number}" for number, kind in enumerate(kinds)}
    lines = ["flowchart LR"]
    for kind in kinds:
        label = f"{_spelled(kind.task)}<br/>{telling.in_words(kind.states)}"
        lines.append(f'    {names[kind.task]}["{label}"]:::{pressing(kind)}')
    for kind in kinds:
        lines += [
            f"    {names[each]} --> {names[kind.task]}" for each in kind.after if each in names
        ]
    for state in sorted({pressing(kind) for kind in kinds}):
        letters = "#fff" if state in _DARK else "#000"
        lines.append(f"    classDef {state} fill:{COLOURS[state]},color:{letters},stroke:none")
    return "\n".join(lines)


def as_svg(kinds: Sequence[Kind], title: str) -> str:
    """A picture that needs nothing else: a box for each kind, by what it waits for from left to right."""
    places = _places(kinds)
    width = max((x for x, _ in places.values()), default=0) + WIDTH + EDGE
    height = max((y for _, y in places.values()), default=0) + HEIGHT + EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
    ]
    for kind in kinds:
        parts += [_edge(places[each], places[kind.task]) for each in kind.after if each in places]
    parts += [_box(kind, *places[kind.task]) for kind in kinds]
    return "\n".join([*parts, "</svg>"])


def pressing(kind: Kind) -> str:
    """The state of its jobs that matters most."""
    return next((state for state in telling.ORDER if kind.states.get(state)), "done")


def _spelled(text: str) -> str:
    """A text in which mermaid sees no quote and no tag."""
    return text.replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _after(kind: Kind) -> str:
    return f"  (after {', '.join(sorted(kind.after))})" if kind.after else ""


def _places(kinds: Sequence[Kind]) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    rows: dict[int, int] = {}
    for kind in kinds:
        row = rows.get(kind.depth, 0)
        rows[kind.depth] = row + 1
        places[kind.task] = EDGE + kind.depth * (WIDTH + ACROSS), EDGE + row * (HEIGHT + DOWN)
    return places


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = start[0] + WIDTH, start[1] + HEIGHT // 2, end[0], end[1] + HEIGHT // 2
    half = ACROSS // 2
    curve = f"M{x1} {y1} C{x1 + half} {y1} {x2 - half} {y2} {x2} {y2}"
    head = f"M{x2 - 8} {y2 - 5} L{x2 - 1} {y2} L{x2 - 8} {y2 + 5}"
    return f'<path d="{curve} {head}" fill="none" stroke="#8d99ae" stroke-width="1.5"/>'


def _box(kind: Kind, x: int, y: int) -> str:
    """A box with a bar along its foot, as much in a colour as there are jobs in that state."""
    told = escape(telling.in_words(kind.states))
    parts = [
        f"<g><title>{escape(kind.task)}: {told}</title>",
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#f6f7f9" stroke="#c3c9d3"/>',
        f'<text x="{x + 10}" y="{y + 20}" font-weight="600" fill="#1d2433">{escape(_short(kind.task, 28))}</text>',
        f'<text x="{x + 10}" y="{y + 38}" font-size="11" fill="#4a5368">{escape(_short(told, 36))}</text>',
    ]
    left = float(x)
    for state in reversed(telling.ORDER):
        if count := kind.states.get(state, 0):
            wide = WIDTH * count / kind.jobs
            parts.append(
                f'<rect x="{left:.1f}" y="{y + HEIGHT - 6}" width="{wide:.1f}" height="6" fill="{COLOURS[state]}"/>'
            )
            left += wide
    return "".join([*parts, "</g>"])


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
