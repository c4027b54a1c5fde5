"""The command as a process: exit codes, one clear sentence, no port before there is a model."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

LAUNCH = [sys.executable, "-c", "from lifesign.cli import main; main()", "serve"]
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LAUNCH, *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_it_serves_and_sigterm_ends_it_with_zero(tmp_path: Path, publish: Callable[..., Path]):  # Z05
    (tmp_path / "half").mkdir()
    publish("half_2", tmp_path / "half", 1)
    port = _free_port()
    process = subprocess.Popen(
        [
            *LAUNCH,
            f"--model_base_path={tmp_path / 'half'}",
            f"--port={port}",
            "--rest_api_port=0",
            "--enable_batching=true",
        ],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        process.communicate(timeout=20)
    finally:
        process.kill()

    assert process.returncode == 0
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--model_nam=x"], "--model_name"),
        ([], "expected --model_base_path or --model_config_file, got neither"),
        (
            ["--model_base_path=.", "--batching_parameters_file=b.txt"],
            "--batching_parameters_file needs --enable_batching=true",
        ),
        (["--model_base_path=.", "--enable_batching=perhaps"], "perhaps"),
        (["--model_base_path=.", "--port=99999"], "error: --port must be 0–65535, got 99999"),
        (
            ["--model_base_path=.", "--port=0", "--rest_api_port=-1"],
            "--rest_api_port must be 0–65535",
        ),
    ],
    ids=["unknown flag", "no model", "Z03", "no truth value", "gRPC port", "REST port"],
)
def test_wrong_usage_is_told_in_one_sentence(arguments, text):
    result = run(*arguments)

    assert result.returncode == 2
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_a_busy_port_is_told_before_any_model_is_loaded():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = run("--model_base_path=.", "--host=127.0.0.1", f"--port={port}", "--rest_api_port=0")

    assert result.returncode == 2
    assert result.stderr.startswith(f"error: cannot open gRPC port 127.0.0.1:{port} (")
    assert result.stderr.count("\n") == 1
