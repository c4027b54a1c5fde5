"""Options of an evaluation of scores that exist already."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["PREDICTIONS_ONLY", "Criterion", "DevPredictions", "DevSplit", "Predictions"]

PREDICTIONS_ONLY = ("dev_predictions", "dev_split", "criterion")
"""Parameters of the command that need ``--predictions``."""

Predictions = Annotated[
    Path | None,
    typer.Option(
        help="judge the scores in this file (.csv, .jsonl, .parquet) in place of a served model: "
        "sample_id, label, and score (P(bona fide)) or score_<class> or logit_<class>"
    ),
]
DevPredictions = Annotated[
    Path | None, typer.Option(help="with --predictions: choose the threshold on this file")
]
DevSplit = Annotated[
    str | None, typer.Option(help="with --predictions: choose the threshold on this split of the file")
]
Criterion = Annotated[
    str | None,
    typer.Option(
        help="how the threshold is chosen on dev: eer, apcer_max<=SHARE, bpcer<=SHARE or "
        "min_cost(ACCEPT,REJECT,SHARE): cost of an accepted attack, of a rejected bona fide, attack share",
        show_default="eer",
    ),
]
