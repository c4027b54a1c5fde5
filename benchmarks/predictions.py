"""Time and memory of ``lifesign evaluate --predictions``, beside reading the file and asking scikit-learn.

    python benchmarks/predictions.py --rows 1000000 --runs 3

The other side reads two columns with pyarrow and computes what a notebook would: confusion matrix,
classification report, AUC and the ROC curve. Ours also accounts for every row, counts by species, slice and
subject, searches for bias, draws subjects for intervals, writes the predictions as Parquet, and renders
report and page. Sides run in processes of their own, in turn. On 2 busy cores, medians of three:

    rows   side           user CPU   peak memory of the process
    10^6   lifesign         14.4 s   703 MiB
    10^6   scikit-learn      2.0 s   367 MiB

About a third of ours is reading, counting and writing; the rest are the analyses over whole subjects.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SIDES = ("lifesign", "sklearn")


def write_scores(path: Path, rows: int) -> None:
    """Write scores of a liveness model: three species, 1,000 subjects, two devices, one in 100 blank."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, rows)
    scores = 1 / (1 + np.exp(-(4 * true - 2 + 1.5 * rng.standard_normal(rows))))
    with path.open("w") as file:
        file.write("sample_id,label,score,subject_id,pai_species,device\n")
        for index in range(rows):
            score = "" if index % 100 == 99 else f"{scores[index]:.6f}"
            species = "" if true[index] else ("print", "replay", "mask")[index % 3]
            label = "live" if true[index] else "spoof"
            file.write(f"s{index},{label},{score},u{index % 1000},{species},{'ab'[index % 2]}\n")


def lifesign(path: Path) -> None:
    """Judge the file."""
    from lifesign.evaluation.config import predictions_config
    from lifesign.evaluation.imported_predictions.evaluation import evaluate_predictions

    with tempfile.TemporaryDirectory() as folder:
        evaluate_predictions(predictions_config(predictions=path, out=Path(folder) / "run"))


def sklearn(path: Path) -> None:
    """Read two columns and compute what a notebook would."""
    from pyarrow import csv
    from sklearn import metrics

    table = csv.read_csv(path, convert_options=csv.ConvertOptions(include_columns=["label", "score"]))
    table = table.filter(table["score"].is_valid())
    true = np.asarray(table["label"].to_numpy() == "live")
    score = table["score"].to_numpy()
    metrics.confusion_matrix(true, score >= 0.5)
    metrics.classification_report(true, score >= 0.5)
    metrics.roc_auc_score(true, score)
    metrics.roc_curve(true, score)


def measured(side: str, path: Path) -> tuple[float, float]:
    """Return user CPU seconds and peak MiB of one side in a process of its own."""
    words = [sys.executable, __file__, "--side", side, "--file", str(path)]
    answer = subprocess.run(words, check=True, capture_output=True, text=True)
    seconds, peak = answer.stdout.split()
    return float(seconds), float(peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    if arguments.side:
        {"lifesign": lifesign, "sklearn": sklearn}[arguments.side](arguments.file)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(usage.ru_utime, usage.ru_maxrss / 1024)
        return
    folder = Path(tempfile.mkdtemp())
    try:
        write_scores(folder / "scores.csv", arguments.rows)
        found: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
        for _ in range(arguments.runs):
            for side in SIDES:
                found[side].append(measured(side, folder / "scores.csv"))
        for side, values in found.items():
            seconds, peak = (statistics.median(column) for column in zip(*values, strict=True))
            print(f"{side:10} {seconds:6.2f} s user CPU {peak:8.0f} MiB peak")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
