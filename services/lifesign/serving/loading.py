"""From a version folder to a servable that may answer: load, batch, warm up, count."""

import os
import time
from pathlib import Path

import structlog

from lifesign.serving.batch_scheduler import BatchScheduler
from lifesign.serving.batching import BatchingServable
from lifesign.serving.instruments import Instruments
from lifesign.serving.loader import LoaderOptions, TensorFlowLoader, TensorFlowServable, read_records
from lifesign.serving.servable import Servable
from lifesign.serving.settings import ServerSettings
from lifesign.serving.status import ServingError
from lifesign.serving.warmup import warm_up

__all__ = ["VersionLoader"]

_log = structlog.get_logger(__name__)


class VersionLoader:
    """Loads versions as one server's settings say."""

    def __init__(
        self, settings: ServerSettings, instruments: Instruments, scheduler: BatchScheduler | None
    ) -> None:
        self._settings = settings
        self._instruments = instruments
        self._scheduler = scheduler
        self._loader = TensorFlowLoader(
            LoaderOptions(
                tags=settings.saved_model_tags,
                freeze=settings.freeze,
                intra_op_threads=settings.tensorflow_intra_op_parallelism,
                inter_op_threads=settings.tensorflow_inter_op_parallelism,
                gpu_memory_fraction=settings.per_process_gpu_memory_fraction,
            ),
            cores=os.cpu_count() or 1,
        )

    def __call__(self, model: str, version: int, path: Path) -> Servable:
        """Load one version, ready to answer; see ``LoadServable``."""
        started = time.perf_counter()
        loaded = self._counted_load(path)
        servable: Servable = BatchingServable(loaded, self._scheduler) if self._scheduler else loaded
        try:
            records = self._warm_up(servable, path)
        except BaseException:
            servable.close()
            raise
        _log.info(
            "model_loaded",
            model=model,
            version=version,
            frozen=loaded.frozen,
            gpu=self._loader.has_gpu,
            warmup_records=records,
            seconds=round(time.perf_counter() - started, 3),
        )
        return servable

    def _counted_load(self, path: Path) -> TensorFlowServable:
        started = time.perf_counter()
        try:
            servable = self._loader.load(path)
        except ServingError:
            self._instruments.load_attempt_count.add(str(path), "fail")
            raise
        self._instruments.load_attempt_count.add(str(path), "success")
        elapsed = int((time.perf_counter() - started) * 1e6)
        self._instruments.load_latency.add(str(path), amount=elapsed)
        return servable

    def _warm_up(self, servable: Servable, path: Path) -> int:
        if not self._settings.enable_model_warmup:
            return 0
        return warm_up(
            servable,
            path,
            read_records=read_records,
            iterations=self._settings.num_request_iterations_for_warmup,
            instruments=self._instruments,
        )
