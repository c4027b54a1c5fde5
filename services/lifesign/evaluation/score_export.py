"""The scores of a finished run as a CSV file: for other tools, bob among them, and for people."""

import contextlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from lifesign.errors import ConfigurationError
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.replay.predictions import replaced_file, slice_column
from lifesign.evaluation.run_analysis import (
    analysed_predictions,
    analysis_spec,
    changed_config,
    finished_record,
)
from lifesign.labels import BONA_FIDE

__all__ = ["ScoreFormat", "export_scores"]

_FACTS = ("outcome", "reason", "subject_id", "presentation_id", "pai_species", "path")


class ScoreFormat(StrEnum):
    """``lifesign`` is what ``evaluate --predictions`` reads; ``bob`` what ``bob pad metrics`` reads."""

    LIFESIGN = "lifesign"
    BOB = "bob"


def export_scores(run_dir: Path, file: Path, *, form: ScoreFormat) -> int:
    """Write one row per sample, scored or not; return the number of rows.

    Raises:
        StorageError: no finished run is there, or the disk refused.
        ConfigurationError: bob's format for a model that is not of liveness.
    """
    record = finished_record(run_dir)
    spec = analysis_spec(record, changed_config(record, {}, {}))
    if form is ScoreFormat.BOB and spec.task != "liveness":
        raise ConfigurationError(
            f"bob's score format needs a liveness model, got the classes {list(spec.class_names)}"
        )
    metadata, rows = record.dataset.metadata_columns, 0
    with replaced_file(file) as target, contextlib.ExitStack() as stack:
        writer: Any = None
        for table in _tables(run_dir, spec, form, metadata):
            if writer is None:
                options = csv.WriteOptions(quoting_style="needed")
                writer = stack.enter_context(csv.CSVWriter(target, table.schema, write_options=options))
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _tables(
    run_dir: Path, spec: AnalysisSpec, form: ScoreFormat, metadata: tuple[str, ...]
) -> Iterator[pa.Table]:
    for table in analysed_predictions(run_dir, spec):
        columns = _bob(table, spec) if form is ScoreFormat.BOB else _lifesign(table, spec)
        taken = {name for name in metadata if name not in columns}
        columns |= {name: table[slice_column(name)] for name in metadata if name in taken}
        yield pa.table(columns)


def _lifesign(table: pa.Table, spec: AnalysisSpec) -> dict[str, pa.ChunkedArray]:
    columns = {"sample_id": table["sample_id"], "label": table["label"]}
    if spec.task == "liveness":
        columns["score"] = _score(table, spec.class_names.index(BONA_FIDE))
    else:
        columns |= {f"score_{name}": _score(table, place) for place, name in enumerate(spec.class_names)}
    return columns | {name: table[name] for name in _FACTS}


def _bob(table: pa.Table, spec: AnalysisSpec) -> dict[str, pa.ChunkedArray]:
    is_bona_fide = pc.equal(table["label"], BONA_FIDE)
    return {
        "claimed_id": pc.fill_null(table["subject_id"], "unknown"),
        "test_label": table["sample_id"],
        "is_bonafide": pc.if_else(is_bona_fide, "True", "False"),
        "attack_type": pc.if_else(is_bona_fide, "", pc.fill_null(table["pai_species"], "attack")),
        # A sample without a score is nan there: bob counts it as a failure to acquire.
        "score": pc.fill_null(_score(table, spec.class_names.index(BONA_FIDE)).cast(pa.string()), "nan"),
    }


def _score(table: pa.Table, place: int) -> pa.ChunkedArray:
    return pc.list_element(table["scores"], place)
