"""What an image file says of itself before a pixel is decoded: container, coding tables, EXIF, profile."""

import hashlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

__all__ = ["NO_TABLES", "FileHeader", "read_header"]

NO_TABLES = "none"
_SOFTWARE, _MAKE, _MODEL = 0x0131, 0x010F, 0x0110
# Mean of the luminance table of ITU-T T.81, Annex K.1, at quality 50.
_MEAN_AT_50 = 57.625


@dataclass(frozen=True)
class FileHeader:
    """The header of one file; words are ``none`` where there is nothing.

    ``quantisation`` is a short digest of the JPEG tables, ``quality`` libjpeg's scale estimated from them
    (1–100, ``nan`` for other formats), ``software`` the EXIF program name, ``camera`` EXIF make and model.
    """

    container: str
    quantisation: str
    quality: float
    exif: bool
    software: str
    camera: str
    icc: bool
    progressive: bool


def read_header(data: bytes) -> FileHeader | None:
    """Return the header of encoded image bytes, ``None`` where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                return _header(image)
    except Exception:
        # Headers of hostile files fail in ways nobody listed; decoding says what is wrong with them.
        return None


def _header(image: Image.Image) -> FileHeader:
    exif = _exif(image)
    tables = getattr(image, "quantization", None) or {}
    camera = " ".join(_word(exif.get(tag)) for tag in (_MAKE, _MODEL) if exif.get(tag))
    return FileHeader(
        container=f"{image.format or 'unknown'} {image.mode}",
        quantisation=_digest(tables) if tables else NO_TABLES,
        quality=_quality(tables),
        exif=len(exif) > 0,
        software=_word(exif.get(_SOFTWARE)) or "none",
        camera=camera or "none",
        icc=bool(image.info.get("icc_profile")),
        progressive=bool(image.info.get("progressive") or image.info.get("progression")),
    )


def _exif(image: Image.Image) -> Image.Exif:
    # A PNG's EXIF may come after its pixels, and asking for it decodes them all.
    if image.format == "PNG":
        exif = Image.Exif()
        exif.load(image.info.get("exif") or b"")
        return exif
    return image.getexif()


def _word(value: object) -> str:
    return str(value or "").strip().strip("\0").strip()[:64]


def _digest(tables: dict[int, list[int]]) -> str:
    text = ";".join(f"{key}:{','.join(map(str, tables[key]))}" for key in sorted(tables))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _quality(tables: dict[int, list[int]]) -> float:
    """Return libjpeg's quality: tables scale by 5000/q % below 50, by 200 - 2q % from there."""
    if not tables:
        return float("nan")
    scale = float(np.mean(tables[min(tables)])) / _MEAN_AT_50 * 100
    return float(np.clip(5000 / scale if scale > 100 else (200 - scale) / 2, 1, 100))
