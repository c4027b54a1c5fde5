"""The five lightings of a capture, and what they do to a surface."""

from dataclasses import dataclass

import numpy as np

from lifesign_training.synth.colour import Colour, Image
from lifesign_training.synth.fields import Field

__all__ = ["LIGHTINGS", "Lighting", "draw_lighting", "flat_irradiance", "highlight", "irradiance"]

LIGHTINGS = ("indoor_even", "indoor_side", "backlit", "low_light", "outdoor")


@dataclass(frozen=True)
class Lighting:
    """Key light and sky/ground ambient; colours linear RGB, 1.0 lights a white surface fully."""

    name: str
    direction: Colour
    key: Colour
    sky: Colour
    ground: Colour
    background: float
    exposure: float


def _warmth(rng: np.random.Generator, low: float, high: float) -> Colour:
    """Draw the colour of a lamp between warm (negative) and cool (positive)."""
    shift = float(rng.uniform(low, high))
    return np.array([1 - 0.22 * shift, 1.0, 1 + 0.34 * shift], np.float32)


def draw_lighting(name: str, rng: np.random.Generator) -> Lighting:
    """Draw one lighting of the named kind; the side of the key light is random."""
    side = float(rng.choice([-1.0, 1.0]))
    if name == "indoor_even":
        aim, key, ambient, back, exposure = (0.35 * side, -0.55, 0.9), 0.62, 0.42, 0.75, 1.0
        colour = _warmth(rng, -0.5, 0.2)
    elif name == "indoor_side":
        aim, key, ambient, back, exposure = (0.95 * side, -0.35, 0.42), 1.00, 0.17, 0.55, 1.0
        colour = _warmth(rng, -0.6, 0.1)
    elif name == "backlit":
        aim, key, ambient, back, exposure = (0.7 * side, -0.7, 0.15), 0.30, 0.42, 2.0, 1.0
        colour = _warmth(rng, -0.1, 0.3)
    elif name == "low_light":
        aim, key, ambient, back, exposure = (0.5 * side, -0.6, 0.7), 0.60, 0.26, 0.6, 0.30
        colour = _warmth(rng, -0.7, -0.1)
    else:
        aim, key, ambient, back, exposure = (0.5 * side, -0.85, 0.55), 0.95, 0.42, 0.95, 1.4
        colour = _warmth(rng, -0.1, 0.1)
    direction = np.array(aim, np.float32) + rng.normal(0, 0.08, 3).astype(np.float32)
    sky = _warmth(rng, 0.1, 0.5) if name == "outdoor" else colour
    return Lighting(
        name=name,
        direction=(direction / np.linalg.norm(direction)).astype(np.float32),
        key=colour * np.float32(key * rng.uniform(0.85, 1.15)),
        sky=sky * np.float32(ambient * 1.15),
        ground=colour * np.array([1.05, 0.98, 0.9], np.float32) * np.float32(ambient * 0.6),
        background=back * float(rng.uniform(0.75, 1.25)),
        exposure=exposure * float(rng.uniform(0.85, 1.15)),
    )


def _dot(normals: Image, direction: Colour) -> Field:
    # Three multiplications: numpy's matrix product is ten times slower on this shape.
    x, y, z = (float(value) for value in direction)
    product: Field = normals[..., 0] * x + normals[..., 1] * y + normals[..., 2] * z
    return product


def irradiance(normals: Image, light: Lighting, *, wrap: Colour, occlusion: Field | float = 1.0) -> Image:
    """Return diffuse irradiance ``(h, w, 3)``: wrapped Lambert key plus hemisphere ambient.

    ``wrap`` per channel approximates light that travels below the surface: (0.34, 0.20, 0.13) for
    skin, 0 for paper and plastic.
    """
    facing = _dot(normals, light.direction)[..., None]
    key = np.clip((facing + wrap) / (1 + wrap), 0, None) * light.key
    up = (0.5 - 0.5 * normals[..., 1])[..., None]
    ambient = light.ground + (light.sky - light.ground) * up
    return key + ambient * (occlusion[..., None] if isinstance(occlusion, np.ndarray) else occlusion)


def highlight(normals: Image, light: Lighting, power: float) -> Field:
    """Return the Blinn highlight (n·h)^power ``(h, w)`` for a camera along +z."""
    half = light.direction + np.array([0, 0, 1], np.float32)
    half = (half / np.linalg.norm(half)).astype(np.float32)
    shine: Field = np.clip(_dot(normals, half), 0.0, 1.0) ** np.float32(power)
    return shine


def flat_irradiance(light: Lighting) -> Colour:
    """Return the irradiance ``(3,)`` on a flat sheet that faces the camera."""
    return light.key * max(float(light.direction[2]), 0.15) + 0.5 * (light.sky + light.ground)
