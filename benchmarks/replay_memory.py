"""Memory of the evaluating client at a million samples, phase by phase, with a fake server beside it.

    python benchmarks/replay_memory.py --samples 1000000

The samples are a million rows over two small pictures, so time goes where it would with real ones: data set,
decoding, gRPC, counting, parts, report. RSS is the largest that the kernel saw of this process in each phase
(Linux only); what the imports take comes first, since no evaluation can be smaller. pandas is kept out:
pyarrow imports it where it is there, and an installation does not have it.

Measured on 2 busy cores, 10^6 samples, largest RSS: imports 143 MB, data set 248 (237 to 248 in five runs),
replay 230, report 244 (once; 261 while the limits by subject took 66 instead of 29): the goal is 250 MB.
Resumed with nothing left to replay it takes 220.
The data set is 29 MB of ids and coded columns; its phase peaks where the ids are put in order. Arrow
allocates with malloc here, as in the command.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLASSES = ("attack", "bona_fide")
SIZE = 8


def serve() -> None:
    from lifesign.testing.model_server import FakeModelServer

    with FakeModelServer(input_shape=(-1, SIZE, SIZE, 3)) as server:
        print(server.target, flush=True)
        sys.stdin.read()


def write_samples(root: Path, samples: int) -> Path:
    import numpy as np
    from PIL import Image

    for name, level in zip(CLASSES, (90, 190), strict=True):
        Image.fromarray(np.full((SIZE, SIZE, 3), level, np.uint8)).save(root / f"{name}.png")
    manifest = root / "manifest.csv"
    with manifest.open("w") as file:
        file.write("sample_id,path,label,subject_id,pai_species,device\n")
        for index in range(samples):
            label = CLASSES[index % 2]
            species = "" if index % 2 else "print_laser"
            people = f"p{index // 20:06d},{species},phone_{index // 4 % 3}"
            file.write(f"{label}-{index:07d},{label}.png,{label},{people}\n")
    return manifest


class Watch:
    """The largest RSS of this process in each phase, bytes, and when the phase ended, seconds.

    The kernel keeps the largest; one that looks now and then misses what is taken for some milliseconds.
    """

    def __init__(self) -> None:
        self.peaks: dict[str, int] = {}
        self.ends: dict[str, float] = {}
        self._phase = ""

    def begin(self, phase: str) -> None:
        now = time.perf_counter()
        if self._phase:
            self.peaks[self._phase] = _largest_rss()
            self.ends[self._phase] = now
        _FORGET.write_text("5")
        self._phase = phase


_FORGET = Path("/proc/self/clear_refs")
"""Of a 5 written to it the kernel takes the present RSS as the largest so far."""


def _largest_rss() -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def evaluate_watched(target: str, manifest: Path, out: Path) -> Watch:
    watch = Watch()
    watch.begin("imports")
    from lifesign.cli.pandas_free import keep_pandas_out

    keep_pandas_out()
    from lifesign.evaluation.config import evaluation_config
    from lifesign.evaluation.replay.progress import SilentProgress
    from lifesign.evaluation.service import evaluate
    from lifesign.memory import use_system_allocator

    use_system_allocator()  # as the command does

    class Phases(SilentProgress):
        def on_start(self, total: int, done: int) -> None:  # noqa: ARG002
            watch.begin("replay")

        def on_finish(self) -> None:
            watch.begin("report")

    watch.begin("data set")
    config = evaluation_config(
        target=target, model="liveness", data=manifest, out=out, class_names=CLASSES, shard_size=4096
    )
    evaluate(config, progress=Phases())
    watch.begin("end")
    return watch


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    if options.write:
        write_samples(options.write, options.samples)
        return
    with tempfile.TemporaryDirectory() as scratch:
        # Others write and serve: this process is nothing but the client.
        me = [sys.executable, __file__, "--samples", str(options.samples)]
        subprocess.run([*me, "--write", scratch], check=True)
        server = subprocess.Popen([*me, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert server.stdin is not None
        assert server.stdout is not None
        target = server.stdout.readline().strip()
        watch = evaluate_watched(target, Path(scratch) / "manifest.csv", Path(scratch) / "run")
        server.stdin.close()
        server.wait()
    print(f"{options.samples:,} samples")
    previous = watch.ends["imports"]
    for phase in ("imports", "data set", "replay", "report"):
        seconds = watch.ends[phase] - previous
        previous = watch.ends[phase]
        print(f"{phase:<9} RSS at most {watch.peaks[phase] / 1e6:5.0f} MB  {seconds:6.1f} s")


if __name__ == "__main__":
    main()
