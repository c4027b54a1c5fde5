"""Options that set gates: what must be proven for exit code 0."""

from typing import Annotated

import typer

__all__ = [
    "DriftGate",
    "MaxApcer",
    "MaxBpcer",
    "MaxGroupGap",
    "MaxNoResponse",
    "MinAccuracy",
    "MinAuc",
    "RegressionMargin",
]

MaxApcer = Annotated[float | None, typer.Option(help="gate: largest APCER of any species, share")]
MaxBpcer = Annotated[float | None, typer.Option(help="gate: largest BPCER, share")]
MinAccuracy = Annotated[float | None, typer.Option(help="gate: smallest accuracy, share")]
MinAuc = Annotated[float | None, typer.Option(help="gate: smallest AUC, share", show_default="0.5")]
MaxNoResponse = Annotated[
    float | None, typer.Option(help="gate: largest share of samples without answer", show_default="0.01")
]
MaxGroupGap = Annotated[
    float | None, typer.Option(help="gate: largest error-rate gap of a group to the others, share")
]
RegressionMargin = Annotated[
    float | None, typer.Option(help="gate: largest rise over the baseline, share", show_default="0.02")
]
DriftGate = Annotated[bool, typer.Option("--drift-gate", help="gate: fail on material drift")]
