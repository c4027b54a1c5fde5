"""A session in this process with the manners of ``PredictionClient``."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lifesign.client import Prediction, VersionStatus
from replay_sides import CORES


class DirectClient:
    """Answers as ``PredictionClient`` does, from a session in this process."""

    target = "this process"

    def __init__(self, version_dir: Path, *, fold: bool = True) -> None:
        from lifesign.serving.loader import LoaderOptions, TensorFlowLoader

        self._servable = TensorFlowLoader(LoaderOptions(fold=fold), cores=CORES).load(version_dir)
        signature = self._servable.signatures["serving_default"]
        self._input = signature.inputs["images"].name
        self._outputs = [signature.outputs[name].name for name in ("scores", "logits")]
        self.pool = ThreadPoolExecutor(CORES, thread_name_prefix="predict")

    def predict_future(self, images: np.ndarray) -> "_DirectFuture":
        return _DirectFuture(self.pool.submit(self.predict, images))

    def status(self) -> tuple[VersionStatus, ...]:
        return (VersionStatus(1, "AVAILABLE", ""),)

    def predict(self, images: np.ndarray) -> Prediction:
        scores, logits = self._servable.run({self._input: images}, self._outputs)
        return Prediction(scores, logits, 1)


class _DirectFuture:
    def __init__(self, future: "Future[Prediction]") -> None:
        self._future = future

    @property
    def code(self) -> str:
        return "OK" if self._future.exception() is None else "UNKNOWN"

    def result(self) -> Prediction:
        return self._future.result()

    def add_done_callback(self, callback: Callable[["_DirectFuture"], None]) -> None:
        self._future.add_done_callback(lambda _: callback(self))
