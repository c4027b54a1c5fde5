"""One evaluation from start to report: what the command line, the scheduler and the demo call."""

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifesign import __version__
from lifesign.client import PredictionClient
from lifesign.datasets.dataset import Dataset, load_dataset
from lifesign.datasets.location import local_path
from lifesign.errors import ConflictError, DatasetError
from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.audit.replayed import AUDIT_FILE, audit_replayed, findings_json
from lifesign.evaluation.audit.trained_on import TRAINED_ON_FILE, read_trained_on
from lifesign.evaluation.checks import exit_code
from lifesign.evaluation.command_line import evaluation_command
from lifesign.evaluation.config import EvaluationConfig, digest_of
from lifesign.evaluation.performance import Session
from lifesign.evaluation.replay.patience import Clock, Patience
from lifesign.evaluation.replay.predictions import replaced_file
from lifesign.evaluation.replay.progress import ProgressListener, SilentProgress
from lifesign.evaluation.replay.run_folder import DatasetRecord, RunFolder, RunRecord, read_record
from lifesign.evaluation.replay.served_model import ServedModel, inspect_model, resolve_version
from lifesign.evaluation.replay.shards import (
    ProgressTally,
    Shard,
    shards_of,
)
from lifesign.evaluation.replay.version_files import version_digest
from lifesign.evaluation.replay.worker import opened_replay, replay_client, shared_work
from lifesign.evaluation.report.document import ReportDocument
from lifesign.evaluation.reporting import write_report
from lifesign.evaluation.run_analysis import analysis_spec, baseline_id, counted_state
from lifesign.executor import Executor, LocalExecutor, RemoteExecutor
from lifesign.memory import release_memory
from lifesign.signature import CARD_FILE

__all__ = ["EvaluationResult", "evaluate"]


@dataclass(frozen=True)
class EvaluationResult:
    """Where the run is, its report, and the exit code of its gates: 0 pass, 1 fail, 2 insufficient.

    ``assumed`` says in sentences what was taken for granted for want of a model card.
    """

    run_dir: Path
    document: ReportDocument
    exit_code: int
    assumed: tuple[str, ...] = ()


def evaluate(
    config: EvaluationConfig,
    *,
    progress: ProgressListener | None = None,
    resume: bool = False,
    executor: Executor | RemoteExecutor | None = None,
    clock: Clock | None = None,
) -> EvaluationResult:
    """Replay a labelled set through a served model and write predictions, report and page to ``config.out``.

    With ``resume`` an interrupted run in that folder is continued; killed at any moment and resumed, it
    ends with the same report, byte for byte, as one that was not. Whatever stops an evaluation leaves
    the parts that are done.

    Raises:
        LifesignError: it could not be evaluated; one sentence says why.
    """
    listener = progress or SilentProgress()
    path = local_path(config.data)
    if path is not None and not path.exists():
        raise DatasetError(f"{config.data}: no such file or folder")
    patience = Patience(limit_seconds=config.wait_server_seconds, tell=listener.on_wait, clock=clock)
    with RunFolder.claim(config.out, resume=resume) as folder:
        config = _same_version(config, folder)
        model = _served_model(config, patience)
        dataset = _dataset(config, model)
        record = _record(config, model, dataset)
        spec = analysis_spec(record, config)
        folder.begin(record)
        _audit(config, model, dataset)
        release_memory()
        state, session = _replay(
            config,
            folder,
            record.run_id,
            model,
            dataset,
            spec,
            executor or LocalExecutor(),
            listener,
            patience,
        )
        if config.aggregate is not Aggregation.NONE:
            # Frames of one presentation may lie in several shards.
            state = counted_state(config.out, spec)
        # The report needs the parts alone, and as much memory as the samples took.
        del dataset
        release_memory()
        document = write_report(config.out, record, config, state=state, session=session)
        return EvaluationResult(config.out, document, exit_code(document.verdict), model.assumed)


def _same_version(config: EvaluationConfig, folder: RunFolder) -> EvaluationConfig:
    """Pin a resumed run to the version that answered its first part, even when a newer one is served now."""
    known = read_record(folder.path)
    if known is None:
        return config
    if config.version not in (None, known.model_version):
        raise ConflictError(
            f"{folder.path} holds a run of version {known.model_version} and cannot be resumed with "
            f"version {config.version}; choose another folder"
        )
    return config.model_copy(update={"version": known.model_version})


def _served_model(config: EvaluationConfig, patience: Patience) -> ServedModel:
    with PredictionClient(
        config.target, model=config.model, timeout_seconds=config.timeout_seconds
    ) as client:
        version = resolve_version(client, config.version, patience)
    with replay_client(config, version) as client:
        return inspect_model(client, config, version)


def _dataset(config: EvaluationConfig, model: ServedModel) -> Dataset:
    return load_dataset(
        config.data,
        layout=config.layout,
        protocol=config.protocol,
        class_names=model.class_names,
        class_map=config.class_map,
        split=config.split,
        slices=config.slices,
        limit=config.limit,
        threads=config.decode_threads,
    )


