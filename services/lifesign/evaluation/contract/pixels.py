"""From prepared images to the tensor that one model takes: channel order, scaling, layout, or files."""

import io
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict

from lifesign.errors import ContractError
from lifesign.evaluation.contract.document import Encoding, Layout, SentType
from lifesign.evaluation.contract.scaling import Colour, Scaling

__all__ = ["SentInput", "sent_tensor"]

_JPEG_QUALITY: Final = 95
# ITU-R 601 luma in 1/65536, as Pillow computes it.
_LUMA: Final = (19595, 38470, 7471)


class SentInput(BaseModel):
    """One input of a model in full: nothing is left to infer.

    ``encoding`` is given for dtype ``string`` and for no other. ``batch`` is the number of images per request
    where the model takes no other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dtype: SentType
    layout: Layout = Layout.NHWC
    colour: Colour = Colour.RGB
    channels: int = 3
    scaling: Scaling = Scaling()
    scaling_name: str = "none"
    encoding: Encoding | None = None
    batch: int | None = None

    @property
    def takes_files(self) -> bool:
        """Whether the files themselves are sent, and not the pixels prepared from them."""
        return self.encoding is Encoding.ORIGINAL

    @property
    def fingerprint(self) -> str:
        """One line that changes whenever what is sent may: ``bgr>caffe:x-mean(…)>float32-NHWC``."""
        if self.encoding is not None:
            return "file-bytes" if self.takes_files else f"{self.encoding}-bytes"
        colour = self.colour if self.colour is not Colour.GRAY else f"gray×{self.channels}"
        scaling = "" if self.scaling.is_identity else f"{self.scaling_name}:{self.scaling.described()}>"
        return f"{colour}>{scaling}{self.dtype}-{self.layout}"


def sent_tensor(images: NDArray[Any], sent: SentInput) -> NDArray[Any]:
    """Return what is sent for ``n`` images: numbers in the model's layout, or byte strings ``(n,)``.

    ``images`` are uint8 ``(n, height, width, 3)`` sRGB, or objects ``(n,)`` of file bytes where the model
    takes those.
    """
    if sent.takes_files:
        if images.dtype != np.object_:
            raise ContractError(f"expected the bytes of files, got {images.dtype} {images.shape}")
        return images
    if images.ndim != 4 or images.dtype != np.uint8:
        raise ContractError(f"expected uint8 images (n, h, w, 3), got {images.dtype} {images.shape}")
    if sent.encoding is not None:
        return _files(images, sent.encoding)
    as_is = (sent.dtype, sent.layout, sent.colour) == ("uint8", Layout.NHWC, Colour.RGB)
    return images if as_is and sent.scaling.is_identity else _numbers(images, sent)


def _numbers(images: NDArray[np.uint8], sent: SentInput) -> NDArray[Any]:
    pixels = _ordered(images, sent)
    if sent.layout is Layout.NCHW:
        pixels = pixels.transpose(0, 3, 1, 2)
    # Half precision is rounded once, at the end.
    numbers = np.empty(pixels.shape, np.float32 if sent.dtype == "float16" else sent.dtype)
    factors, summands = _rows(sent, images.shape[2], numbers.dtype)
    # Image by image: what is read again lies in the cache still.
    for target, source in zip(numbers, pixels, strict=True):
        target[...] = source
        if not sent.scaling.is_identity:
            rows = target.reshape(-1, factors.shape[-1]) if sent.layout is Layout.NHWC else target
            rows *= factors
            rows += summands
    return numbers.astype(sent.dtype, copy=False)


def _ordered(images: NDArray[np.uint8], sent: SentInput) -> NDArray[np.uint8]:
    """Return a view ``(n, height, width, channels)``, the channels in the order in which they are sent."""
    if sent.colour is Colour.GRAY:
        luma = images.astype(np.int32) @ np.array(_LUMA, np.int32)
        gray = ((luma + 0x8000) >> 16).astype(np.uint8)[..., None]
        return np.broadcast_to(gray, (*gray.shape[:3], sent.channels))
    return images[..., ::-1] if sent.colour is Colour.BGR else images


def _rows(sent: SentInput, width: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return factors and summands that meet long contiguous rows: numpy is slow on rows of three."""
    pairs = sent.scaling.factors(sent.channels).astype(dtype).T
    if sent.layout is Layout.NHWC:
        return np.tile(pairs[0], width), np.tile(pairs[1], width)
    return pairs[0][:, None, None], pairs[1][:, None, None]


def _files(images: NDArray[np.uint8], encoding: Encoding) -> NDArray[Any]:
    files = np.empty(len(images), np.object_)
    for place, pixels in enumerate(images):
        buffer = io.BytesIO()
        if encoding is Encoding.PNG:
            Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        else:
            Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        files[place] = buffer.getvalue()
    return files
