"""Replay through a served model against the same work in one process without gRPC: images/s and their ratio.

Both sides decode the same JPEG files, compute the same statistics, write the same parts and states with
the same code; only the predictor differs: ``lifesign serve`` in a process of its own, or the same
frozen session called directly. Rounds alternate, so a busy machine slows both; CPU time, of the client
and the server together, hardly depends on what else runs. Without --version-dir an
untrained MobileNetV2 (112 pixels, alpha 0.35) is exported.

    python benchmarks/replay.py --samples 2048 --rounds 5
"""

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image, ImageFilter

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from lifesign.client import Prediction, PredictionClient, VersionStatus
from lifesign.datasets.dataset import Dataset, load_dataset
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.replay.asking import Asking
from lifesign.evaluation.replay.patience import Patience
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.replay.shards import ProgressTally, ReplaySettings, ShardReplay, shards_of
from lifesign.executor import LocalExecutor
from lifesign.labels import LIVENESS_CLASSES
from lifesign.preprocessing import PreprocessingSpec

SIZE = 112


class DirectClient:
    """Answers as ``PredictionClient`` does, from a session in this process."""

    target = "this process"

    def __init__(self, version_dir: Path, *, threads: int) -> None:
        from lifesign.serving.loader import LoaderOptions, TensorFlowLoader

        self._servable = TensorFlowLoader(LoaderOptions(), cores=threads).load(version_dir)
        signature = self._servable.signatures["serving_default"]
        self._input = signature.inputs["images"].name
        self._outputs = [signature.outputs[name].name for name in ("scores", "logits")]
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="predict")

    def predict_future(self, images: np.ndarray) -> "_DirectFuture":
        return _DirectFuture(self._pool.submit(self._predict, images))

    def status(self) -> tuple[VersionStatus, ...]:
        return (VersionStatus(1, "AVAILABLE", ""),)

    def close(self) -> None:
        self._pool.shutdown()

    def _predict(self, images: np.ndarray) -> Prediction:
        scores, logits = self._servable.run({self._input: images}, self._outputs)
        return Prediction(scores, logits, 1)


class _DirectFuture:
    def __init__(self, future: "Future[Prediction]") -> None:
        self._future = future

    def result(self) -> Prediction:
        return self._future.result()

    def add_done_callback(self, callback: Callable[["_DirectFuture"], None]) -> None:
        self._future.add_done_callback(lambda _: callback(self))


def write_images(root: Path, samples: int) -> Path:
    rng = np.random.default_rng(0)
    lines = ["path,label"]
    for index in range(samples):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize((256, 256))
        grain = rng.integers(0, 24, (256, 256, 3), dtype=np.uint8)
        image = Image.fromarray(np.asarray(coarse.filter(ImageFilter.GaussianBlur(3))) // 2 + grain)
        image.save(root / f"{index:05d}.jpg", quality=90)
        lines.append(f"{index:05d}.jpg,{LIVENESS_CLASSES[index % 2]}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    return root / "manifest.csv"


def export_untrained(folder: Path) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    network = tf.keras.applications.MobileNetV2((SIZE, SIZE, 3), alpha=0.35, weights=None, classes=2)
    network.layers[-1].activation = None

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3), tf.uint8, name="images")])
    def serve(images: Any) -> Any:
        logits = network(tf.cast(images, tf.float32) / 127.5 - 1, training=False)
        return tf.nn.softmax(logits), logits

    # Frozen, as lifesign's own export is.
    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    module = tf.Module()
    module.serve = tf.function(
        lambda images: dict(zip(("scores", "logits"), frozen(images), strict=True)),
        input_signature=serve.input_signature,
    )
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


@contextlib.contextmanager
def served(version_dir: Path) -> Iterator[tuple[PredictionClient, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from lifesign.cli import main; main()", "serve"]
    flags = [
        "--model_name=m",
        f"--model_base_path={version_dir.parent}",
        f"--port={port}",
        "--rest_api_port=0",
    ]
    process = subprocess.Popen([*command, *flags], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        with PredictionClient(f"127.0.0.1:{port}", model="m", version=int(version_dir.name)) as client:
            client.wait_ready(deadline_seconds=120)
            yield client, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def cpu_seconds(*processes: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def images_per_second(client: Any, dataset: Dataset, threads: int, run_dir: Path) -> float:
    spec = AnalysisSpec(LIVENESS_CLASSES, "liveness")
    settings = ReplaySettings(run_dir, "benchmark", PreprocessingSpec(height=SIZE, width=SIZE), 32, 4)
    patience = Patience(limit_seconds=60, tell=print)
    started = time.perf_counter()
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        replay = ShardReplay(
            dataset,
            spec,
            settings,
            asking=Asking(client, version=1, class_names=LIVENESS_CLASSES, patience=patience),
            pool=pool,
            tally=ProgressTally(SilentProgress(), total=len(dataset), kept=0),
            patience=patience,
        )
        total = sum(
            state.overall.samples for state in LocalExecutor().map(replay, shards_of(len(dataset), 512))
        )
    assert total == len(dataset)
    return len(dataset) / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="decode threads")
    parser.add_argument("--version-dir", type=Path, help="an exported version with 112 x 112 pixel input")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "images").mkdir()
        dataset = load_dataset(write_images(root / "images", options.samples), class_names=LIVENESS_CLASSES)
        version_dir = options.version_dir or root / "m" / "1"
        if options.version_dir is None:
            export_untrained(version_dir)
        direct = DirectClient(version_dir, threads=options.threads)
        rates: dict[str, list[float]] = {"in process": [], "served": []}
        costs: dict[str, list[float]] = {"in process": [], "served": []}
        here = psutil.Process()
        with served(version_dir) as (client, server):
            sides = (("in process", direct, (here,)), ("served", client, (here, server)))
            for number in range(options.rounds + 1):
                for name, predictor, processes in sides:
                    before = cpu_seconds(*processes)
                    rate = images_per_second(predictor, dataset, options.threads, root / f"{name}{number}")
                    if number:  # the first round warms caches and graphs
                        rates[name].append(rate)
                        costs[name].append((cpu_seconds(*processes) - before) / len(dataset) * 1e6)
        direct.close()
    for name, found in rates.items():
        cost = statistics.median(costs[name])
        print(
            f"{name:<11} median {statistics.median(found):6.0f} images/s  best {max(found):6.0f}"
            f"  CPU {cost:5.0f} us/image"
        )
    ratios = [one / other for one, other in zip(rates["served"], rates["in process"], strict=True)]
    print(f"served / in process: images/s, median of {len(ratios)} rounds: {statistics.median(ratios):.3f}")
    work = statistics.median(costs["in process"]) / statistics.median(costs["served"])
    print(f"CPU in process / CPU served: {work:.3f}")
    print(f"load average at the end {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
