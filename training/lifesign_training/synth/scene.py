"""Places behind people: walls, shelves, stripes, bokeh, plaster, windows, out of focus to a degree."""

import numpy as np
from PIL import Image as PilImage

from lifesign_training.synth.colour import Colour, Image
from lifesign_training.synth.fields import Field, blur, frame_grid, over, resize, smooth_noise, soft_inside
from lifesign_training.synth.lighting import Lighting

__all__ = ["BACKGROUNDS", "background"]

BACKGROUNDS = ("wall", "shelves", "stripes", "bokeh", "plaster", "window")


def background(kind: str, light: Lighting, rng: np.random.Generator, size: int) -> Image:
    """Return the radiance ``(size, size, 3)`` of a place; one of `BACKGROUNDS`.

    Stripes and shelves appear behind bona fide and attack alike, so that regular patterns and
    their aliasing mean nothing by themselves.
    """
    small = max(24, size // 2)
    x, y = frame_grid(small)
    first, second = _wall_colour(rng), _wall_colour(rng)
    turn = float(rng.uniform(-0.5, 0.5))
    fall = np.clip(1 + 0.35 * (turn * x - 0.4 * y), 0.3, 2.0)
    scene: Image = first * fall[..., None]
    sigma = float(rng.uniform(0.3, 1.7)) * small / 128
    if kind == "shelves":
        scene = _shelves(scene, x, y, rng)
    elif kind == "stripes":
        scene = _stripes(scene, second, x, y, rng)
    elif kind == "bokeh":
        scene = _bokeh(scene, rng, x, y)
    elif kind == "plaster":
        grain = smooth_noise(rng, small, small / float(rng.uniform(10, 64)))
        scene = scene * np.clip(1 + 0.22 * grain, 0.3, 2)[..., None]
    elif kind == "window":
        scene = _window(scene, x, y, rng)
    lit = 0.55 * light.key + 0.6 * light.sky
    scene = resize(blur(scene.astype(np.float32), sigma), size, PilImage.Resampling.BILINEAR)
    return np.clip(scene, 0.003, 3.0) * lit * np.float32(light.background)


def _wall_colour(rng: np.random.Generator) -> Colour:
    grey = float(rng.uniform(0.08, 0.62))
    colour = grey * (1 + float(rng.uniform(0.05, 0.38)) * rng.normal(0, 0.6, 3))
    return np.clip(colour, 0.02, 0.8).astype(np.float32)


def _shelves(scene: Image, x: Field, y: Field, rng: np.random.Generator) -> Image:
    rows = int(rng.integers(2, 5))
    for row in range(rows):
        top = -1 + 2 * row / rows
        left = -1.0
        while left < 1:
            wide = float(rng.uniform(0.04, 0.16))
            tall = float(rng.uniform(0.4, 0.85)) * 2 / rows
            colour = np.clip(rng.uniform(0.02, 0.6, 3), 0, 1).astype(np.float32) * np.float32(0.8)
            book = (
                (x >= left)
                & (x < left + wide * 0.92)
                & (y >= top + 2 / rows - tall)
                & (y < top + 2 / rows - 0.03)
            )
            scene = np.where(book[..., None], colour, scene)
            left += wide * (1 if rng.random() < 0.85 else 2.5)
    return scene


def _stripes(scene: Image, second: Colour, x: Field, y: Field, rng: np.random.Generator) -> Image:
    angle = float(rng.choice([0.0, np.pi / 2])) + float(rng.normal(0, 0.06))
    along = x * float(np.cos(angle)) + y * float(np.sin(angle))
    period = float(rng.uniform(0.07, 0.30))
    wave = np.clip(2.5 * np.sin(2 * np.pi * along / period), -1, 1)
    return over(scene, second, (0.5 + 0.5 * wave).astype(np.float32))


def _bokeh(scene: Image, rng: np.random.Generator, x: Field, y: Field) -> Image:
    scene = scene * 0.45
    for _ in range(int(rng.integers(10, 26))):
        cx, cy, radius = (
            float(rng.uniform(-1, 1)),
            float(rng.uniform(-1, 0.6)),
            float(rng.uniform(0.04, 0.16)),
        )
        disc = soft_inside(np.hypot(x - cx, y - cy) - radius, 0.04)
        glow = rng.uniform(0.15, 0.9, 3).astype(np.float32)
        scene = scene + disc[..., None] * glow * np.float32(rng.uniform(0.2, 0.9))
    return scene


def _window(scene: Image, x: Field, y: Field, rng: np.random.Generator) -> Image:
    cx, cy = float(rng.choice([-0.7, 0.7])), float(rng.uniform(-0.6, -0.2))
    dx, dy = np.abs(x - cx), np.abs(y - cy)
    pane = soft_inside(np.maximum(dx - 0.42, dy - 0.55), 0.02)
    bars = np.minimum(dx, dy) < 0.025
    sky = np.array([0.85, 0.95, 1.05], np.float32) * np.float32(rng.uniform(0.7, 1.2))
    return over(scene, sky, pane * np.where(bars, 0.2, 1.0).astype(np.float32))
