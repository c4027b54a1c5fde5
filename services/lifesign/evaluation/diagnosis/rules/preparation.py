"""What differs between training and evaluation besides the data: mode of the layers, preparation, loss terms."""

import re
from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evaluation, Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import noise, sampling_error, trend

__all__ = [
    "loss_not_comparable",
    "preprocess_mismatch",
    "suspected_leakage",
    "train_inference_mode_mismatch",
    "unstable_validation",
]


def _roughness(course: Course) -> tuple[float, float, int] | None:
    """Return the roughness of validation accuracy, what sampling explains of it, and its great drops."""
    values = course.val_accuracy
    if values is None or np.isfinite(values).sum() < 5:
        return None
    kept = values[np.isfinite(values)]
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


def _training_is_smooth(course: Course) -> bool:
    values = course.accuracy
    if values is None:
        values = course.loss
    if values is None:
        return False
    return noise(values) < 0.03 or trend(values) * (1 if values is course.accuracy else -1) > 0.7


def unstable_validation(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation swings between epochs beyond sampling error, without trend."""
    if course is None:
        return
    found = _roughness(course)
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
        f"Validation accuracy moves between {np.nanmin(values):.1%} and {np.nanmax(values):.1%}, by {rough:.1%} from "
        f"epoch to epoch beyond any trend, where the sampling error{f' of {n:,}' if n else ''} is {error:.2%}; {drops} "
        "drops are far beyond it"
        if found is not None
        else f"Validation loss moves between {np.nanmin(values):.3g} and {np.nanmax(values):.3g} from epoch to epoch"
    )
    yield Finding(
        Code.UNSTABLE_VALIDATION,
        Severity.WARNING,
        0.88 if drops >= 3 else 0.75,
        proof + ": it is the model that swings, not the sample.",
        "Lower the learning rate or decay it, average the weights, use larger batches; keep the best epoch and judge "
        "by several runs.",
        refuted_by="the same swings with the weights held fixed",
        details={"best_epoch": best + 1, "roughness": round(rough, 4), "sampling_error": round(error, 4)},
    )


def _rough_loss(course: Course) -> float | None:
    values = course.val_loss
    if values is None or len(values) < 5:
        return None
    relative = noise(values) / max(float(np.nanmedian(values)), 1e-9)
    trained = course.loss
    smooth = trained is None or noise(trained) / max(float(np.nanmedian(trained)), 1e-9) < relative / 3
    return relative if relative > 0.25 and smooth else None


def train_inference_mode_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Layers that act differently in training and evaluation: good training, wild or constant evaluation."""
    setup = evidence.setup
    forced = setup.says(
        r"learning_phase\s*\(?\s*1",
        r"set_learning_phase\(\s*(1|true)",
        r"training\s*=\s*true",
        r"\.train\(\) (left|still|in) ",
        r"(without|forgot|no|missing)[^.\n]{0,15}(\.eval\(\)|model\.eval)",
    )
    if forced:
        differs = _report_against_log(evidence, course)
        yield Finding(
            Code.TRAIN_INFERENCE_MODE_MISMATCH,
            Severity.WARNING if differs else Severity.INFO,
            0.9 if differs else 0.8,
            f"The notes force the training mode at inference ({setup.quote('learning_phase', 'training', 'eval')}): "
            "dropout goes on dropping, normalisation uses the statistics of the batch, so figures are noisy and "
            "pessimistic" + (f"; {differs}" if differs else "") + ".",
            "Leave the phase to fit, evaluate and predict; set it only where an uncertainty is wanted.",
            refuted_by="two predictions of the same input being equal",
            details={} if differs is None else {"report_and_log": differs},
        )
        return
    if found := _answers_differ(evidence):
        yield found
        return
    if found := _validated_on_training(evidence, course):
        yield found
        return
    same_data = _train_evaluated(evidence, course)
    if same_data is not None:
        shown, again, what = same_data
        yield Finding(
            Code.TRAIN_INFERENCE_MODE_MISMATCH,
            Severity.ERROR,
            0.9,
            f"On the same training data the model gets {shown:.1%} while it trains and {again:.1%} when it is "
            f"evaluated{what}: only the mode of its layers differs.",
            _MODE_REMEDY,
            refuted_by="training and inference mode giving equal outputs for one batch",
            excluded=("overfitting: the data are those of the training",),
            details={"training": round(shown, 4), "evaluated": round(again, 4)},
        )
        return
    if course is None or course.accuracy is None or course.val_accuracy is None:
        return
    if len(course) < 3:
        yield from _useless_validation(evidence, course)
        return
    trained, validated = course.accuracy, course.val_accuracy
    last = float(np.nanmedian(trained[-3:]))
    gap = last - float(np.nanmedian(validated[-3:]))
    early_gap = float(trained[0] - validated[0])
    level = course.constant_answer
    named = setup.has_batch_normalisation
    # A network in training mode well above a guess, and in inference mode at or below it.
    lost = named and level is not None and last - level > 0.25 and float(np.nanmedian(validated)) < 1.15 * level
    good = (last > 0.75 and gap > 0.2) or lost
    if not good:
        return
    found = _roughness(course)
    wild = found is not None and found[0] > max(0.03, 3 * found[1]) and found[2] >= 1
    kept = validated[np.isfinite(validated)]
    constant = len(kept) >= 3 and float(np.ptp(kept)) < max(
        0.012, 2 * course.validation_error(float(kept[0]))
    )
    level = course.constant_answer
    at_guess = level is not None and abs(float(np.median(kept)) - level) < max(
        0.03, 3 * course.validation_error(level)
    )
    losses = course.val_loss
    grown = (
        losses is not None
        and course.loss is not None
        and float(np.nanmedian(losses)) > 5 * float(np.nanmedian(course.loss))
    )
    named = setup.has_batch_normalisation
    if not (
        lost
        or (wild and early_gap > 0.1 and grown)
        or (constant and (at_guess or named or (grown and early_gap > 0.15)))
        or (named and early_gap > 0.15 and grown and (wild or constant))
    ):
        return
    confidence = 0.88 if named and (wild or constant or lost) else 0.72 if wild and early_gap > 0.2 else 0.6
    state = (
        f"jumps between {kept.min():.1%} and {kept.max():.1%}"
        if wild
        else f"stays at {float(np.median(kept)):.1%}"
    )
    yield Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        confidence,
        f"Training is smooth and reaches {last:.1%}, yet validation {state} from the first epoch on "
        f"({trained[0]:.1%} against {validated[0]:.1%})"
        + (", and the model has batch normalisation" if named else "")
        + ": it is evaluated on other statistics than it was trained on.",
        _MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        excluded=("overfitting: the gap does not grow with the epochs, it is there at once",),
        details={"first_gap": round(early_gap, 4), "last_gap": round(gap, 4)},
    )


