"""How much of a shard is in memory at once."""

import pytest

from lifesign.evaluation.replay.shards import batches_held
from lifesign.preprocessing import PreprocessingSpec


@pytest.mark.parametrize(
    ("size", "batch_size", "value_bytes", "batches"),
    [(112, 32, 1, 16), (224, 32, 1, 6), (112, 32, 4, 6), (224, 8, 4, 6), (224, 32, 4, 2), (1024, 64, 1, 2)],
    ids=["small", "uint8", "float32", "float32 in small batches", "large float32", "huge"],
)
def test_batches_are_held_by_the_bytes_that_are_sent(size, batch_size, value_bytes, batches):
    spec = PreprocessingSpec(height=size, width=size)
    assert batches_held(spec, batch_size, value_bytes=value_bytes) == batches
