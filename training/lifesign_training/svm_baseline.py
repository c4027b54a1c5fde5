"""A linear support vector machine on the same features as the head: what a plain method gets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.labels import Split
from lifesign_training.pixels import DecodedSplit

__all__ = ["SVM_ABOUT", "SVM_NAME", "confusion_counts", "svm_baseline"]

SVM_NAME = "linear SVM"
SVM_ABOUT = (
    "a support vector machine with a linear kernel and balanced class weights; it learned from the same "
    "features as the network's head, standardised"
)


def svm_baseline(
    inputs: Mapping[Split, DecodedSplit], class_names: tuple[str, ...]
) -> dict[Split, NDArray[np.int64]]:
    """Fit scikit-learn's linear SVC on standardised training features and classify every other split.

    Classes weigh n / (classes · n_c). The class numbers are ``(n,)`` per split, in the order of its samples.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    train = inputs[Split.TRAIN]
    machine: Any = make_pipeline(StandardScaler(), SVC(kernel="linear", class_weight="balanced"))
    machine.fit(train.images, train.labels(class_names))
    return {
        split: np.asarray(machine.predict(part.images), dtype=np.int64)
        for split, part in inputs.items()
        if split is not Split.TRAIN
    }


def confusion_counts(true: NDArray[np.int64], found: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return counts ``(classes, classes)``, rows true, columns found."""
    return (
        np.bincount(true * classes + found, minlength=classes**2).reshape(classes, classes).astype(np.int64)
    )
