"""TensorFlow without its start-up lines."""

import os
import sys

__all__ = ["quiet_tensorflow"]


def quiet_tensorflow() -> None:
    """Import TensorFlow with native stderr closed: no setting silences its notes on CUDA and oneDNN.

    Errors of the import are Python exceptions and still appear.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()
        keras.utils.disable_interactive_logging()
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
