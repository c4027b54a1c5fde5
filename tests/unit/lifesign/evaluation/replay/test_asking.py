"""What becomes of images when the server falters: scripted failures over real gRPC."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from lifesign.client import PredictionClient
from lifesign.errors import ContractError, NotReadyError, UpstreamError
from lifesign.evaluation.replay.answers import Answers
from lifesign.evaluation.replay.asking import Asking
from lifesign.evaluation.replay.hope import Hope
from lifesign.evaluation.replay.patience import Patience, Stopped
from lifesign.evaluation.replay.window import Window
from lifesign.testing.clock import FakeClock
from lifesign.testing.model_server import Answer, Failure, FakeModelServer, mean_brightness_logits, softmax

CLASSES = ("attack", "bona_fide")


def _images(count: int) -> np.ndarray:
    levels = np.arange(100, 100 + count, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, 32, 32, 3)).copy()


class _Asked:
    def __init__(
        self, server: FakeModelServer, *, limit_seconds: float = 60.0, tell: Callable[[str], object] = len
    ) -> None:
        self.clock = FakeClock()
        self.messages: list[str] = []
        self.patience = Patience(limit_seconds=limit_seconds, tell=self._tell, clock=self.clock)
        self._also_tell = tell
        self.client = PredictionClient(server.target, model=server.model, version=1, timeout_seconds=5)
        self.asking = Asking(self.client, version=1, class_names=CLASSES, patience=self.patience)

    def _tell(self, message: str) -> None:
        self.messages.append(message)
        self._also_tell(message)

    def __call__(self, images: np.ndarray) -> Answers:
        return self.asking.settle(images, self.asking.send(images))


def _reasons(answers: Answers) -> dict[int, str]:
    return {place: refusal.reason for place, refusal in answers.refusals.items()}


def test_answers_carry_scores_version_and_latency():
    images = _images(4)
    with FakeModelServer() as server:
        answers = _Asked(server)(images)
    np.testing.assert_array_equal(answers.scores, softmax(mean_brightness_logits(images)))
    assert answers.versions.tolist() == [1, 1, 1, 1]
    assert (answers.latency_seconds > 0).all()
    assert not answers.refusals


def test_unavailable_storm_is_waited_out_with_growing_pauses():
    storm = [Failure(code) for code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "UNAVAILABLE")]
    with FakeModelServer(script=storm) as server:
        asked = _Asked(server)
        answers = asked(_images(3))
    assert not answers.refusals
    assert asked.clock.slept == [0.1, 0.2, 0.4, 0.8]
    assert "UNAVAILABLE" in asked.messages[0]
    assert server.calls == 5


@pytest.mark.parametrize(
    ("codes", "size"),
    [(["RESOURCE_EXHAUSTED"], 2), (["RESOURCE_EXHAUSTED"] * 3, 2), (["UNAVAILABLE"], 4), (["INTERNAL"], 4)],
    ids=["full", "full for long", "away", "broken"],
)
def test_a_full_server_gets_fewer_batches_at_once(codes, size):
    with FakeModelServer(script=[Failure(code) for code in codes]) as server:
        asked = _Asked(server)
        window = Window()
        asking = Asking(asked.client, version=1, class_names=CLASSES, patience=asked.patience, window=window)
        assert not asking.settle(_images(2), asking.send(_images(2))).refusals
    assert window.size == size
    assert window.in_flight == 0


def test_giving_up_names_the_server_and_the_time():
    with FakeModelServer(inspect=lambda _: Failure("UNAVAILABLE", "out to lunch")) as server:
        asked = _Asked(server, limit_seconds=7)
        with pytest.raises(NotReadyError, match=rf"gave up on .* {server.target} after 7 s: out"):
            asked(_images(2))
    assert sum(asked.clock.slept) == pytest.approx(7)


def test_only_the_poisoned_image_is_lost():
    def poison(images: np.ndarray) -> Failure | None:
        return Failure("INVALID_ARGUMENT", "bad image\nstack") if (images == 103).any() else None

    with FakeModelServer(inspect=poison) as server:
        answers = _Asked(server)(_images(8))
    assert _reasons(answers) == {3: "INVALID_ARGUMENT"}
    assert answers.refusals[3].detail == "INVALID_ARGUMENT: bad image"
    kept = [0, 1, 2, 4, 5, 6, 7]
    np.testing.assert_allclose(answers.scores[kept], softmax(mean_brightness_logits(_images(8)))[kept])


@pytest.mark.parametrize(("code", "calls"), [("INTERNAL", 2), ("UNKNOWN", 2), ("DEADLINE_EXCEEDED", 3)])
def test_failures_that_may_be_the_connection_get_another_try(code, calls):
    with FakeModelServer(script=[Failure(code)] * (calls - 1)) as server:
        assert not _Asked(server)(_images(2)).refusals
    assert server.calls == calls
    with FakeModelServer(script=[Failure(code)] * calls) as server:
        assert _reasons(_Asked(server)(_images(1))) == {0: code}


@pytest.mark.parametrize(
    ("scores", "logits"),
    [
        ([[0.5, 0.5], [np.nan, 0.5]], None),
        ([[0.5, 0.5], [np.inf, 0.5]], None),
        ([[0.5, 0.5], [-0.5, 1.5]], None),
        ([[0.5, 0.5], [0.5, 0.5]], [[0, 0], [np.nan, 0]]),
    ],
    ids=["nan", "infinite", "outside", "nan logits"],
)
def test_answers_that_are_no_probabilities_are_no_response(scores, logits):
    outputs = {"scores": np.asarray(scores, np.float32)}
    if logits is not None:
        outputs["logits"] = np.asarray(logits, np.float32)
    with FakeModelServer(script=[Answer(outputs)]) as server:
        answers = _Asked(server)(_images(2))
    assert _reasons(answers) == {1: "invalid_scores"}
    assert "expected finite" in answers.refusals[1].detail


@pytest.mark.parametrize(
    "outputs",
    [
        {"scores": np.full((2, 3), 1 / 3, np.float32)},
        {"scores": np.full((1, 2), 0.5, np.float32)},
        {"scores": np.full((2,), 0.5, np.float32)},
        {"scores": np.full((2, 2), 0.5, np.float32), "logits": np.zeros((2, 1), np.float32)},
    ],
    ids=["classes", "rows", "rank", "logits"],
)
def test_wrong_shapes_stop_the_run(outputs):
    with (
        FakeModelServer(script=[Answer(outputs)]) as server,
        pytest.raises(ContractError, match=r"of shape \(2, 2\)"),
    ):
        _Asked(server)(_images(2))


def test_an_answer_without_scores_stops_the_run():
    with (
        FakeModelServer(script=[Answer({"probabilities": np.zeros((2, 2), np.float32)})]) as server,
        pytest.raises(ContractError, match=r"'scores', got \['probabilities'\]"),
    ):
        _Asked(server)(_images(2))


def test_a_server_that_refuses_everything_stops_the_run():
    with FakeModelServer(inspect=lambda _: Failure("INVALID_ARGUMENT", "want 64x64")) as server:
        asked = _Asked(server)
        asked(_images(2))
        asked(_images(2))
        with pytest.raises(UpstreamError, match=r"refuses every image: INVALID_ARGUMENT: .*want 64x64"):
            asked(_images(2))


def test_unloaded_version_stops_the_run_when_another_is_served():
    with FakeModelServer(versions=(1, 2)) as server:
        asked = _Asked(server)
        asked(_images(1))
        server.unload(1)
        with pytest.raises(NotReadyError, match=r"version 1 was unloaded .* now has 2, .*never mixed"):
            asked(_images(1))


def test_a_version_that_comes_back_is_waited_for():
    with FakeModelServer() as server:
        asked = _Asked(server, tell=lambda _: server.load(1))
        server.unload(1)
        assert not asked(_images(2)).refusals
    assert "NOT_FOUND" in asked.messages[0]


def test_stopping_ends_a_wait():
    with FakeModelServer(inspect=lambda _: Failure("UNAVAILABLE")) as server:
        asked = _Asked(server)
        patience = Patience(limit_seconds=600, tell=lambda _: threading.Timer(0.05, patience.stop).start())
        asking = Asking(asked.client, version=1, class_names=CLASSES, patience=patience)
        with pytest.raises(Stopped):
            asking.settle(_images(1), asking.send(_images(1)))


def test_a_resumed_run_goes_on_where_an_uninterrupted_one_would():
    with FakeModelServer(inspect=lambda _: Failure("INVALID_ARGUMENT")) as server:
        asked = _Asked(server)
        asking = Asking(
            asked.client,
            version=1,
            class_names=CLASSES,
            patience=asked.patience,
            hope=Hope(has_answered=True),
        )
        for _ in range(5):
            answers = asking.settle(_images(2), asking.send(_images(2)))
            assert _reasons(answers) == {0: "INVALID_ARGUMENT", 1: "INVALID_ARGUMENT"}
