"""The scalings that a model might have been trained on, in place of the one that was said."""

from typing import Final

from lifesign.evaluation.contract.pixels import SentInput
from lifesign.evaluation.contract.scaling import Colour, Convention, convention_scaling, default_colour

__all__ = ["is_scalable", "other_scalings", "scaling_label"]

_FLOATS: Final = ("float16", "float32", "float64")


def is_scalable(sent: SentInput) -> bool:
    """Tell whether the range of values is open: numbers with fractions, not whole numbers or files."""
    return sent.dtype in _FLOATS


def scaling_label(sent: SentInput) -> str:
    """Return what people call a scaling; the order of colours is named where it is not the usual one."""
    usual = Colour.BGR if sent.scaling_name == Convention.CAFFE else Colour.RGB
    is_usual = sent.colour in (usual, Colour.GRAY)
    return sent.scaling_name if is_usual else f"{sent.scaling_name} with colour {sent.colour}"


def other_scalings(sent: SentInput) -> dict[str, SentInput]:
    """Return the named conventions that differ from what is sent, and the other order of colours."""
    others: dict[str, SentInput] = {}
    for convention in Convention:
        colour = sent.colour if sent.colour is Colour.GRAY else default_colour(convention)
        try:
            scaling = convention_scaling(convention, colour)
        except ValueError:
            continue
        changes = {"colour": colour, "scaling": scaling, "scaling_name": str(convention)}
        other = sent.model_copy(update=changes)
        if (other.colour, other.scaling) != (sent.colour, sent.scaling):
            others[scaling_label(other)] = other
    if sent.colour is not Colour.GRAY:
        swapped = Colour.RGB if sent.colour is Colour.BGR else Colour.BGR
        mean, std = (
            value[::-1] if isinstance(value, tuple) else value
            for value in (sent.scaling.mean, sent.scaling.std)
        )
        scaling = sent.scaling.model_copy(update={"mean": mean, "std": std})
        other = sent.model_copy(update={"colour": swapped, "scaling": scaling})
        others[scaling_label(other)] = other
    return others
