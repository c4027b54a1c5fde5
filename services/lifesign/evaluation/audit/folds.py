"""Out-of-fold probabilities: no sample is judged by a model that saw it, or anyone of its subject."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["grouped_folds", "linear_probabilities", "out_of_fold", "rate_probabilities"]

Probabilities = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""From rows to learn from and rows to judge to probabilities, float64 ``(judged, classes)``."""

_FOLDS = 5
_SEED = 20240229
_MAX_LEARNED = 5_000
_PENALTY = 1e-3
_BINS = 16


def grouped_folds(groups: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the fold of each sample, int64 ``(n,)``: groups whole, classes as even as that allows.

    Groups, the largest first, go where their classes are fewest (ties by a fixed shuffle).
    """
    classes, sizes = int(labels.max()) + 1, np.bincount(groups)
    counts = np.zeros((len(sizes), classes), np.int64)
    np.add.at(counts, (groups, labels), 1)
    folds = min(_FOLDS, len(sizes))
    shuffled = np.random.default_rng(_SEED).permutation(len(sizes))
    share = 1 / np.maximum(1, counts.sum(axis=0))
    load = np.zeros((folds, classes))
    fold_of = np.zeros(len(sizes), np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        weights = counts[group] * share
        fold = int(np.argmin(load @ weights + 1e-6 * load.sum(axis=1)))
        fold_of[group] = fold
        load[fold] += weights
    return fold_of[groups]


def out_of_fold(folds: NDArray[np.int64], classes: int, predict: Probabilities) -> NDArray[np.float64]:
    """Return probabilities ``(n, classes)``, each row from a model that learned from the other folds."""
    result = np.full((len(folds), classes), np.nan)
    for fold in range(int(folds.max()) + 1):
        judged = np.flatnonzero(folds == fold)
        result[judged] = predict(np.flatnonzero(folds != fold), judged)
    return result


def linear_probabilities(
    features: NDArray[np.floating], labels: NDArray[np.int64], classes: int
) -> Probabilities:
    """Return softmax regression on standardised features ``(n, d)``, with a ridge penalty.

    At most 5,000 rows are learned from, evenly spaced: enough for a linear rule, and bounded in time.
    """

    def predict(learned: NDArray[np.int64], judged: NDArray[np.int64]) -> NDArray[np.float64]:
        if len(learned) > _MAX_LEARNED:
            learned = learned[np.linspace(0, len(learned) - 1, _MAX_LEARNED).astype(np.int64)]
        known = features[learned].astype(np.float64)
        centre, scale = known.mean(axis=0), known.std(axis=0)
        scale = np.where(scale > 1e-9, scale, np.inf)
        weights = _fit_softmax((known - centre) / scale, labels[learned], classes)
        return _softmax((features[judged] - centre) / scale, weights)

    return predict


def rate_probabilities(values: NDArray[np.generic], labels: NDArray[np.int64], classes: int) -> Probabilities:
    """Return class shares among learned samples of the same word, or of the same bin of a number ``(n,)``.

    Numbers with over 16 values are cut at quantiles, so a middle value can mean a class as well as a
    large one. Shares are smoothed by one sample of the overall shares; a value never seen gets those.
    """

    def predict(learned: NDArray[np.int64], judged: NDArray[np.int64]) -> NDArray[np.float64]:
        codes = _codes(values, learned)
        overall = np.bincount(labels[learned], minlength=classes) / len(learned)
        counts = np.zeros((int(codes.max()) + 1, classes))
        np.add.at(counts, (codes[learned], labels[learned]), 1.0)
        shares = (counts + overall) / (counts.sum(axis=1, keepdims=True) + 1)
        found: NDArray[np.float64] = shares[codes[judged]]
        return found

    return predict


def _codes(values: NDArray[np.generic], learned: NDArray[np.int64]) -> NDArray[np.int64]:
    if values.dtype.kind in "US":
        words: NDArray[np.int64] = np.unique(values, return_inverse=True)[1].astype(np.int64)
        return words
    numbers = values.astype(np.float64)
    known = np.unique(numbers[learned][~np.isnan(numbers[learned])])
    if len(known) > _BINS:
        cuts = np.unique(np.nanquantile(numbers[learned], np.arange(1, _BINS) / _BINS))
    else:
        cuts = (known[1:] + known[:-1]) / 2
    # Unknown is a value of its own.
    return np.where(np.isnan(numbers), len(cuts) + 1, np.searchsorted(cuts, numbers)).astype(np.int64)


def _fit_softmax(
    features: NDArray[np.float64], labels: NDArray[np.int64], classes: int
) -> NDArray[np.float64]:
    """Return weights ``(d + 1, classes)`` of least mean log loss, classes weighted alike."""
    design = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    counts = np.bincount(labels, minlength=classes)
    weight = 1 / np.maximum(1, counts[labels]) / max(1, int((counts > 0).sum()))
    target = np.zeros((len(labels), classes))
    target[np.arange(len(labels)), labels] = 1.0

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, classes)
        logits = design @ weights
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        slopes = design.T @ ((np.exp(logits) - target) * weight[:, np.newaxis])
        penalised = weights.copy()
        penalised[-1] = 0.0
        value = -float((logits * target).sum(axis=1) @ weight) + _PENALTY * float((penalised**2).sum())
        return value, (slopes + 2 * _PENALTY * penalised).ravel()

    # 20 MB to load, and no part of an evaluation whose samples were not audited.
    from scipy import optimize

    start = np.zeros((design.shape[1]) * classes)
    # L-BFGS-B would be as good, but waits for the BLAS library's threads more than it computes.
    answer = optimize.minimize(loss, start, jac=True, method="CG", options={"maxiter": 100, "gtol": 1e-4})
    return np.asarray(answer.x, np.float64).reshape(-1, classes)


def _softmax(features: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    logits = features @ weights[:-1] + weights[-1]
    return np.asarray(special.softmax(logits, axis=1), np.float64)
