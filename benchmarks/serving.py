"""Frozen and folded with one thread per operation and two callers, frozen only, and the graph as saved.

    python benchmarks/serving.py [--seconds 4] [--batch 32] [--side 64]

All run side by side, in turns, in one process each, so that other load on the machine hits them alike; CPU
time per image is hardly moved by it.
Measured 2026-11-27 on 2 cores that others kept busy (load average 17), batch 32, 64 pixels, CPU us per image:
as saved 1,499, frozen 1,022, frozen and folded 731, .49 of the first and .72 of the second.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from replay_sides.inputs import give_statistics

_FROZEN = {"freeze": True, "intra": 1, "inter": 2, "callers": 2}
DESIGNS = {
    "as saved, intra 2, inter 2, 1 caller": {
        "freeze": False,
        "fold": False,
        "intra": 2,
        "inter": 2,
        "callers": 1,
    },
    "frozen, intra 1, inter 2, 2 callers": {**_FROZEN, "fold": False},
    "frozen and folded, the same": {**_FROZEN, "fold": True},
}


def write_model(folder: Path, side: int) -> None:
    import keras
    import tensorflow as tf
    from keras.export import ExportArchive

    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2(input_shape=(side, side, 3), weights=None, classes=2)
    give_statistics(model, side)
    archive = ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default",
        lambda images: {"scores": model(tf.cast(images, tf.float32) / 127.5 - 1.0, training=False)},
        input_signature=[tf.TensorSpec([None, side, side, 3], tf.uint8, name="images")],
    )
    archive.write_out(str(folder), verbose=False)


def measure(folder: Path, design: dict[str, Any], *, batch: int, side: int) -> None:
    """Answer each line on stdin, a number of seconds, with images per second and CPU seconds per image."""
    from lifesign.serving.loader import LoaderOptions, TensorFlowLoader
    from lifesign.serving.predict import find_signature, predict

    options = LoaderOptions(
        freeze=design["freeze"],
        fold=design["fold"],
        intra_op_threads=design["intra"],
        inter_op_threads=design["inter"],
        concurrent_runs=design["callers"],
    )
    servable = TensorFlowLoader(options, cores=os.cpu_count() or 1).load(folder)
    signature = find_signature(servable, "")
    images = np.random.default_rng(1).integers(0, 256, (batch, side, side, 3), np.uint8)
    for _ in range(3):
        predict(servable, signature, {"images": images})
    print("ready", flush=True)
    for line in sys.stdin:
        counts = [0] * design["callers"]
        end = time.perf_counter() + float(line)

        def call(index: int, end: float = end, counts: list[int] = counts) -> None:
            while time.perf_counter() < end:
                predict(servable, signature, {"images": images})
                counts[index] += batch

        started, cpu = time.perf_counter(), time.process_time()
        threads = [threading.Thread(target=call, args=(index,)) for index in range(design["callers"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        print(sum(counts) / seconds, cpu / sum(counts), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        measure(arguments.model, json.loads(arguments.worker), batch=arguments.batch, side=arguments.side)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "1"
        write_model(folder, arguments.side)
        compare(folder, arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    size = ["--batch", str(arguments.batch), "--side", str(arguments.side), "--model", str(folder)]
    workers = {
        name: subprocess.Popen(
            [sys.executable, __file__, "--worker", json.dumps(design), *size],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, design in DESIGNS.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in workers}
    costs: dict[str, list[float]] = {name: [] for name in workers}
    for worker in workers.values():
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for _ in range(arguments.rounds):
        for name, worker in workers.items():
            assert worker.stdin is not None
            assert worker.stdout is not None
            print(arguments.seconds, file=worker.stdin, flush=True)
            rate, cost = map(float, worker.stdout.readline().split())
            rates[name].append(rate)
            costs[name].append(cost)
    for worker in workers.values():
        worker.communicate()
    first = statistics.median(next(iter(costs.values())))
    for name, values in rates.items():
        cost = statistics.median(costs[name])
        share = f"{cost / first:.2f} of the first"
        print(f"{name:40} best {max(values):7.0f} img/s  CPU {cost * 1e6:6.0f} us/image, {share}")
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
