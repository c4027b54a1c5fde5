"""The figures that stand in one line of a log, with the names that they go by there."""

import re

__all__ = ["Metric", "metrics_of", "spelled_out"]

Metric = tuple[str, str, str]
"""The name of a metric, its figure as printed, and a percent sign or nothing."""

_FIGURE = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?)"
_METRIC = re.compile(
    rf"([A-Za-z_][A-Za-z0-9_.@\-/]*(?: [A-Za-z_][A-Za-z0-9_.@]*){{0,3}}?)\s*[:=]\s*({_FIGURE})(?![\w/:])(%?)",
    re.IGNORECASE,
)
_NO_METRIC = {"eta", "epoch", "step", "batch", "time", "epochs", "elapsed", "batch_size", "v_num"}
# "train loss 0.5, test acc 0.8": a name and a figure with nothing between.
_UNSEPARATED = re.compile(
    rf"\b((?:(?:train|training|val|valid|validation|test|dev)[ _])?(?:loss|acc|accuracy))\s+"
    rf"(?=[-+]?(?:\d*\.\d|nan\b|inf\b))({_FIGURE})(?![\w/:])",
    re.IGNORECASE,
)
_REMARK = re.compile(r"(\w) ?\((?:batch|avg|average|mean|total)\)(?=\s*[:=])", re.IGNORECASE)
_SPLIT = re.compile(r"(?:^|[\W_])(train|val|test|dev|eval)", re.IGNORECASE)
# "val Loss: 0.22 Acc: 0.91": the word in front is of the whole line. Keras' ``val_loss`` is of one name.
_OF_LINE = re.compile(
    r"^\W*(train|val|test|dev|eval)(?:ing|id|idation|uation)?(?: set)?(?:\s*[:|]\s*|\s+)(?=\S)",
    re.IGNORECASE,
)
# "Accuracy: 9832/10000 (98%)": the counts say more than the share rounded.
_COUNTS = re.compile(r"([:=]\s*)(\d+)/([1-9]\d*)\s*\([\d.]+%\)")


def metrics_of(line: str) -> list[Metric]:
    """Return the metrics of a line, as printed.

    A split at the start of the line (``val Loss: 0.22 Acc: 0.91``) is that of all names without one.
    """
    line = _COUNTS.sub(lambda found: f"{found[1]}{int(found[2]) / int(found[3]):.6f}", line)
    split = _OF_LINE.match(line)
    if split is not None:
        line = spelled_out(line[split.end() :])
    metrics = [
        (found[1].strip(), found[2], found[3])
        for found in _METRIC.finditer(_REMARK.sub(r"\1", line))
        if found[1].strip().lower() not in _NO_METRIC
    ]
    if split is None:
        return metrics
    prefix = {"eval": "val"}.get(split[1].lower(), split[1].lower())
    return [
        (name if _SPLIT.search(name) else f"{prefix} {name}", figure, percent)
        for name, figure, percent in metrics
    ]


def spelled_out(line: str) -> str:
    """Return a line in which ``loss 0.5`` is written ``loss: 0.5``."""
    return _UNSEPARATED.sub(r"\1: \2", line)
