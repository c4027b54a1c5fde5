"""Small scalable drawings: axes, curves and bars as SVG text that takes its colours from the page.

Coordinates are rounded to a tenth of a pixel and nothing depends on time or memory addresses, so the
same document gives the same bytes. Colours are CSS classes, so the drawings follow light and dark mode.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["Frame", "Tick", "bars", "document", "line", "mark", "polyline", "text"]

Tick = tuple[float, str]


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def text(x: float, y: float, content: str, *, css: str = "", anchor: str = "start") -> str:
    """Return a text at pixel (x, y); ``anchor`` is start, middle or end."""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    style = f' class="{css}"' if css else ""
    return f'<text x="{_n(x)}" y="{_n(y)}"{where}{style}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """Return a straight line between two pixels."""
    return f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" class="{css}"/>'


def document(width: float, height: float, parts: Iterable[str], *, title: str) -> Markup:
    """Return an SVG element with a title that screen readers tell."""
    body = "".join(parts)
    return Markup(
        f'<svg viewBox="0 0 {_n(width)} {_n(height)}" role="img" aria-label="{escape(title)}" '
        f'style="max-width:{_n(width)}px"><title>{escape(title)}</title>{body}</svg>'
    )


@dataclass(frozen=True)
class Frame:
    """A plotting area with linear axes over the values ``x_range`` and ``y_range``."""

    width: float
    height: float
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    left: float = 46
    right: float = 12
    top: float = 12
    bottom: float = 40

    def x(self, value: float) -> float:
        """Return the pixel of a value on the horizontal axis."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """Return the pixel of a value on the vertical axis."""
        low, high = self.y_range
        return self.height - self.bottom - (value - low) / (high - low) * self.inner_height

    @property
    def inner_height(self) -> float:
        """Height of the plotting area in pixels."""
        return self.height - self.top - self.bottom

    def axes(
        self, x_ticks: Sequence[Tick], y_ticks: Sequence[Tick], *, x_label: str = "", y_label: str = ""
    ) -> list[str]:
        """Return grid lines, tick labels and axis labels."""
        bottom, right = self.height - self.bottom, self.width - self.right
        parts = []
        for value, label in x_ticks:
            parts.append(line(self.x(value), self.top, self.x(value), bottom, "grid"))
            parts.append(text(self.x(value), bottom + 15, label, css="tick", anchor="middle"))
        for value, label in y_ticks:
            parts.append(line(self.left, self.y(value), right, self.y(value), "grid"))
            parts.append(text(self.left - 6, self.y(value) + 3.5, label, css="tick", anchor="end"))
        parts.append(line(self.left, bottom, right, bottom, "axis"))
        if x_label:
            parts.append(
                text((self.left + right) / 2, self.height - 6, x_label, css="label", anchor="middle")
            )
        if y_label:
            middle = (self.top + bottom) / 2
            parts.append(
                f'<text transform="translate(11 {_n(middle)}) rotate(-90)" text-anchor="middle" '
                f'class="label">{escape(y_label)}</text>'
            )
        return parts


def polyline(frame: Frame, points: Iterable[tuple[float, float]], css: str, *, title: str = "") -> str:
    """Return a curve through values; points on the same pixel are told once."""
    moves: list[str] = []
    for x, y in points:
        move = f"{_n(frame.x(x))} {_n(frame.y(y))}"
        if not moves or moves[-1] != move:
            moves.append(move)
    if not moves:
        return ""
    hint = f"<title>{escape(title)}</title>" if title else ""
    return f'<path d="M{"L".join(moves)}" class="{css}">{hint}</path>'


def bars(frame: Frame, edges: Sequence[float], heights: Sequence[float], css: str) -> str:
    """Return adjacent bars over ``edges`` (one more than ``heights``) as one path, without empty ones."""
    base, moves = _n(frame.y(frame.y_range[0])), []
    for left, right, height in zip(edges, edges[1:], heights, strict=False):
        if height > 0:
            x1, x2 = frame.x(left) + 0.5, max(frame.x(right) - 0.5, frame.x(left) + 1)
            moves.append(f"M{_n(x1)} {base}V{_n(frame.y(height))}H{_n(x2)}V{base}Z")
    return f'<path d="{"".join(moves)}" class="{css}"/>' if moves else ""


def mark(frame: Frame, x: float, y: float, css: str, *, title: str = "", radius: float = 4) -> str:
    """Return a dot at a value."""
    hint = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<circle cx="{_n(frame.x(x))}" cy="{_n(frame.y(y))}" r="{_n(radius)}" class="{css}">{hint}</circle>'
    )
