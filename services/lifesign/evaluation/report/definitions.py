"""The words of the report, defined once."""

from typing import Literal

__all__ = ["definitions"]

_PAD = (
    (
        "APCER",
        "Attack presentation classification error rate: attack presentations of one species that were "
        "classified bona fide, over all that got an answer. The headline is the worst species "
        "(ISO/IEC 30107-3).",
    ),
    (
        "BPCER",
        "Bona fide presentation classification error rate: bona fide presentations classified as attack, "
        "over all that got an answer.",
    ),
    (
        "APNRR, BPNRR",
        "Attack and bona fide presentation non-response rates: presentations without an answer. The report "
        "tells the error rates three ways: without them, counted as rejected, counted as accepted.",
    ),
    (
        "ACER",
        "(worst APCER + BPCER) / 2. Not part of ISO/IEC 30107-3; kept for comparison with older papers. "
        "Pooled: with the APCER of all attacks, where species weigh as often as they occur (WACER).",
    ),
    (
        "EER, BPCER10/20/100/1000",
        "EER: the rate where APCER (pooled) meets BPCER, at a threshold that exists or on the convex hull of "
        "the ROC curve. BPCER10, 20, 100, 1000: BPCER at the lowest threshold where every species has an "
        "APCER of at most 10 %, 5 %, 1 %, 0.1 %. All choose their threshold on the test set (ORACLE).",
    ),
    (
        "HTER",
        "(pooled APCER + BPCER) / 2 at the threshold that decides. Papers mean one that was chosen on "
        "development data: the threshold's source says whether this one was.",
    ),
    (
        "TPR at FPR",
        "Bona fide presentations accepted at the lowest threshold that lets at most this share of attacks "
        "pass. Told only with at least ten times as many attacks as it takes for one to be that share.",
    ),
    (
        "Decision",
        "Bona fide if and only if score ≥ threshold; the score is P(bona fide), higher is more bona fide.",
    ),
)
_CLASSES = (
    (
        "Precision, recall, F1",
        "Correct over predicted; correct over true; their harmonic mean. Higher is better.",
    ),
    (
        "AUC",
        "Probability that a sample of the class scores higher for it than a sample of another class; 0.5 is "
        "chance. Macro: mean over classes. Micro: all pairs of sample and class pooled.",
    ),
    (
        "Average precision",
        "Σ (step of recall · precision there); chance is the share of the class, so it holds for this set.",
    ),
)
_ALL = (
    (
        "Log loss, Brier score",
        "Mean of −log of the probability given to the true class; mean squared error of the probabilities. "
        "0 is best for both. A probability below 1.2e-38 counts as that, 87.3 nats, unless there are logits, "
        "whose loss is exact. Tools that clip elsewhere, as at 1e-15 (34.5 nats), tell another log loss.",
    ),
    (
        "Interval",
        "95 % Clopper–Pearson for rates (without errors the one-sided limit, “≤”), DeLong for AUC, "
        "Newcombe for differences. Wilson's, beside it, is as a rule narrower and right on average only: "
        "gates never use it. An interval that straddles a limit is INSUFFICIENT evidence: neither pass "
        "nor fail.",
    ),
    (
        "Calibration error",
        "Mean distance between score and share that was right, over bins of scores weighted by samples "
        "(ECE); the largest of them (MCE). 0 is best.",
    ),
    (
        "Differential performance",
        "A gap of an error rate between one group and all others, after ISO/IEC 19795-10: an effect of this "
        "system on this set, not of a group of people.",
    ),
    (
        "Alert",
        "Raised only when a difference is significant after correction for everything tested together "
        "and larger than a stated margin. “insufficient” means too few samples, or people, to tell.",
    ),
    (
        "Drift distance D",
        "Largest distance between the two cumulative distributions (Kolmogorov–Smirnov), 0 is no change; "
        "sample sizes are corrected for several images of one subject.",
    ),
)


def definitions(task: Literal["liveness", "classification"]) -> tuple[tuple[str, str], ...]:
    """Return the terms that a report of this task uses, with their meaning."""
    return (*_PAD, *_ALL) if task == "liveness" else (*_CLASSES, *_ALL)
