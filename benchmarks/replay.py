"""Replay through a served model against four yardsticks, side by side in one run: images/s and ratios.

    python benchmarks/replay.py --samples 2048 --rounds 5

- served: what ``lifesign evaluate`` does with every image (read, decode, statistics, gRPC, scores, counts,
  parts on disk), with ``lifesign serve`` in a process of its own.
- in process: the same code and the same work, but the frozen session is called directly, without gRPC.
- limit: cores / (CPU per decode + CPU per predict), both measured alone with every core busy; everything
  else (statistics, gRPC, counting, writing, and whatever is not overlapped) counts as loss.
- notebook: ``image_dataset_from_directory`` → ``model.predict`` → scikit-learn's report, once with the labels
  from a second pass over the set as people write it, once with the labels from the file names.

Each is a process of its own that lives through all rounds; rounds alternate, the first warms up. Other
people's load is measured from /proc/stat and divided out of ``per free core``: a busy machine changes the
raw rates, hardly those. Without --version-dir an untrained MobileNetV2 (alpha 1.0, 64 pixels) is exported;
with one, the notebook gets the exported graph as a Keras layer.

Measured 2026-11-25 on 2 cores, both free, load average 1 to 2.4; medians of 5 rounds after one to warm up:

| served to (goal)    | MobileNetV2, 1,024 JPEGs | 2,048 JPEGs       | demo's model, 112 px |
|                     | images/s | CPU           | images/s | CPU    | images/s | CPU       |
|---------------------|----------|---------------|----------|--------|----------|-----------|
| in process (0.95)   | 0.997    | 0.970         | 0.945    | 0.937  | 0.901    | 0.899     |
| limit (0.85)        | 0.896    | 0.929         | 0.834    | 0.867  | 0.792    | 0.822     |
| notebook (2)        | 1.762    | 1.500         | 1.731    | 1.470  | 1.016    | 0.875     |
| notebook, one pass  | 1.527    | 1.300         | 1.469    | 1.251  | 0.867    | 0.743     |

MobileNetV2 reaches the first two goals in one run and just misses them in the other; the notebook's is not
reached, and with the demo's model none is. CPU us per image, MobileNetV2, 1,024 JPEGs: served 1,592, in
process 1,533, decode 801, predict 703, notebook 2,422 and 2,070. Measured alone, gRPC costs 27 us per image
(12 kB, both ends), statistics 41, rows, counts and parts 24.
"""

import argparse
import contextlib
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image, ImageFilter

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from lifesign.client import Prediction, PredictionClient, VersionStatus
from lifesign.datasets.dataset import Dataset, load_dataset
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.replay.asking import Asking
from lifesign.evaluation.replay.patience import Patience
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.replay.shards import (
    ProgressTally,
    ReplaySettings,
    ShardReplay,
    batches_held,
    shards_of,
)
from lifesign.executor import LocalExecutor
from lifesign.labels import LIVENESS_CLASSES
from lifesign.preprocessing import PreprocessingSpec, decode_image, prepare_image

CORES = os.cpu_count() or 1
OPTIONS = {name: EvaluationConfig.model_fields[name].get_default() for name in ("batch_size", "shard_size")}


class DirectClient:
    """Answers as ``PredictionClient`` does, from a session in this process."""

    target = "this process"

    def __init__(self, version_dir: Path) -> None:
        from lifesign.serving.loader import LoaderOptions, TensorFlowLoader

        self._servable = TensorFlowLoader(LoaderOptions(), cores=CORES).load(version_dir)
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


def write_images(root: Path, samples: int) -> None:
    """Write class folders of 256 × 256 JPEGs of about 14 kB."""
    rng = np.random.default_rng(0)
    for name in LIVENESS_CLASSES:
        (root / name).mkdir(parents=True)
    for index in range(samples):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize((256, 256))
        grain = rng.integers(0, 24, (256, 256, 3), dtype=np.uint8)
        image = Image.fromarray(np.asarray(coarse.filter(ImageFilter.GaussianBlur(3))) // 2 + grain)
        image.save(root / LIVENESS_CLASSES[index % 2] / f"{index:05d}.jpg", quality=84)


def export_untrained(folder: Path, size: int) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf.keras.utils.set_random_seed(0)
    pixels = tf.keras.Input((size, size, 3))
    body = tf.keras.applications.MobileNetV2(
        (size, size, 3), weights=None, classes=2, classifier_activation=None
    )
    network = tf.keras.Model(pixels, body(tf.keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)))
    folder.parent.mkdir(parents=True)
    network.save(folder.parent / "model.keras")

    @tf.function(input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8, name="images")])
    def serve(images: Any) -> Any:
        logits = network(tf.cast(images, tf.float32), training=False)
        return tf.nn.softmax(logits), logits

    # Frozen, as lifesign's own export is.
    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    module = tf.Module()
    module.serve = tf.function(
        lambda images: dict(zip(("scores", "logits"), frozen(images), strict=True)),
        input_signature=serve.input_signature,
    )
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