def _answers_differ(evidence: Evidence) -> Finding | None:
    """The same rows asked again and again give other figures each time: something random is on at inference."""
    asked: dict[tuple[str, int | None, str], list[float]] = {}
    for one in evidence.evaluations:
        if one.accuracy is not None and re.search(r"\b(call|pass|again|time|predict\w*)\b", one.method.lower()):
            key = (one.split, one.n, re.sub(r"\d+|first|second|third", "", one.method.lower()))
            asked.setdefault(key, []).append(one.accuracy)
    for (split, n, _), shown in asked.items():
        if len(shown) >= 2 and len(set(shown)) > 1:
            return Finding(
                Code.TRAIN_INFERENCE_MODE_MISMATCH,
                Severity.ERROR,
                0.9,
                f"The same {n or ''} rows of {split} give {', '.join(f'{value:.2%}' for value in shown)} when asked again: "
                "dropout or another random layer is on at inference.",
                _MODE_REMEDY,
                refuted_by="two predictions of the same input being equal",
                details={"accuracies": shown},
            )
    return None


def _validated_on_training(evidence: Evidence, course: Course | None) -> Finding | None:
    """The validation data are the training data: a gap between the two is one of mode."""
    if not evidence.setup.validates_on_training or course is None:
        return None
    if course.accuracy is None or course.val_accuracy is None:
        return None
    shown, again = float(np.nanmedian(course.accuracy[-2:])), float(np.nanmedian(course.val_accuracy[-2:]))
    if shown - again < 0.1:
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.ERROR,
        0.95,
        f"Validation is on the training data themselves, and yet {shown:.1%} become {again:.1%}: only layers that act "
        "differently in training and inference can do that.",
        _MODE_REMEDY,
        refuted_by="validation data that differ from the training data after all",
        excluded=("overfitting: the data are the same", "leakage: the overlap is intended here"),
        details={"training": round(shown, 4), "evaluated": round(again, 4)},
    )


