"""One image, read and decoded: what is kept of it until its portion is measured."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lifesign.errors import ImageError, ImageProblem
from lifesign.evaluation.audit.fingerprints import hash_plane
from lifesign.evaluation.audit.headers import FileHeader, read_header
from lifesign.evaluation.audit.texture import TEXTURE_SIDE
from lifesign.preprocessing import decode_image

__all__ = ["THUMB_SIDE", "DecodedSample", "read_sample", "sample_of_image"]

THUMB_SIDE = 32
_LEAST_FACE = 8
_MOST_ENLARGED = 64 * TEXTURE_SIDE


@dataclass(frozen=True)
class DecodedSample:
    """Digests are SHA-256 of the file, and of the upright sRGB pixels with their size.

    ``plane`` uint8 ``(32, 32)`` luma of the face, or of the whole image without its box; ``crop`` uint8
    ``(96, 96, 3)`` of the centre at its own scale, ``crop_luma`` its luma; ``thumb`` uint8
    ``(32, 32, 3)`` of the whole;
    ``file_bytes`` 0 and ``header`` ``None`` where the file is not known; ``notes`` the conversions made.
    """

    file_digest: bytes
    pixel_digest: bytes
    plane: NDArray[np.uint8]
    crop: NDArray[np.uint8]
    crop_luma: NDArray[np.uint8]
    thumb: NDArray[np.uint8]
    width: int
    height: int
    file_bytes: int = 0
    header: FileHeader | None = None
    notes: tuple[str, ...] = ()


def read_sample(
    path: str, read: Callable[[str], bytes], box: NDArray[np.float64] | None
) -> DecodedSample | str:
    """Return the sample, or the reason why there is none; ``box`` is x, y, width, height in pixels."""
    try:
        data = read(path)
        decoded = decode_image(data)
    except ImageError as error:
        return str(error.reason)
    except (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError, MemoryError):
        # A decoder can fail on a hostile file in ways nobody listed; that costs one image, not the audit.
        return str(ImageProblem.NOT_AN_IMAGE)
    header = read_header(data)
    notes = list(decoded.notes)
    if header is not None:
        notes += ["progressive"] if header.progressive else []
        notes += ["icc"] if header.icc and "icc" not in notes else []
    return sample_of_image(
        decoded.image,
        hashlib.sha256(data).digest(),
        box=box,
        file_bytes=len(data),
        header=header,
        notes=tuple(notes),
    )


def sample_of_image(
    image: Image.Image,
    file_digest: bytes,
    *,
    box: NDArray[np.float64] | None = None,
    file_bytes: int = 0,
    header: FileHeader | None = None,
    notes: tuple[str, ...] = (),
) -> DecodedSample:
    """Return the sample of an upright RGB image."""
    pixels = hashlib.sha256(f"{image.width}x{image.height}:".encode())
    pixels.update(image.tobytes())
    centre = _centre(image)
    return DecodedSample(
        file_digest=file_digest,
        pixel_digest=pixels.digest(),
        plane=hash_plane(_face(image, box)),
        crop=np.asarray(centre, np.uint8),
        crop_luma=np.asarray(centre.convert("L"), np.uint8),
        thumb=np.asarray(image.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BOX), np.uint8),
        width=image.width,
        height=image.height,
        file_bytes=file_bytes,
        header=header,
        notes=notes,
    )


def _face(image: Image.Image, box: NDArray[np.float64] | None) -> Image.Image:
    if box is None or not np.isfinite(box).all():
        return image
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    right, bottom = min(image.width, round(box[0] + box[2])), min(image.height, round(box[1] + box[3]))
    # A box outside of the picture, or of a few pixels, is no face.
    return image.crop((left, top, right, bottom)) if min(right - left, bottom - top) >= _LEAST_FACE else image


def _centre(image: Image.Image) -> Image.Image:
    if min(image.size) < TEXTURE_SIDE:
        scale = TEXTURE_SIDE / min(image.size)
        width, height = (max(TEXTURE_SIDE, round(side * scale)) for side in image.size)
        if max(width, height) > _MOST_ENLARGED:  # a line of pixels would be enlarged without bound
            width = height = TEXTURE_SIDE
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (image.width - TEXTURE_SIDE) // 2, (image.height - TEXTURE_SIDE) // 2
    return image.crop((left, top, left + TEXTURE_SIDE, top + TEXTURE_SIDE))
