"""Faults to build into a set that has none, each with the finding that must come of it, and it alone."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from lifesign.evaluation.audit.findings import FindingCode
from lifesign.testing.audited_dataset import AuditedDataset

__all__ = ["TRAPS", "Trap", "as_jpeg", "striped_attacks"]


@dataclass(frozen=True)
class Trap:
    """A fault: how to build it, the code it is found under, and how bad that is."""

    name: str
    build: Callable[[AuditedDataset], None]
    code: FindingCode
    kind: Literal["block", "warning", "info"]


def as_jpeg(image: Image.Image, quality: int = 70) -> bytes:
    """Return the bytes of a JPEG file."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def striped_attacks(pixels: NDArray[np.float64], label: str) -> NDArray[np.float64]:
    """Mark attacks by fine stripes, which neither colours nor borders show."""
    marked = pixels.copy()
    if label == "attack":
        marked[8:-8, 8:-8:2] += 24
        marked[8:-8, 9:-8:2] -= 24
    return marked


def _copy_with_metadata(image: Image.Image) -> bytes:
    text, file = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text("note", "saved again")
    image.save(file, "PNG", pnginfo=text)
    return file.getvalue()


def _known_subject(data: AuditedDataset) -> None:
    data.of("test")[0]["subject_id"] = data.of("train")[0]["subject_id"]


def _known_attacker(data: AuditedDataset) -> None:
    for row in data.rows:
        row["attacker_id"] = f"attacker-{row['split']}" if row["label"] == "attack" else ""
    data.of("test", "attack")[0]["attacker_id"] = data.of("train")[0]["subject_id"]


def _torn_presentation(data: AuditedDataset) -> None:
    data.of("test")[0]["presentation_id"] = data.of("dev")[0]["presentation_id"]


def _nobody_named(data: AuditedDataset) -> None:
    for row in data.rows:
        row["subject_id"] = ""


