"""Figures that are no measurement: not a number, no batch, no validation."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course, broken_in_passing, exhausted_rows, leftover_rows
from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity

__all__ = ["empty_validation", "generator_exhausted", "nan_loss"]


def nan_loss(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """A loss printed as NaN or infinite, in the log or by an evaluation."""
    curves = evidence.curves
    if curves is not None and curves.first_broken and not _means_of_nothing(curves):
        metric, row = curves.first_broken
        before = "after a normal start" if row else "from the first epoch on"
        only = metric.startswith("val_")
        if broken_in_passing(curves):
            rows = sorted({row for given in curves.broken.values() for row in given})
            yield Finding(
                Code.NAN_LOSS,
                Severity.INFO,
                0.8,
                f"{curves.names.get(metric, metric)} is not a number in single epochs (rows "
                f"{_listed(rows)}), and the next ones go on as before: the weights are sound, single samples "
                "or logarithms are not.",
                "Look for log(0) or a division by 0 in the loss, and for odd samples.",
                refuted_by="weights that hold NaN after that epoch",
                details={"epoch": row + 1, "metric": metric, "epochs": [one + 1 for one in rows]},
            )
            return
        yield Finding(
            Code.NAN_LOSS,
            Severity.ERROR,
            0.98,
            f"{curves.names.get(metric, metric)} is not a number from row {row + 1} of {len(curves)} on, "
            f"{before}; every figure after it says nothing.",
            "Look for NaN or infinite inputs and for a logarithm or division by zero in the loss"
            + (
                " of the validation data."
                if only
                else ", then lower the learning rate tenfold and clip gradients."
            ),
            refuted_by="the same batch giving a finite loss with the weights of the epoch before",
            details={"epoch": row + 1, "metric": metric},
        )
        return
    for evaluation in evidence.evaluations:
        if any(not np.isfinite(value) for name, value in evaluation.metrics.items() if "loss" in name):
            yield Finding(
                Code.NAN_LOSS,
                Severity.ERROR,
                0.9,
                f"The loss on {evaluation.split or 'the evaluated set'} is not a number.",
                "Look for NaN in the inputs and the weights.",
                details={"split": evaluation.split},
            )
            return


def _means_of_nothing(curves: Curves) -> list[int]:
    """Return the rows in which validation loss and accuracy are both NaN, and training is not.

    Answers of a broken model are wrong, which is an accuracy of 0 or 1/K; only a mean over no batch is NaN.
    """
    both = {*curves.broken.get("val_loss", ())} & {*curves.broken.get("val_accuracy", ())}
    return sorted(both - {*curves.broken.get("loss", ())})


def generator_exhausted(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Epochs in which training computed nothing."""
    curves = evidence.curves
    if curves is None:
        return
    rows, short = exhausted_rows(curves), leftover_rows(curves)
    warned = "ran out of data" in curves.remarks or evidence.setup.says(r"ran out of data")
    if not rows and not short and not warned:
        return
    if rows:
        each = "all" if len(rows) == len(curves) else f"{len(rows)} of {len(curves)}"
        proof = (
            f"In {each} epochs (rows {_listed(rows)}) loss and accuracy of training are exactly 0 at once. A "
            "loss of 0 would mean every answer right, an accuracy of 0 every answer wrong: no batch was "
            "computed."
        )
    elif short:
        proof = (
            f"Epochs take {curves.seconds[short[0] - 1]:.0f} s, but {curves.seconds[short[0]]:.0f} s in rows "
            f"{_listed(short)}: there the iterator had only a batch left, and the figures are those of it."
        )
    else:
        proof = "The log says that the input ran out of data."
    yield Finding(
        Code.GENERATOR_EXHAUSTED,
        Severity.ERROR,
        0.95 if 0 < len({*rows, *short}) < len(curves) else 0.8,
        proof,
        "Leave steps_per_epoch out, or make the data repeat (dataset.repeat()); judge only the other epochs.",
        refuted_by="such an epoch taking as long as the others",
        excluded=("no drop in quality: the epochs in between go on as if nothing had happened",)
        if rows or short
        else (),
        details={"epochs": [row + 1 for row in sorted({*rows, *short})]},
    )


def empty_validation(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation figures that are 0 at once, or none at all."""
    curves = evidence.curves
    if curves is None:
        return
    loss, accuracy = curves.val_loss, curves.val_accuracy
    trained = curves.loss is not None
    if nothing := _means_of_nothing(curves):
        yield _empty(
            f"Validation loss and accuracy are both NaN in {len(nothing)} of {len(curves)} epochs (rows "
            f"{_listed(nothing)}): a broken model has an accuracy all the same, so it is the mean over no "
            "batch, as where the batch size is larger than the validation set.",
            rows=nothing,
            confidence=0.9,
        )
        return
    if loss is not None:
        skipped = set(exhausted_rows(curves))
        zero = (loss == 0) & (np.zeros(len(loss), bool) | True if accuracy is None else accuracy == 0)
        rows = [row for row in np.flatnonzero(zero).tolist() if row not in skipped]
        # Where training costs nothing either, the loss is at fault, not the data.
        costs = curves.loss is None or bool(np.any(curves.loss[rows] != 0))
        if rows and costs and (accuracy is not None or len(rows) == len(loss)):
            yield _empty(
                f"Validation loss and accuracy are exactly 0 at once in {len(rows)} of {len(loss)} epochs "
                f"(rows {_listed(rows)}): a loss of 0 belongs to an accuracy of 1, so no validation batch "
                "was computed.",
                rows=rows,
                confidence=0.95,
            )
            return
        missing = np.flatnonzero(~np.isfinite(loss)).tolist()
        if (
            missing
            and len(missing) >= 2
            and missing[0] > 0
            and "val_loss" not in curves.broken
            and len(missing) == len(loss) - missing[0]
        ):
            yield _empty(
                f"Validation figures stop after epoch {missing[0]}: the validation data ran out.",
                rows=missing,
                confidence=0.8,
            )
        return
    broken = evidence.setup.says(r"validation_(data|steps)\s*=\s*(\(\)|\[\]|none|0\b)")
    stated = broken or evidence.setup.says(
        r"validation_(data|steps)\s*=\s*(\(\)|\[\]|none|0\b)",
        r"\b(no|without|lacks?|never) (a |any )?(validation|held[- ]?out)",
        r"validation_steps.{0,30}\b(0|zero)\b",
    )
    if accuracy is None and trained and (stated or (len(curves) >= 2 and not evidence.evaluations)):
        others = evidence.matrix is not None or evidence.report is not None
        yield Finding(
            Code.EMPTY_VALIDATION,
            Severity.WARNING if broken else Severity.INFO,
            0.8 if stated or not others else 0.5,
            f"No epoch of {len(curves)} has a validation figure: nothing tells how the model does on data "
            "that it has not seen.",
            "Hold out part of the data, by group, and give it as validation_data.",
            refuted_by="validation figures that were left out of what was pasted",
            details={"epochs": len(curves)},
        )


def _empty(evidence: str, *, rows: list[int], confidence: float) -> Finding:
    return Finding(
        Code.EMPTY_VALIDATION,
        Severity.ERROR,
        confidence,
        evidence,
        "Check that the validation data is not shorter than one batch (validation_steps becomes 0) and that "
        "the generator can be read again each epoch.",
        refuted_by="a number of validation batches above 0 in those epochs",
        details={"epochs": [row + 1 for row in rows]},
    )


def _listed(rows: list[int]) -> str:
    shown = ", ".join(str(row + 1) for row in rows[:6])
    return shown + (", …" if len(rows) > 6 else "")
