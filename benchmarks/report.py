"""Memory and time of making a report from stored predictions, as ``lifesign reanalyse`` does.

    python benchmarks/report.py

Runs of invented predictions are written part by part, then a fresh process makes the report of each: how
far its RSS, sampled every 5 ms, rises over that after the imports, and its CPU time. pandas, which pyarrow
imports where it is installed (here for development only, 30 MB), is kept out.

Measured once, 2026-11-27, on two busy cores, runs of 50,000 subjects with 20 samples each in place of the
invented ones: 10^6 samples, two classes, 117 MB over the 136 of the imports and 12 s of CPU; before reports
read their predictions part by part 766 MB over 182 and 15 s. With ``--aggregate mean`` 132 MB (before 1,337).
10^5 samples of 100 classes: 151 MB (before 462), most of it counting. The goal of 70 MB is missed: 30 are
Arrow's and the counting's, 25 the run's decisions, 23 SciPy's minimiser that fits the temperature, the rest
the intervals by subject.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

PART = 4096
CASES: tuple[tuple[int, int, dict[str, Any]], ...] = (
    (100_000, 2, {}),
    (1_000_000, 2, {}),
    (1_000_000, 2, {"baseline": True}),
    (1_000_000, 2, {"profile": "ibeta-2"}),
    (1_000_000, 2, {"aggregate": "mean"}),
    (100_000, 100, {}),
    (100_000, 100, {"superclasses": True}),
)


def write_run(folder: Path, rows: int, classes: int, *, seed: int) -> None:
    """Write the parts and the record of a finished run; ``seed`` draws other scores for the same samples."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from lifesign.evaluation.config import evaluation_config
    from lifesign.evaluation.replay.predictions import part_path, write_part
    from lifesign.evaluation.replay.run_folder import DatasetRecord, RunRecord
    from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions

    names = ("attack", "bona_fide") if classes == 2 else tuple(f"class_{one:03d}" for one in range(classes))
    people = 0
    for index, start in enumerate(range(0, rows, PART)):
        size = min(PART, rows - start)
        if classes == 2:
            table = liveness_predictions(index, subjects=-(-size // 13), score_seed=10_000 * seed + index)
        else:
            table = classification_predictions(10_000 * seed + index, class_names=names, samples=size)
        table = table.slice(0, size)
        part = f"{index:05d}"
        columns = {"sample_id": pc.binary_join_element_wise(part, table["sample_id"], "-")}
        if classes == 2:
            columns["subject_id"] = pc.binary_join_element_wise(part, table["subject_id"], "-")
            species = pc.fill_null(table["pai_species"], "bona_fide")
            columns["presentation_id"] = pc.binary_join_element_wise(columns["subject_id"], species, "-")
            people += pc.count_distinct(table["subject_id"]).as_py()
        rng = np.random.default_rng(index)
        for side in ("width", "height"):
            columns[side] = pa.array(rng.integers(100, 300, size), pa.int32())
        for name, column in columns.items():
            table = table.set_column(table.column_names.index(name), name, column)
        write_part(part_path(folder, index), table, facts={})
    metadata = tuple(name[6:] for name in table.column_names if name.startswith("slice_"))
    config = evaluation_config(target="localhost:1", model="m", data="none", out=folder, class_names=names)
    record = RunRecord(
        run_id=f"{seed:016d}",
        identity={"seed": seed},
        tool_version="0",
        started_at="2026-11-27T00:00:00+00:00",
        command="lifesign evaluate",
        config=config.model_dump(mode="json"),
        model_name="m",
        model_version=1,
        class_names=names,
        preprocessing=None,
        assumed=(),
        card=None,
        dataset=DatasetRecord(
            name="invented",
            root=str(folder),
            digest="sha256:0",
            splits=("test",),
            samples=rows,
            subjects=people or None,
            presentations=rows,
            class_map={},
            metadata_columns=metadata,
            slice_columns=metadata,
        ),
    )
    (folder / "run.json").write_text(record.model_dump_json(), encoding="utf-8")


def measure(folder: Path, out: Path, changes: dict[str, Any]) -> dict[str, float]:
    """Return the RSS after the imports and the largest rise over it, bytes, and the CPU time, seconds."""
    import psutil

    from lifesign.cli.pandas_free import keep_pandas_out

    keep_pandas_out()
    from lifesign.evaluation.reporting import rewrite_report
    from lifesign.memory import use_system_allocator

    use_system_allocator()
    process = psutil.Process()
    imports = peak = process.memory_info().rss

    def look() -> None:
        nonlocal peak
        while True:
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.005)

    threading.Thread(target=look, daemon=True).start()
    started = time.process_time()
    rewrite_report(folder, out, changes=changes, gates={})
    return {"imports": imports, "rise": peak - imports, "cpu": time.process_time() - started}


def _changes(scratch: Path, rows: int, classes: int, options: dict[str, Any]) -> dict[str, Any]:
    changes = dict(options)
    if "baseline" in options:
        changes["baseline"] = str(scratch / f"{rows}-{classes}-before")
    if "superclasses" in options:
        changes["superclasses"] = {f"class_{one:03d}": f"group_{one // 5}" for one in range(classes)}
    return changes


def _here(*words: str) -> str:
    return subprocess.run(
        [sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _made(scratch: Path, rows: int, classes: int, *, is_baseline: bool) -> Path:
    folder = scratch / f"{rows}-{classes}{'-before' if is_baseline else ''}"
    if not folder.exists():
        _here("--write", str(folder), str(rows), str(classes), str(int(is_baseline)))
        if is_baseline:
            # A baseline is compared with its report, too.
            _here("--measure", str(folder), str(folder), "{}")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most-samples", type=int, default=1_000_000, help="leave out what has more")
    parser.add_argument("--write", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        folder, rows, classes, seed = options.write
        write_run(Path(folder), int(rows), int(classes), seed=int(seed))
        return
    if options.measure:
        folder, out, changes = options.measure
        print(json.dumps(measure(Path(folder), Path(out), json.loads(changes))))
        return
    print(f"{'samples':>9} {'classes':>7} {'options':<12} {'over import':>11} {'CPU':>7}")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for rows, classes, asked in CASES:
            if rows > options.most_samples:
                continue
            folder = _made(scratch, rows, classes, is_baseline=False)
            if "baseline" in asked:
                _made(scratch, rows, classes, is_baseline=True)
            changes = json.dumps(_changes(scratch, rows, classes, asked))
            found = json.loads(_here("--measure", str(folder), str(scratch / "out"), changes))
            words = " ".join(asked) or "–"
            print(
                f"{rows:>9,} {classes:>7} {words:<12} {found['rise'] / 1e6:>8.0f} MB {found['cpu']:>5.1f} s",
                flush=True,
            )
    print(f"after the imports {found['imports'] / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
