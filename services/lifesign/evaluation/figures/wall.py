"""Several figures on one sheet, each as large as it is alone."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from lifesign.evaluation.figures.look import DPI, Canvas, png_bytes, svg_bytes

__all__ = ["Spot", "placed", "wall_png", "wall_svg"]

_GAP = 0.3  # inches
_WIDTH = 26.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a figure lies on the sheet: its left upper corner, inches from that of the sheet."""

    x: float
    y: float


def placed(sizes: Sequence[tuple[float, float]], *, width: float = _WIDTH) -> list[Spot]:
    """Return a spot for each (width, height) in inches, none over another, on a sheet of at least ``width``.

    The tallest first, each as high up as it fits and there as far left: the skyline rule of bin packing.
    """
    sheet = max([width, *(one[0] for one in sizes)])
    order = sorted(range(len(sizes)), key=lambda index: (-sizes[index][1], -sizes[index][0], index))
    taken: list[tuple[float, float, float, float]] = []
    spots: dict[int, Spot] = {}
    for index in order:
        wide, high = sizes[index]
        lefts = sorted({0.0, *(box[2] + _GAP for box in taken)})
        tops = [
            (
                max(
                    [
                        0.0,
                        *(
                            box[3] + _GAP
                            for box in taken
                            if box[0] - _GAP < left + wide and left < box[2] + _GAP
                        ),
                    ]
                ),
                left,
            )
            for left in lefts
            if left + wide <= sheet + 1e-9
        ]
        top, left = min(tops)
        spots[index] = Spot(left, top)
        taken.append((left, top, left + wide, top + high))
    return [spots[index] for index in range(len(sizes))]


def wall_png(figures: Sequence[Canvas], *, dpi: float = DPI) -> bytes:
    """Return all figures on one white sheet as PNG."""
    sizes = [_size(figure) for figure in figures]
    spots = placed(sizes)
    width, height = _sheet(sizes, spots)
    sheet = Image.new("RGB", (round(width * dpi), round(height * dpi)), "white")
    for figure, spot in zip(figures, spots, strict=True):
        with Image.open(io.BytesIO(png_bytes(figure, dpi=dpi))) as picture:
            sheet.paste(picture.convert("RGB"), (round((spot.x + _GAP) * dpi), round((spot.y + _GAP) * dpi)))
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
        f'<svg x="{72 * (spot.x + _GAP):.1f}" y="{72 * (spot.y + _GAP):.1f}" '
        f'width="{wide:.1f}" height="{high:.1f}" viewBox="0 0 {wide:.1f} {high:.1f}"'
    )
    body = re.sub(r' id="', f' id="{prefix}', body[end:])
    body = re.sub(r"url\(#", f"url(#{prefix}", body)
    return head + re.sub(r'href="#', f'href="#{prefix}', body)


def _size(figure: Canvas) -> tuple[float, float]:
    width, height = figure.get_size_inches().tolist()
    return float(width), float(height)


def _sheet(sizes: Sequence[tuple[float, float]], spots: Sequence[Spot]) -> tuple[float, float]:
    right = max(spot.x + size[0] for spot, size in zip(spots, sizes, strict=True))
    bottom = max(spot.y + size[1] for spot, size in zip(spots, sizes, strict=True))
    return right + 2 * _GAP, bottom + 2 * _GAP
