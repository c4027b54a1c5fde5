"""Getting an answer for every image, or a reason why there is none, from a server that may falter."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.client import Prediction, PredictionClient, PredictionFuture
from lifesign.errors import ContractError, NotReadyError, UpstreamError
from lifesign.evaluation.replay.decoding import Refusal
from lifesign.evaluation.replay.patience import Patience
from lifesign.evaluation.replay.predictions import INVALID_SCORES
from lifesign.evaluation.replay.window import Window

__all__ = ["Answers", "Asking", "Flight"]

# The server is away, full or starting: the same request can succeed later.
_TRANSIENT = frozenset({"UNAVAILABLE", "NOT_FOUND", "CANCELLED", "ABORTED", "RESOURCE_EXHAUSTED"})
_FULL = "RESOURCE_EXHAUSTED"
# How often a request is sent before its failure counts; codes not listed may be a broken connection.
_TRIES = {"INVALID_ARGUMENT": 1, "FAILED_PRECONDITION": 1, "DEADLINE_EXCEEDED": 3}
_OTHER_TRIES = 2
_HOPELESS_BATCHES = 3
_TOLERANCE = 1e-4


@dataclass
class Answers:
    """The answers for ``m`` images: scores float32 ``(m, k)``, ``nan`` where ``refusals`` says why.

    ``versions`` int64 ``(m,)``, 0 without an answer; ``latency_seconds`` float32 ``(m,)``.
    """

    scores: NDArray[np.float32]
    logits: NDArray[np.float32]
    has_logits: bool
    versions: NDArray[np.int64]
    latency_seconds: NDArray[np.float32]
    refusals: dict[int, Refusal] = field(default_factory=dict)

    @classmethod
    def empty(cls, images: int, classes: int) -> "Answers":
        """Return answers that are all still missing."""
        vectors = np.full((images, classes), np.nan, np.float32)
        latency = np.full(images, np.nan, np.float32)
        return cls(vectors, vectors.copy(), False, np.zeros(images, np.int64), latency)


class Flight:
    """A request on its way, and how long it took; ``landed`` is told from a gRPC thread when it is over."""

    def __init__(
        self, client: PredictionClient, images: NDArray[Any], landed: Callable[["Flight"], None] | None = None
    ) -> None:
        self._started = time.perf_counter()
        self._seconds: float | None = None
        self._tell = landed
        self._future = client.predict_future(images)
        self._future.add_done_callback(self._landed)

    def result(self) -> Prediction:
        """Wait for the answer; raises what ``PredictionClient.predict`` raises."""
        return self._future.result()

    @property
    def code(self) -> str:
        """How it ended: ``OK`` or another gRPC status name; waits for the end."""
        return self._future.code

    @property
    def seconds(self) -> float:
        """Time from sending to the answer."""
        return time.perf_counter() - self._started if self._seconds is None else self._seconds

    def _landed(self, _: PredictionFuture) -> None:
        self._seconds = time.perf_counter() - self._started
        if self._tell is not None:
            self._tell(self)


class Asking:
    """Asks one version of one model; waits, repeats, and takes batches apart to find the image at fault."""

    def __init__(
        self,
        client: PredictionClient,
        *,
        version: int,
        class_names: tuple[str, ...],
        patience: Patience,
        has_answered: bool = False,
        window: Window | None = None,
    ) -> None:
        self._client = client
        self._window = window or Window()
        self._version = version
        self._class_names = class_names
        self._patience = patience
        self._lock = threading.Lock()
        # A resumed run has had answers: it must not give up where an uninterrupted one goes on.
        self._answered = has_answered
        self._refused_batches = 0

    def send(self, images: NDArray[Any]) -> Flight:
        """Send a batch as soon as the window has room for it, and return without waiting for the answer.

        Raises:
            Stopped: the evaluation ended before there was room.
        """
        self._window.enter(self._patience.check)
        try:
            return Flight(self._client, images, self._landed)
        except BaseException:
            self._window.leave(0.0, has_failed=True)
            raise

    def _landed(self, flight: Flight) -> None:
        code = flight.code
        self._window.leave(flight.seconds, is_full=code == _FULL, has_failed=code != "OK")

    def settle(self, images: NDArray[Any], flight: Flight) -> Answers:
        """Return an answer or a reason for each image of a batch that was sent.

        Raises:
            NotReadyError: the server stayed away too long, or the version was unloaded.
            ContractError: the answer has another shape than the model's classes and the batch.
            UpstreamError: the server refuses every image.
        """
        answers = Answers.empty(len(images), len(self._class_names))
        outcome = self._outcome(images, flight)
        if isinstance(outcome, Prediction):
            self._fill(answers, slice(0, len(images)), outcome, flight.seconds)
        elif len(images) == 1:
            answers.refusals[0] = _refusal(outcome)
        else:
            self._one_by_one(answers, images)
        self._require_hope(answers)
        return answers

    def _one_by_one(self, answers: Answers, images: NDArray[Any]) -> None:
        for place in range(len(images)):
            single = images[place : place + 1]
            flight = Flight(self._client, single)
            outcome = self._outcome(single, flight)
            if isinstance(outcome, Prediction):
                self._fill(answers, slice(place, place + 1), outcome, flight.seconds)
            else:
                answers.refusals[place] = _refusal(outcome)

    def _outcome(self, images: NDArray[Any], flight: Flight) -> Prediction | UpstreamError:
        """Return the answer, or the error that counts after waiting and repeating."""
        spell = self._patience.spell(f"the model server {self._client.target}")
        failures = 0
        while True:
            self._patience.check()
            try:
                return flight.result()
            except UpstreamError as error:
                failures += error.code not in _TRANSIENT
                if failures >= _TRIES.get(error.code, _OTHER_TRIES):
                    return error
                if error.code == "NOT_FOUND":
                    self._require_version()
                spell.pause(error)
            # Outside the window: the thread that asks again waits for this answer, and sends nothing else.
            flight = Flight(self._client, images)

    def _require_version(self) -> None:
        """Raise when the pinned version is gone while another one is served."""
        try:
            states = {item.version: item.state for item in self._client.status()}
        except UpstreamError:
            return
        others = sorted(version for version, state in states.items() if state == "AVAILABLE")
        if states.get(self._version) in (None, "UNLOADING", "END") and others:
            raise NotReadyError(
                f"version {self._version} was unloaded while it was evaluated; the server now has "
                f"{', '.join(map(str, others))}, and answers of two versions are never mixed: "
                f"serve version {self._version} again and resume, or evaluate another version elsewhere",
                code="NOT_FOUND",
            )

    def _fill(self, answers: Answers, rows: slice, prediction: Prediction, seconds: float) -> None:
        count, classes = rows.stop - rows.start, len(self._class_names)
        for name, values in (("scores", prediction.scores), ("logits", prediction.logits)):
            if values is not None and values.shape != (count, classes):
                raise ContractError(
                    f"expected {name} of shape ({count}, {classes}) for {count} images and the classes "
                    f"{list(self._class_names)}, got {values.shape} from version {prediction.version}"
                )
        answers.scores[rows] = prediction.scores
        if prediction.logits is not None:
            answers.has_logits = True
            answers.logits[rows] = prediction.logits
        answers.versions[rows] = prediction.version or self._version
        answers.latency_seconds[rows] = seconds
        for place in range(rows.start, rows.stop):
            problem = _problem(prediction, place - rows.start)
            if problem:
                answers.refusals[place] = Refusal(INVALID_SCORES, problem)

    def _require_hope(self, answers: Answers) -> None:
        codes = {refusal.reason for refusal in answers.refusals.values()} - {INVALID_SCORES}
        with self._lock:
            if len(answers.refusals) < len(answers.versions) or not codes:
                self._answered = True
                return
            self._refused_batches += 1
            hopeless = not self._answered and self._refused_batches >= _HOPELESS_BATCHES
        if hopeless:
            first = answers.refusals[0]
            raise UpstreamError(
                f"the model server refuses every image: {first.reason}: {first.detail}", code=first.reason
            )


def _problem(prediction: Prediction, row: int) -> str:
    scores = prediction.scores[row]
    logits_ok = prediction.logits is None or bool(np.isfinite(prediction.logits[row]).all())
    if np.isfinite(scores).all() and (abs(scores - 0.5) <= 0.5 + _TOLERANCE).all() and logits_ok:
        return ""
    values = scores if logits_ok or prediction.logits is None else prediction.logits[row]
    shown = ", ".join(f"{value:.6g}" for value in values[:4])
    return f"expected finite {'scores in 0 to 1' if logits_ok else 'logits'}, got {shown}"


def _refusal(error: UpstreamError) -> Refusal:
    detail = str(error).strip().splitlines()
    return Refusal(error.code, detail[0][:300] if detail else error.code)
