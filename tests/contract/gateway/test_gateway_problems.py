import contextlib
import http.client
import json
import socket
import threading
import time

import grpc
import httpx
import pytest

RAW = {"Content-Type": "application/octet-stream"}


def post(gateway, content=b"", *, path="/v1/liveness", **headers):
    return gateway.http.post(path, content=content, headers={**RAW, **headers})


def assert_problem(response, status, slug):
    body = response.json()
    assert response.status_code == body["status"] == status, body
    assert response.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:lifesign:problem:{slug}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "media_type", "status", "slug", "reason"),
    [
        (b"", "image/png", 400, "image-undecodable", "bad_image"),
        (b"plain text", "image/png", 400, "image-undecodable", "bad_image"),
        (b"{", "application/json", 400, "malformed-body", "malformed"),
        (b"[1]", "application/json", 400, "malformed-body", "malformed"),
        (b"[" * 20_000, "application/json", 400, "malformed-body", "malformed"),
        (b"x", "multipart/form-data", 400, "malformed-body", "malformed"),
        (b"x" * 20_001, "image/png", 413, "too-large", "too_large"),
        (b"x", "text/plain", 415, "unsupported-media-type", "unsupported_type"),
        (b"x", "", 415, "unsupported-media-type", "unsupported_type"),
        (b"{}", "application/json", 422, "invalid-request", "invalid"),
        (b'{"image": "***"}', "application/json", 422, "invalid-request", "invalid"),
        (b'{"image": "AAAA", "extra": 1}', "application/json", 422, "invalid-request", "invalid"),
        (b'{"image": "AAAA", "detail": 1}', "application/json", 422, "invalid-request", "invalid"),
        (b'{"image": "AAAA", "detail": "all"}', "application/json", 422, "invalid-request", "invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_bad_request_is_answered_with_its_problem(start, body, media_type, status, slug, reason):
    gateway = start(max_image_bytes=20_000)
    response = gateway.http.post("/v1/liveness", content=body, headers={"Content-Type": media_type})
    assert_problem(response, status, slug)
    assert gateway.sample("lifesign_gateway_rejected_total", reason=reason) == 1
    assert gateway.sample("lifesign_gateway_requests_total", route="/v1/liveness", code=str(status)) == 1


def test_a_truncated_image_is_undecodable(gateway, picture):
    data = picture(90, size=(200, 200), file_format="JPEG")
    response = post(gateway, data[: len(data) // 2])
    assert_problem(response, 400, "image-undecodable")
    assert response.json()["reason"] == "truncated"


def test_a_pixel_bomb_is_refused_by_its_header(start, picture):
    gateway = start(max_image_pixels=10_000)
    response = post(gateway, picture(90, size=(101, 100)))
    assert_problem(response, 422, "too-many-pixels")


@pytest.mark.parametrize(
    ("files", "data"),
    [
        ([("image", ("a", b"1")), ("image", ("b", b"2"))], {}),
        ([("photo", ("a", b"1"))], {}),
        ([("image", ("a", b"1"))], {"colour": "red"}),
        ([("image", (None, "not a file"))], {}),
    ],
    ids=["two images", "wrong name", "unknown field", "text instead of a file"],
)
def test_a_wrong_form_names_the_field(gateway, files, data):
    assert_problem(gateway.http.post("/v1/liveness", files=files, data=data), 422, "invalid-request")


def test_an_unknown_threshold_lists_the_known_ones(gateway, picture):
    response = post(gateway, picture(1), path="/v1/liveness?threshold_id=nope")
    assert_problem(response, 422, "invalid-request")
    assert "dev-eer" in response.json()["detail"]
    assert gateway.model.calls == []


def test_two_places_may_not_disagree(gateway, picture):
    files = {"image": ("x", picture(1))}
    response = gateway.http.post("/v1/liveness?detail=full", files=files, data={"detail": "minimal"})
    assert_problem(response, 422, "invalid-request")


def test_a_wrong_query_parameter_is_a_problem_too(gateway, picture):
    response = post(gateway, picture(1), path="/v1/liveness?detail=all")
    assert_problem(response, 422, "invalid-request")
    assert gateway.sample("lifesign_gateway_rejected_total", reason="invalid") == 1


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/liveness?threshold=0.9", "unknown query parameter 'threshold'; expected detail, threshold_id"),
        ("/v1/liveness:batch?version=7&detail=full", "unknown query parameter 'version'; expected"),
    ],
)
def test_an_unknown_query_parameter_is_refused_like_an_unknown_field(gateway, picture, path, words):
    response = post(gateway, picture(1), path=path)
    assert_problem(response, 422, "invalid-request")
    assert words in response.json()["detail"]
    assert gateway.model.calls == []
    assert gateway.sample("lifesign_gateway_rejected_total", reason="invalid") == 1


@pytest.mark.parametrize("path", ["/v1/models", "/v1/thresholds"])
def test_a_question_without_parameters_takes_none(gateway, path):
    assert gateway.http.get(path).status_code == 200
    assert_problem(gateway.http.get(f"{path}?version=7"), 422, "invalid-request")


def test_compressed_bodies_are_refused(gateway, picture):
    assert_problem(post(gateway, picture(1), **{"Content-Encoding": "gzip"}), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("code", "status", "slug"),
    [
        (grpc.StatusCode.UNAVAILABLE, 503, "not-ready"),
        (grpc.StatusCode.NOT_FOUND, 503, "not-ready"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 503, "not-ready"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504, "deadline-exceeded"),
        (grpc.StatusCode.INTERNAL, 502, "backend-failed"),
        (grpc.StatusCode.INVALID_ARGUMENT, 502, "backend-failed"),
    ],
    ids=lambda value: value.name if isinstance(value, grpc.StatusCode) else None,
)
def test_a_failing_model_server_is_a_problem_of_ours(gateway, picture, code, status, slug):
    gateway.model.failure = code
    response = post(gateway, picture(1))
    assert_problem(response, status, slug)
    assert ("retry-after" in response.headers) is (status == 503)
    assert gateway.sample("lifesign_backend_errors_total", grpc_code=code.name) == 1


def test_scores_that_are_not_numbers_break_the_contract(gateway, picture):
    gateway.model.shift = float("nan")
    assert_problem(post(gateway, picture(1)), 502, "contract-broken")


def test_a_missing_card_is_not_ready(start, picture):
    gateway = start(card=False)
    assert_problem(post(gateway, picture(1)), 503, "not-ready")
    assert gateway.http.get("/readyz").status_code == 503


def test_a_slow_model_ends_at_the_deadline(start, picture):
    gateway = start(request_timeout_seconds=0.3)
    gateway.model.hold = threading.Event()
    started = time.monotonic()
    assert_problem(post(gateway, picture(1)), 504, "deadline-exceeded")
    assert time.monotonic() - started < 5
    gateway.model.hold.set()


def test_too_many_requests_are_turned_away_and_the_others_finish(start, picture):
    gateway = start(max_in_flight=2)
    gateway.model.hold = threading.Event()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(post(gateway, picture(250)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert gateway.model.waiting.acquire(timeout=20)
    assert gateway.sample("lifesign_gateway_requests_in_flight") == 2
    refused = post(gateway, picture(250))
    assert_problem(refused, 429, "overloaded")
    assert refused.headers["retry-after"] == "1"
    gateway.model.hold.set()
    for thread in threads:
        thread.join(20)
    assert [answer.json()["decision"] for answer in answers] == ["bona_fide"] * 2
    assert gateway.sample("lifesign_gateway_requests_in_flight") == 0


def test_a_body_without_end_is_cut_at_the_limit(start):
    gateway = start(max_image_bytes=100_000, max_batch_bytes=1_000_000)
    sent = 0

    def endless():
        nonlocal sent
        while sent < 50_000_000:
            sent += 10_000
            yield b"x" * 10_000

    try:
        response = gateway.http.post("/v1/liveness", content=endless(), headers=RAW)
    except httpx.TransportError:
        # The gateway closed the connection while we were still sending.
        pass
    else:
        assert_problem(response, 413, "too-large")
        assert response.headers["connection"] == "close"
    # What is sent beyond twice the limit of a batch only fills the buffers of the two sockets.
    assert sent < 20_000_000
    assert gateway.sample("lifesign_gateway_rejected_total", reason="too_large") == 1


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize(
    ("media_type", "status", "slug"),
    [("image/png", 413, "too-large"), ("text/plain", 415, "unsupported-media-type")],
)
def test_a_client_that_sends_all_of_its_body_first_reads_the_answer(start, media_type, status, slug, chunked):
    gateway = start(max_image_bytes=2_000_000)
    connection = http.client.HTTPConnection("127.0.0.1", httpx.URL(gateway.url).port, timeout=20)
    body = b"x" * 16_000_000
    connection.request(
        "POST", "/v1/liveness", iter([body]) if chunked else body, {"Content-Type": media_type}
    )
    with contextlib.closing(connection), connection.getresponse() as response:
        assert response.status == status
        assert json.loads(response.read())["type"] == f"urn:lifesign:problem:{slug}"
        assert response.headers["connection"] == "close"
    assert gateway.sample("lifesign_gateway_requests_total", code=str(status)) == 1


def _answer_to_part(gateway, length, body):
    """Send the head of a request and the start of its body, and nothing more."""
    with socket.create_connection(("127.0.0.1", httpx.URL(gateway.url).port)) as connection:
        connection.sendall(
            b"POST /v1/liveness HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (length, body)
        )
        connection.settimeout(20)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_an_announced_size_is_refused_before_the_body(start):
    answer = _answer_to_part(start(max_image_bytes=100), 1_000_000, b"")
    assert answer.startswith(b"HTTP/1.1 413")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 413


def test_a_body_that_trickles_is_given_up(start):
    assert _answer_to_part(start(upload_timeout_seconds=0.2), 9, b"abc").startswith(b"HTTP/1.1 408")


def test_a_batch_has_a_limit(start, picture):
    gateway = start(max_batch_images=2)
    files = [("images", ("x", picture(1)))] * 3
    assert_problem(gateway.http.post("/v1/liveness:batch", files=files), 422, "invalid-request")
    assert_problem(gateway.http.post("/v1/liveness:batch", json={"images": []}), 422, "invalid-request")
    assert_problem(post(gateway, b"x", path="/v1/liveness:batch"), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/liveness", 405), ("GET", "/nowhere", 404)]
)
def test_wrong_routes_are_problems_and_one_label(gateway, method, path, status):
    response = gateway.http.request(method, path)
    assert response.status_code == response.json()["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    total = gateway.sample("lifesign_gateway_requests_total", method=method, code=str(status))
    assert total == 1


def test_nothing_of_an_image_is_logged(gateway, picture, capfd):
    gateway.http.post("/v1/liveness", json={"image": "QUJDREVGR0g="})
    gateway.model.failure = grpc.StatusCode.INTERNAL
    post(gateway, picture(1))
    output = capfd.readouterr()
    assert "QUJDREVGR0g" not in output.err + output.out
    assert "ABCDEFGH" not in output.err + output.out
