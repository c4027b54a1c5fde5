"""TensorBoard event files: the scalars of each epoch, as Keras' callback writes them."""

import re
from pathlib import Path

from lifesign.errors import ConfigurationError, InputError
from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.inputs.epoch_rows import Row, canonical_metric, curves_of_rows

__all__ = ["event_files", "is_event_file", "read_event_files"]

_PATTERN = "*.tfevents.*"


def is_event_file(path: Path) -> bool:
    """Whether a file is called as TensorBoard's writer calls it."""
    return ".tfevents." in path.name


def event_files(folder: Path) -> list[Path]:
    """Return the event files below a folder."""
    return sorted(path for path in folder.rglob(_PATTERN) if path.is_file())


def read_event_files(path: Path) -> Curves:
    """Return the curves of an event file, or of a log folder with ``train`` and ``validation`` beneath it.

    Raises:
        ConfigurationError: the package ``tensorboard`` is not installed.
        InputError: no scalar of an epoch is in the files.
    """
    try:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
        from tensorboard.util import tensor_util
    except ImportError as error:
        raise ConfigurationError(
            f"{path}: event files need the package tensorboard: pip install 'lifesign[training]'"
        ) from error
    rows: dict[int, Row] = {}
    for file in [path] if path.is_file() else event_files(path):
        is_validation = "validation" in file.parent.name.lower() or file.parent.name.lower().startswith("val")
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                found = re.fullmatch(
                    r"(?:train/|validation/)?epoch_(\w+)|(val_\w+|loss|acc\w*|lr|learning_rate)", value.tag
                )
                if found is None:
                    continue
                number = (
                    value.simple_value
                    if value.HasField("simple_value")
                    else float(tensor_util.make_ndarray(value.tensor))
                )
                name = found[1] or found[2]
                if is_validation and not name.startswith("val_"):
                    name = f"val_{name}"
                row = rows.setdefault(event.step, Row(number=event.step + 1))
                row.values[canonical_metric(name)] = float(number)
                row.names[canonical_metric(name)] = name
                row.decimals = 6
    if not rows:
        raise InputError(f"{path}: expected scalars named epoch_loss, epoch_accuracy …, found none")
    return curves_of_rows([rows[step] for step in sorted(rows)])
