"""Inputs prepared otherwise in one place than in another."""

import re
from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evaluation, Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.mode_gaps import is_useless
from lifesign.evaluation.diagnosis.statistics import end_level, sampling_error

__all__ = ["preprocess_mismatch"]

_BACKBONES = r"(vgg|resnet|inception|xception|mobilenet|densenet|efficientnet|nasnet)"


def preprocess_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Inputs scaled or prepared otherwise than in training, or than the pretrained weights expect."""
    found = (
        _evaluated_otherwise(evidence, course)
        or _another_scale(evidence, course)
        or _another_pipeline(evidence, course)
        or _unscaled_by_hand(evidence)
    )
    if found is not None:
        yield found
        return
    setup = evidence.setup
    pretrained = setup.says(r"imagenet", r"pre-?trained") or (
        setup.says(_BACKBONES) and setup.says(r"weights|include_top|fine-?tun|transfer")
    )
    unprepared = setup.says(
        r"without (any )?(rescal|preprocess|scal|normali)",
        r"no (rescal|preprocess|scaling|normali)",
        r"(imported|defined),? (but )?not used",
        r"not (rescaled|scaled|normali[sz]ed|preprocessed|divided)",
        r"pixels? (in |from )?\[?0(\.\.|…|,|-|–| to )\s?255",
    )
    unlike = setup.says(
        r"(train\w*|fit)[^.\n]{0,60}(rescale|/ "
        r"?255|normali[sz]ed|standardi[sz]ed|scaled|preprocess_input)[^\n]{0,80}(but|while|whereas|;|,)?[^\n]{0,40}(test|valid\w*|predict\w*|inference|evaluat\w*)[^.\n]{0,50}\b(not|without|no|raw|missing|0-255|forgot)",
        r"(test|valid\w*|predict\w*|inference|evaluat\w*)[^.\n]{0,60}"
        r"\b(without|no|not|missing|forgot\w*|raw|un\w*)\b"
        r"[^.\n]{0,25}(rescal|scal|normali|preprocess|/ ?255|standardi)",
        r"(forgot|missing|different)[^.\n]{0,40}(rescal|normali|preprocess|/ ?255)",
        r"(bgr|rgb)[^.\n]{0,60}(cv2|opencv|swap|instead|but)",
        r"(cv2|opencv)[^.\n]{0,60}(bgr|rgb)",
        r"fit_transform[^.\n]{0,40}test",
        r"(twice|double)[^.\n]{0,20}(rescal|scal|normali|preprocess)",
        r"preprocess_input[^.\n]{0,40}(and|with|plus|after)[^.\n]{0,20}rescale",
    )
    if unlike:
        yield Finding(
            Code.PREPROCESS_MISMATCH,
            Severity.ERROR,
            0.85,
            "By the notes the inputs are prepared in one place and not in the other: "
            f"{setup.quote(r'rescal', r'scal', r'normali', r'preprocess', r'255', r'bgr', r'standardi')}.",
            _PREPARE_REMEDY,
            refuted_by="one image giving the same array on both ways",
        )
    elif pretrained and (unprepared or _scaled_otherwise(evidence)):
        yield Finding(
            Code.PREPROCESS_MISMATCH,
            Severity.INFO if unprepared and _does_well(evidence, course) else Severity.WARNING,
            0.5 if _does_well(evidence, course) else 0.7,
            "The pretrained weights expect their own preprocess_input, but by the notes the inputs are "
            f"prepared otherwise ({setup.quote(r'rescal', r'preprocess', r'255', r'scal')}).",
            _PREPARE_REMEDY,
            refuted_by="no gain from the backbone's own preprocess_input",
        )


def _another_scale(evidence: Evidence, course: Course | None) -> Finding | None:
    """A number is predicted: its error on validation is thousands of times that on training, from the first
    epoch on.
    """
    if course is None or course.loss is None or course.val_loss is None or course.accuracy is not None:
        return None
    is_number = evidence.setup.is_regression or any(
        re.search(r"\b(mse|mae|rmse)\b|_error$", name) for name in course.curves.series
    )
    if not is_number or course.begins_after(3) or evidence.setup.has_batch_normalisation or len(course) < 2:
        return None
    ratios = course.val_loss / course.loss
    if not (course.loss > 0).all() or float(np.nanmin(ratios)) < 1000:
        return None
    return Finding(
        Code.PREPROCESS_MISMATCH,
        Severity.WARNING,
        0.75,
        f"From the first epoch on the validation loss is {np.nanmin(ratios):.3g} and more times the training "
        f"loss ({course.val_loss[0]:.4g} against {course.loss[0]:.4g}): no fit is too close so soon. "
        "Features or targets of the validation data are on another scale.",
        "Scale the validation data with what was fitted on the training data, features and targets alike.",
        refuted_by="equal means and deviations of features and targets in both sets",
        excluded=("overfitting: it takes epochs to come",),
        details={"ratio": round(float(np.nanmin(ratios)), 1)},
    )


def _another_pipeline(evidence: Evidence, course: Course | None) -> Finding | None:
    """Validation is useless at a good training, and by the notes it comes through a pipeline of its own."""
    setup = evidence.setup
    other = setup.says(
        r"(separate|two|different|another|own)[^.\n]{0,25}(generator|preprocess|pipeline)",
        r"by hand[^.\n]{0,40}(train|same|right)",
    )
    if course is None or not is_useless(course) or not other:
        return None
    return Finding(
        Code.PREPROCESS_MISMATCH,
        Severity.ERROR,
        0.75,
        "Training is good and validation no better than a guess, through another pipeline "
        f"({setup.quote(r'generator', r'preprocess', r'pipeline', r'by hand')}): the inputs differ.",
        _PREPARE_REMEDY,
        refuted_by="one image giving the same array on both ways",
        excluded=("overfitting: it would leave validation above a guess",),
    )


def _unscaled_by_hand(evidence: Evidence) -> Finding | None:
    """Training scales its inputs, and images read by hand for a prediction are not scaled in the same
    note.
    """
    scaled = evidence.setup.quote(r"/ ?255", r"rescale\s*=", r"normali[sz]ed", r"scaled to")
    for note in evidence.setup.notes:
        text = note.lower()
        by_hand = re.search(r"imread|image\.open|load_img|own image|cv2?\.|drawn|canvas|webcam", text)
        asked = re.search(r"predict|answer|evaluat|test", text)
        if (
            scaled
            and note != scaled
            and by_hand
            and asked
            and not re.search(r"255|rescal|normali|scaled|preprocess", text)
        ):
            return Finding(
                Code.PREPROCESS_MISMATCH,
                Severity.WARNING,
                0.75,
                f"Training scales its inputs ({scaled}), the images for the prediction are read by hand "
                f"without it ({note}).",
                _PREPARE_REMEDY,
                refuted_by="one image giving the same array on both ways",
            )
    return None


_PREPARE_REMEDY = (
    "Put the preparation into the model or into one function that training, evaluation and serving call; "
    "compare the array of one image on all ways."
)


def _scaled_otherwise(evidence: Evidence) -> bool:
    """Backbones of the Caffe style (VGG, ResNet v1) want BGR minus means, not 0–1."""
    return (
        evidence.setup.says(r"(vgg|resnet(?!.{0,3}v2))")
        and evidence.setup.says(r"rescale\s*=\s*1\.?/ ?255", r"/ ?255")
        and not evidence.setup.says(r"preprocess_input")
    )


def _does_well(evidence: Evidence, course: Course | None) -> bool:
    shown = [one.accuracy for one in evidence.evaluations if one.accuracy is not None]
    if course is not None and course.val_accuracy is not None:
        shown.append(float(np.nanmax(course.val_accuracy)))
    if evidence.matrix_accuracy is not None:
        shown.append(evidence.matrix_accuracy)
    return bool(shown) and min(shown) > 0.75


def _evaluated_otherwise(evidence: Evidence, course: Course | None) -> Finding | None:
    """The same split by another way is far worse: not the labels' order, so the inputs."""
    for one in evidence.evaluations:
        if one.accuracy is None or not one.method or one.is_of_training:
            continue
        method = one.method.lower()
        reference = _reference(evidence, course, one)
        if reference is None:
            continue
        shown, n, _ = reference
        drop = shown - one.accuracy
        if drop < max(0.15, 6 * sampling_error(shown, one.n or n or 500)):
            continue
        by_hand = any(re.search(rf"\b{re.escape(word)}", method) for word in _OTHER_WAYS.split(", "))
        clipped = one.loss is not None and one.accuracy < 1 and one.loss / (1 - one.accuracy) > 3
        # Another split may be another population; there only the way of asking counts.
        if not (by_hand or (clipped and one.split.lower()[:3] == reference[2])):
            continue
        return Finding(
            Code.PREPROCESS_MISMATCH,
            Severity.ERROR,
            0.9 if by_hand and clipped else 0.75,
            f"{one.split or 'The same data'}: {shown:.1%} on the usual way, {one.accuracy:.1%} by "
            f"'{one.method}'"
            + (f", with a loss of {one.loss:.4g} (answers saturated on one side)" if clipped else "")
            + ": same weights, so the inputs must differ (scaling, colour order, size).",
            _PREPARE_REMEDY,
            refuted_by="one image giving the same array on both ways",
            excluded=("label order: it would leave the loss finite and unsaturated",) if clipped else (),
            details={"usual": round(shown, 4), "otherwise": round(one.accuracy, 4)},
        )
    return None


# Words of a way that is not the one of the training.
_OTHER_WAYS = (
    "cv2, opencv, pil, load_img, by hand, loaded, single, flask, lite, serving, service, onnx, mobile, app, "
    "demo, page, raw, without, converted, deploy, production, api, export, joblib, csv, browser, camera, x "
    "/ 255, own image"
)


def _reference(
    evidence: Evidence, course: Course | None, other: Evaluation
) -> tuple[float, int | None, str] | None:
    """Return accuracy, samples and split (three letters) of the usual way: the same split first, else
    validation.
    """
    kind = other.split.lower()[:3]
    better = [
        one
        for one in evidence.evaluations
        if one is not other and one.accuracy is not None and one.accuracy > (other.accuracy or 0)
    ]
    for one in sorted(better, key=lambda one: one.split.lower()[:3] != kind):
        if one.split.lower()[:3] in (kind, "val", "dev", "tes"):
            return one.accuracy or 0.0, one.n, one.split.lower()[:3]
    if course is not None and course.val_accuracy is not None and kind in ("val", "dev", "tes", ""):
        return end_level(course.val_accuracy, 2), course.counted_validation, "val"
    return None