def _is_useless(course: Course) -> bool:
    """Whether validation is at or below a guess, with a loss that unsure answers never cost, at a good training."""
    if course.accuracy is None or course.val_accuracy is None or course.val_loss is None:
        return False
    last = float(np.nanmedian(course.val_accuracy[-3:]))
    level = max(1.3 * (course.constant_answer or 0.0), 0.2)
    usual = max(course.chance_loss or 2.3, 1.0)
    return (
        float(np.nanmedian(course.accuracy[-3:])) > 0.75
        and last < level
        and float(np.nanmax(course.val_loss[-3:])) > 1.5 * usual
    )


def _useless_validation(evidence: Evidence, course: Course) -> Iterator[Finding]:
    """One or two epochs only: told by a network with batch normalisation whose validation is useless."""
    if not evidence.setup.has_batch_normalisation or not _is_useless(course):
        return
    if course.accuracy is None or course.val_accuracy is None or course.val_loss is None:
        return
    yield Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        0.75,
        f"Training is at {course.accuracy[-1]:.1%}, validation at {course.val_accuracy[-1]:.1%} with a loss of "
        f"{course.val_loss[-1]:.3g}, no better than a guess, and the model has batch normalisation: its stored "
        "statistics do not fit the data.",
        _MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        details={"accuracy": float(course.accuracy[-1]), "val_accuracy": float(course.val_accuracy[-1])},
    )


_MODE_REMEDY = (
    "Evaluate on the training data: if that is as bad, it is the mode. Keep frozen BatchNormalization layers in "
    "inference mode (training=False), lower their momentum (.9) for short trainings, use larger batches."
)


def _report_against_log(evidence: Evidence, course: Course | None) -> str | None:
    report = evidence.report
    if report is None or course is None or course.val_accuracy is None or not report.n:
        return None
    by_log = float(course.val_accuracy[-1]) * report.n
    exact = np.all(report.support <= 10**report.decimals)
    right = report.correct
    if not exact or abs(right - round(right)) > 0.05 * len(report.names) or abs(right - by_log) < 1.5:
        return None
    return f"the report's recalls add up to {round(right):,} right of {report.n:,}, the log's accuracy to {round(by_log):,}"


def _train_evaluated(evidence: Evidence, course: Course | None) -> tuple[float, float, str] | None:
    for one in evidence.evaluations:
        if not one.split.lower().startswith("train") or one.accuracy is None:
            continue
        method = one.method.lower()
        if any(
            word in method
            for word in ("fit", "train mode", "training mode", "training=true", "last epoch", "log")
        ):
            continue
        shown = None
        if course is not None and course.accuracy is not None:
            shown = float(np.nanmax(course.accuracy[-2:]))
        else:
            shown = next(
                (
                    other.accuracy
                    for other in evidence.evaluations
                    if other is not one
                    and other.split == one.split
                    and other.accuracy is not None
                    and other.accuracy > one.accuracy
                ),
                None,
            )
        if shown is not None and shown - one.accuracy > 0.12:
            return shown, one.accuracy, f" ({one.method})" if one.method else ""
    return None


_BACKBONES = r"(vgg|resnet|inception|xception|mobilenet|densenet|efficientnet|nasnet)"


