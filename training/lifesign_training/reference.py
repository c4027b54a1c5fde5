"""The drift reference: how the development split looks, as the model sees it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS, batch_image_statistics
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign_training.pixels import DecodedSplit

__all__ = ["reference_profile"]

SCORE = "score"


def reference_profile(split: DecodedSplit, scores: NDArray[np.float32]) -> dict[str, Any]:
    """Return the serialised profile of the image statistics and the scores ``(n,)`` of a split.

    Statistics are those of the model's input pixels, after crop and resize; features have none.
    Subjects, where they are known, give the design effect: ten pictures of one face count for less than
    ten faces.
    """
    features: dict[str, NDArray[Any]] = {}
    if split.images.ndim == 4:
        statistics = batch_image_statistics(split.images)
        features = {name: statistics[:, column] for column, name in enumerate(IMAGE_STATISTICS)}
    subjects = [sample.subject for sample in split.samples]
    known = np.array(subjects, dtype=np.str_) if all(subjects) else None
    return ReferenceProfile.from_samples({**features, SCORE: scores}, subjects=known).to_dict()
