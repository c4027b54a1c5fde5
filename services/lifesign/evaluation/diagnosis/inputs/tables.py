"""Figures as a table: a CSVLogger's history, predictions, a confusion matrix, class counts."""

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.evidence import ClassCounts, Evidence
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.inputs.decoded_text import TextFile, decoded_lines, nobody_listens
from lifesign.evaluation.diagnosis.inputs.histories import history_curves
from lifesign.evaluation.diagnosis.inputs.predictions import predictions_of_columns
from lifesign.labels import ATTACK, BONA_FIDE, liveness_label

__all__ = ["evidence_of_rows", "looks_like_table", "read_table"]

_Row = Sequence[str]
_TRUE = ("y_true", "label", "true_label", "true", "target", "ground_truth", "actual", "true_class")
_PREDICTED = ("y_pred", "predicted", "prediction", "pred", "predicted_label", "predicted_class")
_SCORE = ("y_prob", "score", "y_score", "probability", "prob", "proba", "liveness_score", "p_bona_fide")
# Lifesign's own scores are of bona fide, whatever the labels are called.
_OWN_SCORE = ("score", "liveness_score", "p_bona_fide")
_IS_ATTACK = "is_attack"
_PER_CLASS = re.compile(
    r"(?P<kind>y_prob|y_score|probability|proba|prob|score|logit|p)s?(?:[_ ](?P<word>.+)|(?P<number>\d+))"
)
_CLASS = ("class", "label", "name", "category", "class_name")
_COUNT = ("count", "counts", "n", "samples", "support", "images", "number")
_SPLITS = {
    "train": "train",
    "dev": "validation",
    "val": "validation",
    "validation": "validation",
    "test": "test",
}
_MARGINS = ("all", "total", "sum")
_MOST_ROWS = 5_000_000
_LARGEST_MATRIX = 2_000


def read_table(file: TextFile, tell: Callable[[int, int], None] = nobody_listens) -> Evidence:
    """Return the evidence of a CSV file; its fields may be split by commas, semicolons or tabs.

    Raises:
        InputError: it cannot be read, is empty, or has other columns than any known table.
    """
    lines = decoded_lines(file, tell)
    start = list(islice(lines, 20))
    header = next((line for line in start if line.strip()), "")
    delimiter = _delimiter(header)
    rows = csv.reader(chain(start, lines), delimiter=delimiter)
    try:
        return evidence_of_rows(file, _filled(rows, has_decimal_comma=delimiter == ";"))
    except csv.Error as error:
        raise InputError(f"{file.name}: expected a table, line {rows.line_num}: {error}") from error


def looks_like_table(lines: Sequence[str]) -> bool:
    """Whether the first lines of a text are those of a table: the same number of cells, then numbers."""
    filled = [line for line in lines if line.strip()][:3]
    if len(filled) < 2 or any("[" in line for line in filled):
        return False
    delimiter = _delimiter(filled[0])
    cells = [line.split(delimiter) for line in filled]
    return (
        len(cells[0]) > 1
        and len({len(row) for row in cells}) == 1
        and any(_is_number(cell) for cell in cells[1])
        and not any(re.search(r"\w\s*[:=]\s*\d", line) for line in filled)
    )


def _delimiter(header: str) -> str:
    if "\t" in header and "," not in header:
        return "\t"
    return ";" if header.count(";") > header.count(",") else ","


def _filled(rows: Iterable[list[str]], *, has_decimal_comma: bool) -> Iterator[_Row]:
    for row in rows:
        if any(cell.strip() for cell in row):
            yield [cell.strip().replace(",", ".") if has_decimal_comma else cell.strip() for cell in row]


def evidence_of_rows(file: TextFile, rows: Iterator[_Row]) -> Evidence:
    """Return the evidence of the rows of a table, the first of which may be a header.

    Raises:
        InputError: it has other columns than any known table.
    """
    header = next(rows, None)
    if header is None:
        raise InputError(f"{file.name}: expected a table, got an empty file")
    names = [re.sub(r"[\s\-]+", "_", name.lower()) for name in header]
    reader = next((reader for fits, reader in _READERS if fits(names)), None)
    if reader is not None:
        return reader(file, names, header, rows)
    matrix = _matrix(file, header, rows)
    if matrix is not None:
        return matrix
    raise InputError(
        f"{file.name}: expected columns of a CSVLogger (loss, accuracy …), of predictions (y_true, y_pred, "
        f"y_prob …), of counts (class, count) or a square matrix of counts, got {', '.join(header[:8])}"[:400]
    )


