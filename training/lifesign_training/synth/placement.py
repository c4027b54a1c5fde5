"""How a flat medium (a sheet, a screen) stands before the capture camera: a random homography."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifesign_training.synth.fields import Field, frame_grid, sample, soft_inside
from lifesign_training.synth.geometry import Box

__all__ = ["Placement", "Sheet", "capture_box", "draw_placement", "place"]


@dataclass(frozen=True)
class Placement:
    """A sheet's stand: ``zoom`` is frame widths per sheet width, angles in radians, ``bend`` 0 = flat."""

    zoom: float
    turn: float
    shift: tuple[float, float]
    perspective: tuple[float, float]
    bend: float


@dataclass(frozen=True)
class Sheet:
    """Sheet coordinates −1…1 of each capture sample, and coverage of the sheet.

    ``x_px, y_px`` are the same in sensor pixels, so that a screen of pitch 1.3 has one period
    every 1.3 sensor pixels near the centre.
    """

    x: Field
    y: Field
    x_px: Field
    y_px: Field
    inside: Field
    border_visible: bool

    def look_up(self, photo: Field) -> Field:
        """Return a square photo ``(n, n, 3)`` bilinearly at every capture sample."""
        half = photo.shape[0] / 2
        return sample(photo, (self.x + 1) * half - 0.5, (self.y + 1) * half - 0.5)


def draw_placement(rng: np.random.Generator, *, bends: bool) -> Placement:
    """Draw a placement; about 62 % fill the frame, the rest shows the medium's border."""
    fills = rng.random() < 0.62
    return Placement(
        zoom=float(rng.uniform(0.74, 0.90) if fills else rng.uniform(1.08, 1.32)),
        turn=float(np.radians(rng.normal(0, 3.5 if fills else 6))),
        shift=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.05, 0.05))),
        perspective=(float(rng.uniform(-0.10, 0.10)), float(rng.uniform(-0.10, 0.10))),
        bend=float(rng.uniform(-0.14, 0.14)) if bends else 0.0,
    )


def _matrix(placement: Placement) -> NDArray[np.float64]:
    cos, sin = np.cos(placement.turn) * placement.zoom, np.sin(placement.turn) * placement.zoom
    (dx, dy), (g, h) = placement.shift, placement.perspective
    return np.array([[cos, sin, dx], [-sin, cos, dy], [g, h, 1.0]])


def place(placement: Placement, *, side: int, steps: int) -> Sheet:
    """Map a capture grid of ``side * steps`` samples per axis to the sheet."""
    frame_x, frame_y = frame_grid(side * steps)
    m = _matrix(placement).tolist()
    weight = 1 / (m[2][0] * frame_x + m[2][1] * frame_y + 1)
    x = (m[0][0] * frame_x + m[0][1] * frame_y + m[0][2]) * weight
    y = (m[1][0] * frame_x + m[1][1] * frame_y + m[1][2]) * weight
    if placement.bend:
        x = x + placement.bend * x * (1 - x * x) * 0.5
        y = y + placement.bend * 0.35 * (x * x - 0.4)
    sensor_px = side / 2 / placement.zoom
    edge = np.maximum(np.abs(x), np.abs(y)) - 1
    outside = float((edge > 0).mean())
    return Sheet(
        x=x, y=y, x_px=x * sensor_px, y_px=y * sensor_px,
        inside=soft_inside(edge, 3.0 / (sensor_px * steps)), border_visible=outside > 0.004,
    )  # fmt: skip


def capture_box(placement: Placement, box: Box) -> Box:
    """Return where a box on the sheet appears in the capture frame (bend ignored)."""
    corners = np.array(
        [(box.left, box.top), (box.right, box.top), (box.left, box.bottom), (box.right, box.bottom)]
    )
    seen = np.linalg.inv(_matrix(placement)) @ np.column_stack([corners, np.ones(4)]).T
    x, y = seen[0] / seen[2], seen[1] / seen[2]
    return Box(float(x.min()), float(y.min()), float(x.max()), float(y.max()))
