"""Getting an answer for every image, or a reason why there is none, from a server that may falter."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lifesign.client import Prediction, PredictionClient, PredictionFuture
from lifesign.errors import UpstreamError
from lifesign.evaluation.replay.answers import Answers
from lifesign.evaluation.replay.crash_journal import CrashJournal
from lifesign.evaluation.replay.decoding import Refusal
from lifesign.evaluation.replay.hope import Hope
from lifesign.evaluation.replay.patience import Patience
from lifesign.evaluation.replay.predictions import SERVER_CRASH
from lifesign.evaluation.replay.server_watch import ServerWatch, may_be_away
from lifesign.evaluation.replay.window import Window

__all__ = ["Asking", "Flight"]

# The server is full or starting: the same request can succeed later.
_TRANSIENT = frozenset({"UNAVAILABLE", "NOT_FOUND", "CANCELLED", "ABORTED", "RESOURCE_EXHAUSTED"})
_FULL = "RESOURCE_EXHAUSTED"
# How often a request is sent before its failure counts; codes not listed may be a broken connection.
_TRIES = {"INVALID_ARGUMENT": 1, "FAILED_PRECONDITION": 1, "DEADLINE_EXCEEDED": 3}
_OTHER_TRIES = 2
# An image is asked about alone so often before it is to blame for a server that goes away each time.
_CRASHES_OF_ONE_IMAGE = 2
_MOST_REST_SECONDS = 2.0
_SHOWN_NAMES = 3


class Flight:
    """A request on its way, and how long it took; ``landed`` is told from a gRPC thread when it is over."""

    def __init__(
        self, client: PredictionClient, images: NDArray[Any], landed: Callable[["Flight"], None] | None = None
    ) -> None:
        self._started = time.perf_counter()
        self._landed_at: float | None = None
        self._tell = landed
        self._future = client.predict_future(images)
        self._future.add_done_callback(self._landed)

    def result(self) -> Prediction:
        """Wait for the answer; raises what ``PredictionClient.predict`` raises."""
        return self._future.result()

    @property
    def is_over(self) -> bool:
        """Whether it ended."""
        return self._landed_at is not None

    @property
    def code(self) -> str:
        """How it ended: ``OK`` or another gRPC status name; waits for the end."""
        return self._future.code

    @property
    def landed_at(self) -> float:
        """When it was over, of ``time.perf_counter``; now while it is not."""
        return time.perf_counter() if self._landed_at is None else self._landed_at

    @property
    def seconds(self) -> float:
        """Time from sending to the answer."""
        return self.landed_at - self._started

    def _landed(self, _: PredictionFuture) -> None:
        self._landed_at = time.perf_counter()
        if self._tell is not None:
            self._tell(self)


class Asking:
    """Asks one version of one model; waits, repeats, and takes batches apart to find the image at fault.

    When the server goes away, crashed, hung or restarted, each batch that it had is asked for again with
    nothing else in flight. If it goes away over that batch too, its images are asked for one by one, and one
    that it goes away over twice more is refused as ``server_crash``.
    """

    def __init__(
        self,
        client: PredictionClient,
        *,
        version: int,
        class_names: tuple[str, ...],
        patience: Patience,
        hope: Hope | None = None,
        journal: CrashJournal | None = None,
        window: Window | None = None,
    ) -> None:
        self._client = client
        self._window = window or Window()
        self._version = version
        self._class_names = class_names
        self._patience = patience
        self._watch = ServerWatch(client, version, patience)
        self._hope = hope or Hope()
        self._journal = journal or CrashJournal()

    def send(self, images: NDArray[Any], names: Sequence[str] = ()) -> Flight | None:
        """Send a batch as soon as the window has room for it, and return without waiting for the answer.

        ``None`` where the server went away over one of the images ``names`` in the run that is resumed:
        ``settle`` then asks for it when nothing else is in flight.

        Raises:
            Stopped: the evaluation ended before there was room.
        """
        if self._journal.is_suspect(names):
            return None
        self._window.enter(self._patience.check)
        return self._launch(images, self._landed)

    def settle(self, images: NDArray[Any], flight: Flight | None, names: Sequence[str] = ()) -> Answers:
        """Return an answer or a reason for each image of a batch that was sent.

        Raises:
            NotReadyError: the server stayed away too long, or the version was unloaded.
            ContractError: the answer has another shape than the model's classes and the batch.
            UpstreamError: the server refuses every image, or goes away over too many.
        """
        answers = Answers.empty(len(images), len(self._class_names))
        outcome = self._asked(images, flight, names)
        if isinstance(outcome, UpstreamError) and len(images) > 1:
            self._one_by_one(answers, images, names, is_deadly=outcome.code == SERVER_CRASH)
        else:
            self._put(answers, slice(0, len(images)), outcome)
        self._hope.judge(answers)
        return answers

    def abandon(self, flight: Flight | None, names: Sequence[str]) -> None:
        """Take in that the run ends before this batch was settled.

        If the server may have gone away over it, the run that resumes asks for it alone.
        """
        if flight is not None and flight.is_over and may_be_away(flight.code):
            self._journal.note(names, were_alone=False)

    def _asked(
        self, images: NDArray[Any], flight: Flight | None, names: Sequence[str]
    ) -> "_Answer | UpstreamError":
        outcome = None if flight is None else self._outcome(images, flight, self._again)
        if outcome is not None:
            return outcome
        self._journal.note(names, were_alone=False)
        return self._asked_alone(images, names)

    def _one_by_one(
        self, answers: Answers, images: NDArray[Any], names: Sequence[str], *, is_deadly: bool
    ) -> None:
        for place in range(len(images)):
            single, name = images[place : place + 1], names[place : place + 1]
            outcome = self._asked(single, None if is_deadly else self._again(single), name)
            self._put(answers, slice(place, place + 1), outcome)
            reasons = [refusal.reason for refusal in answers.refusals.values()]
            if len(reasons) == place + 1:
                self._hope.judge_late(reasons, self._client.timeout_seconds)

    def _asked_alone(self, images: NDArray[Any], names: Sequence[str]) -> "_Answer | UpstreamError":
        """Ask while nothing else is in flight, so that it is clear what the server goes away over."""
        shown = _shown(names)
        limit = _CRASHES_OF_ONE_IMAGE if len(images) == 1 else 1
        crashes = self._journal.crashes(names)
        with self._window.alone(self._patience.check):
            while crashes < limit:
                self._wait_and_rest(f", {'which went away over' if crashes else 'asked about'} {shown},")
                flight = self._launch(images)
                outcome = self._outcome(images, flight, self._launch)
                if outcome is not None:
                    return outcome
                crashes += 1
                self._journal.note(names, were_alone=True)
        detail = f"the server went away {limit} times while it was asked about {shown} and nothing else"
        if len(images) == 1:
            self._hope.judge_crash(detail)
        return UpstreamError(detail, code=SERVER_CRASH)

    def _wait_and_rest(self, because: str) -> None:
        """Wait for the server; when it comes back, let some random time pass.

        Whoever else waits for it, other workers or other evaluations, rests for another time: what they ask
        next, and what the server may go away over, hardly meets what is asked here.
        """
        while self._watch.wait(because):
            rest = random.uniform(0, _MOST_REST_SECONDS)
            self._patience.pause(rest, "the model server is back, asking in a moment")

    def _outcome(
        self, images: NDArray[Any], flight: Flight, again: Callable[[NDArray[Any]], Flight]
    ) -> "_Answer | UpstreamError | None":
        """Return the answer, or the error that counts after repeating, or ``None`` if nobody was there."""
        spell = self._patience.spell(f"the model server {self._client.target}")
        failures = 0
        while True:
            self._patience.check()
            try:
                return _Answer(flight.result(), flight)
            except UpstreamError as error:
                if self._watch.was_away(error.code, flight.landed_at):
                    return None
                failures += error.code not in _TRANSIENT
                if failures >= _TRIES.get(error.code, _OTHER_TRIES):
                    return error
                if error.code == "NOT_FOUND":
                    self._watch.require_version()
                spell.pause(error)
            flight = again(images)

    def _again(self, images: NDArray[Any]) -> Flight:
        # Whatever room there is: the thread that asks again waits for this answer, and sends nothing else.
        self._window.enter_again(self._patience.check)
        return self._launch(images, self._landed_again)

    def _launch(self, images: NDArray[Any], landed: Callable[[Flight], None] | None = None) -> Flight:
        try:
            return Flight(self._client, images, landed)
        except BaseException:
            if landed is not None:
                self._window.leave(0.0, has_failed=True)
            raise

    def _landed(self, flight: Flight) -> None:
        code = flight.code
        self._window.leave(flight.seconds, is_full=code == _FULL, has_failed=code != "OK")

    def _landed_again(self, flight: Flight) -> None:
        # One image, or a batch after a pause, says nothing of the pace of the others.
        self._window.leave(flight.seconds, has_failed=True)

    def _put(self, answers: Answers, rows: slice, outcome: "_Answer | UpstreamError") -> None:
        if isinstance(outcome, UpstreamError):
            answers.refusals[rows.start] = Refusal(outcome.code, outcome.first_line)
        else:
            answers.fill(
                rows,
                outcome.prediction,
                seconds=outcome.flight.seconds,
                asked_version=self._version,
                class_names=self._class_names,
            )


@dataclass(frozen=True)
class _Answer:
    prediction: Prediction
    flight: Flight


def _shown(names: Sequence[str]) -> str:
    if not names:
        return "these images"
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more
