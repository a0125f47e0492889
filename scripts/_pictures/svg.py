"""A recorded terminal session as one SVG that plays by itself, without a script.

Every line that is ever seen is drawn once; a frame is a set of references to lines, shown for its time. It begins with
how it ends, for those who do not wait; who asks for less motion gets that only, as a frame that is not animated (an
animation would win over the style).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import pyte
from _pictures.cast import READING_S, Cast

WIDE, HIGH, EDGE = 8.4, 18, 14
FRAME_S = 0.2
LONGEST_S = 2.5
POSTER_S = 3.0
COLOURS = {
    "default": "#d8dee9", "black": "#6b7280", "red": "#f47174", "green": "#8fd694", "brown": "#f2c66d",
    "blue": "#7fb4f0", "magenta": "#d79bf0", "cyan": "#7fd8d8", "white": "#f5f7fa",
}  # fmt: skip
STYLE = """
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }
.still { display: none }
@media (prefers-reduced-motion: reduce) { .frame { display: none } .still { display: inline } }
"""


@dataclass(frozen=True)
class Frame:
    """What is seen from a moment on: for each row its text in pieces of one style."""

    at_s: float
    rows: tuple[tuple[tuple[str, str], ...], ...]


def frames(cast: Cast) -> list[Frame]:
    """The different pictures of a session, not too many a second; long pauses are cut."""
    screen = pyte.Screen(cast.columns, cast.rows)
    stream = pyte.Stream(screen)
    found: list[Frame] = []
    now_s, before_s = 0.0, 0.0
    for index, (at_s, text) in enumerate(cast.events):
        now_s += min(at_s - before_s, LONGEST_S)
        before_s = at_s
        stream.feed(text)
        pause_s = cast.events[index + 1][0] - at_s if index + 1 < len(cast.events) else LONGEST_S
        is_settled = pause_s >= FRAME_S / 8  # not in the middle of drawing
        if is_settled and (not found or now_s - found[-1].at_s >= FRAME_S or pause_s >= FRAME_S):
            found.append(Frame(now_s, _rows(screen)))
    return [f for i, f in enumerate(found) if i == 0 or f.rows != found[i - 1].rows]


def _rows(screen: pyte.Screen) -> tuple[tuple[tuple[str, str], ...], ...]:
    return tuple(_pieces(screen, row) for row in range(screen.lines))


def _pieces(screen: pyte.Screen, row: int) -> tuple[tuple[str, str], ...]:
    pieces: list[tuple[str, str]] = []
    for column in range(screen.columns):
        cell = screen.buffer[row][column]
        style = f'fill="{_colour(cell.fg)}"' + (' font-weight="bold"' if cell.bold else "")
        if pieces and pieces[-1][0] == style:
            pieces[-1] = (style, pieces[-1][1] + cell.data)
        else:
            pieces.append((style, cell.data))
    while pieces and not pieces[-1][1].strip():
        pieces.pop()
    if pieces:
        pieces[-1] = (pieces[-1][0], pieces[-1][1].rstrip())
    return tuple(pieces)


def _colour(name: str) -> str:
    """The colour of a name, with or without `bright`, or of six digits."""
    plain = name.removeprefix("bright")
    return COLOURS.get(plain, f"#{plain}" if len(plain) == 6 else COLOURS["default"])


def svg(cast: Cast, description: str) -> str:
    """The whole picture."""
    played = frames(cast)
    all_frames = [Frame(0.0, played[-1].rows)]
    all_frames += [replace(frame, at_s=frame.at_s + POSTER_S) for frame in played]
    used = max(index + 1 for f in all_frames for index, row in enumerate(f.rows) if row)
    width, height = cast.columns * WIDE + 2 * EDGE, used * HIGH + 2 * EDGE
    whole_s = all_frames[-1].at_s + 2 * READING_S
    lines: dict[tuple[tuple[str, str], ...], str] = {}
    groups = [f'<g class="still">{_uses(all_frames[-1], lines)}</g>']
    for index, frame in enumerate(all_frames):
        ends_s = all_frames[index + 1].at_s if index + 1 < len(all_frames) else whole_s
        groups.append(_group(frame, ends_s, whole_s, lines, is_last=index + 1 == len(all_frames)))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
            f' width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(description)}">',
            f"<title>{escape(description)}</title><style>{STYLE}</style>",
            '<rect width="100%" height="100%" rx="8" fill="#1c2128"/>',
            "<defs>",
            *(_line(name, pieces) for pieces, name in lines.items()),
            "</defs>",
            *groups,
            "</svg>\n",
        ]
    )


def _group(
    frame: Frame,
    ends_s: float,
    whole_s: float,
    lines: dict[tuple[tuple[str, str], ...], str],
    is_last: bool,
) -> str:
    times = f"{frame.at_s / whole_s:.4f};{min(ends_s / whole_s, 1):.4f}"
    values, times = "hidden;visible;hidden", f"0;{times}"
    if frame.at_s == 0:
        values, times = "visible;hidden", "0;" + times.rsplit(";", 1)[1]
    if is_last:
        values, times = "hidden;visible", times.rsplit(";", 1)[0]
    play = (
        f'<animate attributeName="visibility" calcMode="discrete" values="{values}" keyTimes="{times}"'
        f' dur="{whole_s:.2f}s" repeatCount="indefinite"/>'
    )
    shown = "visible" if is_last else "hidden"
    return f'<g class="frame" visibility="{shown}">{play}{_uses(frame, lines)}</g>'


def _uses(frame: Frame, lines: dict[tuple[tuple[str, str], ...], str]) -> str:
    """The lines of a frame, each known by its name from now on."""
    return "".join(
        f'<use href="#{lines.setdefault(row, f"l{len(lines)}")}" y="{number * HIGH}"/>'
        for number, row in enumerate(frame.rows)
        if row
    )


def _line(name: str, pieces: Sequence[tuple[str, str]]) -> str:
    spans, column = [], 0
    for style, text in pieces:
        if text.strip():
            x = EDGE + column * WIDE
            spans.append(
                f'<tspan x="{x:.1f}" textLength="{len(text) * WIDE:.1f}" {style}>{escape(text)}</tspan>'
            )
        column += len(text)
    return f'<text id="{name}" y="{EDGE + 13}" xml:space="preserve">{"".join(spans)}</text>'
