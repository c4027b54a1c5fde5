"""What all figures share: colours that the colour-blind can tell apart, fonts, titles, files that repeat.

A figure has one title, which says the number that matters, and a smaller line under it. The same data give
the same bytes: no date, no random ids, and the font that comes with matplotlib.
"""

import io
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import TextPath

__all__ = [
    "DPI",
    "GREY",
    "INK",
    "RIGHT",
    "SERIES",
    "TRAINING",
    "VALIDATION",
    "WRONG",
    "Canvas",
    "bare",
    "drawn",
    "fitted",
    "new_figure",
    "png_bytes",
    "spread",
    "svg_bytes",
]

# Okabe and Ito (2008): told apart with every common kind of colour blindness.
TRAINING: Final = "#0072b2"
VALIDATION: Final = "#d55e00"
SERIES: Final = (TRAINING, VALIDATION, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#222222", "#8c6d1f")
RIGHT, WRONG = "#0f8a7e", "#d14916"
INK, GREY = "#1f2328", "#6a737d"
DPI: Final = 120

# Checkers know the names of matplotlib's settings, but not of a dictionary with some of them.
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": "#9aa1a9",
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "lifesign",
    "image.interpolation": "nearest",
}
_MARGIN = 0.14  # inches
_PASSES = 2  # a matrix of equal cells has its size after the first
_TITLE, _SUBTITLE = 12.5, 9.0
_P = ParamSpec("_P")


class Canvas(Figure):
    """A figure that knows its words: ``title`` and ``subtitle`` as they were given."""

    title: str = ""
    subtitle: str = ""


def drawn(function: Callable[_P, Canvas]) -> Callable[_P, Canvas]:
    """Return the drawing function under the common style, whatever a user's matplotlibrc says."""

    @wraps(function)
    def styled(*args: _P.args, **kwargs: _P.kwargs) -> Canvas:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)
            return function(*args, **kwargs)

    return styled


def new_figure(width: float, height: float, *, title: str, subtitle: str = "") -> Canvas:
    """Return an empty figure of ``width`` × ``height`` inches for the drawing, with its title above that."""
    lines = fitted(title, width - 2 * _MARGIN, size=_TITLE, weight="bold")
    small = fitted(subtitle, width - 2 * _MARGIN, size=_SUBTITLE) if subtitle else []
    head = 0.12 + 0.24 * len(lines) + 0.17 * len(small) + 0.08
    total = height + head
    figure = Canvas(figsize=(width, total))
    FigureCanvasAgg(figure)
    figure.title, figure.subtitle = title, subtitle
    figure.set_layout_engine("constrained", rect=(0, 0, 1, height / total), w_pad=0.1, h_pad=0.1)
    top = total - 0.12
    for line in lines:
        figure.text(_MARGIN / width, top / total, line, size=_TITLE, weight="bold", va="top")
        top -= 0.24
    for line in small:
        figure.text(_MARGIN / width, top / total, line, size=_SUBTITLE, color=GREY, va="top")
        top -= 0.17
    return figure


def fitted(text: str, width: float, *, size: float, weight: str = "normal") -> list[str]:
    """Return the lines of a text that is broken at spaces to fit ``width`` inches at ``size`` points."""
    font = FontProperties(family="DejaVu Sans", weight=weight)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        # Dollars would be read as mathematics.
        extent = TextPath((0, 0), longer.replace("$", "S"), size=size, prop=font).get_extents()
        if lines and extent.x1 / 72 <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Return places near the wanted ones, at least ``gap`` apart and within the limits if they fit."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [min(max(wanted[index], low), high) for index in order]
    for index in range(1, len(placed)):
        placed[index] = max(placed[index], placed[index - 1] + gap)
    for index in range(len(placed) - 1, -1, -1):
        ceiling = high if index == len(placed) - 1 else placed[index + 1] - gap
        placed[index] = min(placed[index], ceiling)
    result = [0.0] * len(wanted)
    for place, index in zip(placed, order, strict=True):
        result[index] = place
    return result


def bare(axes: Axes) -> None:
    """Take ticks, grid and frame away, as for a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def png_bytes(figure: Figure, *, dpi: float = DPI) -> bytes:
    """Return the figure as PNG, ``dpi`` pixels per inch."""
    file = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        _settle(figure)
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return file.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """Return the figure as SVG."""
    file = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        _settle(figure)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def _settle(figure: Figure) -> None:
    """Lay the figure out and keep it so: each drawing would move things a little, and by its resolution."""
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        for _ in range(_PASSES):
            figure.draw_without_rendering()
        figure.set_layout_engine("none")
