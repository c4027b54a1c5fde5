"""How fast synthetic faces are made: CPU milliseconds per image and species, images per second.

    python benchmarks/synth.py [--size 112] [--workers 2] [--images 144]

The mix is 16 bona fide to 20 attacks. Measured at 112 px on 2 cores, nothing else running: 12.6 images/s,
142 CPU milliseconds per image of the mix (112 bona fide, 128 to 224 attacks).
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from lifesign_training.synth import SPECIES, SynthOptions, generate
from lifesign_training.synth.plan import plan
from lifesign_training.synth.render import render
from lifesign_training.synth.writer import png_bytes


def cpu_seconds_per_image(size: int, species: str, count: int) -> float:
    """Return CPU seconds to render and encode one image of a species, in this process."""
    bona_fide, attacks = (0, 1) if species else (1, 0)
    options = SynthOptions(
        subjects=count,
        bona_fide_per_subject=bona_fide,
        attacks_per_subject=attacks,
        species=(species or SPECIES[0],),
        size=size,
    )
    rows = plan(options)
    png_bytes(render(rows[0]))  # tables and caches
    start = time.process_time()
    for row in rows:
        png_bytes(render(row))
    return (time.process_time() - start) / len(rows)


def images_per_second(size: int, workers: int, images: int) -> float:
    """Return images per wall-clock second of a whole run, start of the workers included."""
    options = SynthOptions(subjects=max(1, images // 36), size=size, workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        made = generate(Path(folder) / "faces", options).images
        return made / (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Speed of the synthetic-face renderer.")
    parser.add_argument("--size", type=int, default=112, help="side of the images, px")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--images", type=int, default=144, help="images of the throughput run")
    parser.add_argument("--count", type=int, default=12, help="images per species of the CPU run")
    arguments = parser.parse_args()
    cost = {name: cpu_seconds_per_image(arguments.size, name, arguments.count) for name in ("", *SPECIES)}
    for name, seconds in cost.items():
        print(f"{name or 'bona_fide':22s} {seconds * 1000:6.0f} ms CPU per image")
    attacks = sum(cost[name] for name in SPECIES) / len(SPECIES)
    mixed = (16 * cost[""] + 20 * attacks) / 36
    print(f"{'mix 16 : 20':22s} {mixed * 1000:6.0f} ms CPU per image")
    speed = images_per_second(arguments.size, arguments.workers, arguments.images)
    load = os.getloadavg()[0]
    print(f"{speed:.1f} images/s with {arguments.workers} workers (load average {load:.1f})")


if __name__ == "__main__":
    main()
