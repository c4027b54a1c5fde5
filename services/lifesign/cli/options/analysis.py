"""Options that say how predictions are judged, wherever they come from."""

from pathlib import Path
from typing import Annotated

import typer

from lifesign.errors import ConfigurationError

__all__ = [
    "Aggregate",
    "AsJson",
    "Baseline",
    "Card",
    "ClassMap",
    "ClassNames",
    "DataName",
    "Limit",
    "OperatingPoint",
    "ProfileName",
    "Quiet",
    "Slices",
    "SplitName",
    "Superclasses",
    "Threshold",
    "class_map_of",
    "names_of",
    "slices_of",
]

Card = Annotated[Path | None, typer.Option(help="a model card file")]
ClassNames = Annotated[
    str | None,
    typer.Option(help="without a card: the classes, comma-separated, in the order of the scores"),
]
SplitName = Annotated[str, typer.Option(help="train, dev, test or all")]
ClassMap = Annotated[
    list[str] | None, typer.Option(help="LABEL=CLASS for a label the model does not know; repeatable")
]
Slices = Annotated[
    str | None,
    typer.Option(
        help="metadata columns to report by, comma-separated; 'none' for none",
        show_default="those with 2 to 20 values",
    ),
]
Aggregate = Annotated[
    str | None,
    typer.Option(
        help="one score per presentation_id from those of its frames: none, mean, median, max or min",
        show_default="none",
    ),
]
DataName = Annotated[str | None, typer.Option(help="name of the data set", show_default="its file or folder")]
Limit = Annotated[int | None, typer.Option(help="samples, drawn by the hash of their id")]
OperatingPoint = Annotated[
    str | None, typer.Option(help="id in the model card", show_default="the card's default")
]
Threshold = Annotated[
    float | None,
    typer.Option(help="fixed threshold on P(bona fide), 0 to 1", show_default="without a card 0.5"),
]
Baseline = Annotated[Path | None, typer.Option(help="run folder to compare with, sample by sample")]
ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="limits to hold a liveness model against, as a gate: ibeta-1, ibeta-2, ibeta-3, "
        "fido-biometric-1, fido-biometric-2, nist-800-63a-4, android-class-1 to -3, or a .json or .yml file",
    ),
]
Superclasses = Annotated[
    Path | None,
    typer.Option(help="JSON object or CSV (class,superclass): also tell a classifier's errors by superclass"),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no summary")]
AsJson = Annotated[bool, typer.Option("--json", help="print the report as JSON to stdout")]


def names_of(text: str | None) -> tuple[str, ...] | None:
    """Return comma-separated words."""
    return None if text is None else tuple(word.strip() for word in text.split(",") if word.strip())


def slices_of(text: str | None) -> tuple[str, ...] | None:
    """Return slice columns; ``none`` is no column, ``None`` those chosen by default."""
    return () if text == "none" else names_of(text)


def class_map_of(pairs: list[str] | None) -> dict[str, str]:
    """Return label → class of ``LABEL=CLASS`` words.

    Raises:
        ConfigurationError: a word of another form.
    """
    mapped: dict[str, str] = {}
    for pair in pairs or []:
        label, separator, target = pair.partition("=")
        if not (label and separator and target):
            raise ConfigurationError(
                f"--class-map: expected LABEL=CLASS, such as real=bona_fide, got {pair!r}"
            )
        mapped[label] = target
    return mapped
