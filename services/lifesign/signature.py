"""Names of the exported signatures and of their tensors: the contract between export and use."""

from enum import StrEnum

__all__ = ["CARD_FILE", "EMBEDDING", "ENCODED_IMAGES", "IMAGES", "LOGITS", "SCORES", "Signature"]

IMAGES = "images"
"""Input of all but ``encoded``: uint8 ``(n, height, width, 3)``, sRGB, 0–255; scaling is in the graph."""

ENCODED_IMAGES = "encoded_images"
"""Input of ``encoded``: JPEG, PNG or BMP files as bytes, string ``(n,)``."""

SCORES = "scores"
"""Output: float32 ``(n, classes)``, softmax probabilities in the order of the model card's classes."""

LOGITS = "logits"
"""Output: float32 ``(n, classes)``; softmax saturates in float32, these do not."""

EMBEDDING = "embedding"
"""Output of ``embed``: float32 ``(n, dimensions)``, the layer in front of the classifier."""

CARD_FILE = "assets.extra/model_card.json"
"""Where a version folder keeps its model card."""


class Signature(StrEnum):
    """The four signatures of an exported model."""

    DEFAULT = "serving_default"
    EMBED = "embed"
    INSPECT = "inspect"
    ENCODED = "encoded"
