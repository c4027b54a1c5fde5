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
    count, height, width, _ = images.shape
    is_last = sent.layout is Layout.NHWC
    shape = (count, height, width, sent.channels) if is_last else (count, sent.channels, height, width)
    # Half precision is rounded once, at the end.
    numbers = np.empty(shape, np.float32 if sent.dtype == "float16" else sent.dtype)
    planes = _planes(images, sent)
    for channel, (factor, summand) in enumerate(sent.scaling.factors(sent.channels).tolist()):
        target = numbers[..., channel] if is_last else numbers[:, channel]
        if sent.scaling.is_identity:
            target[...] = planes[channel]
        else:
            np.multiply(planes[channel], factor, out=target, dtype=numbers.dtype)
            target += summand
    return numbers.astype(sent.dtype, copy=False)


def _planes(images: NDArray[np.uint8], sent: SentInput) -> list[NDArray[np.uint8]]:
    """Return each channel ``(n, height, width)`` in the order in which it is sent."""
    planes = [images[..., channel] for channel in range(3)]
    if sent.colour is Colour.GRAY:
        luma = images.astype(np.int32) @ np.array(_LUMA, np.int32)
        return [((luma + 0x8000) >> 16).astype(np.uint8)] * sent.channels
    return planes[::-1] if sent.colour is Colour.BGR else planes


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
