import base64
import hashlib

import pytest


def test_a_bright_image_is_bona_fide_and_the_answer_says_why(gateway, picture):
    data = picture(204, file_format="JPEG", size=(64, 48))
    response = gateway.http.post("/v1/liveness", content=data, headers={"Content-Type": "image/jpeg"})
    body = response.json()
    assert response.status_code == 200
    assert body["decision"] == "bona_fide"
    assert body["score"] == pytest.approx(204 / 255, abs=0.01)
    assert body["score_semantics"] == "probability_bona_fide"
    assert body["threshold"] == {
        "id": "dev-eer",
        "value": 0.5,
        "criterion": "eer",
        "source": "dev",
        "expected": {"bpcer": 0.02, "bpcer_ci": [0.004, 0.057]},
    }
    assert body["model"] == {
        "name": "liveness",
        "version": "7",
        "preprocessing": "exif>srgb>resize32x32-bilinear-aa",
    }
    assert body["input"] == {
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": 64,
        "height": 48,
        "format": "JPEG",
        "exif_orientation": 1,
    }
    assert body["quality"] == {"verdict": "ok", "warnings": []}
    assert body["face"] == {"source": "full_image"}
    assert 0 < body["timing_ms"]["inference"] <= body["timing_ms"]["total"]
    assert body["request_id"] == response.headers["x-request-id"]


def test_an_attack_is_a_result_not_an_error(gateway, picture):
    response = gateway.http.post("/v1/liveness", files={"image": ("a.png", picture(20), "image/png")})
    assert (response.status_code, response.json()["decision"]) == (200, "attack")


def test_a_score_at_the_threshold_is_bona_fide(gateway, picture, publish):
    publish(7, threshold=float.fromhex("0x1.99999ap-1"))  # float32(0.8)
    response = gateway.http.post(
        "/v1/liveness", content=picture(204), headers={"Content-Type": "image/png"}
    ).json()
    assert response["score"] == response["threshold"]["value"]
    assert response["decision"] == "bona_fide"


def send_raw(http, data, **query):
    return http.post(
        "/v1/liveness", content=data, params=query, headers={"Content-Type": "application/octet-stream"}
    )


def send_multipart(http, data, **fields):
    return http.post("/v1/liveness", files={"image": ("x", data)}, data=fields)


def send_json(http, data, **fields):
    return http.post("/v1/liveness", json={"image": base64.b64encode(data).decode(), **fields})


@pytest.mark.parametrize("send", [send_raw, send_multipart, send_json])
def test_every_way_to_send_gives_the_same_answer(gateway, picture, send):
    body = send(gateway.http, picture(180), threshold_id="strict").json()
    assert (body["decision"], body["threshold"]["id"]) == ("attack", "strict")
    assert body["score"] == pytest.approx(180 / 255, abs=1e-6)
    minimal = send(gateway.http, picture(180), detail="minimal").json()
    assert set(minimal) == {"request_id", "status", "decision"}


def test_width_and_height_are_those_of_the_upright_image(gateway, picture):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture(100, file_format="JPEG", size=(80, 40), exif=exif)
    body = send_raw(gateway.http, data).json()
    assert (body["input"]["width"], body["input"]["height"]) == (40, 80)
    assert body["input"]["exif_orientation"] == 6


def test_a_tiny_image_is_not_evaluated_rather_than_called_an_attack(gateway, picture):
    body = send_raw(gateway.http, picture(0, size=(31, 200))).json()
    assert body["decision"] == "not_evaluated"
    assert "score" not in body
    assert body["quality"] == {
        "verdict": "reject",
        "warnings": [{"code": "IMAGE_TOO_SMALL", "value": 31, "limit": 32}],
    }
    assert gateway.model.calls == []


def test_a_model_without_operating_point_scores_but_does_not_decide(gateway, picture, publish):
    publish(7, operating_points=(), default_operating_point=None)
    body = send_raw(gateway.http, picture(204)).json()
    assert body["decision"] == "not_evaluated"
    assert body["score"] == pytest.approx(0.8, abs=1e-6)


def test_the_request_id_reaches_the_model_server_and_the_answer(gateway, picture):
    response = gateway.http.post(
        "/v1/liveness",
        content=picture(1),
        headers={"Content-Type": "image/png", "X-Request-ID": "check-42"},
    )
    assert response.headers["x-request-id"] == response.json()["request_id"] == "check-42"
    assert gateway.model.request_ids == ["check-42"]


def test_a_new_version_brings_its_own_card(gateway, picture, publish):
    assert send_raw(gateway.http, picture(150)).json()["model"]["version"] == "7"
    publish(8, threshold=0.7)
    gateway.model.switch(8)
    body = send_raw(gateway.http, picture(150)).json()
    assert (body["model"]["version"], body["threshold"]["value"], body["decision"]) == ("8", 0.7, "attack")


def test_a_new_version_with_another_input_size_is_prepared_again(gateway, picture, publish):
    send_raw(gateway.http, picture(150))
    publish(8, side=48)
    gateway.model.switch(8, side=48)
    body = send_raw(gateway.http, picture(150)).json()
    assert body["model"] == {
        "name": "liveness",
        "version": "8",
        "preprocessing": "exif>srgb>resize48x48-bilinear-aa",
    }
    assert gateway.model.calls == [(1, 32, 32, 3), (1, 32, 32, 3), (1, 48, 48, 3)]


def test_a_batch_loses_nothing_and_keeps_the_order(gateway, picture):
    parts = [picture(250), b"not an image", picture(5), picture(9, size=(8, 8)), picture(200)]
    response = gateway.http.post("/v1/liveness:batch", files=[("images", ("x", part)) for part in parts])
    body = response.json()
    assert response.status_code == 200
    assert [item["index"] for item in body["items"]] == [0, 1, 2, 3, 4]
    decisions = [item["result"]["decision"] if "result" in item else None for item in body["items"]]
    assert decisions == ["bona_fide", None, "attack", "not_evaluated", "bona_fide"]
    problem = body["items"][1]["problem"]
    assert (problem["status"], problem["reason"], problem["request_id"]) == (
        400,
        "not_an_image",
        body["request_id"],
    )
    assert (body["evaluated"], body["failed"]) == (3, 1)
    assert gateway.model.calls == [(3, 32, 32, 3)]
    assert gateway.sample("lifesign_gateway_rejected_total", reason="bad_image") == 1


def test_a_json_batch_reports_bad_base64_per_image(gateway, picture):
    images = [base64.b64encode(picture(250)).decode(), "%%%", 17]
    body = gateway.http.post("/v1/liveness:batch", json={"images": images, "detail": "minimal"}).json()
    assert body["items"][0]["result"]["decision"] == "bona_fide"
    assert [item["problem"]["status"] for item in body["items"][1:]] == [422, 422]


def test_models_and_thresholds_come_from_the_served_version(gateway, publish):
    publish(8)
    gateway.model.states = {7: 30, 8: 20}
    models = gateway.http.get("/v1/models").json()["models"]
    assert [(item["version"], item["state"]) for item in models] == [("8", "LOADING"), ("7", "AVAILABLE")]
    body = gateway.http.get("/v1/thresholds").json()
    assert body["model"]["version"] == "7"
    assert body["default"] == "dev-eer"
    assert [item["id"] for item in body["thresholds"]] == ["dev-eer", "strict"]