def _audit(config: EvaluationConfig, model: ServedModel, dataset: Dataset) -> None:
    """Keep in the run's folder what is wrong with its samples; the report tells it."""
    card = config.card
    if card is None and config.model_base_path is not None:
        card = config.model_base_path / config.model / str(model.version) / CARD_FILE
    trained_on = None if card is None else read_trained_on(card.with_name(Path(TRAINED_ON_FILE).name))
    findings = audit_replayed(dataset, model.class_names, trained_on)
    with replaced_file(config.out / AUDIT_FILE) as file:
        file.write(findings_json(findings).encode())


def _record(config: EvaluationConfig, model: ServedModel, dataset: Dataset) -> RunRecord:
    card = None if model.card is None else model.card.model_dump(mode="json")
    identity: dict[str, Any] = {
        **config.identity(),
        "baseline": baseline_id(config),
        "model_version": model.version,
        "class_names": list(model.class_names),
        "card": None if card is None else digest_of(card),
        "preprocessing": model.preprocessing.fingerprint,
        "dataset": config.name_of_dataset,
        "data_digest": dataset.digest,
        "format": 1,
    }
    export = _export_digest(config, model.version)
    if export:
        identity["export"] = export
    if model.exchange is not None:
        identity["exchange"] = model.exchange.model_dump(mode="json")
    return RunRecord(
        run_id=digest_of(identity)[:16],
        identity=identity,
        tool_version=__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=evaluation_command(config, model.version),
        config=config.model_dump(mode="json"),
        model_name=model.name,
        model_version=model.version,
        class_names=model.class_names,
        preprocessing=model.preprocessing,
        assumed=model.assumed,
        exchange=model.exchange,
        export_digest=export,
        card=model.card,
        dataset=DatasetRecord(
            name=config.name_of_dataset,
            root=dataset.root,
            digest=dataset.digest,
            splits=dataset.splits,
            samples=len(dataset),
            subjects=dataset.subjects,
            presentations=dataset.presentations,
            class_map=dict(dataset.class_map),
            metadata_columns=dataset.metadata_columns,
            slice_columns=dataset.slice_columns,
            remarks=dataset.remarks,
            images_digest=_images_digest(model, dataset),
        ),
    )


def _images_digest(model: ServedModel, dataset: Dataset) -> str:
    """Return what tells a split of the training again, where the model card has any to compare with."""
    if model.card is None or not (model.card.baselines or model.card.training):
        return ""
    return dataset.images_digest(model.class_names)


def _export_digest(config: EvaluationConfig, version: int) -> str:
    if config.model_base_path is None:
        return ""
    return version_digest(config.model_base_path / config.model / str(version))


def _replay(
    config: EvaluationConfig,
    folder: RunFolder,
    run_id: str,
    model: ServedModel,
    dataset: Dataset,
    spec: AnalysisSpec,
    executor: Executor | RemoteExecutor,
    listener: ProgressListener,
    patience: Patience,
) -> tuple[RunState, Session]:
    """Replay the shards that are not done; return the state of all and what this process did."""
    state, missing = RunState.empty(spec), list[Shard]()
    for shard in shards_of(len(dataset), config.shard_size):
        kept = folder.kept_state(shard, dataset, spec, run_id)
        if kept is None:
            missing.append(shard)
        else:
            state = state.merge(kept)
    todo = sum(shard.stop - shard.start for shard in missing)
    tally = ProgressTally(listener, total=len(dataset), kept=len(dataset) - todo)
    started = time.perf_counter()
    done = (
        _done_elsewhere(config, run_id, model, dataset, spec, executor, missing, tally, listener)
        if isinstance(executor, RemoteExecutor)
        else _done_here(config, run_id, model, dataset, spec, executor, missing, tally, patience)
    )
    try:
        with contextlib.closing(done):
            for one in done:
                state = state.merge(one)
    finally:
        listener.on_finish()
    seconds = time.perf_counter() - started
    # Workers elsewhere wait for themselves and tell only the sentence.
    pauses = None if isinstance(executor, RemoteExecutor) else dict(sorted(patience.pauses.items()))
    return state, Session(samples=todo, seconds=seconds, pauses=pauses)


def _done_here(
    config: EvaluationConfig,
    run_id: str,
    model: ServedModel,
    dataset: Dataset,
    spec: AnalysisSpec,
    executor: Executor,
    missing: list[Shard],
    tally: ProgressTally,
    patience: Patience,
) -> Generator[RunState]:
    with (
        opened_replay(
            config, run_id, model, dataset, spec, tally=tally, patience=patience, has_answered=tally.kept > 0
        ) as replay,
        replay.telling_what_failed(),
    ):
        yield from executor.map(replay, missing)


def _done_elsewhere(
    config: EvaluationConfig,
    run_id: str,
    model: ServedModel,
    dataset: Dataset,
    spec: AnalysisSpec,
    executor: RemoteExecutor,
    missing: list[Shard],
    tally: ProgressTally,
    listener: ProgressListener,
) -> Generator[RunState]:
    """Yield the states of shards that workers elsewhere replay; progress is told shard by shard."""
    if not missing:
        return
    with shared_work(config, run_id, model, dataset, spec, has_answered=tally.kept > 0) as work:
        for found in executor.run(work, missing, listener.on_wait):
            state = RunState.from_dict(found)
            yield state
            counts = state.overall
            tally.add(
                scored=counts.confusion.total,
                no_response=int(counts.no_response.sum()),
                correct=int(counts.confusion.counts.trace()),
            )
