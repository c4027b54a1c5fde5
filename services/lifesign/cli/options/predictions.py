"""Options of an evaluation of scores that exist already."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lifesign.cli.options.groups import field_names, given_options

__all__ = ["PREDICTIONS_ONLY", "Imported"]


@dataclass(frozen=True)
class Imported:
    """A file of scores, and what its threshold is chosen on."""

    predictions: Annotated[
        Path | None,
        typer.Option(
            help="judge the scores in this file (.csv, .jsonl, .parquet) in place of a served model: "
            "sample_id, label, and score (P(bona fide)) or score_<class> or logit_<class>"
        ),
    ] = None
    dev_predictions: Annotated[
        Path | None, typer.Option(help="with --predictions: choose the threshold on this file")
    ] = None
    dev_split: Annotated[
        str | None, typer.Option(help="with --predictions: choose the threshold on this split of the file")
    ] = None
    criterion: Annotated[
        str | None,
        typer.Option(
            help="how the threshold is chosen on dev: eer, apcer_max<=SHARE, bpcer<=SHARE or "
            "min_cost(ACCEPT,REJECT,SHARE): cost of an accepted attack, of a rejected bona fide, attack "
            "share",
            show_default="eer",
        ),
    ] = None

    def given(self) -> dict[str, Any]:
        """Return the options that were given, by the names of ``PredictionsConfig``."""
        return given_options(**{name: getattr(self, name) for name in field_names(Imported)})


PREDICTIONS_ONLY = tuple(name for name in field_names(Imported) if name != "predictions")
"""Parameters of the command that need ``--predictions``."""
