"""Which devices a training uses, and in which precision."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from lifesign_training.distribute import Distribute

__all__ = ["device_names", "distribution", "precision"]


def device_names() -> tuple[str, ...]:
    """Return what the training runs on: every GPU, otherwise the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    return tuple(f"{device.device_type}:{number}" for number, device in enumerate(gpus)) or ("CPU:0",)


def distribution(kind: Distribute = Distribute.AUTO) -> tf.distribute.Strategy:
    """Return how batches are shared out: ``auto`` mirrors on all GPUs when there are several.

    ``mirrored`` takes every logical GPU, or every logical CPU where there is none; several processes are
    the subject of ``multi_worker``. The recipe's batch is that of all devices together. GPU memory is
    taken as it is needed, so a model server on the same card can live.
    """
    for device in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # the GPU is in use already and keeps its setting
            tf.config.experimental.set_memory_growth(device, True)
    names = [device.name for device in tf.config.list_logical_devices("GPU")]
    if kind is Distribute.MIRRORED:
        return tf.distribute.MirroredStrategy(
            names or [device.name for device in tf.config.list_logical_devices("CPU")]
        )
    return tf.distribute.MirroredStrategy(names) if len(names) > 1 else tf.distribute.get_strategy()


@contextlib.contextmanager
def precision(*, mixed: bool) -> Iterator[None]:
    """Build layers that compute in float16 with float32 weights, where ``mixed`` asks for it."""
    before = keras.config.dtype_policy()
    if mixed:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
