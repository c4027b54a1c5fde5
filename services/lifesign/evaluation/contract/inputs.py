"""What is to be sent, from the contract and the input that the server's metadata describe."""

from collections.abc import Mapping
from typing import Final, get_args

import numpy as np

from lifesign.client import TensorSpec
from lifesign.errors import ConfigurationError, ContractError
from lifesign.evaluation.contract.document import Encoding, InputContract, Layout, SentType
from lifesign.evaluation.contract.pixels import SentInput
from lifesign.evaluation.contract.scaling import (
    Colour,
    Convention,
    Scaling,
    convention_scaling,
    default_colour,
)

__all__ = ["infer_input"]

_WIRE_NAMES: Final = {"float": "float32", "double": "float64", "half": "float16"}
_COLOUR_COUNTS: Final = (1, 3)
_SCALINGS: Final = "none (0 to 255), 0..1, tf (-1 to 1), torch, caffe, or scale, offset, mean and std"

_Size = tuple[int | None, int | None]


def infer_input(
    asked: InputContract,
    inputs: Mapping[str, TensorSpec],
    assumed: list[str],
    *,
    unsaid_scaling: Convention | None = None,
) -> tuple[SentInput, _Size]:
    """Return what is sent and the static (height, width); what was taken for granted goes to ``assumed``.

    ``unsaid_scaling`` stands in for a scaling that nobody said, where one is only tried.

    Raises:
        ConfigurationError: the scaling of an input of fractions is not said.
        ContractError: contract and metadata disagree, or it is no input for images.
    """
    name, spec = _input(asked.name, inputs)
    batch = spec.shape[0] if spec.shape and spec.shape[0] > 0 else None
    dtype = _dtype(asked, name, spec)
    if dtype == "string":
        sent = _bytes_input(asked, name, spec, assumed)
        return sent.model_copy(update={"batch": batch}), (None, None)
    if asked.encoding is not None:
        raise ContractError(
            f"encoding is for inputs of bytes, got {asked.encoding} for {name!r}, {dtype} {_shown(spec)}"
        )
    shape = spec.shape or (-1, -1, -1, -1)
    if len(shape) != 4:
        raise ContractError(
            f"expected an input of rank 4, images × height × width × channels in some order, or of bytes, "
            f"got {name!r}, {dtype} {_shown(spec)}"
        )
    layout = _layout(asked.layout, name, shape, assumed)
    channels = shape[3] if layout is Layout.NHWC else shape[1]
    height, width = shape[1:3] if layout is Layout.NHWC else shape[2:4]
    colour, channels = _colour(asked, name, channels, assumed)
    wanted = asked.scaling
    if wanted is None and not _is_whole(dtype):
        wanted = unsaid_scaling
    scaling_name, scaling = _scaling(wanted, name, dtype, colour, assumed)
    if scaling.channels not in (None, channels):
        raise ContractError(f"expected mean and std for {channels} channels, got {scaling.channels}")
    sent = SentInput(
        name=name, dtype=dtype, layout=layout, colour=colour, channels=channels,
        scaling=scaling, scaling_name=scaling_name, batch=batch,
    )  # fmt: skip
    return sent, (height if height > 0 else None, width if width > 0 else None)


def _input(wanted: str | None, inputs: Mapping[str, TensorSpec]) -> tuple[str, TensorSpec]:
    if wanted is not None and wanted not in inputs:
        raise ContractError(f"expected an input {wanted!r}, got {sorted(inputs)}")
    if len(inputs) != 1:
        # TensorFlow Serving wants every input of a signature, and only images can be sent.
        raise ContractError(
            f"expected a signature with one input, for images, got {sorted(inputs)}; name another signature"
        )
    return next(iter(inputs.items()))


def _dtype(asked: InputContract, name: str, spec: TensorSpec) -> SentType:
    served = _WIRE_NAMES.get(spec.dtype, spec.dtype)
    known: dict[str, SentType] = {one: one for one in get_args(SentType)}
    if served not in known:
        raise ContractError(f"expected an input of numbers or bytes, got {name!r}, {served} {_shown(spec)}")
    if asked.dtype not in (None, served):
        raise ContractError(f"expected input {name!r} as {asked.dtype}, got {served} {_shown(spec)}")
    return known[served]


