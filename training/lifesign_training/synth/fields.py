"""Scalar fields on the pixel grid: coordinates, soft shapes, band-limited noise, blur, resampling."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from scipy import ndimage

__all__ = [
    "Field",
    "blur",
    "bump",
    "frame_grid",
    "over",
    "resize",
    "sample",
    "smooth_noise",
    "smoothstep",
    "soft_inside",
]

Field = NDArray[np.floating[Any]]
"""float32 ``(height, width)``."""


def frame_grid(size: int) -> tuple[Field, Field]:
    """Return pixel-centre coordinates x (right) and y (down) in −1…1, each ``(size, size)``."""
    axis = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    return np.broadcast_to(axis[None, :], (size, size)), np.broadcast_to(axis[:, None], (size, size))


def smoothstep(low: float, high: float, values: Field) -> Field:
    """Return the cubic step from 0 at ``low`` to 1 at ``high`` (descending when ``low > high``)."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    step: Field = t * t * (3 - 2 * t)
    return step


def soft_inside(distance: Field, width: float) -> Field:
    """Return coverage 0–1 of a shape from its signed distance (negative inside), edge ``width`` wide."""
    coverage: Field = np.clip(0.5 - distance / width, 0.0, 1.0)
    return coverage


def bump(x: Field, y: Field, at: tuple[float, float], spread: tuple[float, float]) -> Field:
    """Return a Gaussian bump of height 1 at ``at`` with radii ``spread`` (exp(−d²))."""
    dx = (x - at[0]) * (1 / spread[0])
    dy = (y - at[1]) * (1 / spread[1])
    height: Field = np.exp(-(dx * dx + dy * dy))
    return height


def smooth_noise(rng: np.random.Generator, size: int, cell: float) -> Field:
    """Return band-limited noise ``(size, size)``, mean ≈ 0, standard deviation ≈ 1, features ``cell`` px."""
    cells = max(2, int(np.ceil(size / cell)) + 2)
    grid = rng.standard_normal((cells, cells), dtype=np.float32)
    if cells >= size:
        return np.ascontiguousarray(grid[:size, :size])
    # Cubic interpolation keeps about 80 % of the standard deviation of its nodes.
    return resize(grid, size) * np.float32(1.25)


def resize(field: Field, size: int, method: PilImage.Resampling = PilImage.Resampling.BICUBIC) -> Field:
    """Resample a field ``(h, w)`` or image ``(h, w, 3)`` of float32 to ``size`` × ``size``."""
    if field.ndim == 3:
        return np.stack([resize(field[..., c], size, method) for c in range(field.shape[2])], axis=-1)
    plane = PilImage.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(plane.resize((size, size), method), np.float32)


def blur(image: Field, sigma: float) -> Field:
    """Return a Gaussian blur over the two first axes, ``sigma`` in px; small sigmas do nothing."""
    if sigma < 0.15:
        return image
    out = ndimage.gaussian_filter1d(image, sigma, axis=0, mode="nearest", truncate=2.6)
    smooth: Field = ndimage.gaussian_filter1d(out, sigma, axis=1, mode="nearest", truncate=2.6)
    return smooth


def sample(image: Field, column: Field, row: Field) -> Field:
    """Return ``image`` (``(h, w)`` or ``(h, w, 3)``) bilinearly at pixel positions, edges repeated."""
    height, width = image.shape[:2]
    x = np.clip(column, 0, width - 1.001)
    y = np.clip(row, 0, height - 1.001)
    x0 = x.astype(np.int32)
    y0 = y.astype(np.int32)
    # A difference of float32 and int32 would be float64, and slow everything after it.
    fx, fy = x - x0.astype(np.float32), y - y0.astype(np.float32)
    flat = image.reshape(height * width, -1)
    at = (y0 * width + x0).ravel()
    fx, fy = fx.reshape(-1, 1), fy.reshape(-1, 1)
    top = flat[at] * (1 - fx) + flat[at + 1] * fx
    bottom = flat[at + width] * (1 - fx) + flat[at + width + 1] * fx
    looked_up: Field = (top + (bottom - top) * fy).reshape(*column.shape, *image.shape[2:])
    return looked_up


def over(below: Field, paint: Field, coverage: Field) -> Field:
    """Return ``paint`` laid over ``below`` with coverage ``(h, w)``; paint may be an image or a colour."""
    return below + (paint - below) * coverage[..., None]
