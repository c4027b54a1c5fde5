"""Time and memory of ``lifesign evaluate --predictions``, beside reading the file and asking scikit-learn.

    python benchmarks/predictions.py --rows 1000000 --runs 3 [--kind csv|jsonl|parquet] [--reading]

The other side reads two columns with pyarrow and computes what a notebook would: confusion matrix,
classification report, AUC and the ROC curve. Ours also accounts for every row, counts by species, slice and
subject, searches for bias, draws subjects for intervals, writes the predictions as Parquet, and renders
report and page. With ``--reading`` ours ends where the report would begin: the file has been read twice,
checked, counted and written as parts. Sides run in processes of their own, in turn. On 2 busy cores:

    rows   side                    user CPU   peak memory of the process
    10^6   lifesign, whole           14.3 s   334 MiB   (one run; 703 MiB before reading in blocks)
    10^6   lifesign, reading CSV      2.6 s   261 MiB   (336 MiB before)
    10^6   … Parquet                  2.3 s   238 MiB   (342 MiB before)
    10^6   … JSON Lines               4.6 s   214 MiB   (7.1 s, 341 MiB before)
    10^6   scikit-learn               2.0 s   367 MiB

134 MiB are there before anything is read: Python, NumPy, SciPy's special functions, Arrow and our modules.
"""

import argparse
import contextlib
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SIDES = ("lifesign", "reading", "sklearn")


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


def as_kind(path: Path, kind: str) -> Path:
    """Return the CSV as a file of another kind, beside it."""
    if kind == "csv":
        return path
    import pyarrow as pa
    from pyarrow import csv, parquet

    other = path.with_suffix(f".{kind}")
    with csv.open_csv(path) as blocks:
        if kind == "parquet":
            parquet.write_table(pa.Table.from_batches(list(blocks)), other)
            return other
        with other.open("w") as file:
            for block in blocks:
                file.writelines(json.dumps(row) + "\n" for row in block.to_pylist())
    return other


def lifesign(path: Path) -> None:
    """Judge the file as the command does."""
    from lifesign.cli import app

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(SystemExit):
        app(["evaluate", "--predictions", str(path), "--out", f"{folder}/run", "--quiet"])


def reading(path: Path) -> None:
    """Read, check and count the file, and write its rows as parts."""
    from lifesign.cli.pandas_free import keep_pandas_out
    from lifesign.evaluation.analysis.state import RunState
    from lifesign.evaluation.config import predictions_config
    from lifesign.evaluation.imported_predictions.evaluation import open_predictions
    from lifesign.evaluation.replay.predictions import part_path, write_part
    from lifesign.evaluation.run_analysis import analysis_spec

    keep_pandas_out()
    with tempfile.TemporaryDirectory() as folder:
        config = predictions_config(predictions=path, out=Path(folder))
        opened = open_predictions(config)
        spec = analysis_spec(opened.record, config)
        state = RunState.empty(spec)
        for index, (table, _) in enumerate(opened.tables()):
            write_part(part_path(Path(folder), index), table, facts={})
            state = state.merge(RunState.from_predictions(table, spec))


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
    seconds, peak = answer.stdout.split()[-2:]
    return float(seconds), float(peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kind", choices=("csv", "jsonl", "parquet"), default="csv")
    parser.add_argument("--reading", action="store_true", help="measure reading alone")
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    if arguments.side:
        {"lifesign": lifesign, "reading": reading, "sklearn": sklearn}[arguments.side](arguments.file)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(usage.ru_utime, usage.ru_maxrss / 1024)
        return
    folder = Path(tempfile.mkdtemp())
    try:
        write_scores(folder / "scores.csv", arguments.rows)
        path = as_kind(folder / "scores.csv", arguments.kind)
        sides = ("reading",) if arguments.reading else ("lifesign", "sklearn")
        found: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
        for _ in range(arguments.runs):
            for side in sides:
                found[side].append(measured(side, path if side != "sklearn" else folder / "scores.csv"))
        for side, values in found.items():
            seconds, peak = (statistics.median(column) for column in zip(*values, strict=True))
            print(f"{side:10} {seconds:6.2f} s user CPU {peak:8.0f} MiB peak")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
