"""A render process that dies is told in one sentence, and leaves no manifest."""

import os
import signal
import threading
import time
from multiprocessing import active_children

from lifesign.errors import LifesignError
from lifesign_training.synth import SynthOptions, generate


def test_a_killed_worker_is_an_error_and_no_manifest(tmp_path):
    options = SynthOptions(subjects=40, bona_fide_per_subject=4, attacks_per_subject=0, size=48, workers=2)
    failed = []

    def make():
        try:
            generate(tmp_path / "set", options)
        except LifesignError as error:
            failed.append(str(error))

    maker = threading.Thread(target=make)
    maker.start()
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("set/images/*/*/*.png")) and time.monotonic() < deadline:
        maker.join(0.05)
    os.kill(active_children()[0].pid, signal.SIGKILL)
    maker.join(120)

    assert failed == ["a render process was killed, perhaps for memory: try fewer --workers"]
    assert not (tmp_path / "set" / "manifest.csv").exists()
