from pathlib import Path

import pytest
import tensorflow as tf
from PIL import Image

from lifesign.errors import NotReadyError
from lifesign.evaluation.audit.reading import read_audited
from lifesign.evaluation.audit.score_parity import find_score_differences
from lifesign.signature import CARD_FILE
from lifesign.testing.audited_dataset import write_audited_dataset
from lifesign.testing.model_cards import liveness_card


class _TopIsBright(tf.Module):
    """Scores P(bona fide) by how bright the upper half is: a picture on its side scores otherwise."""

    @tf.function(input_signature=[tf.TensorSpec((None, 64, 64, 3), tf.uint8, name="images")])
    def pixels(self, images):
        share = tf.reduce_mean(tf.cast(images[:, :32], tf.float32), axis=(1, 2, 3)) / 255
        return {"scores": tf.stack([1 - share, share], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="encoded_images")])
    def files(self, encoded_images):
        decoded = tf.io.decode_image(encoded_images[0], channels=3, expand_animations=False)
        resized = tf.image.resize(decoded, (64, 64), antialias=True)
        return self.pixels(tf.cast(tf.round(resized), tf.uint8)[tf.newaxis])


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> Path:
    folder, model = tmp_path_factory.mktemp("models") / "1", _TopIsBright()
    tf.saved_model.save(
        model, str(folder), signatures={"serving_default": model.pixels, "encoded": model.files}
    )
    (folder / CARD_FILE).parent.mkdir(exist_ok=True)
    (folder / CARD_FILE).write_text(liveness_card(side=64).model_dump_json())
    return folder


def _found(version: Path, root: Path):
    audited = read_audited(root)
    return find_score_differences(version, audited.table.sample_ids, audited.table.paths, audited.source.read)


def test_only_a_file_that_the_graph_decodes_otherwise_scores_otherwise(version: Path, tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path)
    assert _found(version, data.save()) == []

    row, exif = data.of("train")[0], Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (64, 64), "white")
    picture.paste("black", (0, 32, 64, 64))
    picture.save(data.root / "turned.jpg", exif=exif)
    row["path"] = "turned.jpg"
    [finding] = _found(version, data.save())

    assert str(finding.code) == "score_parity"
    assert finding.count == 1
    # Half black, half white: bright above as it lies, and half so when it stands.
    assert "turned.jpg by 0.5" in finding.sentence.replace("0.49", "0.5")


def test_a_folder_without_a_version_is_refused(tmp_path: Path) -> None:
    root = write_audited_dataset(tmp_path / "faces").save()
    with pytest.raises(NotReadyError, match="no model card"):
        _found(tmp_path, root)