def preprocess_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Inputs scaled or prepared otherwise than in training, or than the pretrained weights expect."""
    found = _evaluated_otherwise(evidence, course)
    if found is not None:
        yield found
        return
    setup = evidence.setup
    if course is not None and _is_useless(course) and setup.says(
        r"(separate|two|different|another|own)[^.\n]{0,25}(generator|preprocess|pipeline)", r"by hand[^.\n]{0,40}(train|same|right)"
    ):
        yield Finding(
            Code.PREPROCESS_MISMATCH,
            Severity.ERROR,
            0.75,
            f"Training is at {np.nanmedian(course.accuracy[-3:]):.1%} and validation no better than a guess, through "  # type: ignore[index]
            f"another pipeline ({setup.quote(r'generator', r'preprocess', r'pipeline', r'by hand')}): the inputs differ.",
            _PREPARE_REMEDY,
            refuted_by="one image giving the same array on both ways",
            excluded=("overfitting: it would leave validation above a guess",),
        )
        return
    if told := _unscaled_by_hand(evidence):
        yield told
        return
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
        r"(train\w*|fit)[^.\n]{0,60}(rescale|/ ?255|normali[sz]ed|standardi[sz]ed|scaled|preprocess_input)[^\n]{0,80}(but|while|whereas|;|,)?[^\n]{0,40}(test|valid\w*|predict\w*|inference|evaluat\w*)[^.\n]{0,50}\b(not|without|no|raw|missing|0-255|forgot)",
        r"(test|valid\w*|predict\w*|inference|evaluat\w*)[^.\n]{0,60}\b(without|no|not|missing|forgot\w*|raw|un\w*)\b[^.\n]{0,25}(rescal|scal|normali|preprocess|/ ?255|standardi)",
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
            "The pretrained weights expect their own preprocess_input, but by the notes the inputs are prepared "
            f"otherwise ({setup.quote(r'rescal', r'preprocess', r'255', r'scal')}).",
            _PREPARE_REMEDY,
            refuted_by="no gain from the backbone's own preprocess_input",
        )


def _unscaled_by_hand(evidence: Evidence) -> Finding | None:
    """Training scales its inputs, and images read by hand for a prediction are not scaled in the same note."""
    scaled = evidence.setup.quote(r"/ ?255", r"rescale\s*=", r"normali[sz]ed", r"scaled to")
    for note in evidence.setup.notes:
        text = note.lower()
        by_hand = re.search(r"imread|image\.open|load_img|own image|cv2?\.|drawn|canvas|webcam", text)
        asked = re.search(r"predict|answer|evaluat|test", text)
        if scaled and note != scaled and by_hand and asked and not re.search(r"255|rescal|normali|scaled|preprocess", text):
            return Finding(
                Code.PREPROCESS_MISMATCH,
                Severity.WARNING,
                0.75,
                f"Training scales its inputs ({scaled}), the images for the prediction are read by hand without it ({note}).",
                _PREPARE_REMEDY,
                refuted_by="one image giving the same array on both ways",
            )
    return None


_PREPARE_REMEDY = (
    "Put the preparation into the model or into one function that training, evaluation and serving call; compare the "
    "array of one image on all ways."
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
    matrix = evidence.evaluated_matrix
    if matrix is not None and matrix.sum():
        shown.append(float(np.trace(matrix) / matrix.sum()))
    return bool(shown) and min(shown) > 0.75


def _evaluated_otherwise(evidence: Evidence, course: Course | None) -> Finding | None:
    """The same split by another way is far worse: not the labels' order, so the inputs."""
    for one in evidence.evaluations:
        if one.accuracy is None or not one.method or one.split.lower().startswith("train"):
            continue
        method = one.method.lower()
        reference = _reference(evidence, course, one)
        if reference is None:
            continue
        shown, n, _ = reference
        drop = shown - one.accuracy
        if drop < max(0.15, 6 * sampling_error(shown, one.n or n or 500)):
            continue
        by_hand = any(re.search(rf"\b{re.escape(word)}", method) for word in _OTHER_WAYS)
        clipped = one.loss is not None and one.accuracy < 1 and one.loss / (1 - one.accuracy) > 3
        # Another split may be another population; there only the way of asking counts.
        if not (by_hand or (clipped and one.split.lower()[:3] == reference[2])):
            continue
        return Finding(
            Code.PREPROCESS_MISMATCH,
            Severity.ERROR,
            0.9 if by_hand and clipped else 0.75,
            f"{one.split or 'The same data'}: {shown:.1%} on the usual way, {one.accuracy:.1%} by '{one.method}'"
            + (f", with a loss of {one.loss:.4g} (answers saturated on one side)" if clipped else "")
            + ": same weights, so the inputs must differ (scaling, colour order, size).",
            _PREPARE_REMEDY,
            refuted_by="one image giving the same array on both ways",
            excluded=("label order: it would leave the loss finite and unsaturated",) if clipped else (),
            details={"usual": round(shown, 4), "otherwise": round(one.accuracy, 4)},
        )
    return None


