"""What the server said of each image of a batch, or why it said nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lifesign.client import Prediction
from lifesign.errors import ContractError
from lifesign.evaluation.replay.decoding import Refusal
from lifesign.evaluation.replay.predictions import INVALID_SCORES

__all__ = ["Answers"]

_TOLERANCE = 1e-4


@dataclass
class Answers:
    """The answers for ``m`` images: scores float32 ``(m, k)``, ``nan`` where ``refusals`` says why.

    ``logits`` likewise, all ``nan`` where an answer had none; ``versions`` int64 ``(m,)``, 0 without an
    answer; ``latency_seconds`` float32 ``(m,)``.
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

    @classmethod
    def joined(cls, parts: Sequence["Answers"]) -> Self:
        """Return the answers of several batches as those of one; scores without logits have ``nan`` there."""
        starts = np.cumsum([0, *(len(part.scores) for part in parts)])
        return cls(
            scores=np.concatenate([part.scores for part in parts]),
            logits=np.concatenate([part.logits for part in parts]),
            has_logits=any(part.has_logits for part in parts),
            versions=np.concatenate([part.versions for part in parts]),
            latency_seconds=np.concatenate([part.latency_seconds for part in parts]),
            refusals={
                int(start) + row: refusal
                for start, part in zip(starts[:-1], parts, strict=True)
                for row, refusal in part.refusals.items()
            },
        )

    def fill(
        self,
        rows: slice,
        prediction: Prediction,
        *,
        seconds: float,
        asked_version: int,
        class_names: Sequence[str],
    ) -> None:
        """Put an answer in its place; a row that is no probability becomes a refusal.

        Raises:
            ContractError: it has another shape than the model's classes and the images.
        """
        count = rows.stop - rows.start
        for name, values in (("scores", prediction.scores), ("logits", prediction.logits)):
            if values is not None and values.shape != (count, len(class_names)):
                raise ContractError(
                    f"expected {name} of shape ({count}, {len(class_names)}) for {count} images and the "
                    f"classes {list(class_names)}, got {values.shape} from version {prediction.version}"
                )
        self.scores[rows] = prediction.scores
        if prediction.logits is not None:
            self.has_logits = True
            self.logits[rows] = prediction.logits
        self.versions[rows] = prediction.version or asked_version
        self.latency_seconds[rows] = seconds
        for row in np.flatnonzero(~_is_probability(prediction)).tolist():
            self.refusals[rows.start + row] = Refusal(INVALID_SCORES, _problem(prediction, row))


def _is_probability(prediction: Prediction) -> NDArray[np.bool_]:
    """Tell which rows are finite, their scores in 0 to 1, bool ``(m,)``."""
    # A comparison with nan is false.
    found = np.asarray((np.abs(prediction.scores - 0.5) <= 0.5 + _TOLERANCE).all(axis=1), np.bool_)
    return found if prediction.logits is None else found & np.isfinite(prediction.logits).all(axis=1)


def _problem(prediction: Prediction, row: int) -> str:
    logits_ok = prediction.logits is None or bool(np.isfinite(prediction.logits[row]).all())
    values = prediction.scores[row] if logits_ok or prediction.logits is None else prediction.logits[row]
    shown = ", ".join(f"{value:.6g}" for value in values[:4])
    return f"expected finite {'scores in 0 to 1' if logits_ok else 'logits'}, got {shown}"
