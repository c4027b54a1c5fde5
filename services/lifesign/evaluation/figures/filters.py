"""The filters of a convolution as a grid of small pictures, each scaled min–max."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError
from lifesign.evaluation.figures.look import INK, Canvas, bare, drawn, new_figure
from lifesign.evaluation.figures.maps import min_max
from lifesign.evaluation.figures.model_files import Kernel

__all__ = ["chosen_kernel", "filters_figure", "scaled_filters"]

_MOST_FILTERS, _MOST_INPUTS = 64, 8
_COLUMNS = 16


def chosen_kernel(kernels: Sequence[Kernel], layer: str | None) -> Kernel:
    """Return the kernel of a layer; without a name the first that is larger than one pixel.

    Raises:
        ConfigurationError: no such layer; the message lists the convolutions there are.
    """
    if layer is None:
        return next((one for one in kernels if one.values.shape[0] > 1), kernels[0])
    for kernel in kernels:
        if kernel.name == layer:
            return kernel
    names = ", ".join(one.name for one in kernels)
    raise ConfigurationError(f"no convolution {layer!r}; the model has {names}")


def scaled_filters(kernel: Kernel) -> NDArray[np.float64]:
    """Return the filters ``(filters, height, width, inputs)``, each scaled min–max over its weights."""
    return np.stack([min_max(kernel.values[..., index]) for index in range(kernel.values.shape[-1])])


@drawn
def filters_figure(kernel: Kernel, *, model: str) -> Canvas:
    """Draw up to 64 filters: in colour for three inputs, else grey, a row per input for up to eight."""
    height, width, inputs, count = kernel.values.shape
    filters = scaled_filters(kernel)[:_MOST_FILTERS]
    in_colour, rows_per = inputs == 3, 1 if inputs in (1, 3) else min(inputs, _MOST_INPUTS)
    columns = min(_COLUMNS if rows_per > 1 else 8, len(filters))
    if rows_per > 1:
        filters = filters[:columns]
    rows = rows_per if rows_per > 1 else -(-len(filters) // columns)
    shown = f"{len(filters)} of {count}" if len(filters) < count else str(count)
    size = 0.62 if rows_per > 1 else 0.95
    figure = new_figure(
        max(5.5, size * columns + 1.2),
        size * rows + 0.4,
        title=f"{kernel.name}: {shown} filters of {height} × {width} over {inputs} input"
        + ("s" if inputs > 1 else ""),
        subtitle=f"{model}; each filter scaled min–max, weights {kernel.values.min():.3g} to "
        f"{kernel.values.max():.3g}" + _told(rows_per, inputs, in_colour),
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        bare(axes)
        row, column = divmod(place, columns)
        index, channel = (column, row) if rows_per > 1 else (place, 0)
        if index >= len(filters):
            axes.set_axis_off()
            continue
        values = filters[index] if in_colour else filters[index][..., channel]
        axes.imshow(values, cmap=None if in_colour else "gray", vmin=0, vmax=1)
        if rows_per > 1 and column == 0:
            axes.set_ylabel(str(row), size=7.5, rotation=0, labelpad=8, va="center", color=INK)
    return figure


def _told(rows: int, inputs: int, in_colour: bool) -> str:
    if in_colour:
        return "; red, green and blue are the three inputs"
    if rows > 1:
        some = f", the first {rows} of {inputs}" if rows < inputs else ""
        return f"; a column per filter, a row per input{some}"
    return "; bright is large"
