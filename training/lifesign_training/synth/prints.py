"""Photographs on paper: CMYK separation, halftone screens or ink grain, paper, bend and gloss."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifesign_training.synth.colour import Image, encode_srgb, luma
from lifesign_training.synth.fields import Field, bump, smooth_noise
from lifesign_training.synth.lighting import Lighting, flat_irradiance

__all__ = ["PrintJob", "draw_print", "paper_radiance", "reflectance"]

# Fraction of red, green, blue light that passes a solid layer of cyan, magenta, yellow, black ink.
_INKS = np.array(
    [[0.05, 0.58, 0.82], [0.78, 0.07, 0.42], [0.95, 0.86, 0.13], [0.03, 0.03, 0.035]], np.float32
)
_SCREEN_DEGREES = (15.0, 75.0, 0.0, 45.0)


@dataclass(frozen=True)
class PrintJob:
    """One print; ``pitch`` is the halftone cell (laser) or grain (inkjet) in sensor px."""

    species: str
    pitch: float
    grey_replacement: float
    dot_gain: float
    gamma: float
    gloss: float
    banding: float
    strength: float
    seed: int


def draw_print(species: str, strength: float, rng: np.random.Generator) -> PrintJob:
    """Draw a printer set-up; ``strength`` scales the visible artefacts."""
    laser = species != "print_inkjet_photo"
    return PrintJob(
        species=species,
        pitch=float(rng.uniform(1.1, 2.7) if laser else rng.uniform(0.6, 1.3)),
        grey_replacement=float(rng.uniform(0.35, 0.75) if laser else rng.uniform(0.15, 0.35)),
        dot_gain=float(rng.uniform(0.05, 0.16)),
        gamma=float(rng.uniform(0.92, 1.12)),
        gloss=float(rng.uniform(0.0, 0.03) if laser else rng.uniform(0.01, 0.09)),
        banding=float(rng.uniform(0.0, 0.05)),
        strength=strength,
        seed=int(rng.integers(2**31)),
    )


def _screen_ranks() -> NDArray[np.float32]:
    """Return the distribution function of a cosine dot screen, tabulated over −2…2."""
    axis = np.linspace(0, 2 * np.pi, 512, endpoint=False)
    values = np.sort((np.cos(axis)[:, None] + np.cos(axis)[None, :]).ravel())
    at = np.linspace(-2, 2, 1025)
    return (np.searchsorted(values, at) / values.size).astype(np.float32)


_RANKS = _screen_ranks()


def _separations(photo: Image, job: PrintJob) -> list[Field]:
    """Return ink coverages cyan, magenta, yellow, black in 0–1 with dot gain."""
    # A printer driver boosts colour to make up for impure inks.
    grey_part = luma(photo)[..., None]
    vivid = np.clip(grey_part + (photo - grey_part) * np.float32(1.22), 0, 1)
    cmy = 1 - encode_srgb(vivid) ** np.float32(job.gamma)
    # Encoded values overstate how much ink a tone needs; the power restores mid-tones.
    cmy = cmy**1.25
    grey = cmy.min(axis=2) * np.float32(job.grey_replacement)
    inks = [np.clip((cmy[..., c] - grey) / np.maximum(1 - grey, 0.05), 0, 1) for c in range(3)]
    gain = 4 * job.dot_gain
    return [ink + gain * ink * (1 - ink) * 0.6 for ink in (*inks, grey)]


def _dots(
    ink: Field, x_px: Field, y_px: Field, job: PrintJob, degrees: float, samples_per_px: float
) -> Field:
    """Return ink dots of an amplitude-modulated screen; unresolved screens stay continuous."""
    resolved = float(np.clip((job.pitch * samples_per_px - 2.4) / 0.8, 0, 1))
    amount = min(1.0, 0.15 + 0.60 * job.strength) * resolved
    if amount <= 0:
        return ink
    angle, turn = np.radians(degrees), 2 * np.pi / job.pitch
    cos, sin = float(np.cos(angle) * turn), float(np.sin(angle) * turn)
    wave = np.cos(x_px * cos + y_px * sin) + np.cos(y_px * cos - x_px * sin)
    threshold = _RANKS[((wave + 2) * 256).astype(np.int32)]
    dots = np.clip((ink - threshold) * (1.1 * job.pitch * samples_per_px) + 0.5, 0, 1)
    printed: Field = ink + (dots - ink) * np.float32(amount)
    return printed


def reflectance(photo: Image, x_px: Field, y_px: Field, job: PrintJob, *, samples_per_px: float) -> Image:
    """Return what the print reflects: Π over inks of 1 − coverage·(1 − transmittance), on white paper.

    ``photo`` is linear light already resampled to the capture grid; ``x_px, y_px`` are paper
    coordinates in sensor px.
    """
    rng = np.random.default_rng([job.seed, 21])
    size = photo.shape[0]
    inks = _separations(photo, job)
    if job.species == "print_inkjet_photo":
        grain = smooth_noise(rng, size, max(1.0, job.pitch * samples_per_px))
        inks = [
            np.clip(k + 0.18 * job.strength * grain * np.sqrt(np.clip(k * (1 - k), 0, 1)), 0, 1) for k in inks
        ]
    else:
        angles = zip(inks, _SCREEN_DEGREES, strict=True)
        inks = [_dots(k, x_px, y_px, job, degrees, samples_per_px) for k, degrees in angles]
    band = 1 + job.banding * job.strength * np.sin(y_px * (2 * np.pi / (3.1 * job.pitch + 2)))
    fibre = 1 + 0.012 * job.strength * smooth_noise(rng, size, 2.5 * samples_per_px)
    paper = 0.86 * band * fibre
    channels = []
    for c in range(3):
        light = paper
        for ink, passed in zip(inks, _INKS[:, c], strict=True):
            light = light * (1 - ink * np.float32(1 - passed))
        channels.append(light)
    return np.stack(channels, axis=-1)


def paper_radiance(paper: Image, x: Field, y: Field, job: PrintJob, light: Lighting, bend: float) -> Image:
    """Light a sheet: uneven irradiance, shading of the bend, and for glossy paper a lamp's spot."""
    rng = np.random.default_rng([job.seed, 22])
    tilt_x, tilt_y = (float(v) for v in rng.uniform(-0.22, 0.22, 2))
    shade = np.clip(1 + tilt_x * x + tilt_y * y + bend * 2.2 * x * float(light.direction[0]), 0.2, 2)
    lit = paper * shade[..., None] * flat_irradiance(light)
    at = (float(rng.uniform(-0.8, 0.8)), float(rng.uniform(-0.9, 0.3)))
    wide = float(rng.uniform(0.10, 0.35))
    spot = bump(x, y, at, (wide, wide * float(rng.uniform(0.5, 1.6)))) * job.gloss * job.strength * 1.6
    veil = 0.004 * job.strength
    seen: Image = lit + (spot + veil)[..., None] * (light.key + light.sky)
    return seen
