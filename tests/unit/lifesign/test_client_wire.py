"""The client against a scripted server, through real gRPC."""

import asyncio
import threading

import numpy as np
import pytest

from lifesign.client import AsyncPredictionClient, Prediction, PredictionClient
from lifesign.errors import ContractError, DeadlineError, NotReadyError, UpstreamError
from lifesign.testing.model_server import Answer, Failure, FakeModelServer, mean_brightness_logits, softmax

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def _client(server: FakeModelServer, **options) -> PredictionClient:
    return PredictionClient(server.target, model="liveness", **{"timeout_seconds": 10.0, **options})


def test_scores_logits_and_version_of_the_answer():
    with FakeModelServer(versions=(2, 5)) as server, _client(server) as client:
        prediction = client.predict(IMAGES)
    np.testing.assert_array_equal(prediction.logits, mean_brightness_logits(IMAGES))
    np.testing.assert_array_equal(prediction.scores, softmax(mean_brightness_logits(IMAGES)))
    assert prediction.version == 5


def test_a_pinned_version_is_asked_for():
    with FakeModelServer(versions=(2, 5)) as server, _client(server, version=2) as client:
        assert client.predict(IMAGES).version == 2


def test_futures_call_back():
    done = threading.Event()
    with FakeModelServer() as server, _client(server) as client:
        future = client.predict_future(IMAGES)
        future.add_done_callback(lambda _: done.set())
        assert future.result().scores.shape == (3, 2)
        assert done.wait(10)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("UNAVAILABLE", NotReadyError),
        ("NOT_FOUND", NotReadyError),
        ("DEADLINE_EXCEEDED", DeadlineError),
        ("INVALID_ARGUMENT", UpstreamError),
        ("INTERNAL", UpstreamError),
    ],
)
def test_statuses_become_errors_with_their_code(code, error):
    with FakeModelServer(script=[Failure(code, "why")] * 2) as server, _client(server) as client:
        with pytest.raises(error, match="why") as caught:
            client.predict(IMAGES)
        assert caught.value.code == code
        with pytest.raises(error, match="why"):
            client.predict_future(IMAGES).result()


@pytest.mark.parametrize("images", [IMAGES.astype(np.float32), IMAGES[0]], ids=["float", "one image"])
def test_only_batches_of_bytes_are_sent(images):
    with FakeModelServer() as server, _client(server) as client:
        with pytest.raises(ContractError, match="expected uint8 images"):
            client.predict(images)
        assert server.calls == 0


def test_an_answer_without_logits_is_fine_one_without_scores_is_not():
    scores = np.full((3, 2), 0.5, np.float32)
    with (
        FakeModelServer(script=[Answer({"scores": scores}), Answer({})]) as server,
        _client(server) as client,
    ):
        assert client.predict(IMAGES).logits is None
        with pytest.raises(ContractError, match="'scores', got"):
            client.predict(IMAGES)


def test_metadata_tells_types_and_shapes():
    with FakeModelServer(input_shape=(-1, 48, 64, 3)) as server, _client(server) as client:
        signature = client.metadata()["serving_default"]
    assert (signature.inputs["images"].dtype, signature.inputs["images"].shape) == ("uint8", (-1, 48, 64, 3))
    assert signature.outputs["scores"].shape == (-1, 2)


def test_status_lists_the_newest_version_first():
    with FakeModelServer(versions=(1, 3, 2)) as server, _client(server) as client:
        server.unload(3)
        assert [(item.version, item.state) for item in client.status()] == [
            (3, "END"),
            (2, "AVAILABLE"),
            (1, "AVAILABLE"),
        ]
        assert client.wait_ready(deadline_seconds=5) == 2


class _Negative:
    """An exchange that sends what it is given as ``images``, and reads the logits with the signs changed."""

    signature = "serving_default"
    output_filter = ("logits",)

    def inputs(self, images):
        return {"images": images}

    def prediction(self, outputs, version, images):
        return Prediction(-outputs["logits"], None, version)


def test_an_exchange_decides_what_is_sent_and_how_it_is_read():
    expected = -mean_brightness_logits(IMAGES)
    with FakeModelServer(versions=(4,)) as server, _client(server, exchange=_Negative()) as client:
        for prediction in (client.predict(IMAGES), client.predict_future(IMAGES).result()):
            np.testing.assert_array_equal(prediction.scores, expected)
            assert (prediction.logits, prediction.version) == (None, 4)
        np.testing.assert_array_equal(client.outputs(IMAGES)["logits"], -expected)


def test_waiting_for_nobody_ends():
    with FakeModelServer() as server:
        target = server.target
    with (
        PredictionClient(target, model="liveness") as client,
        pytest.raises(NotReadyError, match=r"not ready within 0\.2 s"),
    ):
        client.wait_ready(deadline_seconds=0.2)


def test_a_restarted_server_is_found_again_soon():
    server = FakeModelServer()
    server.start()
    with _client(server) as client:
        client.predict(IMAGES)
        server.stop()
        with pytest.raises(UpstreamError):
            client.predict(IMAGES)
        server.start()
        assert client.wait_ready(deadline_seconds=10) == 1
        assert client.predict(IMAGES).version == 1
    server.stop()


def test_the_async_client_answers_alike():
    async def ask(target: str):
        client = AsyncPredictionClient(target, model="liveness")
        try:
            await client.wait_ready(deadline_seconds=10)
            metadata = await client.metadata()
            with pytest.raises(UpstreamError, match="why"):
                await client.predict(IMAGES)
            return metadata, await client.predict(IMAGES)
        finally:
            await client.close()

    with FakeModelServer(script=[Failure("INTERNAL", "why")]) as server, _client(server) as client:
        metadata, prediction = asyncio.run(ask(server.target))
        np.testing.assert_array_equal(prediction.scores, client.predict(IMAGES).scores)
        assert metadata == client.metadata()
