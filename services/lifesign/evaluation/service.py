"""One evaluation from start to report: what the command line, the scheduler and the demo call."""

from dataclasses import dataclass
from pathlib import Path

from lifesign.client import PredictionClient
from lifesign.datasets.dataset import Dataset, load_dataset
from lifesign.datasets.location import local_path
from lifesign.errors import ConflictError, DatasetError
from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.audit.replayed import AUDIT_FILE, audit_replayed, findings_json
from lifesign.evaluation.audit.trained_on import TRAINED_ON_FILE, read_trained_on
from lifesign.evaluation.checks import exit_code
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.replay.patience import Clock, Patience
from lifesign.evaluation.replay.predictions import replaced_file
from lifesign.evaluation.replay.progress import ProgressListener, SilentProgress
from lifesign.evaluation.replay.run_folder import RunFolder, read_record
from lifesign.evaluation.replay.served_model import ServedModel, inspect_model, resolve_version
from lifesign.evaluation.replay.worker import replay_client
from lifesign.evaluation.report.document import ReportDocument
from lifesign.evaluation.reporting import write_report
from lifesign.evaluation.run_analysis import analysis_spec, counted_state
from lifesign.evaluation.run_record import record_of
from lifesign.evaluation.sharded_replay import ShardedReplay
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
        config = _same_batch_size(config, model, folder)
        dataset = _dataset(config, model)
        record = record_of(config, model, dataset)
        spec = analysis_spec(record, config)
        folder.begin(record)
        _audit(config, model, dataset)
        release_memory()
        replay = ShardedReplay(config, record.run_id, model, dataset, spec, listener, patience)
        state, session = replay.run(folder, executor or LocalExecutor())
        if config.aggregate is not Aggregation.NONE:
            # Frames of one presentation may lie in several shards.
            state = counted_state(config.out, spec)
        # The report needs the parts alone, and as much memory as the samples took.
        del dataset, replay
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


def _same_batch_size(config: EvaluationConfig, model: ServedModel, folder: RunFolder) -> EvaluationConfig:
    """Keep a resumed run at the batch size it was given, which may be the same number or its default."""
    known = read_record(folder.path)
    if known is None:
        return config
    given = known.config.get("batch_size")
    before, now = model.images_per_request(given), model.images_per_request(config.batch_size)
    if before != now:
        raise ConflictError(
            f"{folder.path} holds a run with {before} images per request (--batch-size) and cannot be "
            f"resumed with {now}; choose another folder"
        )
    return config.model_copy(update={"batch_size": given})


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
