"""The camera: radiance on a super-sampled grid becomes sRGB bytes, through optics, sensor and JPEG.

Chain: point spread and motion → integration over each pixel → vignette → auto exposure → RGGB
mosaic → shot and read noise → bilinear demosaic → white balance → denoise and sharpen → tone
curve → resize → JPEG. Everything that looks like an artefact comes out of this chain.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from scipy import ndimage

from lifesign_training.synth.colour import Image, encode_srgb, luma
from lifesign_training.synth.fields import Field, blur, frame_grid

__all__ = [
    "DEVICES",
    "SOURCE_CAMERA",
    "Device",
    "Shot",
    "draw_shot",
    "photograph",
    "sensor_side",
    "through_jpeg",
]


@dataclass(frozen=True)
class Device:
    """A camera model; ``pixels`` is sensor side per output side, blurs are in sensor px."""

    name: str
    pixels: float
    psf: float
    full_well: float
    read_noise: float
    vignette: float
    white_balance: tuple[float, float, float]
    chroma_denoise: float
    luma_denoise: float
    sharpen: float
    contrast: float
    jpeg: tuple[int, int]


DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        Device("phone_a", 1.2, 0.42, 6500, 6, 0.10, (1.00, 1.0, 1.01), 1.2, 0.35, 0.65, 0.22, (78, 94)),
        Device("phone_b", 1.15, 0.48, 4800, 8, 0.14, (1.03, 1.0, 0.97), 1.4, 0.45, 0.80, 0.30, (72, 92)),
        Device("webcam_c", 1.0, 0.58, 3400, 10, 0.20, (0.97, 1.0, 1.04), 1.3, 0.30, 0.45, 0.12, (62, 88)),
        Device("kiosk_d", 1.1, 0.52, 2800, 12, 0.24, (1.04, 1.0, 0.96), 1.2, 0.25, 0.75, 0.32, (58, 84)),
    )
}

# The good phone that an attacker's source photo is taken with; it renders at its own resolution.
SOURCE_CAMERA = Device("source", 1.0, 0.50, 6500, 5, 0.08, (1.0, 1.0, 1.0), 1.0, 0.40, 0.40, 0.10, (82, 96))


@dataclass(frozen=True)
class Shot:
    """One press of the button: what varies from picture to picture on the same device."""

    device: Device
    exposure: float
    light: float
    blur: float
    vividness: float
    motion: tuple[int, int]
    jpeg_quality: int
    seed: int


def draw_shot(device: Device, rng: np.random.Generator, *, light: float = 1.0) -> Shot:
    """Draw focus, shake (15 % of shots), exposure and JPEG quality; ``light`` scales the electrons."""
    moving = rng.random() < 0.15
    motion = (int(rng.integers(-3, 4)), int(rng.integers(-3, 4))) if moving else (0, 0)
    return Shot(
        device=device,
        exposure=float(rng.uniform(0.80, 1.20)),
        light=light * float(np.exp(rng.uniform(np.log(0.45), 0.0))),  # short and long exposures
        blur=float(rng.uniform(0.75, 1.6)),
        vividness=float(rng.uniform(0.72, 1.28)),
        motion=motion,
        jpeg_quality=int(rng.integers(device.jpeg[0], device.jpeg[1] + 1)),
        seed=int(rng.integers(2**31)),
    )


def photograph(radiance: Image, shot: Shot, size: int) -> NDArray[np.uint8]:
    """Photograph a radiance image ``(S·n, S·n, 3)`` and return sRGB bytes ``(size, size, 3)``.

    ``n`` is the sensor side ``sensor_side(device, size)``; S is any whole number.
    """
    device = shot.device
    side = sensor_side(device, size)
    rng = np.random.default_rng([shot.seed, 11])
    light = _expose(_vignette(_optics(radiance, shot, side), device), shot)
    raw = _sense(light, device, shot.light, rng)
    rgb = _white_balance(_demosaic(raw), device, rng)
    picture = _tone(_develop(rgb, shot), device)
    pixels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    photo = PilImage.fromarray(pixels)
    if side != size:
        photo = photo.resize((size, size), PilImage.Resampling.LANCZOS)
    return through_jpeg(np.asarray(photo), shot.jpeg_quality)


def sensor_side(device: Device, size: int) -> int:
    """Return the sensor side in px for an output of ``size`` px."""
    return round(device.pixels * size / 2) * 2


def through_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return the pixels as they are after one JPEG compression (4:2:0)."""
    buffer = io.BytesIO()
    PilImage.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=2)
    return np.asarray(PilImage.open(buffer).convert("RGB"))


