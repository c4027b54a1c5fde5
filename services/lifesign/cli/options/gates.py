"""Options that set gates: what must be proven for exit code 0."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from lifesign.cli.options.groups import given_options

__all__ = ["Gates"]


@dataclass(frozen=True)
class Gates:
    """The limits of the gates; what is not given stays at its default, or as it was in a stored run."""

    max_apcer: Annotated[float | None, typer.Option(help="gate: largest APCER of any species, share")] = None
    max_bpcer: Annotated[float | None, typer.Option(help="gate: largest BPCER, share")] = None
    min_accuracy: Annotated[float | None, typer.Option(help="gate: smallest accuracy, share")] = None
    min_auc: Annotated[float | None, typer.Option(help="gate: smallest AUC, share", show_default="0.5")] = (
        None
    )
    max_no_response: Annotated[
        float | None, typer.Option(help="gate: largest share of samples without answer", show_default="0.01")
    ] = None
    max_group_gap: Annotated[
        float | None, typer.Option(help="gate: largest error-rate gap of a group to the others, share")
    ] = None
    regression_margin: Annotated[
        float | None, typer.Option(help="gate: largest rise over the baseline, share", show_default="0.02")
    ] = None
    drift_gate: Annotated[bool, typer.Option("--drift-gate", help="gate: fail on material drift")] = False

    def limits(self) -> dict[str, Any]:
        """Return the limits that were given, by the names of ``GateConfig``."""
        return given_options(
            max_apcer=self.max_apcer,
            max_bpcer=self.max_bpcer,
            min_accuracy=self.min_accuracy,
            min_auc=self.min_auc,
            max_no_response=self.max_no_response,
            max_group_gap=self.max_group_gap,
            regression_margin=self.regression_margin,
            drift=self.drift_gate or None,
        )
