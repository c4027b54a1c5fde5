"""From files and folders of any kind to evidence: what each is, is read from its content."""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from shutil import copyfileobj

from lifesign.errors import InputError, LifesignError
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.framework_messages import known_messages
from lifesign.evaluation.diagnosis.inputs.classification_report import (
    is_report_line,
    read_classification_report,
)
from lifesign.evaluation.diagnosis.inputs.console_log import LogReader, is_of_progress, lines_of
from lifesign.evaluation.diagnosis.inputs.decoded_text import (
    TextFile,
    decoded_lines,
    nobody_listens,
    read_text,
)
from lifesign.evaluation.diagnosis.inputs.documents import evidence_of_json, parsed_json
from lifesign.evaluation.diagnosis.inputs.event_files import event_files, is_event_file, read_event_files
from lifesign.evaluation.diagnosis.inputs.printed_matrix import read_printed_matrix
from lifesign.evaluation.diagnosis.inputs.run_folders import is_run_folder, read_run_folder
from lifesign.evaluation.diagnosis.inputs.tables import evidence_of_rows, looks_like_table, read_table
from lifesign.evaluation.diagnosis.setup import setup_from

__all__ = ["read_cases"]

_Tell = Callable[[int, int], None]
_TABLE_SUFFIXES = (".csv", ".tsv")
_COLUMN_SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".gz", ".bz2", ".zst")
_STDIN = "-"
# Lines beside those of epochs: a model summary, code, a report. More than these are no configuration.
_MOST_NOTES = 2_000
_LONGEST_NOTE = 2_000
_FIGURES = re.compile(r"loss\S*\s*[:=]\s*(?:[-+]?\.?\d|nan|[-+]?inf)", re.IGNORECASE)


def read_cases(
    paths: Sequence[Path], *, notes: Sequence[str] = (), tell: _Tell = nobody_listens
) -> tuple[list[Evidence], list[str]]:
    """Return one evidence per case file, one of all other files together, a sentence per unusable file.

    Files that are no cases describe one run. The path ``-`` is the standard input. What is left out of a
    file that is used all the same, is in ``remarks`` of its evidence. ``tell`` hears the bytes read of a file
    and its size.
    """
    cases: list[Evidence] = []
    loose: list[Evidence] = []
    problems: list[str] = []
    for path in paths:
        try:
            evidence, is_case = _read(path, tell)
        except LifesignError as error:
            problems.append(str(error))
            continue
        (cases if is_case else loose).append(evidence)
    if loose:
        cases.append(_together(loose))
    if notes:
        cases = [_with_notes(one, notes) for one in cases] or [Evidence(id="notes", setup=setup_from(notes))]
    return cases, problems


def _read(path: Path, tell: _Tell) -> tuple[Evidence, bool]:
    if str(path) == _STDIN:
        with _spooled_stdin() as file:
            return _of_file(file, tell)
    if path.is_dir():
        if not is_run_folder(path) and event_files(path):
            return Evidence(id=path.resolve().name, curves=read_event_files(path)), False
        return read_run_folder(path), False
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if not path.is_file():
        raise InputError(
            f"{path}: expected a file or a folder, got a device or pipe; give - to read from a pipe"
        )
    return _of_file(TextFile(path, str(path)), tell)


@contextmanager
def _spooled_stdin() -> Iterator[TextFile]:
    """Keep the standard input in a file, which can be looked at twice."""
    with tempfile.NamedTemporaryFile() as file:
        copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield TextFile(Path(file.name), "standard input")


