"""The gateway process in front of the embedded model server, both as a user starts them."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from lifesign.client import PredictionClient
from lifesign.model_card import OperatingPoint
from lifesign.preprocessing import PreprocessingSpec, decode_image, prepare_image
from lifesign.serving.server import ModelServer
from lifesign.serving.settings import ServerSettings
from lifesign.testing.brightness_model import publish_version
from lifesign.testing.model_cards import liveness_card


def publish(base: Path, version: int, *, side: int, threshold: float) -> None:
    """Write a version whose P(bona fide) grows with brightness, and decides at ``threshold``."""
    point = OperatingPoint(id="point", criterion="fixed", threshold=threshold, source="fixed")
    card = liveness_card(point, version=version, side=side)
    publish_version(base / "liveness", version, card=card, side=side)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("served") / "models"
    publish(base, 1, side=32, threshold=0.5)
    return base


@pytest.fixture(scope="module")
def server(models: Path) -> Iterator[ModelServer]:
    settings = ServerSettings(
        model_name="liveness",
        model_base_path=models / "liveness",
        host="127.0.0.1",
        port=0,
        rest_api_port=None,
        file_system_poll_wait_seconds=0.1,
    )
    with ModelServer(settings) as running:
        yield running


@pytest.fixture(scope="module")
def url(server: ModelServer, models: Path) -> Iterator[str]:
    command = [sys.executable, "-c", "from lifesign.cli import main; main()", "gateway", "--port", "0"]
    command += ["--target", f"127.0.0.1:{server.grpc_port}", "--model-base-path", str(models)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stderr is not None
        yield f"http://127.0.0.1:{json.loads(process.stderr.readline())['port']}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def photo(seed: int, *, level: int) -> bytes:
    noise = np.random.default_rng(seed).integers(-30, 30, (70, 90, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(level + noise, 0, 255).astype(np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def ask(url: str, data: bytes) -> dict[str, object]:
    response = httpx.post(
        f"{url}/v1/liveness", content=data, headers={"Content-Type": "image/jpeg"}, timeout=30
    )
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body


def test_the_gateway_gives_the_score_that_the_evaluation_would_see(url: str, server: ModelServer) -> None:
    data = photo(1, level=140)
    answer = ask(url, data)
    side = 48 if "48x48" in str(answer["model"]) else 32
    pixels = prepare_image(decode_image(data), PreprocessingSpec(height=side, width=side))
    with PredictionClient(f"127.0.0.1:{server.grpc_port}", model="liveness") as client:
        expected = client.predict(pixels[np.newaxis]).scores[0, 1]
    assert answer["score"] == float(expected)


def test_a_batch_is_scored_like_its_images_one_by_one(url: str) -> None:
    images = [photo(seed, level=40 * seed) for seed in range(1, 6)]
    single = [ask(url, data)["score"] for data in images]
    files = [("images", ("x.jpg", data)) for data in images]
    items = httpx.post(f"{url}/v1/liveness:batch", files=files, timeout=30).json()["items"]
    assert [item["result"]["score"] for item in items] == pytest.approx(single, abs=1e-6)


def test_a_published_version_answers_with_its_own_card(url: str, models: Path) -> None:
    data = photo(2, level=140)
    assert ask(url, data)["decision"] == "bona_fide"
    publish(models, 2, side=48, threshold=0.9)
    end = time.monotonic() + 60
    while (answer := ask(url, data))["model"] != {
        "name": "liveness",
        "version": "2",
        "preprocessing": "exif>srgb>resize48x48-bilinear-aa",
    }:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert answer["decision"] == "attack"
