"""When a replay is worth going on with, whatever its workers are and however often it was resumed."""

import contextlib
import threading
from collections.abc import Collection
from pathlib import Path

from lifesign.errors import UpstreamError
from lifesign.evaluation.replay.answers import Answers
from lifesign.evaluation.replay.predictions import INVALID_SCORES, SERVER_CRASH

__all__ = ["Hope"]

_HOPELESS_BATCHES = 3
_HOPELESS_LATE_IMAGES = 3
_MOST_CRASHING_IMAGES = 10


class Hope:
    """What speaks against going on, shared by all threads of a worker.

    A server that never answered and refuses ``3`` batches whole refuses every image. That it has answered is
    marked by the file ``mark``, so that all workers of a run know it, and the run that resumes this one: it
    must not give up where an uninterrupted one goes on.
    """

    def __init__(self, *, has_answered: bool = False, mark: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._has_answered = has_answered
        self._mark = mark
        self._refused_batches = 0
        self._crashing_images = 0

    def judge(self, answers: Answers) -> None:
        """Take in how a batch ended.

        Raises:
            UpstreamError: the server refuses every image.
        """
        refusals = answers.refusals
        reasons = {refusal.reason for refusal in refusals.values()}
        if len(refusals) < len(answers.versions) or INVALID_SCORES in reasons:
            self._answered()
            return
        if reasons == {SERVER_CRASH}:
            return
        with self._lock:
            self._refused_batches += 1
            is_enough = self._refused_batches >= _HOPELESS_BATCHES
        if is_enough and not self._was_ever_answered():
            first = refusals[0]
            raise UpstreamError(
                f"the model server refuses every image: {first.reason}: {first.detail}", code=first.reason
            )

    def judge_late(self, reasons: Collection[str], timeout_seconds: float) -> None:
        """Take in how the images of a batch that were asked for one by one ended so far.

        Raises:
            UpstreamError: nothing was ever answered in time.
        """
        is_late = len(reasons) == _HOPELESS_LATE_IMAGES and set(reasons) == {"DEADLINE_EXCEEDED"}
        if is_late and not self._was_ever_answered():
            raise UpstreamError(
                f"the model server answers no image within {timeout_seconds:g} s, the deadline of a request: "
                "expected a longer --timeout or a faster server",
                code="DEADLINE_EXCEEDED",
            )

    def judge_crash(self, detail: str) -> None:
        """Take in that the server does not survive an image.

        Raises:
            UpstreamError: that makes too many.
        """
        with self._lock:
            self._crashing_images += 1
            is_enough = self._crashing_images >= _MOST_CRASHING_IMAGES
        if is_enough:
            raise UpstreamError(
                f"the model server does not survive {_MOST_CRASHING_IMAGES} images, expected fewer; {detail}",
                code=SERVER_CRASH,
            )

    def _answered(self) -> None:
        with self._lock:
            is_news, self._has_answered = not self._has_answered, True
        if is_news and self._mark is not None:
            # Without the mark only this worker knows, which costs no result.
            with contextlib.suppress(OSError):
                self._mark.touch()

    def _was_ever_answered(self) -> bool:
        return self._has_answered or (self._mark is not None and self._mark.exists())
