"""One evaluation of scores that exist already, from the file to the report."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lifesign import __version__
from lifesign.datasets.slice_names import unknown_slices
from lifesign.errors import ConfigurationError, DatasetError
from lifesign.evaluation.analysis.aggregation import Aggregation, aggregate_presentations
from lifesign.evaluation.analysis.columns import AnalysisSpec, PredictionColumns
from lifesign.evaluation.analysis.prediction_source import HeldPredictions
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.checks import exit_code
from lifesign.evaluation.command_line import predictions_command
from lifesign.evaluation.config import PredictionsConfig, digest_of
from lifesign.evaluation.imported_predictions.criteria import DEFAULT_CRITERION, choose_operating_point
from lifesign.evaluation.imported_predictions.meaning import Meaning, find_meaning
from lifesign.evaluation.imported_predictions.parts import prediction_tables
from lifesign.evaluation.imported_predictions.source import Survey, survey_file
from lifesign.evaluation.imported_predictions.table import nobody_listens
from lifesign.evaluation.performance import Session
from lifesign.evaluation.replay.predictions import part_path, write_part
from lifesign.evaluation.replay.progress import ProgressListener, SilentProgress
from lifesign.evaluation.replay.run_folder import DatasetRecord, RunFolder, RunRecord
from lifesign.evaluation.replay.shards import ProgressTally
from lifesign.evaluation.reporting import write_report
from lifesign.evaluation.run_analysis import analysis_spec, baseline_id, counted_state
from lifesign.evaluation.service import EvaluationResult
from lifesign.labels import ATTACK, BONA_FIDE, Split
from lifesign.model_card import ModelCard, OperatingPoint, read_given_card

__all__ = ["OpenedPredictions", "evaluate_predictions", "open_predictions"]


@dataclass(frozen=True)
class OpenedPredictions:
    """A predictions file that was looked through: its record, and its rows on demand."""

    survey: Survey
    meaning: Meaning
    record: RunRecord

    def tables(self) -> Iterator[tuple[pa.Table, int]]:
        """Yield prediction parts, with the number of rows whose scores do not add up to 1."""
        return prediction_tables(self.survey, self.meaning)


def evaluate_predictions(
    config: PredictionsConfig,
    *,
    progress: ProgressListener | None = None,
    look: Callable[[float], None] = nobody_listens,
) -> EvaluationResult:
    """Judge the scores of a file; write predictions, report and page to ``config.out``.

    ``look`` hears what share of the file has been looked through, before ``progress`` hears of its rows.

    Raises:
        LifesignError: it could not be evaluated; one sentence says why.
    """
    listener = progress or SilentProgress()
    try:
        opened = open_predictions(config, look=look)
    except BaseException:
        listener.on_finish()
        raise
    record = opened.record
    spec = analysis_spec(record, config)
    with RunFolder.claim(config.out, resume=False) as folder, _removed_on_failure(config.out):
        tally = ProgressTally(listener, total=opened.survey.samples, kept=0)
        started = time.perf_counter()
        try:
            state, strange = _write_parts(config.out, opened, spec, tally)
        finally:
            listener.on_finish()
        session = Session(samples=opened.survey.samples, seconds=time.perf_counter() - started)
        if state.total != opened.survey.samples:
            raise DatasetError(f"{config.predictions} has changed while it was read; evaluate it again")
        record = record.model_copy(
            update={"assumed": (*record.assumed, *_missing_classes(state, spec), *_sums(strange))}
        )
        folder.begin(record)
        if config.aggregate is not Aggregation.NONE:
            state = counted_state(config.out, spec)
        document = write_report(config.out, record, config, state=state, session=session)
    return EvaluationResult(config.out, document, exit_code(document.verdict), record.assumed)


@contextlib.contextmanager
def _removed_on_failure(out: Path) -> Iterator[None]:
    """Leave no half of a run behind: the file is still there, and the folder is free for the next try."""
    try:
        yield
    except BaseException:
        shutil.rmtree(out / "parts", ignore_errors=True)
        for path in (*out.glob("*.json"), *out.glob("*.html")):
            path.unlink(missing_ok=True)
        raise


def open_predictions(
    config: PredictionsConfig, *, look: Callable[[float], None] = nobody_listens
) -> OpenedPredictions:
    """Look through the file, settle what its columns and labels mean, and choose the threshold if asked.

    Raises:
        LifesignError: the file or the options do not fit; one sentence says why.
    """
    survey = survey_file(config.predictions, split=config.split, limit=config.limit, tell=look)
    dev = _dev_survey(config)
    card = None if config.card is None else read_given_card(config.card)
    labels = {**(dev.labels if dev else {}), **survey.labels}
    meaning = _meaning(survey, config, card, labels)
    point = None
    if dev is not None:
        if config.dev_predictions is not None and dev.file.digest == survey.file.digest:
            raise ConfigurationError(
                f"expected development scores of other samples, got {config.dev_predictions}, the same "
                "as the file that is tested: a threshold chosen on it would promise too much; --dev-split is "
                "for one file with splits"
            )
        if meaning.task != "liveness":
            raise ConfigurationError(
                "a threshold needs a liveness model; a classifier decides by the largest score"
            )
        point = _dev_point(config, dev, _meaning(dev, config, card, labels))
    return OpenedPredictions(survey, meaning, _record(config, survey, meaning, card, point))


def _dev_survey(config: PredictionsConfig) -> Survey | None:
    if config.dev_predictions is not None:
        return survey_file(config.dev_predictions, split=None)
    if config.dev_split is None:
        return None
    survey = survey_file(config.predictions, split=config.dev_split)
    if survey.split is None:
        raise ConfigurationError(
            f"{config.predictions}: expected a column split with {str(config.dev_split)!r} to choose the "
            "threshold on, got a file without splits"
        )
    return survey


def _meaning(
    survey: Survey, config: PredictionsConfig, card: ModelCard | None, labels: Mapping[str, str]
) -> Meaning:
    names = config.class_names if card is None else card.class_names
    if card is not None and config.class_names not in (None, card.class_names):
        raise ConfigurationError(
            f"expected the classes {list(card.class_names)} of the model card, got {config.class_names}"
        )
    return find_meaning(
        survey.columns, labels, path=survey.file.path, class_names=names, class_map=config.class_map
    )


def _dev_point(config: PredictionsConfig, survey: Survey, meaning: Meaning) -> OperatingPoint:
    spec = AnalysisSpec(meaning.class_names, "liveness")
    tables: Iterable[pa.Table] = (table for table, _ in prediction_tables(survey, meaning))
    if config.aggregate is not Aggregation.NONE:
        frames = HeldPredictions(tables)
        tables = [aggregate_presentations(frames, config.aggregate, class_names=meaning.class_names)]
    state = RunState.empty(spec)
    for table in tables:
        state = state.merge(RunState.from_predictions(table, spec))
    return choose_operating_point(
        config.criterion or DEFAULT_CRITERION, state.histogram, dataset_digest=survey.file.digest
    )


def _record(
    config: PredictionsConfig,
    survey: Survey,
    meaning: Meaning,
    card: ModelCard | None,
    point: OperatingPoint | None,
) -> RunRecord:
    digest = digest_of([survey.file.digest, str(survey.split)])
    identity: dict[str, Any] = {
        **config.identity(),
        "baseline": baseline_id(config),
        "class_names": list(meaning.class_names),
        "card": None if card is None else digest_of(card.model_dump(mode="json")),
        "dataset": config.name_of_dataset,
        "data_digest": digest,
        "dev_digest": None if point is None else point.dataset_digest,
        "format": 1,
    }
    unknown = unknown_slices(config.slices or (), meaning.metadata, measured=())
    if unknown:
        raise ConfigurationError(
            f"{survey.file.path}: expected slice columns among {list(meaning.metadata)}, got {unknown}"
        )
    return RunRecord(
        run_id=digest_of(identity)[:16],
        identity=identity,
        tool_version=__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=predictions_command(config),
        config=config.model_dump(mode="json"),
        model_name=config.model or (config.name_of_dataset if card is None else card.name),
        model_version=None if card is None else card.version,
        class_names=meaning.class_names,
        preprocessing=None,
        assumed=(*meaning.notes, *_split_notes(config, survey)),
        card=card,
        source="file",
        operating_point=point,
        dataset=DatasetRecord(
            name=config.name_of_dataset,
            root=str(config.predictions.resolve().parent),
            digest=digest,
            splits=survey.splits,
            samples=survey.samples,
            subjects=survey.subjects,
            presentations=survey.presentations,
            class_map=dict(sorted(meaning.label_map.items())),
            metadata_columns=meaning.metadata,
            slice_columns=tuple(name for name in meaning.metadata if name in survey.sliceable),
        ),
    )


def _write_parts(
    out: Path, opened: OpenedPredictions, spec: AnalysisSpec, tally: ProgressTally
) -> tuple[RunState, int]:
    """Write and count the parts; return the counts and the number of rows with scores of another sum."""
    state, strange = RunState.empty(spec), 0
    for index, (table, not_summing) in enumerate(opened.tables()):
        write_part(part_path(out, index), table, facts={"run_id": opened.record.run_id})
        state = state.merge(RunState.from_predictions(table, spec))
        strange += not_summing
        columns = PredictionColumns.read(table, spec)
        scored = int(columns.responded.sum())
        tally.add(
            scored=scored,
            no_response=table.num_rows - scored,
            correct=int(np.sum(columns.predicted == columns.true)),
        )
    return state, strange


def _split_notes(config: PredictionsConfig, survey: Survey) -> Iterator[str]:
    if survey.of_no_split:
        yield (
            f"{survey.of_no_split:,} rows name no split, so they belong to none and are not counted; "
            "--split all uses every row"
        )
    # The default is asked for by nobody.
    if not survey.splits and config.split not in (None, Split.TEST):
        yield f"no row names a split, so all are used, though {str(config.split)!r} was asked for"


def _missing_classes(state: RunState, spec: AnalysisSpec) -> Iterator[str]:
    if spec.task != "liveness":
        return
    support = state.overall.confusion.support + state.overall.no_response
    undefined = {BONA_FIDE: "BPCER", ATTACK: "APCER"}
    for name, count in zip(spec.class_names, support.tolist(), strict=True):
        if count == 0:
            yield f"no {name} sample among {state.total:,}: {undefined[name]}, EER and AUC are undefined"


def _sums(strange: int) -> Iterator[str]:
    if strange:
        yield (
            f"the scores of {strange:,} samples do not add up to 1: they are taken as they are, so read "
            "calibration and log loss with care"
        )