def _are_predictions(names: _Row) -> bool:
    answers = {*_PREDICTED, *_SCORE} & set(names) or _probability_columns(names)
    return bool(("y_pred" in names) or ({*_TRUE, _IS_ATTACK} & set(names) and answers))


def _probability_columns(names: _Row) -> dict[int, str]:
    """Return the place and the class word of columns such as ``prob_cat``, ``p_0`` or ``y_prob1``."""
    matched = ((place, _PER_CLASS.fullmatch(name)) for place, name in enumerate(names))
    return {
        place: found["word"] or found["number"]
        for place, found in matched
        if found and names[place] not in (*_SCORE, *_TRUE)
    }


def _predictions(file: TextFile, names: _Row, header: _Row, rows: Iterator[_Row]) -> Evidence:
    true, predicted, score = (_place(names, known) for known in (_TRUE, _PREDICTED, _SCORE))
    label = _label
    if true is None and _IS_ATTACK in names:
        true, label = names.index(_IS_ATTACK), _attack_or_not
    per_class = _probability_columns(names)
    order = sorted(per_class, key=lambda place: _natural(per_class[place]))
    words = [header[place][len(header[place]) - len(per_class[place]) :] for place in order]
    labels: dict[str, Any] = {}
    columns: dict[str, list[Any]] = {"y_true": [], "y_pred": [], "y_prob": []}
    remarks: list[str] = []
    for number, row in enumerate(rows):
        if number == _MOST_ROWS:
            remarks.append(f"only the first {_MOST_ROWS:,} predictions are looked at")
            break
        for name, place in (("y_true", true), ("y_pred", predicted)):
            if place is not None:
                cell = row[place] if place < len(row) else ""
                if cell not in labels:
                    labels[cell] = label(cell)
                columns[name].append(labels[cell])
        if order:
            columns["y_prob"].append([_number(row, place) for place in order])
        elif score is not None:
            columns["y_prob"].append(_number(row, score))
    if not any(columns.values()):
        raise InputError(f"{file.name}: expected a header and one row per sample, got a header alone")
    if order:
        _finish_probabilities(
            columns, words, is_logit=all(names[place].startswith("logit") for place in order)
        )
    elif score is not None and names[score] in _OWN_SCORE:
        _in_own_words(columns)
    given = {name: values for name, values in columns.items() if values}
    predictions = predictions_of_columns(given, remarks)
    if predictions is None:
        raise InputError(f"{file.name}: no column could be read: {'; '.join(remarks)}")
    class_names = tuple(words) if order and not all(word.isdigit() for word in words) else ()
    return Evidence(
        id=file.stem, predictions=predictions, class_names=class_names, remarks=_told(file, remarks)
    )


def _in_own_words(columns: dict[str, list[Any]]) -> None:
    """Call labels of liveness ``attack`` and ``bona_fide``: in that order the score is of the second."""
    named = {value: liveness_label(str(value)) for value in set(columns["y_true"])}
    if set(named.values()) == {ATTACK, BONA_FIDE}:
        columns["y_true"] = [named[value] for value in columns["y_true"]]


def _attack_or_not(cell: str) -> object:
    return ATTACK if cell.strip().lower() in ("1", "1.0", "true", "yes") else BONA_FIDE


def _finish_probabilities(columns: dict[str, list[Any]], words: Sequence[str], *, is_logit: bool) -> None:
    """Turn logits into probabilities, and a single column of a named class into that of the class."""
    table = np.asarray(columns["y_prob"], float)
    if is_logit:
        table = np.exp(table - table.max(axis=1, keepdims=True))
        table /= table.sum(axis=1, keepdims=True)
    columns["y_prob"] = table[:, 0].tolist() if len(words) == 1 else table.tolist()


