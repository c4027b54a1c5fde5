"""A pasted progress log of Keras, of any generation, or of something alike.

Seen in the wild: bars with a closing figure in samples (``15000/15000``) or steps, ``verbose=2`` lines,
carriage returns and ANSI colours, ETA lines in between, ``acc`` / ``accuracy`` / ``val. acc.``, several
runs pasted one after another, chatter of callbacks, epochs left out, training and validation on lines of
their own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lifesign.evaluation.diagnosis.curves import Curves

__all__ = [
    "MOST_EPOCHS",
    "LogReader",
    "Row",
    "canonical_metric",
    "curves_of_rows",
    "is_of_progress",
    "lines_of",
    "read_console_log",
    "too_many_epochs",
]

MOST_EPOCHS = 5_000
"""Epochs that are looked at; a log may go on for longer."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")
_HEADER = re.compile(r"^\W*epoch\s*[\[(#:]?\s*0*(\d+)\s*(?:[/\\]|of)?\s*(\d+)?\s*[\])]?", re.IGNORECASE)
_CHATTER = re.compile(
    r"^\s*epoch\s*0*\d+\s*:\s*"
    r"(?:\w+ (?:improved|did not improve)|early|reducelr|reducing|saving|learningrate|restoring)"
    r"|did not improve|improved from|early stopping|restoring model"
    r"|reducing learning rate|setting learning rate",
    re.IGNORECASE,
)
_TRAIN_ON = re.compile(
    r"train on (\d+)\s*(samples|steps)?(?:.*?validat\w* on (\d+)\s*(samples|steps)?)?", re.IGNORECASE
)
_FOUND = re.compile(
    r"found (\d+) (?:validated )?(?:images|image filenames|files) belonging to (\d+) classes", re.IGNORECASE
)
_FIGURE = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?)"
_METRIC = re.compile(
    rf"([A-Za-z_][A-Za-z0-9_.@\-/]*(?: [A-Za-z_][A-Za-z0-9_.@]*){{0,3}}?)\s*[:=]\s*({_FIGURE})(?![\w/:])(%?)",
    re.IGNORECASE,
)
_OF_TEST = re.compile(r"\s*(?:final |best )?test[ _.]", re.IGNORECASE)
_OF_VALIDATION = re.compile(r"\s*(?:final |best )?(?:val|dev)", re.IGNORECASE)
_PROGRESS = re.compile(r"(?<![\d.])(\d+)\s*/\s*(\d+)(?![\d.])")
_DURATION = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)(ms|us|s|m|h)\b(?!/)|(?<![\w.:])(\d+):(\d\d)(?::(\d\d))?(?![\w:])"
)
_BAR = re.compile(r"\s*(\d+)\s*/\s*(\d+|unknown)\s+(?:\[|\u2501|\d)", re.IGNORECASE)
_EXHAUSTED = re.compile(r"ran out of data|generator(?: was)? exhausted|StopIteration", re.IGNORECASE)


@dataclass
class Row:
    """The figures of one epoch while the log is read."""

    number: int | None = None
    values: dict[str, float] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    decimals: int = 0
    seconds: float | None = None
    total: int | None = None
    counts_samples: bool = False
    is_partial: bool = False


_ACCURACIES = ("acc", "accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy")


def canonical_metric(name: str) -> str:
    """Return a metric's common name: ``val. acc.`` and ``validation accuracy`` are ``val_accuracy``."""
    plain = re.sub(r"[\s.\-]+", "_", name.strip().lower()).strip("_")
    plain = re.sub(r"^final_", "", plain)
    plain = re.sub(r"^(?:training|train|tr)_", "", plain)
    is_validation = bool(re.match(r"(?:validation|valid|val|dev|test)_", plain))
    plain = re.sub(r"^(?:validation|valid|val|dev|test)_", "", plain)
    plain = re.sub(r"_\d+$", "", plain)
    if plain in _ACCURACIES:
        plain = "accuracy"
    plain = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "learning_rate": "lr"}.get(
        plain, plain
    )
    return f"val_{plain}" if is_validation else plain


def read_console_log(text: str) -> Curves | None:
    """Return the curves of a log, ``None`` where it has no epoch."""
    reader = LogReader()
    for line in lines_of(text):
        reader.take(line)
    return reader.finish()