_OTHER_WAYS = (
    "cv2", "opencv", "pil", "load_img", "by hand", "loaded", "single", "flask", "lite", "serving", "service", "onnx", "mobile",
    "app", "demo", "page", "raw", "without", "converted", "deploy", "production", "api", "export", "joblib", "csv", "browser",
    "camera", "x / 255", "own image",
)  # fmt: skip


def _reference(
    evidence: Evidence, course: Course | None, other: Evaluation
) -> tuple[float, int | None, str] | None:
    """Return accuracy, samples and split (three letters) of the usual way: the same split first, else validation."""
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
        return float(np.nanmedian(course.val_accuracy[-2:])), course.counted_validation, "val"
    return None


_LEAKS = (
    r"(oversampl|smote|augment\w*|upsampl|resampl)\w*[^.\n]{0,40}before[^.\n]{0,20}split",
    r"split[^.\n]{0,30}after[^.\n]{0,30}(oversampl|smote|augment|upsampl|resampl)",
    r"(scal|normali|standardi|pca|feature selection|imput|fit_transform|vectori|tf-?idf|target encod)\w*[^.\n]{0,60}(before[^.\n]{0,20}split|(whole|entire|full|all)( of)? (the )?data)",
    r"\b(same|shared) (patient|subject|person|people|video|speaker|user|scene|session|customer|image)s?\b[^.\n]{0,40}(both (set|split|part)|train|split|in test|valid)",
    r"(frames?|slices|patches|windows|crops|augmented copies)\b[^.\n]{0,60}\b(random|split|both)",
    r"(split|shuffled)[^.\n]{0,30}\b(frames|slices|patches|windows|crops)\b",
    r"duplicat\w+[^.\n]{0,40}(train|test|valid|split|both|across)",
    r"(target|label|outcome|answer)[^.\n]{0,30}(in|among|part of|as|leak\w*)[^.\n]{0,20}(feature|input|column)",
    r"(validation|test)[^.\n]{0,30}(is|same as|equals?|drawn from|subset of|part of|contained in|included in)[^.\n]{0,15}(the )?(same )?(train)",
    r"(validation|test)_data\s*=\s*\(?\s*x_?train",
    r"(look-?ahead|future (value|information|data))",
    r"\bleak(s|ed|age|ing)?\b",
    r"overlap\w*[^.\n]{0,40}(train|test|valid)",
    r"(report|matrix|scored?|evaluated|tested|figures?)[^.\n]{0,30}\b(on|of|over)\b[^.\n]{0,15}(full |whole |entire )?train(ing)? (set|data|rows)",
    r"\.fit\(x, ?y\b(?!_)[^\n]{0,60}(predict|score)\(x_test",
    r"(folds?|split)\w*[^.\n]{0,30}(single|individual) (images|frames|slices|rows|samples)",
    r"frames of (image )?(sequences|videos?)",
    r"with replacement",
    r"(drawn|taken|sampled) from the (whole|full|entire) (table|data|set)",
    r"(repeated|copied|duplicated|enlarged|multiplied)[^\n]{0,60}\bthen\b[^\n]{0,25}split",
    r"several (scans|images|recordings|samples)[^.\n]{0,20}(of|per|from) (each|every|one|the same) (patient|subject|person|speaker)",
)


