"""Validation that overlaps or reveals training."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.set_sizes import likely_validation
from lifesign.evaluation.diagnosis.statistics import fewest_rows

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
    r"(report|scored?|evaluated|tested|figures?)[^.\n]{0,30}\b(on|of|over)\b[^.\n]{0,15}(full |whole "
    r"|entire )?train(ing)? (set|data|rows)",
    # Not where the cells follow: then it is shown beside that of the test.
    r"matrix[^.\n]{0,30}\b(on|of|over)\b[^.\n]{0,15}train(ing)? (set|data|rows)\b(?!:)",
    r"\.fit\(x, ?y\b(?!_)[^\n]{0,60}(predict|score)\(x_test",
    r"(folds?|split)\w*[^.\n]{0,30}(single|individual) (images|frames|slices|rows|samples)",
    r"frames of (image )?(sequences|videos?)[\s\S]{0,120}\b(\w*split|folds?|random|shuffl\w*|held|similar)\b",
    r"with replacement",
    r"(drawn|taken|sampled) from the (whole|full|entire) (table|data|set)",
    r"(repeated|copied|duplicated|enlarged|multiplied)[^\n]{0,60}\bthen\b[^\n]{0,25}split",
    r"\b(fit|fitted|trained|learn(ed|t))\b[^.\n]{0,60}\b(scored|evaluated|tested|validated|asked)\b"
    r"[^.\n]{0,15}\bon (the |these |those )?(very )?same\b",
    r"\b(subjects?|patients?|persons?|people|speakers?|animals?|objects?)\b[^.\n]{0,15}\b(measured|recorded|"
    r"photographed|scanned|filmed)\b[^.\n]{0,15}\b(times|twice)\b",
    r"\b(frames?|slices|patches|windows|crops)\b (are |were )?shuffled",
    r"\b[1-9]\d* [^.\n]{0,40}\b(test|validation)\b[^.\n]{0,30}\b(lie|occur|appear|are found)\b[^.\n]{0,30}"
    r"\bin (the )?train",
    r"several (scans|images|recordings|samples)[^.\n]{0,20}(of|per|from) (each|every|one|the same) "
    r"(patient|subject|person|speaker)",
)


def suspected_leakage(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation overlaps or reveals training, or the inputs hold the target."""
    setup = evidence.setup
    told = (*_LEAKS, *(OVERSAMPLED if setup.validation_split and not setup.says(*NOT_OVERSAMPLED) else ()))
    stated = (
        setup.says(*told)
        and not setup.validates_on_training
        and not setup.says(
            r"no (overlap|leak|duplicat)", r"\b(0|none) of (the )?\d", r"(subject|patient|group)-disjoint"
        )
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
                f"By the notes one part reveals the other: {setup.quote(*told)}." if stated else "",
                f"{reason[0].upper()}{reason[1:]}." if reason else "",
            )
            if sentence
        ),
        "Split by subject, source or time before any resampling or fitting of transforms; search duplicates "
        "across splits; drop features that are known only with the answer.",
        refuted_by="the same quality on a split by group, or on data collected later",
    )


def _too_good(evidence: Evidence, course: Course | None) -> str | None:
    if course is not None and (found := _same_as_training(course) or _perfect_course(evidence, course)):
        return found
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
    if held and later and max(one.n or fewest_rows(one.accuracy or 0) or 0 for one in held) >= 60:
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
            and ((one.accuracy or 0) >= 1 - 0.5 / (one.n or 1) or (area or 0) >= 0.99995)
        ):
            return f"{one.split} figures are perfect on {one.n:,} samples"
    return None


def _perfect_course(evidence: Evidence, course: Course) -> str | None:
    """Hardly an error in the first half of the epochs, from the very first on."""
    validated = course.val_accuracy
    if validated is None or len(course) < 3 or course.begins_after(2):
        return None
    n = likely_validation(evidence, course, unknown=1000)
    least = float(np.nanmin(validated[: max(3, len(validated) // 2)]))
    if not least >= 0.9995 or n < 200:
        return None
    return f"validation accuracy is {least:.4f} or more from the first epoch on, which real data hardly allow"


def _same_as_training(course: Course) -> str | None:
    """Each validation loss is the training loss of the next epoch, to all its digits: of the same rows."""
    loss, validated = course.loss, course.val_loss
    if loss is None or validated is None or len(course) < 5:
        return None
    equal = validated[:-1] == loss[1:]
    moves = len(np.unique(loss[1:][equal]))
    if moves < 4 or np.mean(equal) < 0.8:
        return None
    return (
        f"the validation loss is the training loss of the next epoch to all digits, {int(equal.sum())} times "
        f"in {len(equal)}: one batch that is trained on and validated"
    )
