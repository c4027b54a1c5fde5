"""A pasted progress log of Keras, of any generation, or of something alike.

Seen in the wild: bars with a closing figure in samples (``15000/15000``) or steps, ``verbose=2`` lines,
carriage returns and ANSI colours, ETA lines in between, ``acc`` / ``accuracy`` / ``val. acc.``, several
runs pasted one after another, chatter of callbacks, epochs left out, training and validation on lines of
their own.
"""

import re
from collections.abc import Iterable, Iterator

import numpy as np

from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.inputs.epoch_rows import Row, canonical_metric, curves_of_rows, fill
from lifesign.evaluation.diagnosis.inputs.epoch_tables import EpochTable, table_headed
from lifesign.evaluation.diagnosis.inputs.line_metrics import Metric, metrics_of, spelled_out
from lifesign.evaluation.diagnosis.inputs.other_trainers import boosting_round, trainer_record

__all__ = [
    "MOST_EPOCHS",
    "LogReader",
    "is_of_progress",
    "lines_of",
    "read_console_log",
    "too_many_epochs",
]

MOST_EPOCHS = 5_000
"""Epochs that are looked at; a log may go on for longer."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")
_COMMENTED = re.compile(r"^\s*(?:#|//|>)+\s*(?=epoch\b|\d+/\d+ \[)", re.IGNORECASE)
# TFLearn names the optimiser first: "| Adam | epoch: 007 | loss: 0.5".
_HEADER = re.compile(
    r"^\W*(?:\w+\s*\|\s*|train(?:ing)?\s+)?"
    r"(?:epoch|ep(?=[\s:]*\d))\s*(?:[\[(#:]\s*)?0*(\d+)\s*(?:[/\\]|of)?\s*(\d+)?\s*[\])]?",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^\s*epoch\s*0*\d+\s*:\s*"
    r"(?:\w+ (?:improved|did not improve)|early|reducelr|reducing|saving|learningrate|restoring)"
    r"|^\s*training step: \d+"
    r"|did not improve|improved from|early stopping|restoring model"
    r"|reducing learning rate|setting learning rate",
    re.IGNORECASE,
)
_TRAIN_ON = re.compile(
    r"train(?:ed)? on ([\d,]+)\s*(samples|steps)?(?:.*?validat\w* on ([\d,]+)\s*(samples|steps)?)?"
    r"(?:.*?\bepochs=(\d+))?",
    re.IGNORECASE,
)
# Where no line has the word epoch: "[501/2000] train loss: 3.2" and "step 250: train loss 2.0".
_COUNTED = re.compile(
    r"^\s*(?:\[(\d+)/(\d+)\]\s"
    r"|(?:\d[\dT:.\- ]*:\s+)?(?:step|iter(?:ation)?)\s*[:#]?\s*(\d+)(?:/(\d+))?[\s,:])",
    re.IGNORECASE,
)
# "Test Error:" over the line with its figures.
_SPLIT_ABOVE = re.compile(
    r"^\W*(train|val|test|dev|eval)\w*(?: (?:error|set|results?))?\s*:\s*$", re.IGNORECASE
)
_FINAL = re.compile(r"^\s*final epoch\b", re.IGNORECASE)
_FOUND = re.compile(
    r"found (\d+) (?:validated )?(?:images|image filenames|files) belonging to (\d+) classes", re.IGNORECASE
)
_OF_TEST = re.compile(r"\s*(?:final |best )?test[ _.]", re.IGNORECASE)
_OF_VALIDATION = re.compile(r"\s*(?:final |best )?(?:val|dev)", re.IGNORECASE)
_PROGRESS = re.compile(r"(?<![\d.])(?<!acy: )(?<!acc: )(\d+)\s*/\s*(\d+)(?![\d.])", re.IGNORECASE)
_DURATION = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)(ms|us|s|m|h)\b(?!/)|(?<![\w.:])(\d+):(\d\d)(?::(\d\d))?(?![\w:])"
)
_BAR = re.compile(r"\s*(\d+)\s*/\s*(\d+|unknown)\s+(?:\[|\u2501|\d)", re.IGNORECASE)
_PROGRESS_METRICS = {
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "mean_squared_error",
    "mean_absolute_error",
}
_EXHAUSTED = re.compile(r"ran out of data|generator(?: was)? exhausted|StopIteration", re.IGNORECASE)


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
        line = _COMMENTED.sub("", line)
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
        self._is_headed = False
        self._is_summary = False
        self._split = ""
        self._table: EpochTable | None = None
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
        if self._take_row(line):
            return
        if above := _SPLIT_ABOVE.match(line):
            self._split = f"{above[1]} "
            return
        rest, self._split = self._split + line, ""
        if header := _HEADER.match(line):
            self._is_headed = True
            self._begin(int(header[1]), None if header[2] is None else int(header[2]))
            rest = spelled_out(line[header.end() :])
        elif not self._is_headed and (counted := _COUNTED.match(line)):
            number, planned = counted[1] or counted[3], counted[2] or counted[4]
            self._begin(int(number), None if planned is None else int(planned))
            rest = spelled_out(line[counted.end() :])
        elif _FINAL.match(line):
            # R's summary of a history names the last epoch only by how many there were.
            self._begin(self.planned or 1, None)
            self._is_summary = True
        self._take_metrics(rest)

    def _take_row(self, line: str) -> bool:
        """Take a line that is the row of a table, or a whole record of another trainer."""
        record = trainer_record(line)
        if record is not None:
            self._take_record(record)
            return True
        table = table_headed(line)
        if table is not None:
            self._table = table
            return True
        row = boosting_round(line) or (None if self._table is None else self._table.row(line))
        if row is not None:
            self._close()
            self.current = Row(number=row[0])
            fill(self.current, row[1])
            self._close()
        return row is not None

    def _take_record(self, metrics: list[Metric]) -> None:
        if not metrics:
            return
        validates = _has_validation(name for name, _, _ in metrics)
        if not validates or not self.current.is_between:
            self._close()
        self.current.is_between = not validates
        fill(self.current, metrics)

    def _take_sizes(self, stated: re.Match[str]) -> None:
        counted = (stated[2] or "samples").lower() == "samples"
        train, validation = (
            None if part is None else int(part.replace(",", "")) for part in stated.group(1, 3)
        )
        if counted:
            self.sizes = (train, validation)
        if stated[5] is not None:
            self.planned = int(stated[5])

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
            and _has_validation(self.rows[-1].values)
            and not _has_validation(self.current.values)
        )

    def _take_metrics(self, line: str) -> None:
        if ":" not in line and "=" not in line:
            return
        metrics = metrics_of(line)
        if self._is_test_beside_validation(metrics):
            return
        progress = _PROGRESS.search(line)
        inner = progress is not None and int(progress[1]) > int(progress[2]) and "val_" not in line
        if not metrics or inner:
            # More done than there is: the line of an evaluation inside the epoch.
            return
        fresh = {canonical_metric(name) for name, _, _ in metrics}
        is_partial = not _has_validation(fresh) and (
            "ETA" in line or bool(progress and int(progress[1]) < int(progress[2])) or _is_unfinished(line)
        )
        row = self.current
        if self._is_summary and len(metrics) == 1 and not fresh & set(row.values):
            fill(row, metrics)
            return
        validated = _has_validation(row.values)
        if row.number is not None and validated and not _has_validation(fresh):
            # Under the heading of a finished epoch: what evaluate() printed afterwards.
            return
        if validated and progress and int(progress[2]) != row.total and not _has_validation(fresh):
            # Without a heading as well: another number of steps, and nothing of validation.
            return
        if row.number is not None and not validated and _has_validation(fresh):
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
        if row.is_partial and fresh & set(row.values):
            row.values.clear()
            row.names.clear()
        row.is_partial = is_partial
        fill(row, metrics)
        row.seconds = _duration(line) if row.seconds is None or not is_partial else row.seconds
        if progress:
            row.total = int(progress[2])
            # Keras before 2.1 counted samples and named no unit; microseconds are those of a sample.
            row.counts_samples = "/step" not in line or "us/step" in line

    def _is_test_beside_validation(self, metrics: list[Metric]) -> bool:
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
        # Bars all left unfinished: the last state of each epoch is what is known of it.
        rows = complete or self.rows
        if any(_has_validation(row.values) for row in rows):
            rows = [row for row in rows if not row.is_between]
        if not any(_PROGRESS_METRICS & set(row.values) for row in rows):
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


def _has_validation(names: Iterable[str]) -> bool:
    return any(name.startswith("val_") for name in names)


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
