"""From the parts of a run to its report, page and timings; with or without the model at hand."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lifesign import __version__
from lifesign.datasets.sources import open_source
from lifesign.errors import LifesignError
from lifesign.evaluation.analysis.assembly import RunFacts, build_report
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.analysis.stored_runs import analysed_source
from lifesign.evaluation.audit.replayed import read_findings
from lifesign.evaluation.command_line import command_of
from lifesign.evaluation.config import AnalysisConfig, digest_of
from lifesign.evaluation.contract.exchange import preprocessing_text
from lifesign.evaluation.performance import PERFORMANCE_FILE, Session, measured_performance
from lifesign.evaluation.replay.predictions import replaced_file
from lifesign.evaluation.replay.run_folder import RunRecord
from lifesign.evaluation.report.document import ReportDocument
from lifesign.evaluation.report.html import render_html
from lifesign.evaluation.run_analysis import (
    analysis_spec,
    baseline_id,
    changed_config,
    counted_state,
    finished_record,
)

__all__ = ["rewrite_report", "thumbnails_of", "write_report"]


def write_report(
    run_dir: Path,
    record: RunRecord,
    config: AnalysisConfig,
    *,
    state: RunState,
    session: Session | None = None,
    out: Path | None = None,
) -> ReportDocument:
    """Write ``report.json``, ``report.html`` and ``performance.json`` to ``out``, by default the run folder.

    Raises:
        StorageError: the disk refused.
    """
    out = out or run_dir
    spec = analysis_spec(record, config)
    document = build_report(
        state,
        spec=spec,
        card=record.card,
        run=_facts(record),
        gates=config.gates,
        predictions=analysed_source(run_dir, spec),
        baseline=config.baseline,
        profile=config.profile,
        superclasses=config.superclasses,
        data_findings=read_findings(run_dir),
    )
    performance = measured_performance(run_dir, record, session)
    page = render_html(document, thumbnails=thumbnails_of(record), performance=performance)
    _write(out / PERFORMANCE_FILE, json.dumps(performance, indent=2) + "\n")
    _write(out / "report.html", page)
    # Last: whoever sees a report.json can rely on the rest.
    _write(out / "report.json", document.to_json())
    return document


def rewrite_report(
    run_dir: Path, out: Path, *, changes: Mapping[str, Any], gates: Mapping[str, Any]
) -> ReportDocument:
    """Make the report of a finished run again with other options, from its predictions alone.

    ``changes`` are fields of ``AnalysisConfig``, ``gates`` those of ``GateConfig``; the others stay.

    Raises:
        StorageError: no run is there, or it is not finished.
        ConfigurationError: options that do not fit.
    """
    record = finished_record(run_dir)
    config = changed_config(record, changes, gates)
    before = {name: value for name, value in record.identity.items() if name != "aggregate"}
    identity = {
        **before,
        **config.identity(),
        "baseline": baseline_id(config),
        "report_of": record.run_id,
    }
    record = record.model_copy(
        update={
            "identity": identity,
            "run_id": digest_of(identity)[:16],
            "command": command_of(config, record.model_version),
        }
    )
    state = counted_state(run_dir, analysis_spec(record, config))
    return write_report(run_dir, record, config, state=state, out=out)


def thumbnails_of(record: RunRecord) -> Callable[[str], bytes | None]:
    """Return what reads the picture of a sample by its path, ``None`` where it is not at hand any more."""
    source = open_source(record.dataset.root)

    def thumbnail(path: str) -> bytes | None:
        try:
            return source.read(path)
        except LifesignError:
            return None

    return thumbnail


def _facts(record: RunRecord) -> RunFacts:
    return RunFacts(
        run_id=record.run_id,
        dataset_name=record.dataset.name,
        data_digest=record.dataset.digest,
        images_digest=record.dataset.images_digest,
        model_name=record.model_name,
        model_version=record.model_version,
        # Those that answered are counted in the state.
        served_versions={},
        preprocessing=_preprocessing(record),
        samples_total=record.dataset.samples,
        subjects=record.dataset.subjects,
        splits=record.dataset.splits,
        command=record.command,
        tool_version=__version__,
        presentations=record.dataset.presentations,
        class_map=record.dataset.class_map,
        source=record.source,
        export_digest=record.export_digest,
        remarks=(*record.dataset.remarks, *_taken_for_granted(record)),
    )


def _taken_for_granted(record: RunRecord) -> tuple[str, ...]:
    """Return what was inferred of a model of another make; where it is wrong, so are the numbers."""
    if record.source == "file":
        return tuple(f"Of the file: {sentence}." for sentence in record.assumed)
    if record.exchange is None:
        return ()
    return tuple(f"Taken for granted of the model: {sentence}." for sentence in record.assumed)


def _preprocessing(record: RunRecord) -> str:
    if record.preprocessing is None:
        return "unknown: scores were read from a file"
    if record.exchange is not None:
        return preprocessing_text(record.preprocessing, record.exchange)
    return record.preprocessing.fingerprint + (" (assumed: no model card)" if record.assumed else "")


def _write(path: Path, text: str) -> None:
    with replaced_file(path) as file:
        file.write(text.encode())
