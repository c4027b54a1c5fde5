"""From the parts of a run to its report, page and timings; with or without the model at hand."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lifesign import __version__
from lifesign.datasets.slice_names import MEASURED_SLICES, unknown_slices
from lifesign.datasets.sources import open_source
from lifesign.errors import ConfigurationError, LifesignError, StorageError
from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.assembly import RunFacts, build_report
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.prediction_source import tables_of
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.analysis.stored_runs import analysed_source
from lifesign.evaluation.audit.replayed import read_findings
from lifesign.evaluation.command_line import command_of
from lifesign.evaluation.config import AnalysisConfig, digest_of, evaluation_config, predictions_config
from lifesign.evaluation.contract.exchange import preprocessing_text
from lifesign.evaluation.replay.predictions import read_predictions, replaced_file
from lifesign.evaluation.replay.run_folder import RunRecord, read_record
from lifesign.evaluation.report.document import ReportDocument
from lifesign.evaluation.report.html import render_html
from lifesign.model_card import OperatingPoint

__all__ = [
    "Session",
    "analysed_predictions",
    "analysis_spec",
    "baseline_id",
    "changed_config",
    "counted_state",
    "finished_record",
    "rewrite_report",
    "thumbnails_of",
    "write_report",
]


@dataclass(frozen=True)
class Session:
    """What one process replayed: ``samples`` in ``seconds`` of wall time.

    ``pauses`` counts by gRPC status how often it waited before it asked the server again; ``None`` where that
    is not known.
    """

    samples: int
    seconds: float
    pauses: Mapping[str, int] | None = None


def analysis_spec(record: RunRecord, config: AnalysisConfig) -> AnalysisSpec:
    """Return how the predictions of a run are read.

    Raises:
        ContractError: the card does not have the operating point.
        ConfigurationError: an operating point without a card, or a threshold for a classifier.
    """
    card = record.card
    liveness = set(record.class_names) == {"attack", "bona_fide"} if card is None else card.task == "liveness"
    if config.threshold is not None and not liveness:
        raise ConfigurationError(
            "a threshold needs a liveness model; a classifier decides by the largest score"
        )
    if config.profile is not None and not liveness:
        raise ConfigurationError(
            f"profile {config.profile.name} needs a liveness model, got classes {list(record.class_names)}"
        )
    if config.superclasses is not None:
        _require_superclasses(config.superclasses, record.class_names)
    if config.aggregate is not Aggregation.NONE and record.dataset.presentations is None:
        raise ConfigurationError(
            f"expected a data set with presentation_id to aggregate by, got {record.dataset.name} without"
        )
    return AnalysisSpec(
        class_names=record.class_names,
        task="liveness" if liveness else "classification",
        threshold=config.threshold,
        operating_point=None if config.threshold is not None else _operating_point(record, config),
        slice_columns=record.dataset.slice_columns if config.slices is None else config.slices,
        measured_slices=() if config.slices == () else MEASURED_SLICES,
        reference_profile={} if card is None else card.reference_profile,
        aggregate=config.aggregate,
    )


def _require_superclasses(superclasses: Mapping[str, str], class_names: Sequence[str]) -> None:
    missing = [name for name in class_names if name not in superclasses]
    if missing:
        raise ConfigurationError(
            f"superclasses: expected one for every class, got none for {', '.join(missing[:5])}"
        )


def _operating_point(record: RunRecord, config: AnalysisConfig) -> OperatingPoint | None:
    chosen, wanted = record.operating_point, config.operating_point
    if chosen is not None and wanted in (None, chosen.id):
        return chosen
    if record.card is None:
        if wanted is not None:
            raise ConfigurationError(f"operating point {wanted!r} needs a model card")
        return None
    return record.card.operating_point(wanted)


def analysed_predictions(run_dir: Path, spec: AnalysisSpec) -> Iterator[pa.Table]:
    """Yield the predictions of a run as they are counted: its parts, or presentations in place of frames."""
    yield from tables_of(analysed_source(run_dir, spec))


def counted_state(run_dir: Path, spec: AnalysisSpec) -> RunState:
    """Count all parts of a run again, for another threshold, other slices or gates."""
    state = RunState.empty(spec)
    for table in analysed_predictions(run_dir, spec):
        state = state.merge(RunState.from_predictions(table, spec))
    return state


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
    ).model_copy(update={"data_findings": read_findings(run_dir)})
    performance = _performance(run_dir, record, session)
    page = render_html(document, thumbnails=thumbnails_of(record), performance=performance)
    _write(out / "performance.json", json.dumps(performance, indent=2) + "\n")
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


def baseline_id(config: AnalysisConfig) -> str | None:
    """Return the run id of the baseline.

    Raises:
        ConfigurationError: the folder holds no run.
    """
    if config.baseline is None:
        return None
    record = read_record(config.baseline)
    if record is None:
        raise ConfigurationError(f"baseline {config.baseline}: expected the folder of an evaluation run")
    return record.run_id


def finished_record(run_dir: Path) -> RunRecord:
    """Return the record of a run whose predictions are complete.

    Raises:
        StorageError: no run is there, or it is not finished.
    """
    record = read_record(run_dir)
    if record is None:
        raise StorageError(f"{run_dir}: expected the folder of an evaluation run, found no run.json")
    done = sum(table.num_rows for table in read_predictions(run_dir, ["sample_id"]))
    if done != record.dataset.samples:
        raise StorageError(
            f"{run_dir}: expected {record.dataset.samples:,} predictions, got {done:,}; resume it"
        )
    return record


def changed_config(record: RunRecord, changes: Mapping[str, Any], gates: Mapping[str, Any]) -> AnalysisConfig:
    """Return the config of a run with other options; a new way to decide replaces the old one.

    Raises:
        ConfigurationError: options that do not fit.
    """
    values = {**record.config, **changes, "gates": {**record.config["gates"], **gates}}
    if "threshold" in changes:
        values["operating_point"] = changes.get("operating_point")
    elif "operating_point" in changes:
        values["threshold"] = None
    if record.source == "file" and {"threshold", "operating_point"} & set(changes):
        values |= {"dev_predictions": None, "dev_split": None, "criterion": None}
    config: AnalysisConfig
    config = predictions_config(**values) if record.source == "file" else evaluation_config(**values)
    unknown = unknown_slices(
        config.slices or (),
        record.dataset.metadata_columns,
        # A file of scores has no pictures to measure.
        measured=() if record.source == "file" else MEASURED_SLICES,
    )
    if unknown:
        raise ConfigurationError(
            f"expected slice columns among {list(record.dataset.metadata_columns)}, got {unknown}"
        )
    return config


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


def _performance(run_dir: Path, record: RunRecord, session: Session | None) -> dict[str, Any]:
    """Return timings: never part of the report, which must not differ from run to run."""
    sessions = _earlier_sessions(run_dir)
    if session is not None and session.samples:
        rate = session.samples / session.seconds if session.seconds > 0 else None
        found: dict[str, Any] = {
            "samples": session.samples,
            "seconds": session.seconds,
            "images_per_second": rate,
        }
        if session.pauses is not None:
            found["pauses"] = dict(session.pauses)
        sessions.append(found)
    latency = np.concatenate(
        [np.zeros(0, np.float32), *(_latencies(table) for table in _latency_tables(run_dir))]
    )
    quantiles = dict(zip(("p50", "p95", "p99", "max"), (0.5, 0.95, 0.99, 1.0), strict=True))
    return {
        "started_at": record.started_at,
        "images_per_second": sessions[-1]["images_per_second"] if sessions else None,
        "sessions": sessions,
        "request_latency_seconds": {
            name: float(np.quantile(latency, q)) if len(latency) else None for name, q in quantiles.items()
        },
    }


def _latency_tables(run_dir: Path) -> Iterator[pa.Table]:
    return read_predictions(run_dir, ["latency_seconds"])


def _latencies(table: pa.Table) -> Any:
    return table["latency_seconds"].drop_null().to_numpy()


def _earlier_sessions(run_dir: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads((run_dir / "performance.json").read_text("utf-8"))["sessions"]
        return list(found)
    except (OSError, ValueError, KeyError, TypeError):
        return []


def thumbnails_of(record: RunRecord) -> Callable[[str], bytes | None]:
    """Return what reads the picture of a sample by its path, ``None`` where it is not at hand any more."""
    source = open_source(record.dataset.root)

    def thumbnail(path: str) -> bytes | None:
        try:
            return source.read(path)
        except LifesignError:
            return None

    return thumbnail


def _write(path: Path, text: str) -> None:
    with replaced_file(path) as file:
        file.write(text.encode())
