"""Validation that swings from epoch to epoch."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import noise

__all__ = ["roughness", "unstable_validation"]


def roughness(course: Course) -> tuple[float, float, int] | None:
    """Return the roughness of validation accuracy, what sampling explains of it, and its great drops."""
    values = course.val_accuracy
    if values is None or np.isfinite(values).sum() < 5:
        return None
    kept = values[np.isfinite(values)]
    # The first epoch comes from nowhere; what counts is how the others follow each other.
    kept = kept[1:] if len(kept) >= 6 else kept
    steps = np.diff(kept)
    # The mean of moves against the trend beside the robust estimate: few great swings count as well.
    rough = max(noise(kept), float(np.sqrt(np.mean(np.diff(kept, 2) ** 2) / 6)) * 0.7)
    if len(kept) >= 12:
        # What came to rest after the first third is no swing.
        late = kept[len(kept) // 3 :]
        rough = min(rough, max(noise(late), float(np.sqrt(np.mean(np.diff(late, 2) ** 2) / 6)) * 0.7))
    error = course.validation_error(float(np.median(kept)))
    drops = int(np.sum(steps < -max(0.05, 4 * error)))
    return rough, error, drops


def unstable_validation(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation swings between epochs beyond sampling error, without trend."""
    if course is None:
        return
    found = roughness(course)
    by_loss = _rough_loss(course)
    if found is None and by_loss is None:
        return
    rough, error, drops = found or (0.0, 0.0, 0)
    swings = found is not None and rough > max(0.03, 3 * error) and drops >= 2
    if not swings and not (by_loss is not None and (drops >= 1 or found is None)):
        return
    values = course.val_accuracy if found is not None else course.val_loss
    if values is None:
        return
    best = int(np.nanargmin(course.val_loss)) if course.val_loss is not None else int(np.nanargmax(values))
    n = course.counted_validation
    proof = (
        f"Validation accuracy moves between {np.nanmin(values):.1%} and {np.nanmax(values):.1%}, by "
        f"{rough:.1%} from epoch to epoch beyond any trend, where the sampling "
        f"error{f' of {n:,}' if n else ''} is {error:.2%}; {drops} drop{'s are' if drops != 1 else ' is'} "
        "far beyond it"
        if found is not None
        else f"Validation loss moves between {np.nanmin(values):.3g} and {np.nanmax(values):.3g} from epoch "
        "to epoch"
    )
    yield Finding(
        Code.UNSTABLE_VALIDATION,
        Severity.WARNING,
        0.88 if drops >= 3 else 0.75,
        proof + ": it is the model that swings, not the sample.",
        "Lower the learning rate or decay it, average the weights, use larger batches; keep the best epoch "
        "and judge by several runs.",
        refuted_by="the same swings with the weights held fixed",
        details={
            "best_epoch": course.epochs[best],
            "roughness": round(rough, 4),
            "sampling_error": round(error, 4),
        },
    )


def _rough_loss(course: Course) -> float | None:
    values = course.val_loss
    if values is None or len(values) < 5:
        return None
    relative = noise(values) / max(float(np.nanmedian(values)), 1e-9)
    trained = course.loss
    smooth = trained is None or noise(trained) / max(float(np.nanmedian(trained)), 1e-9) < relative / 3
    return relative if relative > 0.25 and smooth else None
