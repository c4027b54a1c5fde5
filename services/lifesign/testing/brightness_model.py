"""Version folders of a small TensorFlow model that finds bright images bona fide, or misbehaves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lifesign.model_card import ModelCard
from lifesign.signature import CARD_FILE, IMAGES, LOGITS, SCORES, Signature

__all__ = ["brightness_answer", "publish_version"]

Answer = dict[str, Any]
"""The tensors of ``scores`` and ``logits``, float32 ``(n, 2)``."""


def brightness_answer(images: Any) -> Answer:
    """Answer images uint8 ``(n, height, width, 3)``: the logit grows by 1 per 16 levels above 127.5."""
    import tensorflow as tf

    logit = (tf.reduce_mean(tf.cast(images, tf.float32), axis=(1, 2, 3)) - 127.5) / 16
    logits = tf.stack([-logit / 2, logit / 2], axis=1)
    return {SCORES: tf.nn.softmax(logits), LOGITS: logits}


def publish_version(
    base: Path,
    version: int,
    *,
    answer: Callable[[Any], Answer] = brightness_answer,
    card: ModelCard | None = None,
    side: int = 32,
) -> Path:
    """Export a model of ``side`` × ``side`` pixels into ``base``, with its card if given; return its folder.

    It is written aside and renamed, as every exporter must do: a server never sees half a version.
    """
    import tensorflow as tf

    images = tf.TensorSpec((None, side, side, 3), tf.uint8, name=IMAGES)
    function = tf.function(answer, input_signature=[images])
    base.mkdir(parents=True, exist_ok=True)
    aside = base / f".{version}"
    tf.saved_model.save(tf.Module(), str(aside), signatures={Signature.DEFAULT.value: function})
    if card is not None:
        (aside / CARD_FILE).parent.mkdir(exist_ok=True)
        (aside / CARD_FILE).write_text(card.model_dump_json(), "utf-8")
    return aside.rename(base / str(version))
