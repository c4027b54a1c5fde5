"""A manifest read into a data set against the plain way, side by side: seconds and memory over import.

The plain way is what a script does: ``csv.DictReader`` into a list, sort it by the hash of the id, hash
every row. Both look for every image, and none of them is there, so what is measured is the table and not
the disk. Each is a process of its own; rounds alternate.

    python benchmarks/datasets.py --samples 1000000 --rounds 3

Measured once on 2 very busy cores, one round: 0.30 of the memory (214 MB against 714, pandas included, which
pyarrow imports where it is) and 1.28 of the time; the digest has become faster since.
"""

import argparse
import csv
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

WAYS = ("lifesign", "plain")


def main() -> None:
    """Measure both ways in processes of their own and print a table."""
    parser = argparse.ArgumentParser(description="A manifest read, against csv.DictReader.")
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--manifest", type=Path)
    options = parser.parse_args()
    if options.way:
        _measure(options.way, options.manifest)
        return
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "faces.csv"
        _write(manifest, options.samples)
        found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way in WAYS:
                found[way].append(_run(way, manifest))
    medians = {
        way: {name: statistics.median(one[name] for one in runs) for name in runs[0]}
        for way, runs in found.items()
    }
    print(f"{options.samples:,} rows, medians of {options.rounds}")
    for way, values in medians.items():
        print(f"{way:9s} {values['seconds']:6.1f} s  {values['megabytes']:6.0f} MB over import")
    for name in ("seconds", "megabytes"):
        print(f"{name}: {medians['lifesign'][name] / medians['plain'][name]:.2f} of the plain way")


def _write(manifest: Path, samples: int) -> None:
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split", "subject_id", "pai_species", "device"))
        for row in range(samples):
            label, species = ("real", "") if row % 2 else ("fake", f"print_{row % 5}")
            path = f"images/{row % 1000:04d}/{row:08d}.jpg"
            writer.writerow((path, label, "test", f"s{row // 20}", species, f"d{row % 4}"))


def _run(way: str, manifest: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--way", way, "--manifest", str(manifest)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(answer.stdout))


def _measure(way: str, manifest: Path) -> None:
    read = _lifesign() if way == "lifesign" else _plain
    before = _peak_megabytes()
    started = time.perf_counter()
    read(manifest)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "megabytes": _peak_megabytes() - before}))


def _lifesign() -> Callable[[Path], object]:
    from lifesign.datasets.dataset import load_dataset
    from lifesign.labels import LIVENESS_CLASSES

    return lambda manifest: load_dataset(manifest, class_names=LIVENESS_CLASSES)


def _plain(manifest: Path) -> object:
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows.sort(key=lambda row: hashlib.sha256(row["path"].encode()).digest())
    whole = hashlib.sha256()
    for row in rows:
        path = manifest.parent / row["path"]
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        whole.update(json.dumps([*row.values(), digest]).encode())
    return rows, whole.hexdigest()


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
