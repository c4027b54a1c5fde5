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
_NO_METRIC = {
    *("eta", "epoch", "step", "batch", "time", "epochs", "elapsed", "batch_size", "v_num"),
    *("training", "validation", "testing"),
}
# "train loss 0.5, test acc 0.8": a name and a figure with nothing between.
_UNSEPARATED = re.compile(
    rf"\b((?:(?:train|training|val|valid|validation|test|dev)[ _])?(?:loss|acc|accuracy))\s+"
    rf"(?=[-+]?(?:\d*\.\d|nan\b|inf\b))({_FIGURE})(?![\w/:])",
    re.IGNORECASE,
)
_TRAINED = re.compile(r"(?:train(?:ing)?|tr)[ _.-]acc", re.IGNORECASE)
_BARE = re.compile(r"acc(?:uracy)?$", re.IGNORECASE)
_REMARK = re.compile(r"(\w) ?\((?:batch|avg|average|mean|total)\)(?=\s*[:=])", re.IGNORECASE)
_SPLIT = re.compile(r"(?:^|[\W_])(train|val|test|dev|eval)", re.IGNORECASE)
# "val Loss: 0.22 Acc: 0.91": a split that stands by itself is that of what follows. Keras' ``val_loss`` is of
# one name.
_WORD = re.compile(r"(?<![\w/])(train|val|test|dev|eval)(?:ing|id|idation|uation)?(?=[\W]|$)", re.IGNORECASE)
_LEADS = re.compile(rf"^\W*{_WORD.pattern}", re.IGNORECASE)
_OF_SPLIT = re.compile(r"loss|acc|f1|auc|iou|dice|score|precision|recall|err|mae|mse", re.IGNORECASE)
# "Accuracy: 9832/10000 (98%)": the counts say more than the share rounded.
_COUNTS = re.compile(r"([:=]\s*)(\d+)/([1-9]\d*)\s*\([\d.]+%\)")


def metrics_of(line: str) -> list[Metric]:
    """Return the metrics of a line, as printed.

    A name without a split has that of the word before it (``val Loss: 0.22 Acc: 0.91``), and a test beside
    validation is left out.
    """
    line = _REMARK.sub(r"\1", _COUNTS.sub(lambda one: f"{one[1]}{int(one[2]) / int(one[3]):.6f}", line))
    if _LEADS.match(line):
        line = spelled_out(line)
    found = [one for one in _METRIC.finditer(line) if one[1].strip().lower() not in _NO_METRIC]
    given = {one[1].strip().lower() for one in found}
    metrics, split, end = [], "", 0
    for one in found:
        name = one[1].strip()
        for word in _WORD.finditer(line, end, one.end(1)):
            split = {"eval": "val"}.get(word[1].lower(), word[1].lower())
        end = one.end()
        if split and not _SPLIT.search(name) and _OF_SPLIT.search(name):
            full = f"{split} {name}"
            name = name if full.lower() in given else full
        metrics.append((name, one[2], one[3]))
    if any(_is_of(name, "val", "dev") for name, _, _ in metrics):
        metrics = [metric for metric in metrics if not _is_of(metric[0], "test")]
    elif any(_TRAINED.match(name) for name, _, _ in metrics):
        # "train_acc 0.95, acc 0.40": the one without a word is of the other data.
        metrics = [
            (f"val {name}" if _BARE.match(name) else name, figure, percent)
            for name, figure, percent in metrics
        ]
    return metrics


def _is_of(name: str, *splits: str) -> bool:
    return name.lower().removeprefix("final ").removeprefix("best ").startswith(splits)


def spelled_out(line: str) -> str:
    """Return a line in which ``loss 0.5`` is written ``loss: 0.5``."""
    return _UNSEPARATED.sub(r"\1: \2", line)
