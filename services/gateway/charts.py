"""Charts as lists of shapes, which an SVG and a PDF draw alike. Pure.

No series is told apart by colour alone: lines differ in dashes and carry their names, bars carry their figures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

INK, FAINT, BLUE, ORANGE = "#222222", "#cccccc", "#1f5f99", "#c25b00"


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle; points from the upper left, like all shapes."""

    x: float
    y: float
    width: float
    height: float
    fill: str


@dataclass(frozen=True, slots=True)
class Line:
    """A path through points; `dash` in points, none for a solid line."""

    points: tuple[tuple[float, float], ...]
    stroke: str
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A text, whose baseline begins, is centred or ends at the point."""

    x: float
    y: float
    text: str
    size: float = 9.0
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Rect | Line | Text


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart: its size in points, its shapes, and what it shows in words for who cannot see it."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart."""

    name: str
    values: tuple[float, ...]


def bars(rows: Sequence[tuple[str, float | None, str]], label: str, width: float = 500.0) -> Drawing:
    """Horizontal bars: (name, value, the value in words). Those without a value have words and no bar."""
    most = max((value for _, value, _ in rows if value is not None), default=0.0) or 1.0
    left, step = 160.0, 17.0
    shapes: list[Shape] = []
    for number, (name, value, words) in enumerate(rows):
        y = step * number
        length = 0.0 if value is None else (width - left - 70) * max(value, 0.0) / most
        shapes.append(Text(left - 6, y + 12, name, anchor="end"))
        shapes.append(Rect(left, y + 3, length, step - 6, BLUE))
        shapes.append(Text(left + length + 5, y + 12, words))
    return Drawing(width, step * len(rows) + 4, tuple(shapes), label)


def lines(
    names: Sequence[str], series: Sequence[Series], label: str, width: float = 500.0, height: float = 170.0
) -> Drawing:
    """Lines over the same points, `names` being those of the points; every line's name stands above with its dashes."""
    most = _round_up(max((value for one in series for value in one.values), default=0.0))
    left, top, bottom = 34.0, 22.0, height - 20.0
    wide = (width - left - 10) / max(len(names) - 1, 1)
    shapes: list[Shape] = []
    for part in range(5):
        y = bottom - (bottom - top) * part / 4
        shapes.append(Line(((left, y), (width - 10, y)), FAINT, 0.5))
        shapes.append(Text(left - 5, y + 3, f"{most * part / 4:g}", 8.0, "end"))
    every = max(1, len(names) // 10)
    for number in range(0, len(names), every):
        shapes.append(Text(left + wide * number, height - 6, names[number], 8.0, "middle"))
    x = left
    for one, (stroke, dash) in zip(series, _STYLES, strict=False):
        points = tuple(
            (left + wide * number, bottom - (bottom - top) * value / most)
            for number, value in enumerate(one.values)
        )
        shapes.append(Line(points, stroke, 1.6, dash))
        shapes.append(Line(((x, 9.0), (x + 22, 9.0)), stroke, 1.6, dash))
        shapes.append(Text(x + 27, 12, one.name))
        x += 130
    return Drawing(width, height, tuple(shapes), label)


_STYLES = ((BLUE, ()), (ORANGE, (5.0, 3.0)), (INK, (1.5, 2.5)))


def svg(drawing: Drawing) -> str:
    """The drawing as an SVG element to stand in a page."""
    size = f'viewBox="0 0 {drawing.width:g} {drawing.height:g}" width="{drawing.width:g}"'
    inner = "".join(_shapes(drawing.shapes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(drawing.label)}">'
        f"{inner}</svg>"
    )


def _shapes(shapes: Iterable[Shape]) -> Iterable[str]:
    for one in shapes:
        if isinstance(one, Rect):
            yield (
                f'<rect x="{one.x:.2f}" y="{one.y:.2f}" width="{one.width:.2f}" height="{one.height:.2f}"'
                f' fill="{one.fill}"/>'
            )
        elif isinstance(one, Line):
            points = " ".join(f"{x:.2f},{y:.2f}" for x, y in one.points)
            dash = f' stroke-dasharray="{" ".join(f"{part:g}" for part in one.dash)}"' if one.dash else ""
            yield (
                f'<polyline points="{points}" fill="none" stroke="{one.stroke}"'
                f' stroke-width="{one.width:g}"{dash}/>'
            )
        else:
            yield (
                f'<text x="{one.x:.2f}" y="{one.y:.2f}" font-size="{one.size:g}" text-anchor="{one.anchor}"'
                f' fill="{INK}">{escape(one.text)}</text>'
            )


def _round_up(value: float) -> float:
    """A round number that is not less, so that quarters of it are readable."""
    step = 4.0
    while step < value:
        step *= 2.5 if str(step)[0] == "4" else 2
    return step
