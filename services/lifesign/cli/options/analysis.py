"""Options that say how predictions are judged, wherever they come from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lifesign.cli.options.groups import given_options
from lifesign.errors import ConfigurationError

__all__ = [
    "Aggregate",
    "AsJson",
    "ClassMap",
    "ClassNames",
    "Judgement",
    "Quiet",
    "Samples",
    "SplitName",
    "class_map_of",
    "names_of",
]

ClassNames = Annotated[
    str | None,
    typer.Option(help="without a card: the classes, comma-separated, in the order of the scores"),
]
SplitName = Annotated[str, typer.Option(help="train, dev, test or all")]
ClassMap = Annotated[
    list[str] | None, typer.Option(help="LABEL=CLASS for a label the model does not know; repeatable")
]
Aggregate = Annotated[
    str | None,
    typer.Option(
        help="one score per presentation_id from those of its frames: none, mean, median, max or min",
        show_default="none",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no summary")]
AsJson = Annotated[bool, typer.Option("--json", help="print the report as JSON to stdout")]


@dataclass(frozen=True)
class Samples:
    """Which samples count, and what their labels mean."""

    card: Annotated[Path | None, typer.Option(help="a model card file")] = None
    class_names: ClassNames = None
    split: SplitName = "test"
    class_map: ClassMap = None
    name: Annotated[
        str | None, typer.Option(help="name of the data set", show_default="its file or folder")
    ] = None
    limit: Annotated[int | None, typer.Option(help="samples, drawn by the hash of their id")] = None

    def given(self) -> dict[str, Any]:
        """Return the options by the names of ``AnalysisConfig``.

        Raises:
            ConfigurationError: a class map of another form.
        """
        return {
            "split": None if self.split == "all" else self.split,
            "class_map": class_map_of(self.class_map or ()),
            **given_options(
                card=self.card,
                class_names=names_of(self.class_names),
                dataset_name=self.name,
                limit=self.limit,
            ),
        }


@dataclass(frozen=True)
class Judgement:
    """How scores are decided, sliced and compared: what can be changed later, without the model."""

    operating_point: Annotated[
        str | None, typer.Option(help="id in the model card", show_default="the card's default")
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option(help="fixed threshold on P(bona fide), 0 to 1", show_default="without a card 0.5"),
    ] = None
    slices: Annotated[
        str | None,
        typer.Option(
            help="metadata columns to report by, comma-separated; 'none' for none",
            show_default="those with 2 to 20 values",
        ),
    ] = None
    aggregate: Aggregate = None
    baseline: Annotated[Path | None, typer.Option(help="run folder to compare with, sample by sample")] = None
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            help="limits to hold a liveness model against, as a gate: ibeta-1, ibeta-2, ibeta-3, "
            "fido-biometric-1, fido-biometric-2, nist-800-63a-4, android-class-1 to -3, or a .json or .yml "
            "file",
        ),
    ] = None
    superclasses: Annotated[
        Path | None,
        typer.Option(
            help="JSON object or CSV (class,superclass): also tell a classifier's errors by superclass"
        ),
    ] = None

    def given(self) -> dict[str, Any]:
        """Return the options that were given, by the names of ``AnalysisConfig``."""
        return given_options(
            operating_point=self.operating_point,
            threshold=self.threshold,
            slices=() if self.slices == "none" else names_of(self.slices),
            aggregate=self.aggregate,
            baseline=self.baseline,
            profile=self.profile,
            superclasses=self.superclasses,
        )


def names_of(text: str | None) -> tuple[str, ...] | None:
    """Return comma-separated words."""
    return None if text is None else tuple(word.strip() for word in text.split(",") if word.strip())


def class_map_of(pairs: Iterable[str]) -> dict[str, str]:
    """Return label → class of ``LABEL=CLASS`` words.

    Raises:
        ConfigurationError: a word of another form.
    """
    mapped: dict[str, str] = {}
    for pair in pairs:
        label, separator, target = pair.partition("=")
        if not (label and separator and target):
            raise ConfigurationError(
                f"--class-map: expected LABEL=CLASS, such as real=bona_fide, got {pair!r}"
            )
        mapped[label] = target
    return mapped
