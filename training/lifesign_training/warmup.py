"""Warm-up requests: a server runs them before it says that a version is available."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from lifesign.pb import serving_pb2, tensor_pb2
from lifesign.preprocessing import PreprocessingSpec
from lifesign.signature import IMAGES, Signature

__all__ = ["WARMUP_FILE", "write_warmup"]

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
_BATCHES = (1, 8, 32)


def write_warmup(path: Path, *, name: str, spec: PreprocessingSpec) -> None:
    """Write a TFRecord of ``PredictionLog`` for ``serving_default``, batches of 1, 8 and 32.

    The pictures are noise from a fixed seed: a model folder holds nobody's face.
    """
    random = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for batch in _BATCHES:
            images = random.integers(0, 256, (batch, spec.height, spec.width, 3), dtype=np.uint8)
            tensor = tensor_pb2.Tensor(
                dtype=tensor_pb2.DT_UINT8,
                tensor_shape=tensor_pb2.TensorShape(
                    dim=[tensor_pb2.TensorShape.Dim(size=n) for n in images.shape]
                ),
                tensor_content=images.tobytes(),
            )
            request = serving_pb2.PredictRequest(
                model_spec=serving_pb2.ModelSpec(name=name, signature_name=Signature.DEFAULT.value),
                inputs={IMAGES: tensor},
            )
            log = serving_pb2.PredictionLog(predict_log=serving_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
