"""Whether an audit finds what is wrong and nothing else, and how fast a data set is audited, by stage.

    python benchmarks/audit.py [--only traps|clean|speed] [--seeds 5] [--sets 200]
    python benchmarks/audit.py --only speed [--images 2000] [--rows 100000] [--threads 2]

Traps: every fault of ``lifesign.testing.audit_traps``, built into ``--seeds`` sets that have none. Clean:
``--sets`` sets of 8 to 120 people in which nothing depends on label or split, of
``lifesign.testing.clean_datasets``; what warns or blocks there is a false alarm, but for what is counted and
true (``few_samples``, a species or class that chance left out of a split). Measured: each of 30 faults is
found in each of 3 sets, and nothing besides; none of 120 clean sets of 50 to 855 samples, median 268, is
warned of.

Side by side in one run: reading and decoding alone, the whole measurement (digests, hashes, texture), and the
checks; then the near-duplicate index against comparing all with all, and the checks of a table of --rows
measured rows (made up, so that nothing needs to be decoded) with the memory they take; last, what the audit
of an evaluation's samples costs beside decoding them.

Measured on two cores shared with other work: decoding and measuring 1,325 images/s, 0.18 of decoding these
small smooth files alone (one thread does 1,200); checks 8,854 images/s; the audit before a replay
took 1.5 % of the time of decoding alone, and no read of its own; the index found the near
pairs of 20,000 rows 6.4 times as fast as comparing all with all, those of 100,000 in 0.9 s; all checks of
100,000 rows took 6.4 s, the process 542 MB. So 100,000 images of this kind are audited in some 80 s.
"""

import argparse
import io
import os
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from lifesign.datasets.dataset import load_dataset
from lifesign.evaluation.audit.auditing import audit_images
from lifesign.evaluation.audit.findings import Finding, FindingCode, Severity
from lifesign.evaluation.audit.fingerprints import hamming
from lifesign.evaluation.audit.measurements import Measurements, measure_images
from lifesign.evaluation.audit.near_pairs import near_pairs
from lifesign.evaluation.audit.reading import read_audited
from lifesign.evaluation.audit.replayed import audit_replayed
from lifesign.evaluation.audit.table import AuditTable
from lifesign.executor import LocalExecutor
from lifesign.labels import LIVENESS_CLASSES
from lifesign.preprocessing import decode_image
from lifesign.testing.audit_traps import TRAPS
from lifesign.testing.audited_dataset import write_audited_dataset
from lifesign.testing.clean_datasets import write_clean_dataset

