from pathlib import Path

from PIL import Image

from lifesign.evaluation.audit.decode_parity import find_decode_differences
from lifesign.evaluation.audit.reading import read_audited
from lifesign.testing.audited_dataset import write_audited_dataset


def test_images_that_tensorflow_leaves_lying_on_their_side_are_told(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path)
    clean = read_audited(data.save())
    ids = clean.table.sample_ids
    assert find_decode_differences(ids, clean.table.paths, clean.source.read) == []

    row, exif = data.of("train")[0], Image.Exif()
    exif[0x0112] = 6
    data.image(row).resize((64, 48)).save(data.root / "turned.jpg", exif=exif)
    row["path"] = "turned.jpg"
    turned = read_audited(data.save())
    [finding] = find_decode_differences(turned.table.sample_ids, turned.table.paths, turned.source.read)

    assert str(finding.code) == "decode_parity"
    assert finding.count == 1
    assert "turned.jpg: 48 × 64 here, 64 × 48 there" in finding.sentence
