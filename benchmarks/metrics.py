"""Time and memory of confusion matrix, per-class metrics and AUC, beside scikit-learn on the same rows.

    python benchmarks/metrics.py --rows 1000000 --classes 2
    python benchmarks/metrics.py --rows 1000000 --classes 100 --runs 1
    python benchmarks/metrics.py --rows 10000000 --classes 2 --sides lifesign
    python benchmarks/metrics.py --accuracy

Each side runs in processes of its own, in turn, so that the peak of memory above the imports is its own; rows
come in chunks of 65,536, which scikit-learn has to gather first. Time is that of the metrics alone, without
making the rows. Measured on 2 busy cores:

    rows   classes   seconds   times scikit-learn   MiB above imports (scikit-learn)
    10^6         2     0.020   34 and 66 (18–78)    3.4 (93)
    10^6       100     2.7     66                   101 (1,969)
    10^7         2     0.55                         3.5

Measured 2026-11-28 on two cores, hardly used by others: 10^6 rows of two classes 0.035 s, 18.9 times
scikit-learn (17.7 to 21.9), 4.4 MiB; of 100 classes 1.8 s, 16.6 times (16.0 to 17.1), 120 MiB (1,969). To
tell bins of one single score apart takes 20 ms a million rows of two classes. Before columns were read by
tiles, 100 classes took 3.1 s, 11.0 times. 10^7 rows of two classes take 0.48 s and 4.5 MiB.

The AUC is at most 4.7e-6 from the exact one on calibrated, over-confident and imbalanced scores (five sets of
a million each), and never further than its certificate of 2e-4 to 5e-4.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

CHUNK = 1 << 16
KINDS = ("calibrated", "over-confident", "imbalanced")


def _chunks(rows: int, classes: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        rng = np.random.default_rng(start)
        true = rng.integers(0, classes, size)
        scores = rng.standard_normal((size, classes), dtype=np.float32)
        scores[np.arange(size), true] += 2
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        yield true, scores


def _lifesign(rows: int, classes: int) -> tuple[float, float]:
    from lifesign.evaluation.metrics.confusion import ConfusionMatrix
    from lifesign.evaluation.metrics.multi_class_histogram import MultiClassHistogram
    from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, auc

    names = tuple(str(index) for index in range(classes))
    matrix, histogram, seconds = ConfusionMatrix.empty(names), None, 0.0
    for true, scores in _chunks(rows, classes):
        start = time.perf_counter()
        # As a liveness run decides: by a threshold on one score. argmax over two columns is slow.
        predicted = scores[:, 1] >= 0.5 if classes == 2 else scores.argmax(axis=1)
        matrix = matrix.merge(ConfusionMatrix.from_batch(names, true, predicted.astype(np.int64)))
        if classes == 2:
            part = ScoreHistogram.from_batch(names, true, scores[:, 1])
        else:
            part = MultiClassHistogram.from_batch(names, true, scores)
        histogram = part if histogram is None else histogram.merge(part)
        seconds += time.perf_counter() - start
    start = time.perf_counter()
    assert len(matrix.f1) == len(matrix.precision) == len(matrix.recall) == classes
    value = auc(histogram, {"1"}, {"0"}).value if classes == 2 else histogram.macro_auc()
    return seconds + time.perf_counter() - start, value


def _scikit_learn(rows: int, classes: int) -> tuple[float, float]:
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

    true = np.empty(rows, dtype=np.int64)
    scores = np.empty((rows, classes), dtype=np.float32)
    for index, (labels, part) in enumerate(_chunks(rows, classes)):
        place = slice(index * CHUNK, index * CHUNK + len(labels))
        true[place], scores[place] = labels, part
    start = time.perf_counter()
    predicted = (scores[:, 1] >= 0.5).astype(np.int64) if classes == 2 else scores.argmax(axis=1)
    confusion_matrix(true, predicted)
    precision_recall_fscore_support(true, predicted)
    if classes == 2:
        value = roc_auc_score(true, scores[:, 1])
    else:
        value = roc_auc_score(true, scores, multi_class="ovr")
    return time.perf_counter() - start, float(value)


SIDES = {"lifesign": _lifesign, "scikit-learn": _scikit_learn}


def _measure(side: str, rows: int, classes: int) -> dict[str, float]:
    SIDES[side](1000, classes)  # imports and first calls are not what is measured
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, value = SIDES[side](rows, classes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": seconds, "mib_above_import": peak / 1024, "auc": value}


def _compare(rows: int, classes: int, runs: int, sides: list[str]) -> None:
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for _ in range(runs):
        for side in sides:
            command = [sys.executable, __file__, "--side", side]
            command += ["--rows", str(rows), "--classes", str(classes)]
            answer = subprocess.run(command, check=True, capture_output=True).stdout
            found[side].append(json.loads(answer))
    for side, results in found.items():
        middle = {key: statistics.median(one[key] for one in results) for key in results[0]}
        print(f"{side:>14}: " + ", ".join(f"{key} {value:.6g}" for key, value in middle.items()))
    if len(sides) == 2:
        ours, theirs = (found[side] for side in sides)
        ratios = [two["seconds"] / one["seconds"] for one, two in zip(ours, theirs, strict=True)]
        apart = abs(ours[0]["auc"] - theirs[0]["auc"])
        print(f"time ratio {statistics.median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f})")
        print(f"AUC apart {apart:.1e}")


def _margins(kind: str, seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < (0.02 if kind == "imbalanced" else 0.5)
    margin = rng.normal(0, 1.5, rows) + np.where(truth, 1.6, -1.6)
    return truth, {"calibrated": margin, "over-confident": 6 * margin, "imbalanced": margin - 6}[kind]


def _accuracy(rows: int, seeds: int) -> None:
    """Tell the largest error of the binned AUC, and how often it exceeded its certificate."""
    from sklearn.metrics import roc_auc_score

    from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, auc

    for kind in KINDS:
        worst, certificates, exceeded = 0.0, [], 0
        for seed in range(seeds):
            truth, margin = _margins(kind, seed, rows)
            scores = (1 / (1 + np.exp(-margin))).astype(np.float32)
            histogram = ScoreHistogram.from_batch(("0", "1"), truth.astype(int), scores)
            result = auc(histogram, {"1"}, {"0"})
            error = abs(result.value - roc_auc_score(truth, scores))
            worst, exceeded = max(worst, error), exceeded + (error > result.certificate)
            certificates.append(result.certificate)
        print(
            f"{kind:>14}: largest AUC error {worst:.1e} in {seeds} sets of {rows:,}, certificate "
            f"{statistics.median(certificates):.1e}, exceeded {exceeded} times"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--accuracy", action="store_true", help="the AUC against its certificate instead")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(_measure(options.side, options.rows, options.classes)))
    elif options.accuracy:
        _accuracy(options.rows, options.runs)
    else:
        _compare(options.rows, options.classes, options.runs, options.sides)


if __name__ == "__main__":
    main()
