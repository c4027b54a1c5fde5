"""Proof that what will be served computes what was trained."""

import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from lifesign.errors import ContractError
from lifesign.signature import ENCODED_IMAGES, IMAGES, SCORES, Signature
from lifesign_training.quality import softmax

__all__ = ["MAX_SCORE_DIFFERENCE", "require_parity"]

MAX_SCORE_DIFFERENCE = 1e-4

# Checkers take the type of this argument from its default in Keras, "auto".
_QUIET: Any = 0


def require_parity(model: keras.Model, folder: Path, images: NDArray[np.uint8]) -> float:
    """Compare Keras with the SavedModel, loaded from disk; return the largest |Δscore|.

    The images are uint8 ``(n, height, width, 3)``, of the size of the model's input.
    The ``encoded`` signature gets the same pixels as PNG.

    Raises:
        ContractError: a score differs by more than 1e-4, or a signature is missing.
    """
    expected = softmax(np.asarray(model.predict(images, batch_size=32, verbose=_QUIET), dtype=np.float32))
    signatures = tf.saved_model.load(str(folder)).signatures
    missing = [name.value for name in Signature if name.value not in signatures]
    if missing:
        raise ContractError(f"the exported model has no signature {', '.join(missing)}")
    png = tf.constant([_png(image) for image in images])
    answers = {
        Signature.DEFAULT: _scores(signatures[Signature.DEFAULT.value](**{IMAGES: tf.constant(images)})),
        Signature.ENCODED: _scores(signatures[Signature.ENCODED.value](**{ENCODED_IMAGES: png})),
    }
    worst = 0.0
    for signature, scores in answers.items():
        difference = (
            float(np.max(np.abs(scores - expected))) if scores.shape == expected.shape else float("nan")
        )
        if not difference <= MAX_SCORE_DIFFERENCE:
            raise ContractError(
                f"not exported: scores of signature {signature.value} differ from the trained model by "
                f"{difference:.2g} on {len(images)} images, at most {MAX_SCORE_DIFFERENCE:g} is accepted"
            )
        worst = max(worst, difference)
    return worst


def _scores(outputs: dict[str, Any]) -> NDArray[np.float32]:
    return np.asarray(outputs[SCORES].numpy(), dtype=np.float32)


def _png(image: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()