def _bytes_input(asked: InputContract, name: str, spec: TensorSpec, assumed: list[str]) -> SentInput:
    if spec.shape is not None and len(spec.shape) != 1:
        raise ContractError(f"expected bytes as one string per image, [-1], got {name!r}, {_shown(spec)}")
    pixels = ("layout", asked.layout), ("colour", asked.colour), ("scaling", asked.scaling)
    unusable = [field for field, value in pixels if value is not None]
    if unusable:
        raise ContractError(
            f"a model that takes bytes decodes them itself: {', '.join(unusable)} cannot be said for {name!r}"
        )
    encoding = asked.encoding or Encoding.ORIGINAL
    if asked.encoding is None:
        assumed.append(f"input {name!r} takes bytes: files are sent as they are, and the model decodes them")
    return SentInput(name=name, dtype="string", encoding=encoding)


def _layout(wanted: Layout | None, name: str, shape: tuple[int, ...], assumed: list[str]) -> Layout:
    fitting = [
        layout
        for layout, channels in ((Layout.NHWC, shape[3]), (Layout.NCHW, shape[1]))
        if channels in _COLOUR_COUNTS or channels < 0
    ]
    if wanted is not None:
        if wanted not in fitting:
            raise ContractError(
                f"expected input {name!r} with 1 or 3 channels in the layout {wanted}, got {list(shape)}"
            )
        return wanted
    # A size that is said outweighs one that is left open.
    said = [one for one in fitting if (shape[3] if one is Layout.NHWC else shape[1]) in _COLOUR_COUNTS]
    if not fitting:
        raise ContractError(f"expected input {name!r} with 1 or 3 channels, got {list(shape)}")
    if len(said) != 1:
        assumed.append(f"input {name!r} {list(shape)} is taken to be NHWC: channels last")
        return Layout.NHWC
    return said[0]


def _colour(asked: InputContract, name: str, channels: int, assumed: list[str]) -> tuple[Colour, int]:
    colour = asked.colour
    if colour is None:
        colour = Colour.GRAY if channels == 1 else default_colour(asked.scaling)
        if colour is Colour.RGB and asked.scaling is not Convention.NONE:
            assumed.append(f"channels of input {name!r} are taken to be in the order red, green, blue")
    if channels < 0:
        channels = 1 if colour is Colour.GRAY else 3
    if channels == 1 and colour is not Colour.GRAY:
        raise ContractError(f"expected colour gray for input {name!r} with one channel, got {colour}")
    return colour, channels


def _scaling(
    asked: Convention | Scaling | None, name: str, dtype: SentType, colour: Colour, assumed: list[str]
) -> tuple[str, Scaling]:
    if asked is None:
        if not _is_whole(dtype):
            raise ConfigurationError(
                f"input {name!r} takes {dtype}, and no metadata tell in which range: expected scaling in the "
                f"model contract (--model-config), one of {_SCALINGS}; a dry run compares them"
            )
        assumed.append(f"input {name!r} takes {dtype}: pixels are sent as 0 to 255, scaling is in the model")
        asked = Convention.NONE
    scaling = asked if isinstance(asked, Scaling) else _named(asked, colour)
    if _is_whole(dtype) and not scaling.is_identity:
        raise ContractError(
            f"expected scaling none for whole numbers, got {scaling.described()} for {name!r}, {dtype}"
        )
    if dtype == "int8":
        raise ContractError(f"pixels 0 to 255 do not fit input {name!r}, int8")
    return ("values" if isinstance(asked, Scaling) else str(asked)), scaling


def _is_whole(dtype: SentType) -> bool:
    return np.issubdtype(np.dtype(dtype), np.integer)


def _named(convention: Convention, colour: Colour) -> Scaling:
    try:
        return convention_scaling(convention, colour)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _shown(spec: TensorSpec) -> str:
    return "of unknown shape" if spec.shape is None else str(list(spec.shape))