@dataclass(frozen=True)
class Work:
    """What every process is given: pictures, model, the model's name at the server and input size."""

    images: Path
    version_dir: Path
    size: int
    target: str
    scratch: Path

    def dataset(self) -> Dataset:
        return load_dataset(self.images, class_names=LIVENESS_CLASSES)

    @property
    def spec(self) -> PreprocessingSpec:
        return PreprocessingSpec(height=self.size, width=self.size)


def replay(work: Work, dataset: Dataset, client: Any, run_dir: Path) -> None:
    patience = Patience(limit_seconds=60, tell=print)
    batch_size = OPTIONS["batch_size"]
    settings = ReplaySettings(
        run_dir, "benchmark", work.spec, batch_size, batches_held(work.spec, batch_size)
    )
    with ThreadPoolExecutor(CORES, thread_name_prefix="decode") as pool:
        one = ShardReplay(
            dataset,
            AnalysisSpec(LIVENESS_CLASSES, "liveness"),
            settings,
            asking=Asking(client, version=1, class_names=LIVENESS_CLASSES, patience=patience),
            pool=pool,
            tally=ProgressTally(SilentProgress(), total=len(dataset), kept=0),
            patience=patience,
        )
        states = LocalExecutor().map(one, shards_of(len(dataset), OPTIONS["shard_size"]))
        total = sum(state.overall.samples for state in states)
    assert total == len(dataset)


def served_tasks(work: Work) -> Mapping[str, Callable[[Path], None]]:
    client = PredictionClient(work.target, model="m", version=int(work.version_dir.name))
    dataset = work.dataset()
    return {"served": lambda run_dir: replay(work, dataset, client, run_dir)}


