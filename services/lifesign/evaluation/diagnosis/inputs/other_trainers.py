"""Lines of progress that are not Keras': boosted trees, and the records of Hugging Face's trainer."""

import re

from lifesign.evaluation.diagnosis.inputs.line_metrics import Metric

__all__ = ["boosting_round", "trainer_record"]

_ROUND = re.compile(r"^\[(\d+)\]\s+(?=\S+(?:'s [\w@]+|-[\w@]+):)")
_SCORE = re.compile(r"([A-Za-z_0-9]+)(?:'s |-)([\w@]+):\s*([-+]?\d+\.?\d*(?:e[-+]?\d+)?|[-+]?nan|inf)")
_TRAINING = re.compile(r"train|learn", re.IGNORECASE)
# What the trees are fitted by is the loss; an area under the curve or an error rate is not.
_LOSSES = (
    "logloss",
    "mlogloss",
    "binary_logloss",
    "multi_logloss",
    "rmse",
    "l2",
    "mae",
    "l1",
    "cross_entropy",
)
_FIELD = re.compile(r"['\"](\w+)['\"]:\s*['\"]?([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf))", re.IGNORECASE)
_SPEED = re.compile(r"epoch|runtime|per_second|learning_rate|grad_norm|flos|mem")


def boosting_round(line: str) -> tuple[int, list[Metric]] | None:
    """Return the round and its figures: ``[10] train-logloss:0.31 valid-logloss:0.42``, or LightGBM's
    ``[10] training's binary_logloss: 0.31``.
    """
    start = _ROUND.match(line)
    if start is None:
        return None
    scores = [(found[1], found[2], found[3]) for found in _SCORE.finditer(line[start.end() :])]
    sets = list(dict.fromkeys(name for name, _, _ in scores))
    trained = next((name for name in sets if _TRAINING.search(name)), None)
    if trained is None and {"validation_0", "validation_1"} <= set(sets):
        # scikit-learn's interface numbers eval_set, of which the training set comes first.
        trained = "validation_0"
    held = next((name for name in reversed(sets) if name != trained), None)
    prefixes = {trained: "", held: "val_"}
    metrics = [
        (prefixes[name] + ("loss" if kind in _LOSSES else kind), figure, "")
        for name, kind, figure in scores
        if name in prefixes
    ]
    return int(start[1]), metrics


def trainer_record(line: str) -> list[Metric] | None:
    """Return the figures of ``{'loss': 0.5, 'learning_rate': 2e-05, 'epoch': 1.0}``, of training or of
    validation (``eval_loss``); the record of the whole training has none.
    """
    text = line.strip()
    if not (text.startswith(("{'", '{"')) and text.endswith("}") and re.search(r"['\"]epoch['\"]:", text)):
        return None
    if "train_runtime" in text:
        return []
    return [
        (re.sub("^eval_", "val_", name), figure, "")
        for name, figure in _FIELD.findall(text)
        if not _SPEED.search(name)
    ]