def _of_file(file: TextFile, tell: _Tell) -> tuple[Evidence, bool]:
    if is_event_file(file.path):
        return Evidence(id=file.stem, curves=read_event_files(file.path)), False
    if file.suffix in _COLUMN_SUFFIXES:
        return _of_columns(file), False
    if file.path.stat().st_size == 0:
        raise InputError(f"{file.name}: expected a log, figures or notes, got an empty file")
    start = list(islice(decoded_lines(file), 20))
    first = next((line.strip() for line in start if line.strip()), "")
    if file.suffix == ".json":
        return evidence_of_json(file, parsed_json(file, read_text(file, tell)))
    if first[:1] == "{" or re.match(r"\[\s*[\[{\"]", first) or first == "[":
        text = read_text(file, tell)
        try:
            return evidence_of_json(file, parsed_json(file, text))
        except InputError:
            if first[:1] == "{" and read_printed_matrix(text) is None:
                raise
    if file.suffix in _TABLE_SUFFIXES or looks_like_table(start):
        return read_table(file, tell), False
    return _of_text(file, tell), False


def _of_columns(file: TextFile) -> Evidence:
    """A table in one of the forms that our predictions have: Parquet, JSON Lines, or compressed."""
    from lifesign.evaluation.imported_predictions.table_file import open_table

    table = open_table(file.path)

    def rows() -> Iterator[Sequence[str]]:
        yield table.names
        for block in table.read(table.names):
            for record in zip(*(column.to_pylist() for column in block.columns), strict=True):
                yield ["" if cell is None else str(cell) for cell in record]

    return evidence_of_rows(file, rows())


def _of_text(file: TextFile, tell: _Tell) -> Evidence:
    """A log, a printed report or matrix, notes, or some of these one after another."""
    log = LogReader()
    beside: list[str] = []
    messages: list[str] = []
    is_cut = False
    for line in chain.from_iterable(map(lines_of, decoded_lines(file, tell))):
        log.take(line)
        if len(messages) < _MOST_NOTES:
            messages += known_messages([line])
        # What is printed between, such as a model summary or code, is the setup.
        if is_cut or not _is_beside(line):
            continue
        is_cut = len(beside) == _MOST_NOTES
        beside.append(line.rstrip()[:_LONGEST_NOTE])
    curves, text = log.finish(), "\n".join(beside)
    report, matrix = read_classification_report(text), read_printed_matrix(text)
    notes = [line.strip() for line in beside if _is_note(line)]
    if curves is None and report is None and matrix is None and not notes:
        raise InputError(f"{file.name}: expected a training log, a report or notes, got no line of these")
    remarks = list(log.remarks_on_reading)
    if is_cut and curves is None:
        remarks.append(f"only the first {_MOST_NOTES:,} lines are looked at")
    return Evidence(
        id=file.stem,
        curves=curves,
        report=report,
        matrix=matrix,
        setup=setup_from(notes),
        messages=known_messages(messages),
        remarks=tuple(f"{file.name}: {remark}" for remark in remarks),
    )


def _is_note(line: str) -> bool:
    """Whether words stand there that are no row of a printed report."""
    return any(map(str.isalpha, line)) and not is_report_line(line)


def _is_beside(line: str) -> bool:
    return not is_of_progress(line) and not _FIGURES.search(line)


def _together(parts: Sequence[Evidence]) -> Evidence:
    """Return one evidence of several files about one run; where two tell the same, the first counts."""
    whole = parts[0]
    for part in parts[1:]:
        whole = replace(
            whole,
            curves=whole.curves or part.curves,
            matrix=part.matrix if whole.matrix is None else whole.matrix,
            class_names=whole.class_names or part.class_names,
            n_classes=whole.n_classes or part.n_classes,
            report=whole.report or part.report,
            counts={**part.counts, **whole.counts},
            predictions=whole.predictions or part.predictions,
            evaluations=(*whole.evaluations, *part.evaluations),
            setup=setup_from((*whole.setup.notes, *part.setup.notes)),
            messages=known_messages((*whole.messages, *part.messages)),
            remarks=(*whole.remarks, *part.remarks),
        )
    return whole


def _with_notes(evidence: Evidence, notes: Sequence[str]) -> Evidence:
    return replace(evidence, setup=setup_from((*evidence.setup.notes, *notes)))