def direct_tasks(work: Work) -> Mapping[str, Callable[[Path], None]]:
    client, dataset = DirectClient(work.version_dir), work.dataset()
    paths = [work.images / path for path in dataset.table["path"].to_pylist()]
    batch = np.random.default_rng(0).integers(0, 256, (32, work.size, work.size, 3), dtype=np.uint8)

    def decode(_: Path) -> None:
        for _done in client.pool.map(
            lambda path: prepare_image(decode_image(path.read_bytes()), work.spec), paths
        ):
            pass

    def predict(_: Path) -> None:
        for _done in client.pool.map(client.predict, [batch] * (len(paths) // len(batch))):
            pass

    return {
        "in process": lambda run_dir: replay(work, dataset, client, run_dir),
        "decode": decode,
        "predict": predict,
    }


def notebook_tasks(work: Work) -> Mapping[str, Callable[[Path], None]]:
    import tensorflow as tf
    from sklearn.metrics import classification_report

    saved = work.version_dir.parent / "model.keras"
    if saved.exists():
        model = tf.keras.models.load_model(saved)
    else:
        pixels = tf.keras.Input((work.size, work.size, 3))
        layer = tf.keras.layers.TFSMLayer(str(work.version_dir), call_endpoint="serving_default")
        whole = tf.keras.layers.Lambda(lambda values: tf.cast(values, tf.uint8))(pixels)
        model = tf.keras.Model(pixels, layer(whole)["logits"])

    def images() -> Any:
        return tf.keras.utils.image_dataset_from_directory(
            work.images, image_size=(work.size, work.size), batch_size=32, shuffle=False
        )

    def report(found: Any, true: Any) -> None:
        classification_report(true, found.argmax(axis=1), zero_division=0)

    def two_passes(_: Path) -> None:
        dataset = images()
        report(model.predict(dataset, verbose=0), np.concatenate([labels for _, labels in dataset]))

    def one_pass(_: Path) -> None:
        dataset = images()
        true = [dataset.class_names.index(Path(path).parent.name) for path in dataset.file_paths]
        report(model.predict(dataset, verbose=0), true)

    return {"notebook": two_passes, "notebook, one pass": one_pass}


ROLES = {"served": served_tasks, "direct": direct_tasks, "notebook": notebook_tasks}


def serve_tasks(role: str, work: Work) -> None:
    """Do the tasks named on stdin, one a line, and say so on stdout."""
    out, sys.stdout = sys.stdout, io.StringIO()
    tasks = ROLES[role](work)
    out.write("ready\n")
    out.flush()
    for number, line in enumerate(sys.stdin):
        tasks[line.strip()](work.scratch / f"{role}-{number}")
        out.write("done\n")
        out.flush()


class Worker:
    """One of the processes side by side."""

    def __init__(self, role: str, work: Work) -> None:
        words = {**work.__dict__, "role": role}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work", json.dumps(words, default=str)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if role == "notebook" else None,
            text=True,
        )
        self.process = psutil.Process(self._process.pid)
        self._wait("ready")

    def do(self, task: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{task}\n")
        self._process.stdin.flush()
        self._wait("done")

    def _wait(self, word: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line != word:
            raise SystemExit(f"expected {word!r} of a worker, got {line!r}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def served(version_dir: Path) -> Iterator[tuple[str, psutil.Process]]:
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
        yield f"127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


@dataclass(frozen=True)
class Measured:
    """One task of one round: images/s, CPU seconds per image of ours, and cores that others left."""

    rate: float
    cpu: float
    free_cores: float

    @property
    def rate_per_free_core(self) -> float:
        return self.rate / self.free_cores


def measure(worker: Worker, task: str, samples: int, server: psutil.Process | None) -> Measured:
    processes = [worker.process] + ([server] if server else [])
    own, machine = _cpu(*processes), _busy()
    started = time.perf_counter()
    worker.do(task)
    seconds = time.perf_counter() - started
    own, machine = _cpu(*processes) - own, _busy() - machine
    others = max(0.0, machine - own) / seconds
    return Measured(samples / seconds, own / samples, CORES - others)


def _cpu(*processes: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + getattr(times, "steal", 0.0))


def median(values: list[float]) -> float:
    return statistics.median(values)


def show(found: Mapping[str, list[Measured]]) -> None:
    for name, rounds in found.items():
        print(
            f"{name:<19} {median([one.rate for one in rounds]):6.0f} images/s"
            f"  per free core {median([one.rate_per_free_core for one in rounds]):6.0f}"
            f"  CPU {median([one.cpu for one in rounds]) * 1e6:5.0f} us/image"
            f"  free cores {median([one.free_cores for one in rounds]):.2f}"
        )
    floor = [d.cpu + p.cpu for d, p in zip(found["decode"], found["predict"], strict=True)]
    print(f"limit: {CORES} cores / {median(floor) * 1e6:.0f} us = {CORES / median(floor):.0f} images/s")
    ours = found["served"]
    for name in ("in process", "notebook", "notebook, one pass"):
        pairs = list(zip(ours, found[name], strict=True))
        print(
            f"served / {name + ':':<20} {median([a.rate / b.rate for a, b in pairs]):.3f}"
            f"  per free core {median([a.rate_per_free_core / b.rate_per_free_core for a, b in pairs]):.3f}"
            f"  CPU {median([b.cpu / a.cpu for a, b in pairs]):.3f}"
        )
    with_floor = list(zip(ours, floor, strict=True))
    print(
        f"served / limit:               {median([a.rate * c / CORES for a, c in with_floor]):.3f}"
        f"  per free core {median([a.rate_per_free_core * c for a, c in with_floor]):.3f}"
        f"  CPU {median([c / a.cpu for a, c in with_floor]):.3f}"
    )
    print(f"load average at the end {os.getloadavg()[0]:.1f} on {CORES} cores")


def run(options: argparse.Namespace, scratch: Path) -> None:
    images = options.images or scratch / "images"
    if options.images is None:
        write_images(images, options.samples)
    version_dir = options.version_dir or scratch / "m" / "1"
    if options.version_dir is None:
        # In a process of its own, which takes TensorFlow's threads and memory with it.
        export = get_context("spawn").Process(target=export_untrained, args=(version_dir, options.size))
        export.start()
        export.join()
    samples = sum(1 for _ in images.rglob("*.jpg"))
    kilobytes = sum(path.stat().st_size for path in images.rglob("*.jpg")) / samples / 1000
    print(f"{samples} JPEGs of {kilobytes:.1f} kB, {options.size} pixels, {CORES} cores")
    with served(version_dir) as (target, server):
        work = Work(images, version_dir, options.size, target, scratch)
        workers = {role: Worker(role, work) for role in ROLES}
        sides = [
            ("served", "served", server),
            ("direct", "in process", None),
            ("direct", "decode", None),
            ("direct", "predict", None),
            ("notebook", "notebook", None),
            ("notebook", "notebook, one pass", None),
        ]
        found: dict[str, list[Measured]] = {task: [] for _, task, _ in sides}
        for number in range(options.rounds + 1):
            for role, task, process in sides:
                one = measure(workers[role], task, samples, process)
                if number:  # the first round warms caches and graphs
                    found[task].append(one)
        for worker in workers.values():
            worker.close()
    show(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=64, help="height and width of the model's input")
    parser.add_argument("--images", type=Path, help="class folders of JPEGs; default: invented ones")
    parser.add_argument("--version-dir", type=Path, help="an exported version with --size pixels")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        words = json.loads(options.work)
        role, size, target = words.pop("role"), words.pop("size"), words.pop("target")
        paths = {name: Path(value) for name, value in words.items()}
        serve_tasks(role, Work(size=size, target=target, **paths))
        return
    with tempfile.TemporaryDirectory() as scratch:
        run(options, Path(scratch))


if __name__ == "__main__":
    main()