def suspected_leakage(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation overlaps or reveals training, or the inputs hold the target."""
    setup = evidence.setup
    stated = setup.says(*_LEAKS) and not setup.validates_on_training and not setup.says(
        r"no (overlap|leak|duplicat)", r"(subject|patient|group)-disjoint"
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
        "Split by subject, source or time before any resampling or fitting of transforms; search duplicates across "
        "splits; drop features that are known only with the answer.",
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
            return f"validation accuracy is {np.nanmin(validated):.4f} or more from the first epoch on, which real data hardly allow"
    matrix = evidence.evaluated_matrix
    if matrix is not None and matrix.sum() >= 500 and np.trace(matrix) == matrix.sum():
        if np.sum(matrix.sum(axis=1) > 0) >= 2:
            return f"not one of {int(matrix.sum()):,} samples is wrong, which real data hardly allow"
    held = [one for one in evidence.evaluations if one.accuracy is not None and one.split.lower()[:3] in ("val", "dev")]
    later = [one for one in evidence.evaluations if one.accuracy is not None and one.split.lower()[:4] == "test"]
    if held and later and min(one.n or 0 for one in held) >= 60:
        best, worst = max(one.accuracy or 0 for one in held), min(one.accuracy or 0 for one in later)
        if best >= 0.985 and best - worst > 0.25:
            return f"validation is at {best:.1%}, data from elsewhere at {worst:.1%}: what validation knew is missing there"
    for one in evidence.evaluations:
        area = next((value for name, value in one.metrics.items() if "auc" in name.lower()), None)
        if (
            not one.split.lower().startswith("train")
            and (one.n or 0) >= 200
            and ((one.accuracy or 0) >= 0.9995 or (area or 0) >= 0.99995)
        ):
            return f"{one.split} figures are perfect on {one.n:,} samples"
    return None


def loss_not_comparable(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Training and validation loss on different scales, so that their gap proves nothing."""
    if course is None or course.loss is None or course.val_loss is None:
        return
    setup = evidence.setup
    weighted = setup.has_weights or setup.has_penalty or setup.says(r"mixup|cutmix|label smoothing")
    loss, validated = course.loss, course.val_loss
    ratio = float(np.nanmedian(validated / np.where(loss == 0, np.nan, loss)))
    gap = None
    if course.accuracy is not None and course.val_accuracy is not None:
        gap = float(np.nanmedian(course.accuracy - course.val_accuracy))
    reason = None
    confidence = 0.0
    if gap is not None and ((ratio < 0.7 and gap > -0.03) or (ratio < 0.5 and gap > -0.08)):
        reason = f"the validation loss is {ratio:.2f} times the training loss although accuracy is {abs(gap):.1%} {'worse' if gap > 0 else 'better'} on validation"
        confidence = 0.55
    elif (
        gap is not None
        and ratio > 2.5
        and abs(gap) < 0.02
        and len(course) >= 2
        and _is_constant_ratio(loss, validated)
    ):
        reason = (
            f"the validation loss is {ratio:.2f} times the training loss in every epoch at the same accuracy"
        )
        confidence = 0.7
    elif course.accuracy is not None and float(np.nanmedian(course.accuracy[-3:])) > 0.985:
        wrong = 1 - float(np.nanmedian(course.accuracy[-3:]))
        late = float(np.nanmedian(loss[-3:]))
        if late > 0.25 and late > 20 * max(wrong, 0.002):
            reason = f"a training loss of {late:.3g} at {1 - wrong:.2%} right is more than wrong answers account for: a penalty or smoothed labels are in it"
            confidence = 0.6
    if reason is None and gap is None and (ratio < 0.02 or (ratio > 50 and float(np.nanmedian(validated)) > 10)):
        reason = f"the validation loss is {ratio:.3g} times the training loss: the two are not on one scale"
        confidence = 0.75
    if setup.has_weights and reason is None and (gap is None or abs(gap) < 0.1):
        reason = f"the validation loss is {ratio:.2f} times the training loss, accuracies are {abs(gap or 0):.1%} apart"
        confidence = 0.5 if not 0.8 < ratio < 1.25 else 0.3
    elif weighted and reason is None and (ratio > 1.8 or ratio < 0.6) and (gap is None or abs(gap) < 0.1):
        reason = f"the validation loss is {ratio:.2f} times the training loss, accuracies are {abs(gap or 0):.1%} apart"
        confidence = 0.5
    if reason is None:
        return
    yield Finding(
        Code.LOSS_NOT_COMPARABLE,
        Severity.WARNING if (weighted and confidence > 0.4) or confidence >= 0.7 else Severity.INFO,
        0.95 if weighted and not 0.02 < ratio < 50 else min(0.9, confidence + (0.25 if weighted else 0)),
        reason[0].upper()
        + reason[1:]
        + (
            f"; by the notes the training loss carries more ({setup.quote('weight', 'regulari', 'smoothing', 'l2', 'mixup')})."
            if weighted
            else "."
        ),
        "Compare accuracies, or evaluate the training data without weights, penalties and dropout.",
        refuted_by="evaluate() on the training data giving the printed training loss",
        details={"val_over_train_loss": round(ratio, 3)},
    )


def _is_constant_ratio(loss: np.ndarray, validated: np.ndarray) -> bool:
    ratios = validated / np.where(loss == 0, np.nan, loss)
    return bool(np.nanstd(ratios) < 0.08 * np.nanmean(ratios))
