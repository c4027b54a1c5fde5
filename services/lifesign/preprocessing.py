"""From image bytes to the pixels a model sees: decode, orientation, colour, crop and resize.

This happens here and nowhere else, so the gateway, the evaluation and the training cannot differ.
Scaling of pixel values is inside the exported graph.
"""

import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict, Field

from lifesign.errors import ImageError, ImageProblem

__all__ = ["DecodedImage", "ImageLimits", "PreprocessingSpec", "decode_image", "prepare_image", "read_image"]

_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}
_SRGB = ImageCms.createProfile("sRGB")
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


class PreprocessingSpec(BaseModel):
    """How an image becomes the model's input of ``height`` × ``width`` sRGB pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(gt=0, le=4096, description="pixels")
    width: int = Field(gt=0, le=4096, description="pixels")
    crop: Literal["none", "center"] = "none"
    resample: Literal["bilinear", "lanczos"] = "bilinear"

    @property
    def fingerprint(self) -> str:
        """One line that changes whenever the pixels may: ``exif>srgb>resize112x112-bilinear-aa``."""
        crop = "" if self.crop == "none" else f"{self.crop}-crop>"
        return f"exif>srgb>{crop}resize{self.height}x{self.width}-{self.resample}-aa"


@dataclass(frozen=True)
class ImageLimits:
    """What is refused before any pixel is decoded."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000


@dataclass(frozen=True)
class DecodedImage:
    """An upright 8-bit sRGB image.

    ``width`` and ``height`` are those of the upright image; ``orientation`` is the EXIF value
    1–8 that was applied; ``notes`` names the conversions made: ``rotated``, ``alpha``, ``cmyk``,
    ``16bit`` (or floats), ``grayscale``, ``palette``, ``icc``, ``animated`` (the first frame is used).
    """

    image: Image.Image
    format: str
    orientation: int
    notes: tuple[str, ...]

    @property
    def width(self) -> int:
        return self.image.width

    @property
    def height(self) -> int:
        return self.image.height


def read_image(path: str | Path, limits: ImageLimits = ImageLimits()) -> bytes:
    """Return the bytes of an image file.

    Raises:
        ImageError: missing, unreadable or larger than ``limits.max_bytes``.
    """
    try:
        # Few calls of the system: each lets go of the interpreter, which another thread may take and keep.
        # Without O_NONBLOCK a named pipe would be waited for without end.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(
                    ImageProblem.MISSING, f"{path}: expected a file, got a folder, pipe or device"
                )
            if status.st_size > limits.max_bytes:
                raise ImageError(
                    ImageProblem.TOO_LARGE,
                    f"{path}: {status.st_size:,} bytes, at most {limits.max_bytes:,} are accepted",
                )
            return _read(handle, status.st_size)
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise ImageError(ImageProblem.MISSING, f"{path}: no such file") from None
    except OSError as error:
        raise ImageError(ImageProblem.MISSING, f"{path}: {error.strerror or error}") from error


def _read(handle: int, size: int) -> bytes:
    content = os.read(handle, size)
    while len(content) < size and (more := os.read(handle, size - len(content))):
        content += more
    return content


def decode_image(data: bytes, limits: ImageLimits = ImageLimits()) -> DecodedImage:
    """Decode JPEG, PNG, WebP, BMP, TIFF or GIF bytes to an upright 8-bit sRGB image.

    Raises:
        ImageError: empty, not an image, truncated, or beyond ``limits`` (judged by the header,
            so a decompression bomb costs nothing).
    """
    if not data:
        raise ImageError(ImageProblem.EMPTY, "the image has 0 bytes")
    if len(data) > limits.max_bytes:
        raise ImageError(
            ImageProblem.TOO_LARGE,
            f"the image has {len(data):,} bytes, at most {limits.max_bytes:,} are accepted",
        )
    image = _open(data, limits)
    try:
        image.load()
    except OSError as error:
        raise ImageError(ImageProblem.TRUNCATED, f"the image is cut short or damaged: {error}") from error
    except (SyntaxError, ValueError, ArithmeticError) as error:
        raise ImageError(ImageProblem.NOT_AN_IMAGE, f"the image cannot be decoded: {error}") from error
    return _upright_srgb(image)


def prepare_image(decoded: DecodedImage, spec: PreprocessingSpec) -> NDArray[np.uint8]:
    """Return the model's input, ``(height, width, 3)`` uint8 sRGB."""
    image = decoded.image
    if spec.crop == "center":
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.size != (spec.width, spec.height):
        image = image.resize((spec.width, spec.height), _RESAMPLING[spec.resample])
    return np.asarray(image, dtype=np.uint8)


def _open(data: bytes, limits: ImageLimits) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images; the limit below refuses them.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        # Pillow's own limit is met while it opens the file, before the size can be read.
        pillows = 2 * (Image.MAX_IMAGE_PIXELS or limits.max_pixels)
        raise ImageError(
            ImageProblem.TOO_MANY_PIXELS,
            f"more than the {min(limits.max_pixels, pillows):,} pixels that are accepted",
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ImageError(
            ImageProblem.NOT_AN_IMAGE,
            f"not an image: expected one of {', '.join(_FORMATS)}, got {data[:8]!r}…",
        ) from error
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise ImageError(
            ImageProblem.TOO_MANY_PIXELS,
            f"{image.width} × {image.height} = {pixels:,} pixels, at most {limits.max_pixels:,} are accepted",
        )
    return image


def _upright_srgb(image: Image.Image) -> DecodedImage:
    notes: list[str] = []
    file_format = image.format or "unknown"
    if getattr(image, "is_animated", False):
        notes.append("animated")
    orientation = image.getexif().get(0x0112, 1)
    profile = image.info.get("icc_profile")
    if orientation not in (None, 1):
        image = ImageOps.exif_transpose(image)
        notes.append("rotated")
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bit(image)
        notes.append("16bit")
    if image.mode == "CMYK":
        notes.append("cmyk")
    if profile and (converted := _to_srgb(image, profile)) is not None:
        image = converted
        notes.append("icc")
    if image.mode == "P":
        notes.append("palette")
    if image.mode in ("L", "1"):
        notes.append("grayscale")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        notes.append("alpha")
    # Pillow copies an image that is RGB already; that copy was a tenth of the cost of a small JPEG.
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return DecodedImage(rgb, file_format, int(orientation or 1), tuple(notes))


def _eight_bit(image: Image.Image) -> Image.Image:
    values: NDArray[Any] = np.nan_to_num(np.asarray(image, dtype=np.float64))
    brightest = values.max(initial=0)
    if image.mode == "F" and brightest <= 1:
        scaled = values * 255.0
    else:
        # 16-bit files use the whole range; plain convert("RGB") would clip everything above 255.
        scaled = values / 257.0 if brightest > 255 else values
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8), mode="L")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the image in sRGB, or ``None`` where the embedded profile is unusable or sRGB already."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        target = "RGB" if image.mode in ("RGB", "CMYK", "L") else None
        if target is None:
            return None
        return ImageCms.profileToProfile(image, source, _SRGB, outputMode=target)
    except (ImageCms.PyCMSError, OSError):
        return None
