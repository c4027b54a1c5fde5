"""What the gateway measures of an image itself, before any model sees it."""

import hashlib
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifesign.preprocessing import DecodedImage, ImageLimits, PreprocessingSpec, decode_image, prepare_image

__all__ = ["Picture", "Quality", "QualityWarning", "judge_quality", "take_picture"]

# Conversions that lose what the model was trained on; the others (rotation, profile) lose nothing.
_LOSSY = {
    "grayscale": "GRAYSCALE",
    "palette": "PALETTE",
    "16bit": "SIXTEEN_BIT",
    "cmyk": "CMYK",
    "alpha": "TRANSPARENCY",
    "animated": "ANIMATED",
}


@dataclass(frozen=True)
class QualityWarning:
    """A measured property of the image that makes its score less sure."""

    code: str
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Quality:
    """``reject``: not evaluated; ``warn``: evaluated, but see the warnings; ``ok``: nothing was found."""

    verdict: Literal["ok", "warn", "reject"]
    warnings: tuple[QualityWarning, ...]


@dataclass(frozen=True)
class Picture:
    """A decoded image; ``pixels`` is the model's input, uint8 ``(height, width, 3)``."""

    decoded: DecodedImage
    pixels: NDArray[np.uint8]
    sha256: str
    queue_seconds: float
    decode_seconds: float


def take_picture(data: bytes, limits: ImageLimits, spec: PreprocessingSpec, asked_at: float) -> Picture:
    """Decode and prepare an image; ``asked_at`` is the ``time.monotonic`` when a thread was asked for.

    Raises:
        ImageError: the bytes are not a usable image.
    """
    started = time.monotonic()
    decoded = decode_image(data, limits)
    pixels = prepare_image(decoded, spec)
    digest = hashlib.sha256(data).hexdigest()
    return Picture(decoded, pixels, digest, started - asked_at, time.monotonic() - started)


def judge_quality(decoded: DecodedImage, spec: PreprocessingSpec, *, min_side: int) -> Quality:
    """Judge what can be known without a face detector: size and lossy conversions.

    The side is that of the region the model sees. Below ``min_side`` pixels nothing is evaluated;
    below the model's input the image is enlarged, which smooths away the traces of an attack.
    """
    cropped = spec.crop == "center"
    width = min(decoded.width, decoded.height) if cropped else decoded.width
    height = min(decoded.width, decoded.height) if cropped else decoded.height
    if min(width, height) < min_side:
        return Quality("reject", (QualityWarning("IMAGE_TOO_SMALL", min(width, height), min_side),))
    warnings: list[QualityWarning] = []
    if width < spec.width or height < spec.height:
        limit = max(spec.width, spec.height)
        warnings.append(QualityWarning("IMAGE_ENLARGED", min(width, height), limit))
    warnings += [QualityWarning(_LOSSY[note]) for note in decoded.notes if note in _LOSSY]
    return Quality("warn" if warnings else "ok", tuple(warnings))