# Facts about a set that chance made, which no audit should be silent of.
COUNTED_AND_TRUE = frozenset(
    {FindingCode.FEW_SAMPLES, FindingCode.SPECIES_MISSING_FROM_DEV, FindingCode.CLASS_MISSING_FROM_SPLIT}
)
SIDE = 160
ROUNDS = 3


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def table_of(count: int) -> AuditTable:
    """Return rows of 50 images a subject, subjects in one split each."""
    subjects = [row // 50 for row in range(count)]
    labels = tuple(LIVENESS_CLASSES[row % 2] for row in range(count))
    return AuditTable(
        sample_ids=tuple(f"images/{row:07d}.jpg" for row in range(count)),
        paths=tuple(f"images/{row:07d}.jpg" for row in range(count)),
        labels=labels,
        class_names=LIVENESS_CLASSES,
        splits=tuple(("train", "train", "dev", "test")[subject % 4] for subject in subjects),
        species=tuple("print_laser" if label == "attack" else None for label in labels),
        subjects=tuple(f"s{subject}" for subject in subjects),
        presentations=(None,) * count,
        datasets=(None,) * count,
        slices={"device": tuple(("a", "b", "c")[row // 2 % 3] for row in range(count))},
    )


def write_images(folder: Path, count: int) -> list[bytes]:
    """Write JPEG files of random patches; return their bytes."""
    rng = np.random.default_rng(0)
    files = []
    for row in range(count):
        coarse = rng.integers(30, 220, size=(10, 10, 3)).astype(np.uint8)
        image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=85)
        place = folder / LIVENESS_CLASSES[row % 2] / f"{row:07d}.jpg"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(file.getvalue())
        files.append(file.getvalue())
    return files


def made_up(measured: Measurements, count: int) -> Measurements:
    """Return measurements of ``count`` rows: those given, repeated with other digests, hashes and noise."""
    rng = np.random.default_rng(1)
    rows = np.arange(count) % len(measured.problems)
    numbers = measured.numbers[rows]
    return replace(
        measured,
        problems=(None,) * count,
        file_digests=rng.integers(1, 2**63, size=(count, 2), dtype=np.uint64),
        pixel_digests=rng.integers(1, 2**63, size=(count, 2), dtype=np.uint64),
        difference=rng.integers(0, 2**63, size=count, dtype=np.uint64),
        perceptual=rng.integers(0, 2**63, size=count, dtype=np.uint64),
        planes=measured.planes[rows],
        numbers=numbers * rng.normal(1, 0.01, size=numbers.shape).astype(np.float32),
        texture=measured.texture[rows],
        words={name: tuple(words[row] for row in rows) for name, words in measured.words.items()},
    )


def all_pairs(one: np.ndarray, other: np.ndarray, threshold: int) -> int:
    """Count near pairs by comparing each row with all after it."""
    found = 0
    for row in range(len(one)):
        near = hamming(one[row + 1 :], one[row]) <= threshold
        near &= hamming(other[row + 1 :], other[row]) <= threshold
        found += int(near.sum())
    return found


def findings_of(root: Path) -> tuple[int, tuple[Finding, ...]]:
    """Return the number of samples of a set, and what its audit finds."""
    audited = read_audited(root)
    measured = measure_images(audited.table.paths, audited.source.read, boxes=audited.table.boxes)
    return len(audited.table), audit_images(audited.table, measured, dataset="x").findings


def show_traps(seeds: int) -> None:
    """Print how often each fault is found under its code, and what else is said then."""
    kinds = Counter[str]()
    others = Counter[str]()
    for trap in TRAPS:
        found = 0
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as folder:
                data = write_audited_dataset(Path(folder), seed=seed)
                trap.build(data)
                codes = [one.code for one in findings_of(data.save())[1]]
            found += trap.code in codes
            others.update(str(code) for code in codes if code != trap.code)
        kinds["all" if found == seeds else "some"] += 1
        if found < seeds:
            print(f"  {trap.name}: {trap.code} found in {found} of {seeds} sets")
    print(
        f"traps: {kinds['all']} of {len(TRAPS)} faults found in each of {seeds} sets; besides: {dict(others)}"
    )


def show_clean(sets: int) -> None:
    """Print how often an audit warns of a set that has no fault."""
    sizes, codes, alarmed = [], Counter[str](), 0
    for seed in range(sets):
        with tempfile.TemporaryDirectory() as folder:
            size, findings = findings_of(write_clean_dataset(Path(folder), seed=seed))
        false = [
            one for one in findings if one.severity is not Severity.INFO and one.code not in COUNTED_AND_TRUE
        ]
        sizes.append(size)
        codes.update(str(one.code) for one in findings)
        alarmed += bool(false)
        for one in false:
            print(f"  set {seed}, {size} samples: {one.code}: {one.sentence}")
    print(
        f"clean: {alarmed} of {sets} sets of {min(sizes)} to {max(sizes)} samples (median "
        f"{statistics.median(sizes):.0f}) are warned of; all findings: {dict(codes)}"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Findings and speed of the data audit.")
    parser.add_argument("--only", choices=("traps", "clean", "speed"))
    parser.add_argument("--seeds", type=int, default=5, help="sets that each fault is built into")
    parser.add_argument("--sets", type=int, default=200, help="sets without a fault")
    parser.add_argument("--images", type=int, default=2000, help=f"JPEG files of {SIDE} pixels a side")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the made-up table")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.only in (None, "traps"):
        show_traps(options.seeds)
    if options.only in (None, "clean"):
        show_clean(options.sets)
    if options.only in (None, "speed"):
        show_speed(options)


def show_speed(options: argparse.Namespace) -> None:
    """Print images per second by stage."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_images(Path(folder), options.images)
        names = [str(row) for row in range(options.images)]
        pool = LocalExecutor(options.threads)

        def read(name: str) -> bytes:
            return files[int(name)]

        def decode() -> None:
            for _ in pool.map(
                lambda start: [decode_image(one) for one in files[start : start + 32]],
                range(0, len(files), 32),
            ):
                pass

        decoding, measuring = [], []
        for _ in range(ROUNDS):
            decoding.append(seconds(decode))
            measuring.append(seconds(lambda: measure_images(names, read, executor=pool)))
        measured = measure_images(names, read, executor=pool)
        small = table_of(options.images)
        checks = statistics.median(
            seconds(lambda: audit_images(small, measured, dataset="x")) for _ in range(ROUNDS)
        )
        rates = [options.images / statistics.median(times) for times in (decoding, measuring)]
        print(f"{options.images:,} JPEG images of {SIDE} px, {options.threads} threads")
        print(f"  decoding alone          {rates[0]:8,.0f} images/s")
        print(f"  decoding and measuring  {rates[1]:8,.0f} images/s ({rates[1] / rates[0]:.2f} of that)")
        print(f"  all checks              {options.images / checks:8,.0f} images/s")

        dataset = load_dataset(Path(folder), class_names=LIVENESS_CLASSES, threads=options.threads)
        replayed = statistics.median(
            seconds(lambda: audit_replayed(dataset, LIVENESS_CLASSES, None)) for _ in range(ROUNDS)
        )
        share = replayed / statistics.median(decoding)
        print(
            f"  audit before a replay   {options.images / replayed:8,.0f} images/s, {share:.1%} of decoding"
        )

    large = made_up(measured, options.rows)
    part = slice(0, min(options.rows, 20_000))
    index = seconds(lambda: near_pairs(large.difference[part], large.perceptual[part], threshold=6))
    plain = seconds(lambda: all_pairs(large.difference[part], large.perceptual[part], 6))
    whole = seconds(lambda: near_pairs(large.difference, large.perceptual, threshold=6))
    print(
        f"near pairs of {part.stop:,} rows: index {index:.2f} s, all with all {plain:.2f} s "
        f"({plain / index:.1f}×)"
    )
    print(f"near pairs of {options.rows:,} rows: index {whole:.2f} s")
    table = table_of(options.rows)
    everything = seconds(lambda: audit_images(table, large, dataset="x"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"all checks of {options.rows:,} rows: {everything:.1f} s, peak memory of the process {peak:,.0f} MB"
    )


if __name__ == "__main__":
    main()
