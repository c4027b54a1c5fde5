"""Tables with a row per epoch, as notebooks print them: fastai, Hugging Face, skorch, or drawn with pipes."""

import math
import re

from lifesign.evaluation.diagnosis.inputs.line_metrics import Metric

__all__ = ["EpochTable", "table_headed"]

_LONGEST = 1_000  # a longer line is no row; cutting one of blanks takes the square of its length
_NO_METRIC = re.compile(r"time|dur|seconds|runtime|elapsed|samples per|lr$|learning rate", re.IGNORECASE)
_SPLIT = re.compile(r"(?:^|[\W_])(train|val|test|dev|eval)", re.IGNORECASE)
_VALIDATION = re.compile(r"(?:^|[\W_])(val|test|dev|eval)", re.IGNORECASE)
_OF_MODEL = re.compile(r"loss|acc", re.IGNORECASE)
_CELL = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|inf)\s*(%?)", re.IGNORECASE)


class EpochTable:
    """The columns of a table, by which its rows are read."""

    def __init__(self, names: list[str], cut: re.Pattern[str]) -> None:
        self._names = names
        self._cut = cut
        # Beside a validation loss, figures without a split are those of validation: nothing else is measured.
        self._is_of_validation = any(map(_VALIDATION.search, names)) and any(
            "loss" in name.lower() and not _VALIDATION.search(name) and _SPLIT.search(name) for name in names
        )

    def row(self, line: str) -> tuple[int, list[Metric]] | None:
        """Return the number of the epoch and its figures; ``None`` where the line is no row of the table."""
        cells = _cells(line, self._cut) if len(line) <= _LONGEST else []
        number = _CELL.fullmatch(cells[0]) if len(cells) == len(self._names) else None
        if number is None or not math.isfinite(float(number[1])):
            return None
        figures = [
            (self._named(name), found[1], found[2])
            for name, cell in zip(self._names[1:], cells[1:], strict=True)
            if not _NO_METRIC.search(name) and (found := _CELL.fullmatch(cell))
        ]
        return (int(float(number[1])), figures) if figures else None

    def _named(self, name: str) -> str:
        return f"val {name}" if self._is_of_validation and not _SPLIT.search(name) else name


def table_headed(line: str) -> EpochTable | None:
    """Return the table whose headline this is: ``epoch`` and names of losses or accuracies, no figure."""
    if (
        len(line) > _LONGEST
        or not re.match(r"[\s|│]*(?:epochs?|step)\b", line, re.IGNORECASE)
        or re.search(r"\d\.\d|[:=\[]", line)
    ):
        return None
    for pattern in (r"\s*[|│]\s*", r"\t+", r"\s*,\s*", r"\s{2,}", r"\s+"):
        cut = re.compile(pattern)
        names = _cells(line, cut)
        if len(names) >= 3 and names[0].lower().startswith(("epoch", "step")):
            return EpochTable(names, cut) if any(map(_OF_MODEL.search, names)) else None
    return None


def _cells(line: str, cut: re.Pattern[str]) -> list[str]:
    return cut.split(line.strip().strip("|│").strip())
