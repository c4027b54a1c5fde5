"""Labelled sets without a fault, of all sizes: nothing in them depends on the label or the split.

What an audit warns of on these is a false alarm, but for what it counts: too few samples are too few.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["write_clean_dataset"]

_SPLITS = (("",), ("train", "test"), ("train", "dev", "test"))
_SPECIES = ("print_laser", "print_inkjet_photo", "replay_tablet", "replay_phone_oled", "mask_rigid_3d")
_CLASSES = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay", "koi", "lynx")
_SIDES = (48, 64, 96, 128)


@dataclass(frozen=True)
class _Person:
    """What a person's images have in common: whose they are, in which split, with which camera and light."""

    name: str
    split: str
    device: int
    tone: str
    level: NDArray[np.float64]
    format: str


def write_clean_dataset(root: Path, *, seed: int) -> Path:
    """Write a set with a manifest, and return its folder.

    From 8 to 120 people with 2 to 12 images each, who differ in camera, size, format, brightness and colour;
    one to three splits of people; one to five PAI species, or in a quarter of the sets three to twelve
    classes instead; up to four columns of metadata.
    """
    rng = np.random.default_rng(seed)
    people = _people(rng)
    species = _SPECIES[: rng.integers(1, len(_SPECIES) + 1)]
    attacks = rng.uniform(0.35, 0.7)
    classes = _CLASSES[: rng.integers(3, 13)] if rng.random() < 0.25 else ()
    sides = rng.choice(_SIDES, 3)
    rows: list[dict[str, str]] = []
    for person in people:
        for _ in range(int(rng.integers(2, 13))):
            kind = str(rng.choice(species)) if not classes and rng.random() < attacks else ""
            label = str(rng.choice(classes)) if classes else "attack" if kind else "bona_fide"
            path = f"images/{person.name}/{len(rows):05d}.{person.format}"
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_picture(rng, person, int(sides[person.device])))
            rows.append(
                {
                    "path": path,
                    "label": label,
                    "pai_species": kind,
                    "split": person.split,
                    "subject_id": person.name,
                    "device": f"device_{person.device}",
                    "skin_tone": person.tone,
                    "lighting": str(rng.choice(["day", "lamp", "dim"])),
                    "session": f"session_{rng.integers(1, 19)}",
                }
            )
    dropped = rng.choice(["device", "skin_tone", "lighting", "session"], rng.integers(0, 5), replace=False)
    names = [name for name in rows[0] if name not in dropped]
    with (root / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return root


def _people(rng: np.random.Generator) -> list[_Person]:
    count = int(np.exp(rng.uniform(np.log(8), np.log(120))))
    splits = _SPLITS[rng.integers(len(_SPLITS))]
    # Every split has two people at least.
    shares = rng.permutation([*splits * 2, *rng.choice(splits, max(0, count - 2 * len(splits)))])
    one_format = rng.random() < 0.7
    formats = ["png" if rng.random() < 0.5 else "jpg"] if one_format else ["png", "jpg"]
    return [
        _Person(
            name=f"person{number:03d}",
            split=str(split),
            device=int(rng.integers(3)),
            tone=f"mst{rng.integers(1, 11):02d}",
            level=rng.normal(0, 18, 3) + rng.normal(125, 18),
            format=str(rng.choice(formats)),
        )
        for number, split in enumerate(shares)
    ]


def _picture(rng: np.random.Generator, person: _Person, side: int) -> bytes:
    width = side if rng.random() < 0.7 else side * 3 // 4
    coarse = rng.normal(0, 35, size=(8, 8, 3)) + person.level + rng.normal(0, 8)
    image = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8)).resize(
        (width, side), Image.Resampling.BICUBIC
    )
    noisy = np.asarray(image, np.float64) + rng.normal(0, 2 + 2 * person.device, size=(side, width, 3))
    file = io.BytesIO()
    picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    if person.format == "png":
        picture.save(file, "PNG")
    else:
        picture.save(file, "JPEG", quality=int(rng.integers(75, 95)))
    return file.getvalue()