def too_many_epochs(epochs: int) -> str:
    """Return the remark on a log with more epochs than are looked at."""
    return f"only the first {MOST_EPOCHS:,} of {epochs:,} epochs are looked at"


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a text, cleared of terminal codes; a carriage return ends a line as well."""
    for line in re.split(r"[\r\n]+", _ANSI.sub("", text)):
        if line.strip():
            # Two epochs on one physical line: pasted without line ends.
            yield from re.split(r"(?<=\S)\s+(?=Epoch \d+/\d+\s)", line)


def is_of_progress(line: str) -> bool:
    """Whether a line is an epoch's headline, a bar or chatter of a callback: no configuration."""
    return bool(_BAR.match(line) or _HEADER.match(line) or _CHATTER.search(line))


def _is_unfinished(line: str) -> bool:
    """Whether it is a bar on its way, without looking at the figures behind it."""
    bar = _BAR.match(line)
    if bar is None or "val_" in line:
        return False
    return not bar[2].isdigit() or int(bar[1]) < int(bar[2])


class LogReader:
    """Takes the lines of a log one after another; keeps the epochs only."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.current = Row()
        self.sizes: tuple[int | None, int | None] = (None, None)
        self.found: list[int] = []
        self.planned: int | None = None
        self.remarks: list[str] = []
        self._epochs = 0
        self._unfinished: str | None = None

    @property
    def remarks_on_reading(self) -> list[str]:
        """What was left out, a sentence each."""
        return [too_many_epochs(self._epochs)] if self._epochs > MOST_EPOCHS else []

    def take(self, line: str) -> None:
        """Take the next line, as ``lines_of`` yields it."""
        if len(self.rows) == MOST_EPOCHS:
            self._epochs += bool(_HEADER.match(line))
            return
        if _is_unfinished(line):
            # Of a thousand states of one bar only the last can matter, if it was never finished.
            self._unfinished = line
            return
        if self._unfinished is not None:
            self._take(self._unfinished)
            self._unfinished = None
        self._take(line)

    def _take(self, line: str) -> None:
        if _EXHAUSTED.search(line):
            self.remarks.append("ran out of data")
            line = line[: _EXHAUSTED.search(line).start()]  # type: ignore[union-attr]
        if found := _FOUND.search(line):
            self.found.append(int(found[1]))
            return
        if stated := _TRAIN_ON.search(line):
            self._take_sizes(stated)
            return
        if _CHATTER.search(line):
            return
        rest = line
        if header := _HEADER.match(line):
            self._begin(int(header[1]), None if header[2] is None else int(header[2]))
            rest = line[header.end() :]
        self._take_metrics(rest)

    def _take_sizes(self, stated: re.Match[str]) -> None:
        counted = (stated[2] or "samples").lower() == "samples"
        if counted:
            self.sizes = (int(stated[1]), None if stated[3] is None else int(stated[3]))

    def _begin(self, number: int, planned: int | None) -> None:
        if self.current.number == number and not (self.current.values and not self.current.is_partial):
            return
        if self.current.number == number and self._lacks_validation():
            return
        self._close()
        self._epochs += len(self.rows) == MOST_EPOCHS
        self.current = Row(number=number)
        self.planned = planned or self.planned

    def _lacks_validation(self) -> bool:
        return (
            bool(self.rows)
            and any(n.startswith("val_") for n in self.rows[-1].values)
            and not any(name.startswith("val_") for name in self.current.values)
        )

    def _take_metrics(self, line: str) -> None:
        if ":" not in line and "=" not in line:
            return
        metrics = [
            (m[1], m[2], m[3]) for m in _METRIC.finditer(line) if m[1].strip().lower() not in _NO_METRIC
        ]
        if self._is_test_beside_validation(metrics):
            return
        progress = _PROGRESS.search(line)
        inner = progress is not None and int(progress[1]) > int(progress[2]) and "val_" not in line
        if not metrics or inner:
            # More done than there is: the line of an evaluation inside the epoch.
            return
        is_partial = (
            "ETA" in line or bool(progress and int(progress[1]) < int(progress[2])) or _is_unfinished(line)
        )
        fresh = {canonical_metric(name) for name, _, _ in metrics}
        row = self.current
        validated = any(name.startswith("val_") for name in row.values)
        if row.number is not None and validated and not any(name.startswith("val_") for name in fresh):
            # Under the heading of a finished epoch: what evaluate() printed afterwards.
            return
        if row.number is not None and not validated and any(name.startswith("val_") for name in fresh):
            if fresh & set(row.values):
                # The bar of the evaluation stood before the epoch's own line.
                row.values.clear()
                row.names.clear()
        elif not is_partial and not row.is_partial and row.values and fresh & set(row.values):
            # A line for the same epoch again: without headers each line is an epoch.
            self._close()
            row = self.current = Row()
        if is_partial and row.values and not row.is_partial:
            return
        if row.is_partial:
            row.values.clear()
            row.names.clear()
        row.is_partial = is_partial
        for name, figure, percent in metrics:
            key = canonical_metric(name)
            row.values[key] = float(figure) / (100 if percent else 1)
            row.names[key] = name.strip()
            if key.endswith("accuracy") and "e" not in figure.lower():
                row.decimals = max(row.decimals, len(figure.partition(".")[2]) + (2 if percent else 0))
        row.seconds = _duration(line) if row.seconds is None or not is_partial else row.seconds
        if progress:
            row.total = int(progress[2])
            # Keras before 2.1 counted samples and named no unit; microseconds are those of a sample.
            row.counts_samples = "/step" not in line or "us/step" in line

    def _is_test_beside_validation(self, metrics: list[tuple[str, str, str]]) -> bool:
        """Whether a line is of a test, and validation goes by a name of its own in this log."""
        given = [name for row in (*self.rows[-1:], self.current) for name in row.names.values()]
        return all(_OF_TEST.match(name) for name, _, _ in metrics) and any(map(_OF_VALIDATION.match, given))

    def _close(self) -> None:
        if self.current.values:
            self._epochs += not self.current.is_partial
            if len(self.rows) < MOST_EPOCHS:
                self.rows.append(self.current)
        self.current = Row()

    def finish(self) -> Curves | None:
        """Return the curves, ``None`` where no line was of an epoch."""
        if self._unfinished is not None:
            self._take(self._unfinished)
            self._unfinished = None
        self._close()
        # An epoch cut off by a loss that is no number is told all the same.
        complete = [
            row for row in self.rows if not row.is_partial or not np.isfinite(row.values.get("loss", 0.0))
        ]
        rows = complete or self.rows[-1:]
        if not any(
            "loss" in row.values or "accuracy" in row.values or "val_loss" in row.values for row in rows
        ):
            return None
        train, validation = self.sizes
        if self.found and train is None:
            train = self.found[0]
            validation = self.found[1] if len(self.found) > 1 else None
        return curves_of_rows(
            rows,
            train_samples=train,
            validation_samples=validation,
            planned=self.planned,
            remarks=self.remarks,
        )


_NO_METRIC = {"eta", "epoch", "step", "batch", "time", "epochs", "elapsed"}


def curves_of_rows(
    rows: list[Row],
    *,
    train_samples: int | None = None,
    validation_samples: int | None = None,
    planned: int | None = None,
    remarks: list[str] | None = None,
) -> Curves:
    """Return curves of rows in their order; a number not above the one before begins another run."""
    names = {key: name for row in rows for key, name in row.names.items()}
    keys = list(dict.fromkeys(key for row in rows for key in row.values))
    series, broken = {}, {}
    for key in keys:
        values = np.array([row.values.get(key, np.nan) for row in rows])
        given = np.array([key in row.values for row in rows])
        lost = np.flatnonzero(given & ~np.isfinite(values))
        if len(lost):
            broken[key] = tuple(lost.tolist())
        series[key] = np.where(np.isfinite(values), values, np.nan)
    starts = [0]
    numbers: list[int] = []
    for index, row in enumerate(rows):
        number = row.number if row.number is not None else (numbers[-1] + 1 if numbers else 1)
        if numbers and number <= numbers[-1]:
            starts.append(index)
        numbers.append(number)
    totals = {row.total for row in rows if row.total}
    counted = {row.total for row in rows if row.total and row.counts_samples}
    return Curves(
        series=series,
        names=names,
        epochs=tuple(numbers),
        run_starts=tuple(starts),
        train_samples=train_samples or (max(counted) if counted else None),
        validation_samples=validation_samples,
        steps=max(totals) if totals else None,
        seconds=tuple(row.seconds for row in rows),
        decimals=max((row.decimals for row in rows), default=0) or None,
        broken=broken,
        planned_epochs=planned,
        remarks=tuple(remarks or ()),
    )


def _duration(line: str) -> float | None:
    found = _DURATION.search(line)
    if not found:
        return None
    if found[1]:
        return float(found[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}[found[2]]
    parts = [int(part) for part in (found[3], found[4], found[5]) if part]
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + part
    return float(seconds)
