"""Over what one training is spread, as a word; without TensorFlow, so that a command's help needs none."""

from enum import StrEnum

__all__ = ["Distribute"]


class Distribute(StrEnum):
    """``auto``: all GPUs; ``mirrored``: all devices; ``multi-worker``: the workers of ``TF_CONFIG``."""

    AUTO = "auto"
    MIRRORED = "mirrored"
    MULTI_WORKER = "multi-worker"
