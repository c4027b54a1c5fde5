"""Where a training stands after each epoch, so that a killed one goes on from there."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lifesign_training.history import EpochRecord
from lifesign_training.storage import storage_errors, write_text

if TYPE_CHECKING:
    import keras

__all__ = ["CheckpointFolder", "Progress"]

_STATE_FILE = "state.json"


@dataclass(frozen=True)
class Progress:
    """Finished epochs, and the files of the last and the best of them."""

    history: tuple[EpochRecord, ...]
    last_model: Path
    best_model: Path


class CheckpointFolder:
    """Whole models (weights, optimiser, dropout seeds) by epoch; ``state.json`` names the valid ones.

    The state is replaced in one step after the model is written, so a kill at any moment leaves
    the checkpoint before or the new one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, model: "keras.Model", history: Sequence[EpochRecord], best: int) -> None:
        """Store the model after the last epoch of ``history``; keep that one and epoch ``best``.

        Raises:
            StorageError: the disk refused.
        """
        epoch = history[-1].epoch
        with storage_errors(str(self._folder)):
            self._folder.mkdir(exist_ok=True)
            model.save(self._model(epoch))
        state = {"best": best, "history": [asdict(record) for record in history]}
        write_text(self._folder / _STATE_FILE, json.dumps(state))
        valid = {self._model(epoch), self._model(best)}
        for path in self._folder.glob("epoch-*.keras"):
            if path not in valid:
                path.unlink(missing_ok=True)

    def restore(self) -> Progress | None:
        """Return where the training stood, ``None`` before the first finished epoch."""
        path = self._folder / _STATE_FILE
        if not path.exists():
            return None
        state = json.loads(path.read_text("utf-8"))
        history = tuple(EpochRecord(**record) for record in state["history"])
        return Progress(history, self._model(history[-1].epoch), self._model(state["best"]))

    def remove(self) -> None:
        """Delete the folder of a finished training, with what a kill may have left in it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _model(self, epoch: int) -> Path:
        return self._folder / f"epoch-{epoch:05d}.keras"
