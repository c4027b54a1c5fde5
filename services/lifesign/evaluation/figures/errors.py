"""The gallery of the worst errors: the pictures with what they are and what they were taken for."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from lifesign.errors import ImageError, InputError
from lifesign.evaluation.figures.look import RIGHT, WRONG, Canvas, bare, drawn, new_figure
from lifesign.evaluation.report.document import ErrorExample
from lifesign.preprocessing import decode_image

__all__ = ["Pictures", "errors_figure"]

Pictures = Callable[[str], bytes | None]
_MOST, _COLUMNS = 24, 6
_SIDE = 192  # pixels


@drawn
def errors_figure(
    errors: Sequence[ErrorExample], pictures: Pictures | None, *, wrong: int, is_liveness: bool
) -> Canvas:
    """Draw up to 24 errors; ``pictures`` reads the file behind a path, ``wrong`` counts all errors there are.

    A picture that is not at hand is a grey field with the sample's id.

    Raises:
        InputError: there is no error to show.
    """
    if not errors:
        raise InputError("expected a report with errors, got one without")
    shown = errors[:_MOST]
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    images = [_picture(one.path or one.sample_id, pictures) for one in shown]
    missing = sum(image is None for image in images)
    figure = new_figure(
        max(1.75 * columns, 5.5),
        2.25 * rows,
        title=_headline(shown, wrong),
        subtitle="above: what it is; below: what it was taken for, with the score"
        + (" (of bona fide)" if is_liveness else "")
        + (f"; {missing} of {len(shown)} pictures are not at hand" if missing else ""),
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        bare(axes)
        if place >= len(shown):
            axes.set_axis_off()
            continue
        _draw(axes, shown[place], images[place])
    return figure


def _draw(axes: Axes, error: ErrorExample, image: NDArray[np.uint8] | None) -> None:
    if image is None:
        axes.imshow(np.full((4, 4, 3), 236, np.uint8))
        axes.text(1.5, 1.5, f"no picture\n{_short(error.sample_id, 20)}", ha="center", va="center", size=6.5)
    else:
        axes.imshow(image, interpolation="nearest" if max(image.shape) < 64 else "antialiased")
    axes.set_title(_short(error.species or error.label, 20), size=8.5, color=RIGHT, loc="center", pad=3)
    score = "" if error.score is None else f"  {error.score:.3f}"
    axes.set_xlabel(f"→ {_short(error.predicted, 18)}{score}", size=8.5, color=WRONG, labelpad=3)


def _picture(path: str, pictures: Pictures | None) -> NDArray[np.uint8] | None:
    data = None if pictures is None or not path else pictures(path)
    if data is None:
        return None
    try:
        image = decode_image(data).image
    except ImageError:
        return None
    image.thumbnail((_SIDE, _SIDE))
    return np.asarray(image, np.uint8)


def _headline(shown: Sequence[ErrorExample], wrong: int) -> str:
    first = shown[0]
    score = "" if first.score is None else f" with a score of {first.score:.3f}"
    what = first.species or first.label
    return f"{len(shown)} of {wrong:,} errors; the worst: {what} taken for {first.predicted}{score}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
