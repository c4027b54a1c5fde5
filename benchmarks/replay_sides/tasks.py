"""What is timed: the served replay, the same work in one process, its two parts, and the notebook way."""

import io
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lifesign.client import PredictionClient
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
from lifesign.preprocessing import PreprocessingSpec, decode_image, prepare_image, read_image
from replay_sides import CORES
from replay_sides.direct_client import DirectClient

BATCH_SIZE = 32
"""Images per request that ``ServedModel.images_per_request`` gives a model of up to 418 pixels."""
SHARD_SIZE: int = EvaluationConfig.model_fields["shard_size"].get_default()


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
    batches = batches_held(BATCH_SIZE * work.size**2 * 3)
    settings = ReplaySettings(run_dir, "benchmark", work.spec, BATCH_SIZE, batches)
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
        states = LocalExecutor().map(one, shards_of(len(dataset), SHARD_SIZE))
        total = sum(state.overall.samples for state in states)
    assert total == len(dataset)


def served_tasks(work: Work) -> Mapping[str, Callable[[Path], None]]:
    client = PredictionClient(work.target, model="m", version=int(work.version_dir.name))
    dataset = work.dataset()
    return {"served": lambda run_dir: replay(work, dataset, client, run_dir)}


def direct_tasks(work: Work) -> Mapping[str, Callable[[Path], None]]:
    client, dataset = DirectClient(work.version_dir), work.dataset()
    unfolded = DirectClient(work.version_dir, fold=False)
    paths = [work.images / path for path in dataset.table["path"].to_pylist()]
    batch = np.random.default_rng(0).integers(0, 256, (BATCH_SIZE, work.size, work.size, 3), dtype=np.uint8)

    def decode_all(some: list[Path]) -> None:
        for path in some:
            prepare_image(decode_image(read_image(path)), work.spec)

    def decode(_: Path) -> None:
        # Batches, as in the replay: handing over each image by itself is no part of decoding.
        for _done in client.pool.map(
            decode_all, [paths[at : at + BATCH_SIZE] for at in range(0, len(paths), BATCH_SIZE)]
        ):
            pass

    def predict(asked: DirectClient) -> Callable[[Path], None]:
        def run(_: Path) -> None:
            for _done in asked.pool.map(asked.predict, [batch] * (len(paths) // len(batch))):
                pass

        return run

    return {
        "in process": lambda run_dir: replay(work, dataset, client, run_dir),
        "decode": decode,
        "predict": predict(client),
        "predict, frozen": predict(unfolded),
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
