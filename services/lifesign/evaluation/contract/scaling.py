"""From pixel values 0 to 255 to the numbers a model was trained on."""

from enum import StrEnum
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Colour", "Convention", "Scaling", "convention_scaling", "default_colour"]


class Colour(StrEnum):
    """Order of the channels; gray is ITU-R 601 luma."""

    RGB = "rgb"
    BGR = "bgr"
    GRAY = "gray"


class Convention(StrEnum):
    """Usual scalings by name; tf, torch and caffe are the modes of Keras' ``preprocess_input``."""

    NONE = "none"
    UNIT = "0..1"
    TF = "tf"
    TORCH = "torch"
    CAFFE = "caffe"


class Scaling(BaseModel):
    """(pixel × scale + offset − mean) / std, with pixel values 0 to 255.

    ``mean`` and ``std`` are one number, or one per channel in the order in which channels are sent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)
    mean: tuple[float, ...] | float = 0.0
    std: tuple[float, ...] | float = 1.0

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.scale == 0:
            raise ValueError("expected a scale other than 0: it would make all images alike")
        if isinstance(self.mean, tuple) and isinstance(self.std, tuple) and len(self.mean) != len(self.std):
            raise ValueError(f"expected as many means as stds, got {len(self.mean)} and {len(self.std)}")
        stds = np.atleast_1d(np.asarray(self.std, np.float64))
        if not (np.isfinite(stds).all() and (stds > 0).all()):
            raise ValueError(f"expected std above 0, got {self.std}")
        if not np.isfinite(np.asarray(self.mean)).all():
            raise ValueError(f"expected finite means, got {self.mean}")
        return self

    @property
    def is_identity(self) -> bool:
        """Whether pixels stay as they are."""
        return (
            self.scale == 1
            and self.offset == 0
            and not np.any(self.mean)
            and bool((np.asarray(self.std) == 1).all())
        )

    @property
    def channels(self) -> int | None:
        """Number of channels that it has values for; ``None`` for any."""
        sizes = [len(one) for one in (self.mean, self.std) if isinstance(one, tuple)]
        return sizes[0] if sizes else None

    def factors(self, channels: int) -> NDArray[np.float64]:
        """Return ``(channels, 2)``: multiply by the first, then add the second."""
        mean, std = (np.broadcast_to(np.asarray(one, np.float64), channels) for one in (self.mean, self.std))
        return np.stack([self.scale / std, (self.offset - mean) / std], axis=1)

    def described(self) -> str:
        """Return the formula in a few words, such as ``x*0.00784314-1``."""
        text = "x" if self.scale == 1 else f"x*{self.scale:.6g}"
        text += "" if self.offset == 0 else f"{self.offset:+.6g}"
        mean, std = (np.atleast_1d(np.asarray(one)) for one in (self.mean, self.std))
        shown = [",".join(f"{value:.6g}" for value in one) for one in (mean, std)]
        text += f"-mean({shown[0]})" if mean.any() else ""
        return text + (f"/std({shown[1]})" if (std != 1).any() else "")


# Means and deviations of ImageNet in the order red, green, blue.
_TORCH_MEAN: Final = (0.485, 0.456, 0.406)
_TORCH_STD: Final = (0.229, 0.224, 0.225)
_CAFFE_MEAN: Final = (123.68, 116.779, 103.939)


def default_colour(convention: Convention | Scaling | None) -> Colour:
    """Return the channel order that a convention implies: Caffe's models take blue first."""
    return Colour.BGR if convention is Convention.CAFFE else Colour.RGB


def convention_scaling(convention: Convention, colour: Colour) -> Scaling:
    """Return the numbers of a convention, for channels in the order of ``colour``.

    Raises:
        ValueError: means per colour for an image without colours.
    """
    step = -1 if colour is Colour.BGR else 1
    match convention:
        case Convention.NONE:
            return Scaling()
        case Convention.UNIT:
            return Scaling(scale=1 / 255)
        case Convention.TF:
            return Scaling(scale=1 / 127.5, offset=-1.0)
    if colour is Colour.GRAY:
        raise ValueError(f"scaling {convention} has a mean for each of three colours, and colour is gray")
    if convention is Convention.TORCH:
        return Scaling(scale=1 / 255, mean=_TORCH_MEAN[::step], std=_TORCH_STD[::step])
    return Scaling(mean=_CAFFE_MEAN[::step])
