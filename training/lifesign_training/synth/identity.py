"""Who a synthetic person is: everything about a face that stays the same from picture to picture."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from lifesign_training.synth.colour import Colour, tone_albedo
from lifesign_training.synth.fields import Field, smooth_noise

__all__ = ["HairStyle", "Identity", "SkinTexture", "draw_identity", "skin_texture"]

_HAIR = {
    "black": (0.012, 0.010, 0.009),
    "dark_brown": (0.035, 0.020, 0.012),
    "brown": (0.085, 0.045, 0.022),
    "red": (0.20, 0.065, 0.022),
    "blond": (0.38, 0.26, 0.12),
    "grey": (0.30, 0.29, 0.28),
}
_IRIS = {
    "brown": (0.055, 0.025, 0.010),
    "hazel": (0.12, 0.075, 0.025),
    "blue": (0.10, 0.19, 0.32),
    "green": (0.09, 0.15, 0.07),
}
_TEXTURE_SIZE = 160
_DARK_TONES = frozenset({"mst06", "mst07", "mst08", "mst09", "mst10"})


class HairStyle(StrEnum):
    """The cut; it decides outline and hairline."""

    CROPPED = "cropped"
    SHORT = "short"
    FRINGE = "fringe"
    CURLY = "curly"
    LONG = "long"


@dataclass(frozen=True)
class Identity:
    """A person; lengths in face units (crown to chin = 2), colours linear RGB."""

    seed: int
    tone: str
    albedo: Colour
    half_width: float
    jaw_taper: float
    jaw_power: float
    eye_spacing: float
    eye_size: float
    eye_height: float
    eye_tilt: float
    nose_length: float
    nose_width: float
    mouth_width: float
    mouth_height: float
    lip_fullness: float
    brow_thickness: float
    brow_arch: float
    hair_colour: Colour
    hair_style: HairStyle
    hair_volume: float
    hairline: float
    iris_colour: Colour
    oiliness: float
    ruddiness: float
    freckles: float
    beard: float
    glasses: float
    moles: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class SkinTexture:
    """Fixed skin fields in the head frame, each ``(160, 160)`` over −1…1."""

    tint: Field
    relief: Field
    spots: Field


def draw_identity(seed: int, tone: str) -> Identity:
    """Draw the person with this seed and Monk tone; the same arguments give the same person."""
    rng = np.random.default_rng([seed, 1])

    def uniform(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    dark = tone in _DARK_TONES
    hair_odds = (0.62, 0.22, 0.05, 0.0, 0.01, 0.10) if dark else (0.18, 0.25, 0.24, 0.08, 0.16, 0.09)
    iris_odds = (0.90, 0.10, 0.0, 0.0) if dark else (0.42, 0.18, 0.26, 0.14)
    style_odds = (0.30, 0.16, 0.10, 0.22, 0.22) if dark else (0.12, 0.30, 0.18, 0.12, 0.28)
    styles = list(HairStyle)
    shade = np.float32(uniform(0.75, 1.3))
    jitter = rng.uniform(0.95, 1.05, 3).astype(np.float32)
    moles = tuple(
        (uniform(-0.5, 0.5), uniform(-0.3, 0.85), uniform(0.012, 0.03))
        for _ in range(int(rng.integers(0, 5)))
    )
    return Identity(
        seed=seed,
        tone=tone,
        albedo=tone_albedo(tone) * jitter,
        half_width=uniform(0.68, 0.80),
        jaw_taper=uniform(0.08, 0.26),
        jaw_power=uniform(2.0, 2.45),
        eye_spacing=uniform(0.285, 0.345),
        eye_size=uniform(0.115, 0.145),
        eye_height=uniform(-0.10, -0.02),
        eye_tilt=uniform(-0.06, 0.12),
        nose_length=uniform(0.36, 0.46),
        nose_width=uniform(0.095, 0.15),
        mouth_width=uniform(0.21, 0.30),
        mouth_height=uniform(0.56, 0.63),
        lip_fullness=uniform(0.045, 0.085) * (1.2 if dark else 1.0),
        brow_thickness=uniform(0.028, 0.055),
        brow_arch=uniform(0.02, 0.07),
        hair_colour=np.array(list(_HAIR.values())[int(rng.choice(6, p=hair_odds))], np.float32) * shade,
        hair_style=styles[int(rng.choice(len(styles), p=style_odds))],
        hair_volume=uniform(0.05, 0.15),
        hairline=uniform(-0.66, -0.52),
        iris_colour=np.array(list(_IRIS.values())[int(rng.choice(4, p=iris_odds))], np.float32),
        oiliness=uniform(0.04, 0.16),
        ruddiness=uniform(0.3, 1.0),
        freckles=uniform(0.3, 1.0) if not dark and rng.random() < 0.25 else 0.0,
        beard=uniform(0.35, 1.0) if rng.random() < 0.30 else 0.0,
        glasses=uniform(0.19, 0.235) if rng.random() < 0.25 else 0.0,
        moles=moles,
    )


@lru_cache(maxsize=8)
def skin_texture(seed: int) -> SkinTexture:
    """Return the person's skin fields; cached because every picture of a person needs them."""
    rng = np.random.default_rng([seed, 2])
    fine, middle, coarse = (smooth_noise(rng, _TEXTURE_SIZE, cell) for cell in (1.5, 5, 22))
    tint = 0.034 * fine + 0.036 * middle + 0.035 * coarse
    relief = 0.6 * smooth_noise(rng, _TEXTURE_SIZE, 2) + 0.4 * smooth_noise(rng, _TEXTURE_SIZE, 5)
    spots = np.clip(smooth_noise(rng, _TEXTURE_SIZE, 3.5) - 1.3, 0, 1)
    return SkinTexture(tint.astype(np.float32), relief.astype(np.float32), spots.astype(np.float32))