def _told(file: TextFile, remarks: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{file.name}: {remark}" for remark in remarks)


def _place(names: _Row, known: Sequence[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _label(cell: str) -> object:
    number = float(cell) if _is_number(cell) else math.nan
    if not math.isfinite(number):
        return cell
    return int(number) if number.is_integer() else number


def _number(row: _Row, place: int) -> float:
    cell = row[place] if place < len(row) else ""
    return float(cell) if _is_number(cell) else math.nan


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _natural(word: str) -> tuple[int, float, str]:
    return (0, float(word), "") if _is_number(word) else (1, 0.0, word)


def _is_history(names: _Row) -> bool:
    return any("loss" in name or name.startswith(("acc", "val_")) or name.endswith("_acc") for name in names)


def _history(file: TextFile, names: _Row, header: _Row, rows: Iterator[_Row]) -> Evidence:
    del names
    columns: dict[str, list[float | None]] = {name: [] for name in header if name}
    for row in rows:
        for name, cell in zip(header, chain(row, [""] * len(header)), strict=False):
            if name:
                columns[name].append(float(cell) if _is_number(cell) else None)
    numeric = {name: values for name, values in columns.items() if any(one is not None for one in values)}
    remarks: list[str] = []
    curves = history_curves(numeric, remarks)
    if curves is None:
        raise InputError(f"{file.name}: expected a header and one row per epoch, got no epoch")
    return Evidence(id=file.stem, curves=curves, remarks=_told(file, remarks))


def _are_counts(names: _Row) -> bool:
    return _place(names, _CLASS) is not None and _place(names, _COUNT) is not None and len(names) <= 3


def _counts(file: TextFile, names: _Row, header: _Row, rows: Iterator[_Row]) -> Evidence:
    del header
    name, count = _place(names, _CLASS), _place(names, _COUNT)
    split = names.index("split") if "split" in names else None
    counted: dict[str, dict[str, int]] = {}
    remarks = []
    for row in rows:
        number = _number(row, count or 0)
        if not number.is_integer() or number < 0:
            remarks.append(f"the count of {row[name or 0]} is left out: expected a number of samples")
            continue
        part = "all" if split is None else _SPLITS.get(row[split].lower(), row[split])
        counted.setdefault(part, {})[row[name or 0]] = int(number)
    if not counted:
        raise InputError(f"{file.name}: expected a header and one row per class, got no count")
    counts: Mapping[str, ClassCounts] = {part: ClassCounts(given) for part, given in counted.items()}
    return Evidence(id=file.stem, counts=counts, remarks=_told(file, remarks))


_Reader = Callable[[TextFile, _Row, _Row, Iterator[_Row]], Evidence]
_READERS: tuple[tuple[Callable[[_Row], bool], _Reader], ...] = (
    (_are_predictions, _predictions),
    (_is_history, _history),
    (_are_counts, _counts),
)


def _has_labels(names: Sequence[str], body: Sequence[_Row]) -> bool:
    """Whether the first column names the rows: words, or numbers counted up."""
    first = [row[0] for row in body]
    if not all(_is_number(cell) for cell in first):
        return True
    counted = [[str(number + start) for number in range(len(body))] for start in (0, 1)]
    return len(body[0]) == len(body) + 1 and (first in counted or len(names) == len(body[0]))


def _matrix(file: TextFile, header: _Row, rows: Iterator[_Row]) -> Evidence | None:
    """A matrix of counts, with or without a header, labels before the rows, and margins."""
    body = list(islice(rows, _LARGEST_MATRIX + 2))
    if len(body) > _LARGEST_MATRIX + 1:
        raise InputError(
            f"{file.name}: expected a matrix of at most {_LARGEST_MATRIX:,} classes, got more rows"
        )
    names: list[str] = []
    is_named_row = len(header) == len(body) + 2 and all(_is_number(cell) for cell in header[1:])
    if not (is_named_row or all(_is_number(cell) for cell in header)) or len(body) == len(header):
        names = list(header)
    else:
        body.insert(0, header)
    if not body:
        return None
    has_labels = _has_labels(names, body)
    if has_labels and len(names) == len(body[0]):
        names = names[1:]
    labels = [row[0] for row in body] if has_labels else names
    cells = [row[1:] if has_labels else row for row in body]
    if labels and labels[-1].lower() in _MARGINS and len(cells) > 1:
        cells, labels, names = [row[:-1] for row in cells[:-1]], labels[:-1], names[:-1]
    if len(cells) < 2 or any(not _is_number(cell) for row in cells for cell in row):
        return None
    named = names or labels
    inputs: dict[str, Any] = {"confusion_matrix": [[float(cell) for cell in row] for row in cells]}
    if named and not all(name.isdigit() for name in named):
        inputs["class_names"] = list(named)
    return evidence_of_inputs(inputs, identifier=file.stem)
