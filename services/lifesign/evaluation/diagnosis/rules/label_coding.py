"""Labels coded otherwise than loss, metric or model expect."""

import re
from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_indices import (
    RECODE,
    below_a_guess,
    permuted_classes,
    two_sets_of_names,
)
from lifesign.evaluation.diagnosis.rules.label_values import inverted_scores, predictions_offset

__all__ = ["label_encoding_mismatch"]

_RANGE = (
    r"(labels?|targets?|classes|y|numbered|coded|encoded)[^.\n]{0,40}?"
    r"\b(1|one)\s*(\.\.+|…|to|-|–|through)\s*\d+"
)

_FROM_ONE = (
    r"\b(labels?|targets?)\b[^.\n]{0,40}\b(are|is|have|start\w* (at|with|from))\s*"
    r"(1\s*,\s*2\s*,|1\s*(\.\.+|…|to|through)\s*[nk]\b)"
)


def label_encoding_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Labels of the wrong range, shape or order."""
    yield from _impossible_figures(evidence, course)
    yield from below_a_guess(evidence)
    yield from two_sets_of_names(evidence)
    yield from permuted_classes(evidence)
    yield from inverted_scores(evidence)
    yield from predictions_offset(evidence)
    yield from _by_setup(evidence)


def _impossible_figures(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    curves = evidence.curves
    if curves is None:
        return
    above = [
        (name, float(np.nanmax(values)))
        for name, values in curves.series.items()
        if re.search(r"acc|iou|dice|jaccard|f1|precision|recall|auc", name)
        and "loss" not in name
        and np.isfinite(values).any()
        and np.nanmax(values) > 1.0001
        and np.nanmax(values) <= 1.0001 * 255
    ]
    above += [
        (name, float(np.nanmin(values)))
        for name, values in curves.series.items()
        if re.search(r"acc|iou|jaccard|f1|precision|recall|auc|(?<!-)dice_(coef|score)", name)
        and "loss" not in name
        and np.isfinite(values).any()
        and np.nanmin(values) < -1e-3
    ]
    below = [
        (name, float(np.nanmin(curves.series[name])))
        for name in ("loss", "val_loss")
        if curves.get(name) is not None and np.nanmin(curves.series[name]) < -1e-6
    ]
    if below and not above and _may_be_negative(evidence, curves):
        return
    crossed = evidence.setup.loss in (
        "binary_crossentropy",
        "categorical_crossentropy",
    ) or evidence.setup.says(r"cross-?\s?entropy", r"jaccard", r"dice")
    judged = curves.accuracy is not None or curves.val_accuracy is not None
    by_loss = below and (above or crossed or judged or min(value for _, value in below) < -5)
    # An accuracy of 87.5 is a percentage, not an impossible share.
    percent = all(name.endswith("accuracy") and value > 2 for name, value in above)
    if not (by_loss or (above and not percent)):
        return
    parts = [
        f"{name} goes down to {value:.4g}, below the least a cross-entropy can be (0)"
        for name, value in below
    ]
    parts += [f"{name} reaches {value:.4g}, outside 0–1" for name, value in above]
    yield Finding(
        Code.LABEL_ENCODING_MISMATCH,
        Severity.ERROR,
        0.97 if above or crossed else 0.75,
        "; ".join(parts) + ". That needs targets outside 0–1, such as masks of 0…255 or labels 1/2.",
        "Divide masks by 255 and threshold them, or one-hot the labels; assert that every target is within "
        "0–1.",
        refuted_by="targets between 0 and 1 in every batch, or a loss of one's own that may be negative",
        excluded=("divergence: the loss falls",),
        details={"lowest_loss": min((value for _, value in below), default=None)},
    )


def _may_be_negative(evidence: Evidence, curves: Curves) -> bool:
    """Whether the loss has no bound at 0 by construction: minus a score of the log, or one named in words."""
    loss = curves.loss
    if loss is not None and any(
        np.allclose(-loss, values, rtol=2e-3, atol=2e-4, equal_nan=True)
        for name, values in curves.series.items()
        if name != "loss"
    ):
        return True
    unbounded = (
        r"wasserstein|critic|kantorovich|(?<![a-z])kr(?![a-z])|hinge|likelihood|\bnll\b|elbo|contrastive"
    )
    unbounded += r"|cosine|(loss|objective) is (minus|negative)|minus the|no lower bound"
    names = " ".join([*curves.names.values(), *curves.series]).lower().replace("_", " ")
    return evidence.setup.says(unbounded) or re.search(unbounded, names) is not None


def _by_setup(evidence: Evidence) -> Iterator[Finding]:
    setup = evidence.setup
    loss, reasons = setup.loss, []
    units = setup.output.units
    if loss == "sparse_categorical_crossentropy" and setup.says(
        r"one-?\s?hot", r"to_categorical", r"class_mode\s*=?\s*['\"]?categorical"
    ):
        reasons.append("sparse categorical cross-entropy expects integers, but labels are one-hot")
    if loss == "categorical_crossentropy" and setup.says(
        r"integer (labels|targets|class)",
        r"(labels?|targets?) (are|as) integers",
        r"class_mode\s*=?\s*['\"]?(sparse|binary)",
        r"(not|without|no) one-?\s?hot",
        r"labels? not one-?hot",
    ):
        reasons.append("categorical cross-entropy expects one-hot labels, but they are integers")
    if loss == "binary_crossentropy" and setup.says(
        r"labels?[^.\n]{0,30}(-1|−1)\s*(and|,|/|or)\s*\+?1",
        r"labels?[^.\n]{0,30}\b1\s*(and|,|/|or)\s*[-−]1\b",
        r"labels?[^.\n]{0,25}\b1\s*(and|,|/|or)\s*2\b",
        r"labels?[^.\n]{0,30}(0\s*(and|,|/|or)\s*255)",
    ):
        reasons.append("binary cross-entropy expects labels 0 and 1")
    if units == 1 and setup.says(r"class_mode\s*=?\s*['\"]?categorical"):
        reasons.append("one output unit, but the generator yields one-hot labels")
    if loss == "sparse_categorical_crossentropy" and (found := re.search(_RANGE, setup.text)):
        top = re.search(r"\d+$", found[0])
        if units is not None and top is not None and int(top[0]) >= units:
            reasons.append(f"labels run to {top[0]}, but {units} outputs have the indices 0 to {units - 1}")
    if not reasons and setup.says(_FROM_ONE) and not setup.is_regression:
        reasons.append("labels are counted from 1, where softmax and one-hot coding count from 0")
    if reasons:
        yield Finding(
            Code.LABEL_ENCODING_MISMATCH,
            Severity.ERROR,
            0.85,
            "By the notes " + "; ".join(reasons) + ".",
            RECODE,
            refuted_by="labels of another coding than the notes say",
        )
