from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lifesign.errors import DatasetError
from lifesign.labels import Split
from lifesign.preprocessing import PreprocessingSpec
from lifesign_training.pixels import decode_samples, digest_of
from lifesign_training.samples import Sample, SampleSet

SPEC = PreprocessingSpec(height=6, width=4)


def made(root: Path, contents: dict[str, bytes | int]) -> SampleSet:
    for name, content in contents.items():
        if isinstance(content, bytes):
            (root / name).write_bytes(content)
        else:
            Image.fromarray(np.full((9, 9, 3), content, np.uint8)).save(root / name)
    samples = tuple(
        Sample(name, "a" if index % 2 else "b", Split.TRAIN) for index, name in enumerate(contents)
    )
    return SampleSet(str(root), ("a", "b"), samples)


def test_images_keep_the_order_of_the_samples(tmp_path: Path) -> None:
    data = made(tmp_path, {f"{value}.png": value for value in range(20)})
    seen: list[int] = []

    decoded = decode_samples(data, data.samples, SPEC, threads=4, on_decoded=seen.append)

    assert decoded.images.shape == (20, 6, 4, 3)
    assert decoded.images[:, 0, 0, 0].tolist() == list(range(20))
    assert decoded.labels(data.class_names).tolist() == [1, 0] * 10
    assert len(seen) == 20


def test_what_cannot_be_read_is_listed_with_its_reason(tmp_path: Path) -> None:
    data = made(tmp_path, {"a.png": 1, "b.png": b"", "c.png": b"text", "d.png": 4})
    (tmp_path / "a.png").unlink()

    decoded = decode_samples(data, data.samples, SPEC, threads=2)

    assert [sample.sample_id for sample in decoded.samples] == ["d.png"]
    assert [(item.sample_id, item.reason) for item in decoded.unreadable] == [
        ("a.png", "missing"),
        ("b.png", "empty"),
        ("c.png", "not_an_image"),
    ]


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    data = made(tmp_path, {"a.png": b"x"})

    with pytest.raises(DatasetError, match="none of the 1 images"):
        decode_samples(data, data.samples, SPEC, threads=1)


def test_the_digest_knows_content_and_labels_but_not_order(tmp_path: Path) -> None:
    data = made(tmp_path, {"a.png": 1, "b.png": 2})
    whole = decode_samples(data, data.samples, SPEC, threads=1)
    halves = [decode_samples(data, [sample], SPEC, threads=1) for sample in reversed(data.samples)]
    before = digest_of([whole])
    Image.fromarray(np.full((9, 9, 3), 7, np.uint8)).save(tmp_path / "b.png")

    assert digest_of(halves) == before
    assert digest_of([decode_samples(data, data.samples, SPEC, threads=1)]) != before
