"""How much of a shard is in memory at once."""

import pytest

from lifesign.evaluation.replay.shards import batches_held


@pytest.mark.parametrize(
    ("images", "image_bytes", "batches"),
    [
        (32, 112 * 112 * 3, 16),
        (32, 224 * 224 * 3, 6),
        (32, 112 * 112 * 12, 6),
        (8, 224 * 224 * 12, 6),
        (32, 224 * 224 * 12, 2),
        (64, 1024 * 1024 * 3, 2),
    ],
    ids=["small", "uint8", "float32", "float32 in small batches", "large float32", "huge"],
)
def test_batches_are_held_by_the_bytes_that_are_sent(images, image_bytes, batches):
    assert batches_held(images * image_bytes) == batches
