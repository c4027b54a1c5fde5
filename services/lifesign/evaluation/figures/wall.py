"""Several figures on one sheet, in rows of one height, each about as large as it is alone."""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from lifesign.evaluation.figures.look import DPI, Canvas, png_bytes, svg_bytes

__all__ = ["Spot", "placed", "wall_png", "wall_svg"]

_GAP = 0.3  # inches
_WIDTHS = range(16, 45)
_LARGEST_SCALE = 1.35


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a figure lies: its left upper corner, inches from that of the sheet, and its scale."""

    x: float
    y: float
    scale: float


def placed(sizes: Sequence[tuple[float, float]]) -> list[Spot]:
    """Return a spot for each (width, height) in inches: rows of one height, the highest first.

    Rows and the width of the sheet are those that enlarge or shrink the figures least, Σ ln² of the scales,
    with a leaning to sheets that are not much higher than wide, or wider than high.
    """
    order = sorted(range(len(sizes)), key=lambda index: (-sizes[index][1], index))
    boxes = [sizes[index] for index in order]
    _, rows = min(_sheet_of(boxes, float(width)) for width in _WIDTHS)
    spots: dict[int, Spot] = {}
    top = _GAP
    for start, stop, height in rows:
        left = _GAP
        for place in range(start, stop):
            scale = height / boxes[place][1]
            spots[order[place]] = Spot(left, top, scale)
            left += scale * boxes[place][0] + _GAP
        top += height + _GAP
    return [spots[index] for index in range(len(sizes))]


_Rows = tuple[tuple[int, int, float], ...]


def _sheet_of(boxes: Sequence[tuple[float, float]], width: float) -> tuple[float, _Rows]:
    cost, rows = _best_rows(boxes, width)
    height = sum(row[2] + _GAP for row in rows)
    return cost + math.log(height / width) ** 2, rows


def _best_rows(boxes: Sequence[tuple[float, float]], width: float) -> tuple[float, _Rows]:
    """Return the least cost and its rows (first, behind the last, height) for a sheet of this width."""
    best: list[tuple[float, _Rows]] = [(0.0, ())]
    for stop in range(1, len(boxes) + 1):
        found = []
        for start in range(stop):
            row = boxes[start:stop]
            full = (width - _GAP * (len(row) - 1)) / sum(one[0] / one[1] for one in row)
            height = min(full, _LARGEST_SCALE * min(one[1] for one in row))
            blank = max(0.0, math.log(full / height)) if full > 0 else 0.0
            if height > 0:
                cost = sum(math.log(height / one[1]) ** 2 for one in row) + blank**2
                found.append((best[start][0] + cost, (*best[start][1], (start, stop, height))))
        best.append(min(found))
    return best[-1]


def wall_png(figures: Sequence[Canvas], *, dpi: float = DPI) -> bytes:
    """Return all figures on one white sheet as PNG."""
    sizes = [_size(figure) for figure in figures]
    spots = placed(sizes)
    width, height = _sheet(sizes, spots)
    sheet = Image.new("RGB", (round(width * dpi), round(height * dpi)), "white")
    for figure, spot in zip(figures, spots, strict=True):
        with Image.open(io.BytesIO(png_bytes(figure, dpi=dpi * spot.scale))) as picture:
            sheet.paste(picture.convert("RGB"), (round(spot.x * dpi), round(spot.y * dpi)))
    file = io.BytesIO()
    sheet.save(file, "PNG", dpi=(dpi, dpi))
    return file.getvalue()


def wall_svg(figures: Sequence[Canvas]) -> bytes:
    """Return all figures on one white sheet as SVG, a nested drawing each; ids are told apart by a prefix."""
    sizes = [_size(figure) for figure in figures]
    spots = placed(sizes)
    width, height = (72 * side for side in _sheet(sizes, spots))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width:.1f}pt" height="{height:.1f}pt" viewBox="0 0 {width:.1f} {height:.1f}">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for index, (figure, spot) in enumerate(zip(figures, spots, strict=True)):
        parts.append(_nested(svg_bytes(figure).decode(), f"f{index}-", sizes[index], spot))
    return "\n".join([*parts, "</svg>\n"]).encode()


def _nested(text: str, prefix: str, size: tuple[float, float], spot: Spot) -> str:
    body = text[text.index("<svg") :]
    end = body.index(">")
    wide, high = 72 * size[0], 72 * size[1]
    head = (
        f'<svg x="{72 * spot.x:.1f}" y="{72 * spot.y:.1f}" '
        f'width="{wide * spot.scale:.1f}" height="{high * spot.scale:.1f}" '
        f'viewBox="0 0 {wide:.1f} {high:.1f}"'
    )
    body = re.sub(r' id="', f' id="{prefix}', body[end:])
    body = re.sub(r"url\(#", f"url(#{prefix}", body)
    return head + re.sub(r'href="#', f'href="#{prefix}', body)


def _size(figure: Canvas) -> tuple[float, float]:
    width, height = figure.get_size_inches().tolist()
    return float(width), float(height)


def _sheet(sizes: Sequence[tuple[float, float]], spots: Sequence[Spot]) -> tuple[float, float]:
    right = max(spot.x + spot.scale * size[0] for spot, size in zip(spots, sizes, strict=True))
    bottom = max(spot.y + spot.scale * size[1] for spot, size in zip(spots, sizes, strict=True))
    return right + _GAP, bottom + _GAP
