"""Photographs on screens: gamma, sub-pixel structure at its real pitch, black level, reflections."""

from dataclasses import dataclass

import numpy as np

from lifesign_training.synth.colour import Image, encode_srgb
from lifesign_training.synth.fields import Field, bump, resize, smooth_noise
from lifesign_training.synth.lighting import Lighting, flat_irradiance

__all__ = ["Display", "draw_display", "screen_radiance"]

_PITCH = {"replay_lcd_monitor": (1.05, 2.4), "replay_tablet": (0.85, 2.0), "replay_phone_oled": (0.70, 1.6)}


@dataclass(frozen=True)
class Display:
    """A screen showing the photo; ``pitch`` is sensor px per display px."""

    species: str
    pitch: float
    gamma: float
    white: tuple[float, float, float]
    brightness: float
    black: float
    crosstalk: float
    banding: float
    reflection: float
    glare: float
    tilt: tuple[float, float]
    strength: float
    seed: int


def draw_display(species: str, strength: float, rng: np.random.Generator) -> Display:
    """Draw a screen of a species; ``strength`` scales structure, banding and reflections."""
    oled = species == "replay_phone_oled"
    blue = float(rng.uniform(0.0, 1.0))
    return Display(
        species=species,
        pitch=float(rng.uniform(*_PITCH[species])),
        gamma=float(rng.uniform(2.05, 2.35)),
        white=(1.0 - 0.10 * blue, 1.0, 1.0 + 0.16 * blue),
        brightness=float(rng.uniform(0.8, 1.5)),
        black=float(rng.uniform(0.0, 0.002) if oled else rng.uniform(0.002, 0.012)),
        crosstalk=float(rng.uniform(0.02, 0.09)),
        banding=float(rng.uniform(0.01, 0.09)),
        reflection=float(rng.uniform(0.005, 0.03)),
        glare=float(rng.uniform(0.0, 0.25)) if rng.random() < 0.5 else 0.0,
        tilt=(float(rng.uniform(-0.25, 0.25)), float(rng.uniform(-0.25, 0.25))),
        strength=strength,
        seed=int(rng.integers(2**31)),
    )


def _harmonics(phase: Field, fill: float, per_sample: float, amount: float) -> Field:
    """Return a pulse train of mean 1 with duty ``fill``, without harmonics the grid cannot carry.

    ``phase`` in periods, ``per_sample`` periods per grid sample. The Fourier sum fades out
    towards the grid's Nyquist frequency, as optics average what they cannot resolve.
    """
    wave = np.ones_like(phase)
    order = 1
    while order * per_sample < 0.45 and order <= 3:
        fade = float(np.clip((0.45 - order * per_sample) / 0.08, 0, 1))
        weight = 2 * float(np.sinc(order * fill)) * amount * fade
        wave = wave + weight * np.cos(phase * (2 * np.pi * order))
        order += 1
    return wave


def _stripes(x: Field, y: Field, per_sample: float, amount: float) -> Image:
    """RGB stripe: three upright thirds per pixel, and the dark line between rows."""
    rows = _harmonics(y, 0.82, per_sample, amount)
    thirds = [_harmonics(x - c / 3, 1 / 3, per_sample, amount) * rows for c in range(3)]
    return np.stack(thirds, axis=-1)


def _pentile(x: Field, y: Field, per_sample: float, amount: float) -> Image:
    """PenTile: green in every pixel, red and blue take turns like a chess board."""
    green = _harmonics(x, 0.45, per_sample, amount) * _harmonics(y, 0.45, per_sample, amount)
    along, across = (x + y) * 0.5, (x - y) * 0.5
    slower = per_sample * 0.71
    red = _harmonics(along, 0.5, slower, amount) * _harmonics(across, 0.5, slower, amount)
    blue = _harmonics(along + 0.5, 0.5, slower, amount) * _harmonics(across + 0.5, 0.5, slower, amount)
    return np.stack([red, green, blue], axis=-1)


def _structure(display: Display, x_px: Field, y_px: Field, samples_per_px: float) -> Image:
    amount = min(1.0, 0.15 + 0.60 * display.strength)
    x, y = x_px * (1 / display.pitch), y_px * (1 / display.pitch)
    per_sample = 1 / (display.pitch * samples_per_px)
    lattice = _pentile if display.species == "replay_phone_oled" else _stripes
    return np.clip(lattice(x, y, per_sample, amount), 0, None)


def screen_radiance(
    photo: Image, x: Field, y: Field, x_px: Field, y_px: Field, display: Display, light: Lighting,
    *, samples_per_px: float,
) -> Image:  # fmt: skip
    """Return the light of a screen and what it mirrors, on the capture grid.

    ``photo`` is linear light resampled to the grid, ``x, y`` the screen coordinates −1…1 and
    ``x_px, y_px`` the same in sensor px.
    """
    rng = np.random.default_rng([display.seed, 31])
    strength = display.strength
    shown = encode_srgb(photo) ** np.float32(display.gamma)
    # Screens are tuned to look vivid, which offsets the cross-talk of their primaries.
    grey = shown.mean(axis=2, dtype=np.float32)[..., None]
    shown = np.clip(grey + (shown - grey) * np.float32(1.12), 0, 1)
    mixed = display.crosstalk * shown.mean(axis=2, dtype=np.float32)
    shown = shown * np.float32(1 - display.crosstalk) + mixed[..., None]
    shown = shown * np.array(display.white, np.float32) + np.float32(display.black * (0.5 + strength))
    shown = shown * _structure(display, x_px, y_px, samples_per_px)
    view = np.clip(1 + (display.tilt[0] * x + display.tilt[1] * y) * 0.6, 0.3, 2)
    period = float(rng.uniform(0.35, 1.2))
    rolling = 1 + display.banding * strength * np.sin(y * (2 * np.pi / period) + float(rng.uniform(0, 6.28)))
    emitted = shown * (view * rolling)[..., None] * np.float32(display.brightness)
    ambient = flat_irradiance(light)
    size = photo.shape[0]
    room = np.clip(1 + 0.6 * resize(smooth_noise(rng, 48, 14), size), 0, 3)
    mirrored = room * np.float32(display.reflection * (0.3 + 0.7 * strength) * 0.55)
    at = (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(-0.9, 0.5)))
    wide = float(rng.uniform(0.08, 0.30))
    mirrored = mirrored + bump(x, y, at, (wide, wide * 0.8)) * np.float32(display.glare * strength)
    seen: Image = emitted + mirrored[..., None] * ambient
    return seen
