"""What the gateway costs: import CPU and memory of an idle process, requests per second.

    python benchmarks/gateway.py [--seconds 5] [--image-side 256]

Requests go over HTTP to `lifesign gateway` and from there over gRPC to `lifesign serve`, each a process of
its own on this machine, with a small convolutional network of 112 × 112 pixels. Callers, gateway and model
share the CPU, so the numbers are a floor for a machine of that size. Measured on 2 cores: idle 88.7 MB;
import 0.54 to 0.73 CPU seconds from run to run (FastAPI alone 0.36), so 0.6 is not safely kept.
"""

import argparse
import asyncio
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

from lifesign.client import PredictionClient
from lifesign.model_card import ModelCard, OperatingPoint
from lifesign.preprocessing import PreprocessingSpec
from lifesign.signature import CARD_FILE

LIMITS = {"import CPU s": 0.6, "idle RSS MB": 90.0}
_SIDE = 112
_ENTRY = (sys.executable, "-c", "from lifesign.cli import main; main()")


def import_cost(runs: int = 8) -> float:
    """Return the least CPU seconds of importing the gateway in a fresh process, set up as its command is."""
    code = (
        "import time; a = time.process_time(); import lifesign.gateway.server; print(time.process_time() - a)"
    )
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled once
    return min(
        float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
        for _ in range(runs)
    )


def export(base: Path) -> None:
    """Write a frozen-size network with its card."""
    # TensorFlow runs in a process of its own, so that this one stays as light as a real caller.
    code = f"""
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input(({_SIDE}, {_SIDE}, 3)), tf.keras.layers.Rescaling(1 / 255)]
    + [tf.keras.layers.Conv2D(f, 3, 2, "same", activation="relu") for f in (16, 32, 64, 128)]
    + [tf.keras.layers.GlobalAveragePooling2D(), tf.keras.layers.Dense(2)])
def score(images):
    logits = net(tf.cast(images, tf.float32))
    return {{"scores": tf.nn.softmax(logits), "logits": logits}}
archive = tf.keras.export.ExportArchive()
archive.track(net)
spec = tf.TensorSpec([None, {_SIDE}, {_SIDE}, 3], tf.uint8, name="images")
archive.add_endpoint("serving_default", score, input_signature=[spec])
archive.write_out({str(base / "liveness" / "1")!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    card = ModelCard(
        name="liveness",
        version=1,
        task="liveness",
        class_names=("attack", "bona_fide"),
        preprocessing=PreprocessingSpec(height=_SIDE, width=_SIDE),
        operating_points=(OperatingPoint(id="half", criterion="fixed", threshold=0.5, source="fixed"),),
        default_operating_point="half",
    )
    path = base / "liveness" / "1" / CARD_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(card.model_dump_json(), "utf-8")


@contextmanager
def services(base: Path) -> Iterator[tuple[psutil.Process, str]]:
    """Start model server and gateway; yield the gateway's process and address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    serve = [*_ENTRY, "serve", "--model_name=liveness", f"--model_base_path={base / 'liveness'}"]
    serve += ["--host=127.0.0.1", f"--port={port}", "--rest_api_port=0"]
    answer = [*_ENTRY, "gateway", "--port", "0", "--target", f"127.0.0.1:{port}"]
    answer += ["--model-base-path", str(base)]
    with subprocess.Popen(serve, stderr=subprocess.DEVNULL, env=dict(os.environ)) as server:
        with PredictionClient(f"127.0.0.1:{port}", model="liveness") as client:
            client.wait_ready(deadline_seconds=120)
        with subprocess.Popen(answer, stderr=subprocess.PIPE, text=True) as gateway:
            assert gateway.stderr is not None
            try:
                listening = json.loads(gateway.stderr.readline())
                yield psutil.Process(gateway.pid), f"http://127.0.0.1:{listening['port']}"
            finally:
                gateway.terminate()
                server.terminate()


def picture(side: int) -> bytes:
    """Return a JPEG with some detail."""
    coarse = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


async def load(url: str, data: bytes, *, callers: int, seconds: float) -> tuple[float, float, float]:
    """Return requests per second, p50 and p99 in milliseconds."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def call(client: httpx.AsyncClient) -> None:
        while time.perf_counter() < end:
            started = time.perf_counter()
            response = await client.post("/v1/liveness", content=data, headers={"Content-Type": "image/jpeg"})
            if response.status_code != 200:
                raise RuntimeError(response.text)
            times.append(time.perf_counter() - started)

    limits = httpx.Limits(max_connections=callers)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        started = time.perf_counter()
        await asyncio.gather(*(call(client) for _ in range(callers)))
        took = time.perf_counter() - started
    cuts = statistics.quantiles(times, n=100)
    return len(times) / took, 1000 * cuts[49], 1000 * cuts[98]


def main() -> None:
    """Print the table; exit 1 if the idle process is heavier than promised."""
    parser = argparse.ArgumentParser(description="Cost and speed of the gateway.")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each load")
    parser.add_argument("--image-side", type=int, default=256, help="pixels")
    options = parser.parse_args()
    found = {"import CPU s": import_cost()}
    data = picture(options.image_side)
    with tempfile.TemporaryDirectory() as folder:
        export(Path(folder))
        with services(Path(folder)) as (process, url):
            httpx.get(f"{url}/livez").raise_for_status()
            found["idle RSS MB"] = process.memory_info().rss / 1e6
            for name, value in found.items():
                print(f"{name:14} {value:8.2f}   promised: at most {LIMITS[name]:g}")
            asyncio.run(load(url, data, callers=4, seconds=1.0))
            print(
                f"\n{'callers':>7} {'requests/s':>11} {'p50 ms':>8} {'p99 ms':>8}   (JPEG: {len(data):,} B)"
            )
            for callers in (1, 8, 32):
                rate, median, slow = asyncio.run(load(url, data, callers=callers, seconds=options.seconds))
                print(f"{callers:7} {rate:11.0f} {median:8.1f} {slow:8.1f}")
            print(f"\nRSS after load {process.memory_info().rss / 1e6:.0f} MB")
    sys.exit(any(found[name] > limit for name, limit in LIMITS.items()))


if __name__ == "__main__":
    main()
