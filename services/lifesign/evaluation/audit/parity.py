"""What the comparisons of decoders share: which samples they look at, and TensorFlow, only when asked for."""

import os
from typing import Any

import numpy as np

from lifesign.errors import ConfigurationError

__all__ = ["evenly_spaced", "imported_tensorflow"]


def evenly_spaced(samples: int, most: int) -> list[int]:
    """Return at most ``most`` of the rows 0 to ``samples``, ascending, the first and the last among them."""
    places: list[float] = np.linspace(0, samples - 1, min(most, samples)).tolist()
    return sorted({round(place) for place in places})


def imported_tensorflow(who: str) -> Any:
    """Return TensorFlow for ``who`` needs it, such as ``decode parity``.

    Raises:
        ConfigurationError: it is not installed.
    """
    # TensorFlow's start-up notes would drown the table.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ConfigurationError(
            f"{who} needs TensorFlow (pip install 'lifesign[training]'), which is not installed"
        ) from error
    return tf
