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
_NO_METRIC = {"eta", "epoch", "step", "batch", "time", "epochs", "elapsed", "batch_size"}
# "train loss 0.5, test acc 0.8": a name and a figure with nothing between.
_UNSEPARATED = re.compile(
    rf"\b((?:(?:train|training|val|valid|validation|test|dev)[ _])?(?:loss|acc|accuracy))\s+"
    rf"(?=[-+]?(?:\d*\.\d|nan\b|inf\b))({_FIGURE})(?![\w/:])",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"(?:^|[\W_])(train|val|test|dev|eval)", re.IGNORECASE)
# "val Loss: 0.22 Acc: 0.91": the word in front is of the whole line. Keras' ``val_loss`` is of one name.
_OF_LINE = re.compile(
    r"^\W*(train|val|test|dev|eval)(?:ing|id|idation|uation)?(?:\s*[:|]\s*|\s+)(?=\S)", re.IGNORECASE
)


def metrics_of(line: str) -> list[Metric]:
    """Return the metrics of a line, as printed.

    A split at the start of the line (``val Loss: 0.22 Acc: 0.91``) is that of all names without one.
    """
    split = _OF_LINE.match(line)
    if split is not None:
        line = spelled_out(line[split.end() :])
    metrics = [
        (found[1].strip(), found[2], found[3])
        for found in _METRIC.finditer(line)
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
