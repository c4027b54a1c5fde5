"""Validation that overlaps or reveals training."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity

__all__ = ["NOT_OVERSAMPLED", "OVERSAMPLED", "suspected_leakage"]

OVERSAMPLED = (
    r"\bsmote",
    r"\bx_?sm",
    r"over-?sampl(ed|ing)",
    r"up-?sampl(ed|ing)\b[^.\n]{0,20}\b(class|row|minor)",
)
NOT_OVERSAMPLED = (r"\b(no|not|without|never)\b[^.\n]{0,20}(smote|over-?sampl|up-?sampl)",)

_LEAKS = (
    r"(oversampl|smote|augment\w*|upsampl|resampl)\w*[^.\n]{0,40}before[^.\n]{0,20}split",
    r"split[^.\n]{0,30}after[^.\n]{0,30}(oversampl|smote|augment|upsampl|resampl)",
    r"(scal|normali|standardi|pca|feature selection|imput|fit_transform|vectori|tf-?idf|target "
    r"encod)\w*[^.\n]{0,60}(before[^.\n]{0,20}split|(whole|entire|full|all)( of)? (the )?data)",
    r"\b(same|shared) "
    r"(patient|subject|person|people|video|speaker|user|scene|session|customer|image)s?\b[^.\n]{0,40}(both "
    r"(set|split|part)|train|split|in test|valid)",
    r"(frames?|slices|patches|windows|crops|augmented copies)\b[^.\n]{0,60}\b(random|split|both)",
    r"(split|shuffled)[^.\n]{0,30}\b(frames|slices|patches|windows|crops)\b",
    r"duplicat\w+[^.\n]{0,40}(train|test|valid|split|both|across)",
    r"(target|label|outcome|answer)[^.\n]{0,30}(in|among|part "
    r"of|as|leak\w*)[^.\n]{0,20}(feature|input|column)",
    r"(validation|test)[^.\n]{0,30}(is|same as|equals?|drawn from|subset of|part of|contained in|included "
    r"in)[^.\n]{0,15}(the )?(same )?(train)",
    r"(validation|test)_data\s*=\s*\(?\s*x_?train",
    r"(look-?ahead|future (value|information|data))",
    r"\bleak(s|ed|age|ing)?\b",
    r"overlap\w*[^.\n]{0,40}(train|test|valid)",
    r"(report|matrix|scored?|evaluated|tested|figures?)[^.\n]{0,30}\b(on|of|over)\b[^.\n]{0,15}(full |whole "
    r"|entire )?train(ing)? (set|data|rows)",
    r"\.fit\(x, ?y\b(?!_)[^\n]{0,60}(predict|score)\(x_test",
    r"(folds?|split)\w*[^.\n]{0,30}(single|individual) (images|frames|slices|rows|samples)",
    r"frames of (image )?(sequences|videos?)",
    r"with replacement",
    r"(drawn|taken|sampled) from the (whole|full|entire) (table|data|set)",
    r"(repeated|copied|duplicated|enlarged|multiplied)[^\n]{0,60}\bthen\b[^\n]{0,25}split",
    r"several (scans|images|recordings|samples)[^.\n]{0,20}(of|per|from) (each|every|one|the same) "
    r"(patient|subject|person|speaker)",
)


def suspected_leakage(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation overlaps or reveals training, or the inputs hold the target."""
    setup = evidence.setup
    stated = (
        setup.says(*_LEAKS)
        and not setup.validates_on_training
        and not setup.says(r"no (overlap|leak|duplicat)", r"(subject|patient|group)-disjoint")
    )
    reason = _too_good(evidence, course)
    if not stated and reason is None:
        return
    # Data from elsewhere may just be another population; perfect figures are not.
    elsewhere = reason is not None and "elsewhere" in reason
    yield Finding(
        Code.SUSPECTED_LEAKAGE,
        Severity.INFO if elsewhere and not stated else Severity.WARNING,
        0.88 if stated and reason else 0.8 if stated else 0.65,
        " ".join(
            sentence
            for sentence in (
                f"By the notes one part reveals the other: {setup.quote(*_LEAKS)}." if stated else "",
                f"{reason[0].upper()}{reason[1:]}." if reason else "",
            )
            if sentence
        ),
        "Split by subject, source or time before any resampling or fitting of transforms; search duplicates "
        "across splits; drop features that are known only with the answer.",
        refuted_by="the same quality on a split by group, or on data collected later",
    )


def _too_good(evidence: Evidence, course: Course | None) -> str | None:
    if course is not None and course.val_accuracy is not None:
        validated = course.val_accuracy
        n = course.counted_validation
        if (
            len(course) >= 3
            and np.nanmin(validated[: max(3, len(validated) // 2)]) >= 0.9995
            and (n or 1000) >= 200
        ):
            return (
                f"validation accuracy is {np.nanmin(validated):.4f} or more from the first epoch on, which "
                "real data hardly allow"
            )
    matrix = evidence.evaluated_matrix
    if (
        matrix is not None
        and matrix.sum() >= 500
        and np.trace(matrix) == matrix.sum()
        and np.sum(matrix.sum(axis=1) > 0) >= 2
    ):
        return f"not one of {int(matrix.sum()):,} samples is wrong, which real data hardly allow"
    held = [one for one in evidence.scored if one.is_of_validation]
    later = [one for one in evidence.scored if one.is_of_test]
    if held and later and min(one.n or 0 for one in held) >= 60:
        best, worst = max(one.accuracy or 0 for one in held), min(one.accuracy or 0 for one in later)
        if best >= 0.985 and best - worst > 0.25:
            return (
                f"validation is at {best:.1%}, data from elsewhere at {worst:.1%}: what validation knew is "
                "missing there"
            )
    for one in evidence.evaluations:
        area = one.area
        if (
            not one.is_of_training
            and (one.n or 0) >= 200
            and ((one.accuracy or 0) >= 0.9995 or (area or 0) >= 0.99995)
        ):
            return f"{one.split} figures are perfect on {one.n:,} samples"
    return None