def _optics(radiance: Image, shot: Shot, side: int) -> Image:
    steps = radiance.shape[0] // side
    image = blur(radiance, shot.device.psf * shot.blur * steps)
    if shot.motion != (0, 0):
        shift = np.array(shot.motion) * steps / 3
        moved = [
            np.roll(image, (round(shift[1] * t), round(shift[0] * t)), (0, 1))
            for t in (-0.75, -0.25, 0.25, 0.75)
        ]
        image = (moved[0] + moved[1] + moved[2] + moved[3]) * np.float32(0.25)
    if steps == 1:
        return image
    integrated: Image = image.reshape(side, steps, side, steps, 3).mean(axis=(1, 3), dtype=np.float32)
    return integrated


def _vignette(image: Image, device: Device) -> Image:
    x, y = frame_grid(image.shape[0])
    return image * (1 - device.vignette * 0.5 * (x * x + y * y))[..., None]


def _expose(image: Image, shot: Shot) -> Image:
    """Meter the centre; dark subjects stay darker than light ones, and lights roll off softly."""
    x, y = frame_grid(image.shape[0])
    weight = np.exp(-(x * x + y * y) / 0.3)
    metered = float((luma(image) * weight).sum() / weight.sum())
    gain = 0.22 * shot.exposure / max(metered, 1e-4) ** 0.82 * 0.22**-0.18
    dim = 0.75 if shot.light < 0.36 else 1.0  # only low light comes below this
    exposed = image * np.float32(gain * dim)
    knee = 0.62
    above = 1 - np.exp(-np.clip(exposed - knee, 0, None) / (1 - knee))
    return np.where(exposed > knee, knee + (1 - knee) * above, exposed)


def _sense(image: Image, device: Device, light: float, rng: np.random.Generator) -> Field:
    """Sample one colour per pixel (RGGB) and add shot and read noise."""
    raw = np.empty(image.shape[:2], np.float32)
    raw[0::2, 0::2] = image[0::2, 0::2, 0]
    raw[0::2, 1::2] = image[0::2, 1::2, 1]
    raw[1::2, 0::2] = image[1::2, 0::2, 1]
    raw[1::2, 1::2] = image[1::2, 1::2, 2]
    well = device.full_well * min(light, 1.0)
    electrons = np.clip(raw, 0, 1) * np.float32(well)
    noise = rng.standard_normal(raw.shape, dtype=np.float32)
    electrons = electrons + noise * np.sqrt(electrons + np.float32(device.read_noise**2))
    sensed: Field = np.clip(electrons / np.float32(well), 0, 1)
    return sensed


_CROSS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
_SQUARE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4


def _demosaic(raw: Field) -> Image:
    """Bilinear interpolation of the missing two colours of each pixel."""
    planes = np.zeros((3, *raw.shape), np.float32)
    planes[0, 0::2, 0::2] = raw[0::2, 0::2]
    planes[1, 0::2, 1::2] = raw[0::2, 1::2]
    planes[1, 1::2, 0::2] = raw[1::2, 0::2]
    planes[2, 1::2, 1::2] = raw[1::2, 1::2]
    kernels = (_SQUARE, _CROSS, _SQUARE)
    full = [ndimage.convolve(p, k, mode="mirror") for p, k in zip(planes, kernels, strict=True)]
    return np.stack(full, axis=-1)


def _white_balance(rgb: Image, device: Device, rng: np.random.Generator) -> Image:
    """Correct half-way to a grey world, within limits, then add the device's own error of ±4 %."""
    means = rgb.mean(axis=(0, 1), dtype=np.float32)
    gains = np.clip((means.mean() / np.maximum(means, 1e-3)) ** 0.45, 0.80, 1.30)
    error = np.array(device.white_balance) * rng.uniform(0.98, 1.02, 3)
    balanced: Image = rgb * (gains / gains[1] * error).astype(np.float32)
    return balanced


def _develop(rgb: Image, shot: Shot) -> Image:
    """Denoise colour and brightness apart, then sharpen brightness."""
    device = shot.device
    bright: Field = luma(rgb)
    colour = blur(rgb - bright[..., None], device.chroma_denoise)
    bright = bright + device.luma_denoise * (blur(bright, 0.8) - bright)
    bright = bright + device.sharpen * (bright - blur(bright, 1.1))
    return colour * np.float32(shot.vividness) + bright[..., None]


def _tone(rgb: Image, device: Device) -> Image:
    """Apply the sRGB curve and a gentle S for contrast."""
    encoded = encode_srgb(rgb)
    curved = encoded * encoded * (3 - 2 * encoded)
    return encoded + np.float32(device.contrast) * (curved - encoded)
