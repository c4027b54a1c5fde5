import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families


def test_livez_asks_nothing_of_the_model_server(start):
    gateway = start(target="127.0.0.1:1")
    assert gateway.http.get("/livez").json() == {"status": "alive"}
    assert gateway.http.get("/readyz").status_code == 503


def test_readyz_is_503_while_the_model_server_hangs(start):
    # Connections are accepted by the kernel, and nobody ever speaks.
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        response = start(target=f"127.0.0.1:{frozen.getsockname()[1]}").http.get("/readyz")

    assert response.status_code == 503
    assert response.json()["detail"] == "the model server did not answer within 2 s"


def test_readyz_follows_the_version_state(gateway):
    for state, status in ((20, 503), (30, 200), (40, 503)):
        gateway.model.states = {7: state}
        assert gateway.http.get("/readyz").status_code == status
    gateway.model.states = {}
    assert gateway.http.get("/readyz").json()["status"] == 503


def test_readyz_is_503_while_draining_and_requests_are_still_answered(start, picture):
    gateway = start(drain_seconds=60)
    assert gateway.http.get("/readyz").status_code == 200
    gateway.server.handle_exit(signal.SIGTERM, None)
    response = gateway.http.get("/readyz")
    assert response.status_code == 503
    assert response.json()["detail"] == "the gateway is shutting down"
    answer = gateway.http.post("/v1/liveness", content=picture(250), headers={"Content-Type": "image/png"})
    assert answer.json()["decision"] == "bona_fide"


def test_the_gateway_recovers_when_the_model_server_comes_back(start, model, picture, eventually):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    gateway = start(target=f"127.0.0.1:{port}")
    assert gateway.http.get("/readyz").status_code == 503
    with model.serving(port):
        eventually(lambda: gateway.http.get("/readyz").status_code == 200)
        answer = gateway.http.post(
            "/v1/liveness", content=picture(250), headers={"Content-Type": "image/png"}
        )
    assert answer.json()["decision"] == "bona_fide"


def test_instruments_change_as_documented(gateway, picture):
    before = gateway.sample("lifesign_gateway_request_duration_seconds_count", route="/v1/liveness")
    for brightness in (250, 250, 20):
        gateway.http.post("/v1/liveness", content=picture(brightness), headers={"Content-Type": "image/png"})
    assert before == 0
    for name, labels, value in (
        ("lifesign_gateway_requests_total", {"route": "/v1/liveness", "method": "POST", "code": "200"}, 3),
        ("lifesign_gateway_request_duration_seconds_count", {"route": "/v1/liveness"}, 3),
        ("lifesign_backend_request_duration_seconds_count", {"model": "liveness"}, 3),
        ("lifesign_predictions_total", {"model_version": "7", "predicted": "bona_fide"}, 2),
        ("lifesign_predictions_total", {"model_version": "7", "predicted": "attack"}, 1),
        ("lifesign_prediction_score_bucket", {"le": "0.1"}, 1),
        ("lifesign_prediction_score_count", {"model": "liveness"}, 3),
        ("lifesign_gateway_requests_in_flight", {}, 0),
        ("lifesign_build_info", {"revision": "unknown"}, 1),
    ):
        assert gateway.sample(name, **labels) == value, name


def test_known_series_exist_before_their_first_event(gateway):
    names = {
        sample.name
        for family in text_string_to_metric_families(gateway.http.get("/metrics").text)
        for sample in family.samples
    }
    assert {
        "lifesign_gateway_rejected_total",
        "lifesign_backend_errors_total",
        "lifesign_gateway_request_duration_seconds_bucket",
        "process_resident_memory_bytes",
    } <= names


def test_paths_of_callers_never_become_labels(gateway):
    for number in range(5):
        gateway.http.get(f"/nowhere/{number}")
    assert gateway.sample("lifesign_gateway_requests_total", route="unmatched", code="404") == 5


@pytest.fixture
def keyed(start, tmp_path):
    path = tmp_path / "keys"
    digest = hashlib.sha256(b"open-sesame").hexdigest()
    path.write_text(f"# rotated yearly\n{'0' * 64} old\n{digest} app-1\n")
    return start(api_keys_file=path)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic open-sesame"}, 401),
        ({"X-API-Key": "open-sesame"}, 200),
        ({"Authorization": "Bearer open-sesame"}, 200),
    ],
    ids=["none", "wrong", "wrong bearer", "wrong scheme", "key", "bearer"],
)
def test_keys_open_v1_only(keyed, headers, status):
    assert keyed.http.get("/v1/thresholds", headers=headers).status_code == status
    assert keyed.http.get("/readyz", headers=headers).status_code == 200
    assert keyed.http.get("/metrics", headers=headers).status_code == 200


def test_without_a_key_the_body_is_not_read(keyed):
    with socket.create_connection(("127.0.0.1", httpx.URL(keyed.url).port)) as connection:
        connection.sendall(
            b"POST /v1/liveness HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 900\r\n\r\n"
        )
        connection.settimeout(20)
        assert b"".join(iter(lambda: connection.recv(65536), b"")).startswith(b"HTTP/1.1 401")


def run_gateway(*options):
    return subprocess.Popen(
        [sys.executable, "-c", "from lifesign.cli import main; main()", "gateway", *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def test_a_taken_port_is_one_sentence_and_exit_code_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with run_gateway("--port", str(port)) as process:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.strip().splitlines() == [
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use; choose --port"
    ]


def test_sigterm_finishes_what_is_in_flight_and_exits_0(model, picture, tmp_path, publish):
    publish(7)
    model.hold = threading.Event()
    with model.serving() as backend:
        options = (
            *("--port", "0", "--target", f"127.0.0.1:{backend}"),
            *("--model-base-path", str(tmp_path / "models")),
        )
        with run_gateway(*options) as process:
            listening = json.loads(process.stderr.readline())
            url = f"http://127.0.0.1:{listening['port']}/v1/liveness"
            answers = []
            send = threading.Thread(
                target=lambda: answers.append(
                    httpx.post(url, content=picture(250), headers={"Content-Type": "image/png"}, timeout=30)
                )
            )
            send.start()
            assert model.waiting.acquire(timeout=30)
            process.send_signal(signal.SIGTERM)
            assert json.loads(process.stderr.readline())["event"] == "draining"
            model.hold.set()
            send.join(30)
            rest = process.stderr.read()
            assert process.wait(timeout=30) == 0
    assert answers[0].json()["decision"] == "bona_fide"
    assert json.loads(rest.splitlines()[-1])["event"] == "stopped"
