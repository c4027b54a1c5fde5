"""Replay through a served model against four yardsticks, side by side in one run: images/s and ratios.

    python benchmarks/replay.py --samples 2048 --rounds 5

- served: what ``lifesign evaluate`` does with every image (read, decode, statistics, gRPC, scores, counts,
  parts on disk), with ``lifesign serve`` in a process of its own.
- in process: the same code and the same work, but the frozen session is called directly, without gRPC.
- limit: cores / (CPU per decode + CPU per predict), both measured alone with every core busy; everything
  else (statistics, gRPC, counting, writing, and whatever is not overlapped) counts as loss. The limit of the
  frozen graph is that of a server which does not fold normalisation into convolutions, as ours does.
- notebook: ``image_dataset_from_directory`` → ``model.predict`` → scikit-learn's report, once with the labels
  from a second pass over the set as people write it, once with the labels from the file names.

Each is a process of its own that lives through all rounds; rounds alternate, the first warms up. Other
people's load is measured from /proc/stat and divided out of ``per free core``: a busy machine changes the
raw rates, hardly those. Without --version-dir a MobileNetV2 (alpha 1.0, 64 pixels) with random weights and
the batch normalisation of a trained one is exported; with one, the notebook gets the exported graph as a
Keras layer. ``limit / notebook`` is what a replay without any cost of its own would reach.

Measured 2026-11-25 on 2 cores, both free, load average 1 to 2.4, medians of 5 rounds after one to warm up;
before the server folded graphs, and with a network whose normalisation had the offset 0:

| served to (goal)    | MobileNetV2, 1,024 JPEGs | 2,048 JPEGs       | demo's model, 112 px |
|                     | images/s | CPU           | images/s | CPU    | images/s | CPU       |
|---------------------|----------|---------------|----------|--------|----------|-----------|
| in process (0.95)   | 0.997    | 0.970         | 0.945    | 0.937  | 0.901    | 0.899     |
| limit (0.85)        | 0.896    | 0.929         | 0.834    | 0.867  | 0.792    | 0.822     |
| notebook (2)        | 1.762    | 1.500         | 1.731    | 1.470  | 1.016    | 0.875     |
| notebook, one pass  | 1.527    | 1.300         | 1.469    | 1.251  | 0.867    | 0.743     |

Measured 2026-11-27, the folded graph, both cores free, before the replay itself was made cheaper: served
1,212 images/s with 92 % of the cores, in process 1,245, notebook 613; CPU us per image: served 1,514, decode
732 (a task for each image), predict 498. That is 0.97 of in process, 0.72 of the limit, 1.87 of the notebook.

Measured later that day, 1,024 JPEGs, in turn with that state, on cores that others wanted too (load
average 14 to 20; the processes had priority, others took what they left), medians of 7 rounds:

|                   | images/s | CPU us per image                 |
|-------------------|----------|----------------------------------|
| served, as it was | 945      | 1,660 (client 1,006, server 664) |
| served            | 1,105    | 1,514 (client 869, server 664)   |
| in process        | 1,167    | 1,387                            |
| decode, in batches | 2,376   | 625                              |
| predict           | 3,453    | 557                              |

Served is 0.95 of in process and 1.17 of what it was; in CPU time 0.92 of in process and 0.78 of the limit.
The goal of 0.85 leaves 209 us an image beside decode and predict; there are 332.

Measured that evening with image statistics summed along flat arrays and pixels copied as bytes, in turn with
the state above (load average 6 to 7 of others, who had to wait; two servers and clients of each, 6 rounds,
medians): served 1,540 instead of 1,582 us of CPU an image (client 871 instead of 903, server 676 and 678).
Two such comparisons before it, with load averages of 10, gave 4 and 6 % less, but two processes of the same
code differed by up to 5 % there. A whole run of this benchmark, 5 rounds, beside others' load of 7 that left
1.2 to 1.9 cores:

|                    | images/s | CPU us per image |
|--------------------|----------|------------------|
| served             | 987      | 1,777            |
| in process         | 1,077    | 1,660            |
| decode             | 2,174    | 742              |
| predict            | 3,043    | 625              |
| notebook           | 421      | 3,057            |
| notebook, one pass | 472      | 2,676            |

Served is 0.94 of in process, 2.35 of the notebook (1.72 by CPU) and, by CPU, 0.78 of the limit: the goal of
0.85 is not reached. Three runs later, nobody else on the cores (load average 1.6 to 2.5) and the host slower
in everything (decode 830 to 1,006 us, predict 771 to 820, the frozen graph 986 to 1,064): served 742 to 759
images/s, 0.90 to 0.91 of in process; 0.61, 0.63 and 0.68 of the limit (0.69 to 0.76 by CPU), 0.68, 0.73 and
0.78 of that of the frozen graph (0.78 to 0.87 by CPU); 1.96, 2.14 and 2.27 of the notebook. The state of the
day before, in turn with it, cost the same (2,207 and 2,031 us, 2,227 and 1,973 now): the host moves these
ratios by a tenth.

On the last evening of that day, nobody else on the cores and the host faster again (decode 742 us, predict
635, the frozen graph 908): served 1,008 images/s, 0.90 of in process, 0.67 of the limit (0.74 by CPU), 0.82
of that of the frozen graph (0.91 by CPU) and 2.03 of the notebook.

Measured 2026-11-28, the same code, nobody else on the cores, the host quiet (load average 2.4 to 2.8 at the
end), three runs: 1,024, 1,024 and 2,048 JPEGs, 5 rounds each:

| served to (goal)           | images/s            | by CPU              |
|----------------------------|---------------------|---------------------|
| in process (0.95)          | 0.971, 0.920, 0.923 | 0.938, 0.920, 0.918 |
| limit, frozen graph (0.85) | 0.891, 0.852, 0.876 | 0.975, 0.926, 0.941 |
| limit, folded graph        | 0.755, 0.718, 0.754 | 0.831, 0.791, 0.801 |
| notebook (2)               | 2.19, 3.19, 2.10    | 1.83, 1.82, 1.77    |

What is in the way, each measured by itself on these two cores:

- Decoding and predicting beside each other, in processes that know nothing of each other, take 1,351 us where
  each alone takes 1,243 in sum, pinned to a core each or not: 0.92 is the most that any client could reach.
- gRPC with an empty handler takes 1,000 us a request of 32 images in both processes, 32 an image. Larger
  frames, windows and read chunks, ``optimization_target``, a Unix socket and an asyncio server change that by
  less than two equal runs differ. Copies and protobuf are 2 us an image, our own calls in the server 5.
- Statistics take 38 us an image alone, but 100 beside another decoding thread: each of their calls lets go of
  the interpreter. Workspaces kept by thread, larger chunks, a lock and threads pinned to cores did not help.
- A server that is only sent one batch over and over, three at once, takes 635 us an image and its client 45,
  where the session called directly takes 586: of the 95, the kernel has 32, Python 25, many small things the
  rest.
- Two client processes of one decoding thread each, with half the images each, cost what one client with two
  threads costs (1,860 and 1,870, 1,782 and 1,792 us): waiting for the interpreter takes time, no CPU time.
- One decoding thread, windows of 1 to 3 batches, one run of the graph at a time, ``SCHED_BATCH``, a longer
  switch interval and malloc that keeps what is freed (25 us) are within what equal runs differ by.

Earlier that day, on cores kept busy, the limit in CPU time was 1.80 and 1.45 times the notebook: a factor of
2 is out of reach of any pipeline here, but for the cores that the notebook leaves idle. Decoding is 350 us of
JPEG and 220 us of resizing, in Pillow's C code.

Larger batches do not pay. CPU us per image of the folded MobileNetV2 in batches of 8, 16, 32, 64 and 128:
905, 775, 756, 782, 806; of the small network at 112 pixels, in batches of 4 to 128: 1,383, 1,478, 1,561,
1,646, 1,662, 1,672. Small ones stay in the cache, but batches of 8 cost the client 300 us an image more in
calls, where the server saves 50: 32 stays.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from replay_sides import CORES
from replay_sides.inputs import export_untrained, write_images
from replay_sides.processes import Measured, Worker, measure, served
from replay_sides.tasks import ROLES, Work, serve_tasks


def median(values: list[float]) -> float:
    return statistics.median(values)


def show(found: Mapping[str, list[Measured]]) -> None:
    for name, rounds in found.items():
        print(
            f"{name:<19} {median([one.rate for one in rounds]):6.0f} images/s"
            f"  per free core {median([one.rate_per_free_core for one in rounds]):6.0f}"
            f"  CPU {median([one.cpu for one in rounds]) * 1e6:5.0f} us/image"
            f"  free cores {median([one.free_cores for one in rounds]):.2f}"
        )
    floor = _floor(found, "predict")
    print(f"limit: {CORES} cores / {median(floor) * 1e6:.0f} us = {CORES / median(floor):.0f} images/s")
    ours = found["served"]
    for name in ("in process", "notebook", "notebook, one pass"):
        pairs = list(zip(ours, found[name], strict=True))
        print(
            f"served / {name + ':':<20} {median([a.rate / b.rate for a, b in pairs]):.3f}"
            f"  per free core {median([a.rate_per_free_core / b.rate_per_free_core for a, b in pairs]):.3f}"
            f"  CPU {median([b.cpu / a.cpu for a, b in pairs]):.3f}"
        )
    for name, limit in (("limit", floor), ("limit, frozen graph", _floor(found, "predict, frozen"))):
        pairs = list(zip(ours, limit, strict=True))
        print(
            f"served / {name + ':':<20} {median([a.rate * c / CORES for a, c in pairs]):.3f}"
            f"  per free core {median([a.rate_per_free_core * c for a, c in pairs]):.3f}"
            f"  CPU {median([c / a.cpu for a, c in pairs]):.3f}"
        )
    for name in ("notebook", "notebook, one pass"):
        # What a replay without any cost of its own would reach: no pipeline can do better on these cores.
        pairs = list(zip(found[name], floor, strict=True))
        print(
            f"limit / {name + ':':<21} {median([CORES / c / b.rate for b, c in pairs]):.3f}"
            f"  per free core {median([1 / c / b.rate_per_free_core for b, c in pairs]):.3f}"
            f"  CPU {median([b.cpu / c for b, c in pairs]):.3f}"
        )
    print(f"load average at the end {os.getloadavg()[0]:.1f} on {CORES} cores")


def _floor(found: Mapping[str, list[Measured]], predict: str) -> list[float]:
    """Return the CPU seconds an image of decoding and predicting alone, round by round."""
    return [d.cpu + p.cpu for d, p in zip(found["decode"], found[predict], strict=True)]


def run(options: argparse.Namespace, scratch: Path) -> None:
    images = options.images or scratch / "images"
    if options.images is None:
        write_images(images, options.samples)
    version_dir = options.version_dir or scratch / "m" / "1"
    if options.version_dir is None:
        # In a process of its own, which takes TensorFlow's threads and memory with it.
        export = get_context("spawn").Process(target=export_untrained, args=(version_dir, options.size))
        export.start()
        export.join()
    samples = sum(1 for _ in images.rglob("*.jpg"))
    kilobytes = sum(path.stat().st_size for path in images.rglob("*.jpg")) / samples / 1000
    print(f"{samples} JPEGs of {kilobytes:.1f} kB, {options.size} pixels, {CORES} cores")
    with served(version_dir) as (target, server):
        work = Work(images, version_dir, options.size, target, scratch)
        workers = {role: Worker(role, work) for role in ROLES}
        sides = [
            ("served", "served", server),
            ("direct", "in process", None),
            ("direct", "decode", None),
            ("direct", "predict", None),
            ("direct", "predict, frozen", None),
            ("notebook", "notebook", None),
            ("notebook", "notebook, one pass", None),
        ]
        found: dict[str, list[Measured]] = {task: [] for _, task, _ in sides}
        for number in range(options.rounds + 1):
            for role, task, process in sides:
                one = measure(workers[role], task, samples, process)
                if number:  # the first round warms caches and graphs
                    found[task].append(one)
        for worker in workers.values():
            worker.close()
    show(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=64, help="height and width of the model's input")
    parser.add_argument("--images", type=Path, help="class folders of JPEGs; default: invented ones")
    parser.add_argument("--version-dir", type=Path, help="an exported version with --size pixels")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        words = json.loads(options.work)
        role, size, target = words.pop("role"), words.pop("size"), words.pop("target")
        paths = {name: Path(value) for name, value in words.items()}
        serve_tasks(role, Work(size=size, target=target, **paths))
        return
    with tempfile.TemporaryDirectory() as scratch:
        run(options, Path(scratch))


if __name__ == "__main__":
    main()
