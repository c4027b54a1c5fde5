"""Feature maps of layers of a served model beside the picture that caused them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.figures.look import INK, Canvas, bare, drawn, new_figure

__all__ = ["layer_figure", "layers_figure", "min_max"]

_MOST_MAPS = 64
_PER_LAYER = 8


def min_max(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ``(values − min) / (max − min)``, 0–1; all 0 where every value is the same."""
    array = np.asarray(values, np.float64)
    low, high = array.min(), array.max()
    return (array - low) / (high - low) if high > low else np.zeros_like(array)


@drawn
def layer_figure(
    image: NDArray[np.uint8], activations: NDArray[np.float32], *, layer: str, model: str
) -> Canvas:
    """Draw up to 64 maps of one layer, each min–max scaled, in the order of the channels.

    ``image`` is uint8 ``(height, width, 3)``, ``activations`` are ``(height, width, channels)``, or
    ``(units,)`` of a dense layer, drawn as one field in rows.
    """
    maps = _as_maps(activations, layer)
    shown = maps[..., :_MOST_MAPS]
    count = shown.shape[-1]
    columns = min(8, count) if activations.ndim == 3 else 1
    rows = -(-count // columns)
    silent = int(sum(maps[..., index].min() == maps[..., index].max() for index in range(maps.shape[-1])))
    figure = new_figure(
        3.0 + (1.05 * columns if activations.ndim == 3 else 3.6),
        max(2.6, 1.05 * rows),
        title=_layer_title(activations, layer, silent),
        subtitle=f"{model}, signature inspect; each map scaled min–max, bright is large"
        + (f"; the first {count} of {maps.shape[-1]}" if count < maps.shape[-1] else ""),
    )
    left, right = _halves(figure, 2.4, 0.6 + (1.05 * columns if count > 1 else 3.6))
    picture = left.subplots()
    _draw_picture(picture, image)
    grid = right.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        bare(axes)
        if place >= count:
            axes.set_axis_off()
            continue
        _draw_map(axes, shown[..., place])
    return figure


@drawn
def layers_figure(
    image: NDArray[np.uint8], activations: Mapping[str, NDArray[np.float32]], *, model: str
) -> Canvas:
    """Draw a row per layer with its eight maps that vary most, from the first layer to the last."""
    if not activations:
        raise InputError(f"{model}: expected a layer with feature maps, got none")
    columns = _PER_LAYER
    figure = new_figure(
        2.6 + 1.05 * columns,
        max(2.6, 1.2 * len(activations)),
        title=f"{len(activations)} layers of {model} for one picture",
        subtitle="the eight maps of each layer that vary most, scaled min–max; signature inspect, by gRPC",
    )
    left, right = _halves(figure, 2.2, 0.4 + 1.05 * columns)
    _draw_picture(left.subplots(), image)
    grid = right.subplots(len(activations), columns, squeeze=False)
    for row, (layer, values) in zip(grid, activations.items(), strict=True):
        maps = _as_maps(values, layer)
        order = np.argsort(-maps.reshape(-1, maps.shape[-1]).std(axis=0), kind="stable")[:columns]
        for place, axes in enumerate(row):
            bare(axes)
            if place < len(order):
                _draw_map(axes, maps[..., order[place]])
            else:
                axes.set_axis_off()
        words = " × ".join(str(size) for size in values.shape)
        row[0].set_title(f"{layer}  ({words})", size=8.5, color=INK)
    return figure


def _halves(figure: Canvas, left: float, right: float) -> tuple[FigureBase, FigureBase]:
    """Return the parts for the picture and the maps, with widths in this ratio."""
    parts: Any = figure.subfigures(1, 2, width_ratios=[left, right])
    return parts[0], parts[1]


def _as_maps(activations: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
    """Return maps ``(height, width, channels)``; the units of a dense layer become one map in rows."""
    if activations.ndim == 3:
        return activations
    if activations.ndim == 1:
        columns = int(np.ceil(np.sqrt(2 * activations.size)))
        rows = -(-activations.size // columns)
        field = np.full(rows * columns, activations.min(), np.float32)
        field[: activations.size] = activations
        return field.reshape(rows, columns, 1)
    shape = list(activations.shape)
    raise InputError(f"layer {layer}: expected maps (height, width, channels) or (units,), got {shape}")


def _draw_picture(axes: Axes, image: NDArray[np.uint8]) -> None:
    bare(axes)
    axes.imshow(image)
    axes.set_anchor("N")
    axes.set_title("as the model gets it", size=8.5, color=INK)
    axes.set_xlabel(f"{image.shape[1]} × {image.shape[0]} pixels", size=8)


def _draw_map(axes: Axes, values: NDArray[np.float32]) -> None:
    axes.imshow(min_max(values), cmap="viridis", vmin=0, vmax=1)


def _layer_title(activations: NDArray[np.float32], layer: str, silent: int) -> str:
    if activations.ndim == 1:
        zero = int((activations == 0).sum())
        return f"{layer}: {activations.size} units, {zero} of them exactly 0"
    height, width, channels = activations.shape
    quiet = "all answer" if not silent else f"{silent} silent (constant)"
    return f"{layer}: {channels} maps of {width} × {height}, {quiet}"
