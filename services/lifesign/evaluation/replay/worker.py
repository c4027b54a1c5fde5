"""One worker of a replay: opened from a description that can be sent to another machine."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lifesign import __version__
from lifesign.client import PredictionClient
from lifesign.datasets.cifar import ARCHIVE_SCHEME
from lifesign.datasets.dataset import Dataset
from lifesign.datasets.location import local_path
from lifesign.errors import ConfigurationError, StorageError
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.contract.exchange import ModelExchange
from lifesign.evaluation.replay.asking import Asking
from lifesign.evaluation.replay.crash_journal import CrashJournal
from lifesign.evaluation.replay.hope import Hope
from lifesign.evaluation.replay.patience import Patience
from lifesign.evaluation.replay.predictions import replaced_file
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.replay.served_model import ServedModel
from lifesign.evaluation.replay.shards import (
    ProgressTally,
    ReplaySettings,
    Shard,
    ShardReplay,
    batches_held,
)
from lifesign.evaluation.replay.window import Window

__all__ = ["ShardWork", "opened_replay", "replay_client", "shared_work"]

_ANSWERED = ".answered"


@dataclass(frozen=True)
class ShardWork:
    """All that a worker on another machine needs to replay shards of a run; it can be pickled and is small.

    ``dataset`` comes without its rows: they lie in ``samples``, an Arrow file in the run folder that each
    worker maps into memory. ``witness`` is an image and its digest as the driver sees it, ``None`` where the
    set has none; a worker that sees another one has other data.
    """

    config: EvaluationConfig
    run_id: str
    model: ServedModel
    spec: AnalysisSpec
    dataset: Dataset
    samples: Path
    witness: tuple[str, str] | None
    tool_version: str
    has_answered: bool

    @contextlib.contextmanager
    def open(self, tell: Callable[[str], None]) -> Iterator[Callable[[Shard], dict[str, Any]]]:
        """Yield what replays one shard per call, several at a time, and returns ``RunState.to_dict()`` of it.

        That names only the counts in use and is far smaller than the state. ``tell`` is given the reasons of
        waiting.

        Raises:
            ConfigurationError: this machine runs another Lifesign.
            StorageError: it does not see the run folder or the images.
        """
        self._require_same_tool()
        dataset = self._dataset()
        config = self.config
        if "decode_threads" not in config.model_fields_set:
            config = config.model_copy(update={"decode_threads": os.cpu_count() or 1})
        patience = Patience(limit_seconds=config.wait_server_seconds, tell=tell)
        with opened_replay(
            config,
            self.run_id,
            self.model,
            dataset,
            self.spec,
            tally=ProgressTally(SilentProgress(), total=len(dataset), kept=0),
            patience=patience,
            has_answered=self.has_answered,
        ) as replay:

            def replay_one(shard: Shard) -> dict[str, Any]:
                with replay.telling_what_failed():
                    return replay(shard).to_dict()

            yield replay_one

    def _require_same_tool(self) -> None:
        if __version__ != self.tool_version:
            raise ConfigurationError(
                f"expected Lifesign {self.tool_version} on every machine, got {__version__} on {_here()}"
            )

    def _dataset(self) -> Dataset:
        try:
            with pa.memory_map(str(self.samples)) as file:
                table = pa.ipc.open_file(file).read_all()
        except OSError as error:
            raise StorageError(
                f"{_here()} does not see the run folder {self.samples.parent}: expected a folder that all "
                f"machines share"
            ) from error
        dataset = replace(self.dataset, table=table)
        if self.witness is not None:
            path, expected = self.witness
            found = dataset.source.digest(path)
            if found != expected:
                raise StorageError(
                    f"{_here()} does not see the images below {dataset.root}: expected {path} as {expected}, "
                    f"got {found}; the data must lie at the same place on all machines"
                )
        return dataset


@contextlib.contextmanager
def shared_work(
    config: EvaluationConfig,
    run_id: str,
    model: ServedModel,
    dataset: Dataset,
    spec: AnalysisSpec,
    *,
    has_answered: bool,
) -> Iterator[ShardWork]:
    """Put the rows of a data set into the run folder while workers elsewhere replay it; yield their work.

    Raises:
        StorageError: the disk refused.
    """
    out = Path(os.path.abspath(config.out))  # noqa: PTH100 - links stay: others may know only the link
    # Claiming the folder removes what a killed run left under such a name.
    samples = out / f".samples-{secrets.token_hex(8)}.tmp"
    try:
        with replaced_file(samples) as file, pa.ipc.new_file(file, dataset.table.schema) as writer:
            writer.write_table(dataset.table)
        yield ShardWork(
            config=config.model_copy(update={"out": out}),
            run_id=run_id,
            model=model,
            spec=spec,
            dataset=replace(
                dataset,
                root=_absolute(dataset.root),
                table=dataset.table.schema.empty_table(),
                rejections=(),
                fingerprints=np.zeros(0, np.uint64),
            ),
            samples=samples,
            witness=_witness(dataset),
            tool_version=__version__,
            has_answered=has_answered,
        )
    finally:
        with contextlib.suppress(OSError):
            samples.unlink(missing_ok=True)


@contextlib.contextmanager
def opened_replay(
    config: EvaluationConfig,
    run_id: str,
    model: ServedModel,
    dataset: Dataset,
    spec: AnalysisSpec,
    *,
    tally: ProgressTally,
    patience: Patience,
    has_answered: bool,
) -> Iterator[ShardReplay]:
    """Yield a replay with a client and decode threads of its own; at the end all its shards have ended."""
    batch_size = model.images_per_request(config.batch_size)
    settings = ReplaySettings(
        run_dir=config.out,
        run_id=run_id,
        preprocessing=model.preprocessing,
        batch_size=batch_size,
        batches_ahead=config.batches_in_flight or batches_held(batch_size * model.image_bytes),
        sends_files=model.exchange is not None and model.exchange.input.takes_files,
    )
    replay: ShardReplay | None = None
    try:
        with (
            ThreadPoolExecutor(config.decode_threads, thread_name_prefix="decode") as pool,
            replay_client(config, model.version, model.exchange) as client,
        ):
            asking = Asking(
                client,
                version=model.version,
                class_names=model.class_names,
                patience=patience,
                hope=Hope(has_answered=has_answered, mark=config.out / _ANSWERED),
                journal=CrashJournal(config.out),
                window=Window(config.batches_in_flight),
            )
            replay = ShardReplay(
                dataset, spec, settings, asking=asking, pool=pool, tally=tally, patience=patience
            )
            try:
                yield replay
            finally:
                patience.stop()
    finally:
        # The folder is let go of only when nobody writes in it any more.
        if replay is not None:
            replay.wait_idle()


def replay_client(
    config: EvaluationConfig, version: int, exchange: ModelExchange | None = None
) -> PredictionClient:
    """Return a client of one version of the model under test."""
    return PredictionClient(
        config.target,
        model=config.model,
        version=version,
        timeout_seconds=config.timeout_seconds,
        exchange=exchange,
    )


def _witness(dataset: Dataset) -> tuple[str, str] | None:
    present = np.flatnonzero(dataset.fingerprints)
    if len(present) == 0:
        return None
    path = str(dataset.table["path"][int(present[0])].as_py())
    return path, dataset.source.digest(path)


def _absolute(root: str) -> str:
    if root.startswith(ARCHIVE_SCHEME):
        return ARCHIVE_SCHEME + os.path.abspath(root.removeprefix(ARCHIVE_SCHEME))  # noqa: PTH100
    path = local_path(root)
    return root if path is None else os.path.abspath(path)  # noqa: PTH100


def _here() -> str:
    return f"the machine {os.uname().nodename}"