def _same_file_in_test(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", (data.root / row["path"]).read_bytes(), split="test")


def _same_pixels_in_test(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", _copy_with_metadata(data.image(row)), split="test")


def _same_image_as_attack(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", data.image(row), label="attack", pai_species="print_laser")


def _same_image_other_species(data: AuditedDataset) -> None:
    row = data.of("train", species="print_laser")[0]
    data.add(row, "images/again.png", data.image(row), pai_species="replay_tablet")


def _same_image_twice(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", data.image(row))


def _recoded_in_test(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.jpg", as_jpeg(data.image(row)), split="test")


def _enlarged_in_test(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", data.image(row).resize((160, 160)), split="test")


def _recoded_as_attack(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.jpg", as_jpeg(data.image(row)), label="attack", pai_species="print_laser")


def _print_of_a_photo(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(
        row,
        "images/again.jpg",
        as_jpeg(data.image(row)),
        label="attack",
        pai_species="print_laser",
        subject_id=row["subject_id"],
    )


def _recoded_twice(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.jpg", as_jpeg(data.image(row)))


def _no_bona_fide_in_dev(data: AuditedDataset) -> None:
    gone = [id(row) for row in data.of("dev", "bona_fide")]
    data.rows[:] = [row for row in data.rows if id(row) not in gone]


def _species_only_in_test_and_dev(data: AuditedDataset) -> None:
    for row in data.of("train", species="print_laser"):
        row["pai_species"] = "replay_tablet"


def _species_not_in_dev(data: AuditedDataset) -> None:
    for row in data.of("dev", species="print_laser"):
        row["pai_species"] = "replay_tablet"


def _few_of_a_species(data: AuditedDataset) -> None:
    gone = [id(row) for row in data.of("test", species="print_laser")[10:]]
    data.rows[:] = [row for row in data.rows if id(row) not in gone]


def _longer_names_of_attacks(data: AuditedDataset) -> None:
    for row in [row for row in data.rows if row["label"] == "attack"]:
        path = row["path"].replace(".png", "-from-the-lab.png")
        (data.root / row["path"]).rename(data.root / path)
        row["path"] = path


def _dark_test(data: AuditedDataset) -> None:
    for row in data.of("test"):
        data.image(row).point([value // 4 for value in range(256)] * 3).save(data.root / row["path"])


def _paler_attacks(data: AuditedDataset) -> None:
    for row in [row for row in data.rows if row["label"] == "attack"]:
        image = data.image(row)
        Image.blend(image, image.convert("L").convert("RGB"), 0.5).save(data.root / row["path"])


def _turned_by_exif(data: AuditedDataset) -> None:
    row, exif = data.of("train")[0], Image.Exif()
    exif[0x0112] = 6
    data.image(row).save(data.root / row["path"], exif=exif)


def _with_alpha(data: AuditedDataset) -> None:
    row = data.of("train")[0]
    data.image(row).convert("RGBA").save(data.root / row["path"])


def _cut_short(data: AuditedDataset) -> None:
    path = data.root / data.of("train")[0]["path"]
    path.write_bytes(path.read_bytes()[:2000])


def _lost_file(data: AuditedDataset) -> None:
    (data.root / data.of("train")[0]["path"]).unlink()


def _attacks_by_one_device(data: AuditedDataset) -> None:
    for place, row in enumerate(data.rows):
        likely = row["label"] == "attack" if place % 6 else row["label"] != "attack"
        row["device"] = "phone_a" if likely else "phone_b"


def _no_bona_fide_of_a_tone(data: AuditedDataset) -> None:
    for row in data.rows:
        if row["label"] == "bona_fide" and row["skin_tone"] == "mst08":
            row["skin_tone"] = "mst05"


def _no_print_with_a_device(data: AuditedDataset) -> None:
    prints = [row for row in data.rows if row["pai_species"] == "print_laser"]
    for row in prints:
        row["device"] = "phone_a"
    # As many tablets with that device as before, so that the label tells nothing of it.
    for place, row in enumerate(row for row in data.rows if row["pai_species"] == "replay_tablet"):
        row["device"] = "phone_a" if place % 9 == 0 else "phone_b"


def _give_boxes(data: AuditedDataset, box: tuple[float, float, float, float]) -> None:
    for row in data.rows:
        row |= dict(zip(("face_x", "face_y", "face_w", "face_h"), map(str, box), strict=True))


def _enlarge(data: AuditedDataset) -> None:
    """Pictures of 128 pixels, whose faces can have 80."""
    for row in data.rows:
        data.image(row).resize((128, 128), Image.Resampling.BICUBIC).save(data.root / row["path"])


def _boxes_of_another_size(data: AuditedDataset) -> None:
    _enlarge(data)
    _give_boxes(data, (14, 14, 100, 100))
    # CelebA-Spoof draws boxes in a frame of 224 pixels whatever the picture's size; others leave lines empty.
    data.of("train")[0] |= {"face_x": "60", "face_y": "50", "face_w": "120", "face_h": "130"}
    data.of("train")[1] |= {"face_w": "", "face_h": ""}
    data.of("train")[2] |= {"face_w": "0"}


def _small_faces(data: AuditedDataset) -> None:
    _enlarge(data)
    _give_boxes(data, (14, 14, 100, 100))
    for row in data.rows[::7]:
        row |= {"face_w": "60", "face_h": "70"}


TRAPS = (
    Trap("known subject", _known_subject, FindingCode.SUBJECT_ACROSS_SPLITS, "block"),
    Trap("known attacker", _known_attacker, FindingCode.SUBJECT_ACROSS_SPLITS, "block"),
    Trap("torn presentation", _torn_presentation, FindingCode.PRESENTATION_ACROSS_SPLITS, "block"),
    Trap("nobody named", _nobody_named, FindingCode.SUBJECTS_UNKNOWN, "info"),
    Trap("same file in test", _same_file_in_test, FindingCode.EXACT_DUPLICATE_ACROSS_SPLITS, "block"),
    Trap("same pixels in test", _same_pixels_in_test, FindingCode.EXACT_DUPLICATE_ACROSS_SPLITS, "block"),
    Trap("same image as attack", _same_image_as_attack, FindingCode.SAME_IMAGE_TWO_LABELS, "block"),
    Trap("same image other species", _same_image_other_species, FindingCode.SAME_IMAGE_TWO_LABELS, "block"),
    Trap("same image twice", _same_image_twice, FindingCode.EXACT_DUPLICATE, "warning"),
    Trap("recoded in test", _recoded_in_test, FindingCode.NEAR_DUPLICATE_ACROSS_SPLITS, "block"),
    Trap("enlarged in test", _enlarged_in_test, FindingCode.NEAR_DUPLICATE_ACROSS_SPLITS, "block"),
    Trap("recoded as attack", _recoded_as_attack, FindingCode.NEAR_DUPLICATE_ACROSS_LABELS, "warning"),
    Trap("print of a photo", _print_of_a_photo, FindingCode.SOURCE_PHOTO_OF_ATTACK, "info"),
    Trap("recoded twice", _recoded_twice, FindingCode.NEAR_DUPLICATE, "warning"),
    Trap("no bona fide in dev", _no_bona_fide_in_dev, FindingCode.CLASS_MISSING_FROM_SPLIT, "block"),
    Trap(
        "species only in test and dev",
        _species_only_in_test_and_dev,
        FindingCode.SPECIES_UNSEEN_IN_TRAINING,
        "info",
    ),
    Trap("species not in dev", _species_not_in_dev, FindingCode.SPECIES_MISSING_FROM_DEV, "warning"),
    Trap("few of a species", _few_of_a_species, FindingCode.FEW_SAMPLES, "warning"),
    Trap("longer names of attacks", _longer_names_of_attacks, FindingCode.SHORTCUT_FEATURE, "warning"),
    Trap("dark test", _dark_test, FindingCode.SPLIT_SHIFT, "warning"),
    Trap("paler attacks", _paler_attacks, FindingCode.LABEL_SHIFT, "info"),
    Trap("turned by exif", _turned_by_exif, FindingCode.CONVERSIONS, "info"),
    Trap("with alpha", _with_alpha, FindingCode.CONVERSIONS, "info"),
    Trap("cut short", _cut_short, FindingCode.UNREADABLE_IMAGES, "warning"),
    Trap("lost file", _lost_file, FindingCode.UNREADABLE_IMAGES, "warning"),
    Trap("attacks by one device", _attacks_by_one_device, FindingCode.LABEL_SLICE_CORRELATION, "warning"),
    Trap("no bona fide of a tone", _no_bona_fide_of_a_tone, FindingCode.COVERAGE_GAPS, "info"),
    Trap("no print with a device", _no_print_with_a_device, FindingCode.SPECIES_GAPS, "info"),
    Trap("boxes of another size", _boxes_of_another_size, FindingCode.FACE_BOXES, "warning"),
    Trap("small faces", _small_faces, FindingCode.SMALL_FACES, "info"),
)
